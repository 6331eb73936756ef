/*  chain_viewer -- look at the chain again and again, and read the cluster whole at one block.
 *
 *  One whole look: the newest block, then every call at that block's hash (EIP-1898), so that
 * nothing in a view comes from two blocks.  A view is given on only when it is complete, and never
 * an older one than before unless the chain went another way (chain_head).  While nothing is
 * awaited (chain_pace) a look is a glance (chain_glance): one call, and whole only when that found
 * news.
 *
 *  Trust:   the RPC may lie about state; it cannot make a half answer count.
 *  Threads: the loop's.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_VIEWER_H
#define CHAIN_VIEWER_H

#include "am_exit.h"
#include "chain_calls.h"
#include "eth_rpc.h"

/* A provider may be some blocks behind the deployment: the member counts as missing when it has no
 * code at a block that is so much newer than the first one where it had none. */
#define CHAIN_BARE_BLOCKS 5

struct chain_viewer;

struct chain_viewer_options {
    struct ev_loop *loop; /* all borrowed */
    struct eth_rpc *rpc;
    uint64_t chain_id, confirmations;
    int64_t poll_ms, idle_ms; /* while something is awaited; while nothing is */
    uint8_t entry_point[20], multicall[20];
    void *arg;
    /* A new whole view, or a newer look at the same block after chain_viewer_root. */
    void (*on_view)(void *arg, const struct chain_snapshot *s);
    /* phase: "starting", "ready" or "failing"; called after each look. */
    void (*on_status)(void *arg, const char *phase, const char *reason);
    /* How long to wait instead of so long: the budget of the day.  NULL: none. */
    int64_t (*wait)(void *arg, int64_t wanted_ms);
    /* The settings are wrong: exit with this code (am_exit.h). */
    void (*on_fatal)(void *arg, int exit_code, const char *reason);
};

int chain_viewer_open(struct chain_viewer **viewer, const struct chain_viewer_options *options,
                      struct am_error *err) AM_MUST_CHECK;
void chain_viewer_close(struct chain_viewer **viewer); /* after its eth_rpc */

/* Whose view: until this is called nothing is asked. */
void chain_viewer_member(struct chain_viewer *v, const uint8_t member[static 20]);
/* The KMS root to ask allowedKmsRoots about; NULL or zero: none. */
void chain_viewer_root(struct chain_viewer *v, const uint8_t *root);
/* Look now, whole. */
void chain_viewer_poke(struct chain_viewer *v);
/* Somebody waits for a newer view than this one: look now, and soon again. */
void chain_viewer_hurry(struct chain_viewer *v);
/* Whether mesh is healthy and live, and whether an operation is not over: both decide the pace. */
void chain_viewer_awaits(struct chain_viewer *v, bool settled, bool operation);
/* The newest view is young enough to act on; else a newer one is on its way. */
bool chain_viewer_fresh(struct chain_viewer *v);
/* The newest view, or NULL; borrowed until the next on_view. */
const struct chain_snapshot *chain_viewer_latest(const struct chain_viewer *v);
uint64_t chain_viewer_head(const struct chain_viewer *v); /* newest block number heard of */

#endif
