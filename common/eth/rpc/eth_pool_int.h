/*  eth_pool_int -- the pool's state, shared by its calls and its comparisons (private).
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_POOL_INT_H
#define ETH_POOL_INT_H

#include "eth_health.h"
#include "eth_pool.h"
#include "eth_rpc_front.h"

struct eth_pool {
    size_t count, last; /* last: asked last */
    struct eth_rpc *member[ETH_POOL_MAX];
    struct eth_health health[ETH_POOL_MAX];
    bool verified[ETH_POOL_MAX]; /* it has named the chain */
    uint64_t chain_id;
    bool closing;
};

struct eth_pool *eth_pool_of(const struct eth_rpc *rpc); /* NULL: one provider */

/* As eth_rpc_call, of the members whose bit is not in `tried`; with any bit the choice is the
 * caller's, and the next call goes on as before. */
int eth_pool_ask(struct eth_pool *pool, uint32_t tried, const struct eth_rpc_item *items,
                 size_t count, const char *correlation, eth_rpc_fn *fn, void *arg,
                 struct am_error *err) AM_MUST_CHECK;
/* The member that would be asked now, or pool->count. */
size_t eth_pool_next(struct eth_pool *pool, uint32_t tried);

#endif
