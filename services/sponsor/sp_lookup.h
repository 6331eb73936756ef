/*  sp_lookup -- facts from the chain: one question at a time to each subject, however many wait.
 *
 *  Every question goes with eth_chainId in one batch, so that a provider that serves another chain
 *  can make nothing true.  A contract that says no, or reverts where that means no, is a no; a
 *  failed call, an answer of the wrong shape and a full queue are unknown.
 *
 *  Trust:   the RPC may not confuse; what it says about our chain is believed, as v1's webhook did.
 *  Threads: the loop's.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_LOOKUP_H
#define SP_LOOKUP_H

#include "../../common/eth/rpc/eth_rpc.h"
#include "sp_bucket.h"
#include "sp_cache.h"

#define SP_CHAIN_MS 60000  /* how long "the RPC serves our chain" is believed */
#define SP_LOOKUPS_MAX 128 /* questions in flight; one more is unknown at once */

struct sp_lookup;

struct sp_chain { /* where the facts are */
    uint64_t chain_id;
    uint8_t member_factory[20];
    uint8_t cluster_factories[2][20]; /* v1's, and V2's */
    size_t cluster_factory_count;     /* 1 or 2 */
};

/* Who waits for an answer; the asker's memory, until it is called. */
struct sp_waiter {
    struct sp_waiter *next;
    void (*fn)(void *arg, enum sp_truth truth, const uint8_t value[static 20]);
    void *arg;
};

/* In:      rpc, cache, chain  borrowed for its life
 *          per_day  questions that may be asked: who is not known to us spends them, and no more
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED */
int sp_lookup_open(struct sp_lookup **lookup, struct eth_rpc *rpc, struct sp_cache *cache,
                   const struct sp_chain *chain, uint64_t per_day,
                   struct am_error *err) AM_MUST_CHECK;
/* The RPC must be closed first: that ends what waits. */
void sp_lookup_close(struct sp_lookup **lookup);

/* Ask the cache, then the chain.
 *
 * Out:     value  of a yes
 * Returns: SP_YES, SP_NO, SP_UNKNOWN (no room for a question); or SP_UNASKED: the waiter is called
 *          once, from the loop */
enum sp_truth sp_lookup_ask(struct sp_lookup *lookup, uint8_t value[static 20],
                            const struct sp_subject *subject, struct sp_waiter *waiter);

uint64_t sp_lookup_asked(const struct sp_lookup *lookup, enum sp_fact fact);
uint64_t
sp_lookup_refused(const struct sp_lookup *lookup); /* for want of room, or of questions left */

#endif
