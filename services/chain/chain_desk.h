/*  chain_desk -- the operations under way: what views and answers mean for each, and doing it.
 *
 *  The desk turns what happens into events of chain_op and does the actions that come back.  It
 *  asks the ledger to be durable before it asks anybody to pay.
 *
 *  Trust:   bundler and paymaster may refuse, stall or lie about inclusion; only a view confirms.
 *  Threads: the loop's.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_DESK_H
#define CHAIN_DESK_H

#include "chain_budget.h"
#include "chain_effect.h"
#include "eth_rpc.h"

#include "../../bus/bus.h"

#define CHAIN_TASKS 256 /* operations in memory, finished ones included */
#define CHAIN_INNER 20480

struct chain_desk;

struct chain_desk_options {
    struct ev_loop *loop; /* all borrowed */
    struct bus *bus;
    struct eth_rpc *rpc, *bundler, *paymaster; /* paymaster: NULL, operations pay for themselves */
    const struct chain_self *self;
    const char *state_dir, *policy_id; /* policy_id: "" for none */
    const char *dialect;               /* as in ATTESTMESH_PAYMASTER_DIALECT */
    uint64_t chain_id, confirmations;
    int64_t poll_ms;
    uint8_t entry_point[20], multicall[20];
    struct chain_spent caps[CHAIN_PURPOSE_COUNT]; /* of a UTC day */
    void *arg;
    void (*poke)(void *arg); /* a new view is wanted soon */
    /* The newest view may be acted on; if not, a newer one will be given soon. */
    bool (*fresh)(void *arg);
    void (*changed)(void *arg, const struct chain_work *w);
    /* Exit with this code of am_exit.h. */
    void (*fatal)(void *arg, int exit_code, const char *reason);
};

/* Returns: AM_OK, AM_INVALID_ARGUMENT (dialect), AM_RESOURCE_EXHAUSTED */
int chain_desk_open(struct chain_desk **desk, const struct chain_desk_options *options,
                    struct am_error *err) AM_MUST_CHECK;
/* Start nothing more: answers that still come are dropped. */
void chain_desk_stop(struct chain_desk *desk);
/* After its eth_rpc and its bus are closed: their last answers find the desk. */
void chain_desk_close(struct chain_desk **desk);

/* A new view, or keyagent said something new about itself.  s: borrowed until the next call.  The
 * first opens the ledger and takes up what a former run left.
 * Returns: AM_OK, AM_FAILED_PRECONDITION (the ledger cannot be opened) */
int chain_desk_look(struct chain_desk *desk, const struct chain_snapshot *s,
                    struct am_error *err) AM_MUST_CHECK;

/* See that this is done; repeats find the same operation.
 * Out:     state   the bus's word, static
 * In:      value   commit, publish: what goes on chain
 * Returns: AM_OK
 *          AM_UNAVAILABLE          no view yet
 *          AM_FAILED_PRECONDITION  the view says never; the text says why
 *          AM_RESOURCE_EXHAUSTED   CHAIN_TASKS unfinished operations */
int chain_desk_ask(struct chain_desk *desk, const char **state, enum chain_purpose purpose,
                   const uint8_t *value, const char *correlation,
                   struct am_error *err) AM_MUST_CHECK;

/* MessageFacet.send.  Returns also AM_NOT_FOUND (no such member) and AM_ALREADY_EXISTS (the same
 * recipient and envelope id with another ciphertext) */
int chain_desk_send(struct chain_desk *desk, const char **state, const uint8_t recipient[static 32],
                    const uint8_t envelope_id[static 32], struct am_bin ciphertext,
                    const char *correlation, struct am_error *err) AM_MUST_CHECK;

/* An operation is not over: its end is awaited. */
bool chain_desk_awaits(const struct chain_desk *desk);

/* The ledger's rows, newest first. */
struct chain_row {
    struct chain_work w;
    int64_t age_ms;  /* since its newest change, by the wall clock; 0 when that is in the future */
    int64_t next_ms; /* until the next try may begin; 0: now, or nothing waits */
};
int chain_desk_rows(struct chain_desk *desk, struct chain_row *rows, size_t max, size_t *count,
                    struct am_error *err) AM_MUST_CHECK;

/* Today's budget.  Borrowed until the next call. */
const struct chain_budget *chain_desk_budget(struct chain_desk *desk);

/* The cap that stops an operation which waits, or "".  Borrowed until the next call. */
const char *chain_desk_stopped(struct chain_desk *desk);

#endif
