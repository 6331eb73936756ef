/*  chain_pace -- how soon the chain is looked at again: often while something is awaited, else
 *  seldom.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_PACE_H
#define CHAIN_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define CHAIN_PACE_HURRY_MS 15000  /* after somebody asked for a look */
#define CHAIN_PACE_REORG_MS 180000 /* after the chain went another way: it may do so again */
#define CHAIN_PACE_WHOLE 30        /* glances in a row; then the view is read whole */
#define CHAIN_PACE_FRESH_MS 10000  /* a view that old may be acted on, or three active intervals */

struct chain_pace {
    bool settled;     /* mesh: healthy, live */
    bool operation;   /* one is not over yet */
    bool viewed;      /* there is a view, and the last look did not fail */
    bool deep;        /* nothing waits for confirmations */
    int64_t hurry_ms; /* until then somebody waits for a view; monotonic */
    int64_t view_ms;  /* when the newest view was read; monotonic */
    unsigned glances; /* since then */
};

/* Nothing is awaited: wait the idle interval, and glance. */
bool chain_pace_idle(const struct chain_pace *p, int64_t now_ms);
/* Idle, and the next look may be a glance: the view is not too old to be trusted on. */
bool chain_pace_glance(const struct chain_pace *p, int64_t now_ms);
/* The newest view is young enough to act on: a provider keeps the state of few blocks. */
bool chain_pace_fresh(const struct chain_pace *p, int64_t poll_ms, int64_t now_ms);
/* Hurry for so long at least. */
void chain_pace_hurry(struct chain_pace *p, int64_t now_ms, int64_t ms);

#endif
