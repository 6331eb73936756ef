/*  api_evidence -- gets quotes from keyagent: one at a time, at a pace no asker can raise.
 *
 *  A quote costs the guest agent time that the whole node shares, and anybody may ask for one.  So
 *  quotes are at least half their own time apart from each other, askers of the same nonce share
 *  one, those without a nonce share one for a minute, and a queue that is full sends away.
 *
 *  Clock:   monotonic
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_EVIDENCE_H
#define API_EVIDENCE_H

#include "../../bus/bus.h"
#include "api_attest.h"

#define API_QUOTE_MS 15000 /* keyagent's time for one */
#define API_QUOTE_GAP_MS                                                                           \
    1000 /* from start to start at least; more when they are slow: twice the                       \
          * time of the last, */
#define API_QUOTE_GAP_MAX_MS 10000 /* but not more than this */
#define API_QUOTE_ASKERS 16        /* who wait; one more is sent away */
#define API_QUOTE_WAIT_MS 20000    /* nobody is let in who would wait longer */
#define API_QUOTE_KEEP_MS 60000    /* of an answer without a nonce */

struct api_evidence;

struct api_answer {
    unsigned status;
    char *text;             /* to be freed; NULL when memory ran out */
    unsigned retry_after_s; /* 0: say nothing */
};
typedef void api_evidence_fn(void *arg, struct api_answer answer);

/* Returns: AM_OK, AM_RESOURCE_EXHAUSTED */
int api_evidence_open(struct api_evidence **evidence, struct ev_loop *loop, struct bus *bus,
                      const struct api_facts *facts, struct am_error *err) AM_MUST_CHECK;

/* Ask for the page.
 * In:      nonce  up to AM_NONCE_MAX bytes; len 0: none; copied
 * Returns: true: *answer is there and fn will not be called; false: fn will be, once, from the
 *          loop */
bool api_evidence_ask(struct api_evidence *evidence, struct am_bin nonce, struct api_answer *answer,
                      api_evidence_fn *fn, void *arg) AM_MUST_CHECK;

/* After bus_close.  Who still waits is answered from inside.  NULL is accepted. */
void api_evidence_close(struct api_evidence **evidence);

#endif
