/*  idle -- what a healthy node that awaits nothing asks of its RPC: e2e-idle [long]
 *
 *  The settings are those of production.  What the node says of itself (/metrics) must be what a
 *  proxy between it and the chain has counted.  One minute; `long`: ten, and then a second member
 *  that nobody announces.
 */
#include "../../e2e/e2e_proxy.h"

#include "../../../common/base/am_clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAILY 2000
#define DAY_MS 86400000
#define LOOK_MS 108000 /* the idle interval, less its jitter */
#define LOOK_COST 2    /* chain's glance and indexer's logs */
#define HEALTHY_MS 60000
#define SETTLED_MS 30000 /* its operations are over so soon */
#define DOCTOR_MS 30000
#define NEWCOMER_MS 190000 /* an idle interval, and a start */

static struct e2e world;
static pid_t proxy;
static uint64_t asked_at = UINT64_MAX / 2; /* the head before chain.look */

static unsigned
metric(const char *page, const char *name)
{
    const char *at = strstr(page, name);

    return at != NULL ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

/* By the node: chain and indexer.  The bundler's are among chain's, so only differences compare. */
static unsigned
said(const struct dn_node *node)
{
    static char page[32768];

    e2e_proxy_ask(&world, node, "http://127.0.0.1:9090/metrics", NULL, page, sizeof page);
    return metric(page, "\nattestmesh_rpc_requests_total{service=\"chain\"} ") +
           metric(page, "\nattestmesh_rpc_requests_total{service=\"indexer\"} ");
}

static bool
is_live(struct e2e *t, void *arg)
{
    const struct watch *w = e2e_watch(t, arg);

    return w->heard && w->healthy && w->live;
}

static bool
knows_two(struct e2e *t, void *arg)
{
    return is_live(t, arg) && e2e_watch(t, arg)->members == 2;
}

/* How long it took until nothing was asked for twelve active intervals, or -1. */
static int64_t
until_quiet(const struct dn_node *node, int64_t ms)
{
    int64_t start = am_mono_ms(), since = start;
    unsigned count = e2e_proxy_count(&world, node), now;

    for (; am_mono_ms() - start < ms; e2e_pause(&world, 500)) {
        now = e2e_proxy_count(&world, node);
        if (now != count)
            since = am_mono_ms();
        count = now;
        if (am_mono_ms() - since > 3000)
            return since - start;
    }
    return -1;
}

/* How much was asked in so many ms, by both sides, and what a day of that would be. */
static void
count_for(const struct dn_node *node, int64_t ms)
{
    unsigned outside = e2e_proxy_count(&world, node), inside = said(node), looks;
    uint64_t head = e2e_watch(&world, node)->head;

    e2e_pause(&world, ms);
    outside = e2e_proxy_count(&world, node) - outside;
    inside = said(node) - inside;
    looks = (unsigned)(ms / LOOK_MS) + 1; /* so many begin in any such time, at most */
    e2e_check(&world, outside <= looks * LOOK_COST,
              "at most one call of chain and one of indexer"
              " for each idle look",
              "%u elements in %lld s", outside, (long long)(ms / 1000));
    e2e_check(&world, inside == outside, "/metrics says what the proxy counted", "%u and %u",
              inside, outside);
    if (ms < 5 * LOOK_MS)
        return;
    e2e_check(&world, (int64_t)outside * DAY_MS / ms <= DAILY, "at most 2,000 a day", "%lld",
              (long long)((int64_t)outside * DAY_MS / ms));
    e2e_check(&world, e2e_watch(&world, node)->head > head + 300, "and the head was followed",
              "%llu to %llu", (unsigned long long)head,
              (unsigned long long)e2e_watch(&world, node)->head);
}

static bool
is_newer(struct e2e *t, void *arg)
{
    return e2e_watch(t, arg)->head > asked_at;
}

static void
on_looked(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct chain_look_reply *r = reply;

    (void)arg;
    e2e_need(&world, code, err, "chain.look");
    asked_at = r->head;
}

/* Who asks for a look need not wait for the next one. */
static void
look(struct dn_node *node)
{
    struct am_error err = {0};
    int64_t took;

    e2e_need(&world,
             bus_call(e2e_watch(&world, node)->bus, BUS_METHOD_chain_look, NULL, 2000, "",
                      on_looked, NULL, &err),
             &err, "chain.look");
    took = e2e_until(&world, is_newer, node, 5000);
    e2e_check(&world, took >= 0, "chain.look is a look at once", "%llu, then %llu",
              (unsigned long long)asked_at, (unsigned long long)e2e_watch(&world, node)->head);
}

/* A member that boots beside an idle one is met within an idle interval. */
static void
newcomer(struct dn_node *first)
{
    struct dn_node *second = e2e_add(&world);
    int64_t took;

    world.world.rpc_url = NULL;
    e2e_start(&world, second);
    took = e2e_until(&world, knows_two, first, NEWCOMER_MS);
    e2e_check(&world, took >= 0, "the idle node meets a new member", "after %lld ms",
              (long long)took);
    e2e_check(&world, e2e_until(&world, knows_two, second, HEALTHY_MS) >= 0, "and it is live", "%s",
              e2e_watch(&world, second)->reason);
}

/* The doctor of `up` asks once; that is not the pace of an idle node. */
static bool
doctor_is_done(struct e2e *t, void *arg)
{
    const struct dn_node *node = arg;
    char path[600], line[4096];
    bool done = false;
    FILE *f;

    (void)t;
    snprintf(path, sizeof path, "%s/log/up.log", node->dir);
    f = fopen(path, "re");
    while (f != NULL && !done && fgets(line, sizeof line, f) != NULL)
        done = strstr(line, "doctor.done") != NULL;
    if (f != NULL)
        fclose(f);
    return done;
}

int
main(int argc, char **argv)
{
    bool ten = argc > 1 && strcmp(argv[1], "long") == 0;
    struct am_error err = {0};
    struct dn_node *node;
    int64_t took;

    e2e_open(&world, "idle");
    e2e_need(&world, dn_chain_tick(1, &err), &err, "blocks");
    world.world.idle = true;
    world.world.rpc_url = E2E_PROXY_URL;
    node = e2e_add(&world);
    e2e_proxy_open(&world, &proxy, node);
    e2e_start(&world, node);
    took = e2e_until(&world, is_live, node, HEALTHY_MS);
    e2e_check(&world, took >= 0, "a node of its own is healthy", "%lld ms; %s", (long long)took,
              e2e_watch(&world, node)->reason);
    e2e_check(&world, e2e_until(&world, doctor_is_done, node, DOCTOR_MS) >= 0,
              "its doctor has looked once", "%u elements", e2e_proxy_count(&world, node));
    took = until_quiet(node, SETTLED_MS);
    e2e_check(&world, took >= 0, "and then slow", "%lld ms, %u elements until then",
              (long long)took, e2e_proxy_count(&world, node));
    count_for(node, ten ? 600000 : 60000);
    if (ten)
        newcomer(node);
    look(node);
    dn_stop(&proxy, SIGTERM, 1000);
    return e2e_close(&world);
}
