/*  e2e_proxy -- an rpc-double beside a node, on port 8545 of its own machine, in front of the
 * chain.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef E2E_PROXY_H
#define E2E_PROXY_H

#include "e2e.h"

#define E2E_PROXY_URL "http://127.0.0.1:8545"

/* Before e2e_start of the node: its machine is made here. */
void e2e_proxy_open(struct e2e *t, pid_t *proxy, struct dn_node *node);
/* A fault of devnet/rpcdouble by its name; "none" takes it away. */
void e2e_proxy_fault(struct e2e *t, const struct dn_node *node, const char *fault);
/* How many elements came in so far. */
unsigned e2e_proxy_count(struct e2e *t, const struct dn_node *node);
/* What a URL answers on the machine of the node.  body: NULL for a GET */
void e2e_proxy_ask(struct e2e *t, const struct dn_node *node, const char *url, const char *body,
                   char *out, size_t cap);

#endif
