/*  witness -- a node with two RPCs registers and commits only while both say the same.
 *
 *  The second one is a double that gives well-formed answers that are not true.
 */
#include "../../e2e/e2e_proxy.h"

#include <signal.h>
#include <string.h>

#define WAIT_MS 40000

static struct e2e world;

static bool
says_they_differ(struct e2e *t, void *arg)
{
    return strstr(e2e_watch(t, arg)->reason, "to agree") != NULL;
}

static bool
is_live(struct e2e *t, void *arg)
{
    const struct watch *w = e2e_watch(t, arg);

    return w->healthy && w->live;
}

static unsigned
operations(const struct dn_node *node)
{
    bool twice = true;
    unsigned n = e2e_operations(&world, node->member, &twice);

    e2e_check(&world, !twice, "no nonce key was used twice", "%s", "");
    return n;
}

int
main(void)
{
    struct am_error err = {0};
    struct dn_node *node;
    pid_t proxy = 0;
    int64_t took;

    e2e_open(&world, "witness");
    e2e_need(&world, dn_chain_tick(1, &err), &err, "blocks");
    world.world.rpc_urls = E2E_PROXY_URL;
    node = e2e_add(&world);
    e2e_proxy_open(&world, &proxy, node);
    e2e_proxy_fault(&world, node, "other-value");
    e2e_start(&world, node);
    took = e2e_until(&world, says_they_differ, node, WAIT_MS);
    e2e_check(&world, took >= 0, "two that differ are told, with both answers", "%lld ms: %s",
              (long long)took, e2e_watch(&world, node)->reason);
    e2e_pause(&world, 3000);
    e2e_check(&world, operations(node) == 0, "and nothing is registered", "%s", "");
    e2e_proxy_fault(&world, node, "none");
    took = e2e_until(&world, is_live, node, 3 * WAIT_MS);
    e2e_check(&world, took >= 0, "healthy once they agree", "%lld ms; %s", (long long)took,
              e2e_watch(&world, node)->reason);
    e2e_check(&world, operations(node) >= 2, "registered and committed", "%s", "");
    dn_stop(&proxy, SIGTERM, 1000);
    return e2e_close(&world);
}
