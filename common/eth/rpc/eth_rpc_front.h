/*  eth_rpc_front -- a struct eth_rpc that is several providers, for who makes one (eth_pool).
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_RPC_FRONT_H
#define ETH_RPC_FRONT_H

#include "eth_limit.h"
#include "eth_rpc.h"

struct eth_rpc_front { /* what eth_rpc.h promises, of the whole */
    int (*call)(void *arg, const struct eth_rpc_item *items, size_t count, const char *correlation,
                eth_rpc_fn *fn, void *fn_arg, struct am_error *err);
    uint64_t (*count)(void *arg);
    const char *(*host)(void *arg); /* that was asked last */
    uint64_t (*range)(void *arg, uint64_t wanted);
    void (*close)(void *arg);
};

int eth_rpc_open_front(struct eth_rpc **rpc, const struct eth_rpc_front *front, void *arg,
                       struct am_error *err) AM_MUST_CHECK;
/* The arg of a rpc with this front, else NULL. */
void *eth_rpc_front_of(const struct eth_rpc *rpc, const struct eth_rpc_front *front);

/* Never ask this provider twice: who holds it asks another. */
void eth_rpc_once(struct eth_rpc *rpc);
/* Until when it wants to be left alone; monotonic, 0: it never said. */
int64_t eth_rpc_quiet_ms(const struct eth_rpc *rpc);

#endif
