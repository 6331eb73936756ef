/*  e2e_proxy -- an rpc-double beside a node, on port 8545 of its own machine, in front of the
 * chain.
 */
#include "e2e_proxy.h"

#include "../../devnet/dn_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
e2e_proxy_open(struct e2e *t, pid_t *proxy, struct dn_node *node)
{
    char program[600], log[600];
    const char *const argv[] = {program, "8545", DN_RPC_URL, NULL};
    struct am_error err = {0};

    snprintf(program, sizeof program, "%s/rpc-double", t->bin);
    snprintf(log, sizeof log, "%s/rpc-double-%u.log", t->dir, node->number);
    e2e_need(t, dn_ns_open(&node->ns, &err), &err, "namespace");
    e2e_need(t, dn_net_plug(&node->ns, node->number, &err), &err, "cable");
    e2e_need(t,
             dn_start(proxy, &(struct dn_spawn){.argv = argv, .log = log, .ns = &node->ns}, &err),
             &err, "rpc-double");
}

void
e2e_proxy_ask(struct e2e *t, const struct dn_node *node, const char *url, const char *body,
              char *out, size_t cap)
{
    const char *const argv[] = {
        "curl", "-sS", "--retry", "5", "--retry-connrefused", url, body != NULL ? "--data" : NULL,
        body,   NULL};
    struct am_error err = {0};

    e2e_need(t, dn_run(argv, &node->ns, NULL, out, cap, &err), &err, url);
}

void
e2e_proxy_fault(struct e2e *t, const struct dn_node *node, const char *fault)
{
    struct am_error err = {0};
    char out[256];

    e2e_proxy_ask(t, node, E2E_PROXY_URL "/fault", fault, out, sizeof out);
    if (strcmp(out, "ok") != 0)
        e2e_need(t, am_fail(&err, AM_NOT_FOUND, "%s", out), &err, "fault");
}

unsigned
e2e_proxy_count(struct e2e *t, const struct dn_node *node)
{
    char out[32];

    e2e_proxy_ask(t, node, E2E_PROXY_URL "/count", "", out, sizeof out);
    return (unsigned)strtoul(out, NULL, 10);
}
