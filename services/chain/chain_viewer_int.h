/*  chain_viewer_int -- one look, shared by the parts of the viewer (private).
 *
 *  chain_viewer.c decides whether there is a block to read; chain_read.c reads it;
 *  chain_viewer_glance.c looks whether there is anything new at all.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_VIEWER_INT_H
#define CHAIN_VIEWER_INT_H

#include "chain_glance.h"
#include "chain_head.h"
#include "chain_pace.h"
#include "chain_viewer.h"

#define CHAIN_VIEWER_CALL_DATA CHAIN_GLANCE_CALL_DATA

struct chain_viewer {
    struct chain_viewer_options o;
    struct ev_timer timer;
    struct chain_head head;
    struct chain_snapshot *next, *last; /* being read; given on */
    bool have_last, have_member, have_cluster, checked;
    bool busy, again, force; /* a look is under way; another is wanted; even at the same block */
    bool whole;              /* the next look may not be a glance */
    struct chain_pace pace;
    unsigned turn; /* of glances */
    uint8_t member[20], cluster[20], root[20];
    uint64_t top;
    bool bare;          /* the member had no code .. */
    uint64_t bare_from; /* .. first at this block */
    unsigned failures;
    uint8_t call_data[CHAIN_VIEWER_CALL_DATA];
};

/* Ask the RPC; what cannot even be asked ends the look. */
void chain_viewer_ask(struct chain_viewer *v, const struct eth_rpc_item *items, size_t count,
                      eth_rpc_fn *fn);
/* The look is over, with this to say; or it failed. */
void chain_viewer_done(struct chain_viewer *v, const char *phase, const char *reason);
void chain_viewer_failed(struct chain_viewer *v, const struct am_error *err);
/* An answer of eth_getCode.  Returns: AM_OK, AM_NOT_FOUND (a whole answer: no code), or its error
 */
int chain_viewer_code(const struct eth_rpc_answer *a, const uint8_t address[static 20],
                      const char *what, struct am_error *err) AM_MUST_CHECK;
/* Read the cluster at v->next's block, and give it on. */
void chain_viewer_read(struct chain_viewer *v);
/* Look at the newest block, and read the cluster when it is news. */
void chain_viewer_block(struct chain_viewer *v);
/* One call: is there news? */
void chain_viewer_glance(struct chain_viewer *v);

#endif
