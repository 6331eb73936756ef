/*  eth_budget -- so many JSON-RPC elements a day, and how slow reads become when they run out.
 *
 *  Three quarters of a day's budget are spent as fast as anybody likes: a start, an operation and a
 *  reorg need it.  The last quarter is spread over the rest of the day.  What is over is over: then
 *  one look an hour, so that the node is never blind for a day.  Days begin at 00:00 UTC.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_BUDGET_H
#define ETH_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETH_BUDGET_SPARSE_MS 3600000 /* between reads of a budget that is over */
#define ETH_BUDGET_TEXT 160

struct eth_budget {
    uint64_t limit; /* elements a day; 0: none */
    uint64_t seen;  /* counter of eth_rpc when it was last looked at */
    uint64_t day;   /* days since 1970 */
    uint64_t spent; /* that day */
};

/* A service's part of the node's budget, at least one when there is a budget. */
uint64_t eth_budget_part(uint64_t daily, uint64_t percent);

/* The counter of elements now.  In: total  since the start of the process, never falls
 *                                   wall_ms  since 1970 */
void eth_budget_count(struct eth_budget *b, uint64_t total, int64_t wall_ms);

/* How long to wait before the next read of `cost` elements.
 * Returns: wanted_ms, or more; slowed says which */
int64_t eth_budget_wait(const struct eth_budget *b, int64_t wanted_ms, uint64_t cost,
                        int64_t wall_ms, bool *slowed);

/* "RPC budget: 380 of 500 calls of the day are spent: one look in 740 s" */
void eth_budget_text(char out[static ETH_BUDGET_TEXT], const struct eth_budget *b, int64_t wait_ms);

#endif
