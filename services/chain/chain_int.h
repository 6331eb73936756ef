/*  chain_int -- the service's parts, shared by what it publishes and what it answers (private).
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_INT_H
#define CHAIN_INT_H

#include "chain.h"
#include "chain_desk.h"
#include "chain_viewer.h"
#include "eth_budget.h"

struct chain {
    const struct am_settings *settings;
    struct bus *bus;
    struct ev_loop *loop;
    struct am_http *http;
    struct eth_rpc *rpc, *bundler, *paymaster;
    struct chain_viewer *viewer;
    struct chain_desk *desk;
    struct chain_self self;
    bool settled; /* mesh: healthy and live */
    struct eth_budget budget;
    char spent[ETH_BUDGET_TEXT]; /* why looks are slow; "" while they are not */
    char phase[33], reason[AM_ERROR_TEXT];
    int exit_code;
    struct chain_view view; /* too large for a stack; scratch of publish_view */
};

/* The request table (chain_serve.c). */
int chain_serve(struct chain *c, struct am_error *err) AM_MUST_CHECK;

static inline struct am_bin
chain_some(const uint8_t *p, size_t len) /* an OPT field: absent while zero */
{
    return am_bin_of(p, am_is_zero(p, len) ? 0 : len);
}

#endif
