/*  chain_life -- chain and keyagent against real anvil, Alto and contracts: registration,
 * commitment, publication, with each fault of the provider and a kill in each state.
 *
 *  This process is mesh on their bus.  Between chain and its providers stand two rpc-doubles.
 */
#include "../../e2e/e2e.h"

#include "../../../bus/bus.h"
#include "../../../common/base/am_clock.h"
#include "../../../common/net/am_http.h"
#include "../../../devnet/dn_net.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPOSE_HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"
#define EVENTS_MAX 64

struct host {
    struct dn_node *node;
    struct bus *bus;
    pid_t keyagent, chain, rpc_double, bundler_double;
    uint8_t own_id[32], commitment[32];
    uint64_t block;                                /* of the newest view */
    size_t members;                                /* in it */
    bool viewed, registered, committed, published; /* by it */
    char state[17], purpose[17], reason[257];      /* of the newest chain.operation */
    char answer[400];                              /* of the newest request: state or refusal */
    int answers, code;
    const char *kill_at; /* SIGKILL chain when its operation is in this state */
    bool killed;
};

static struct e2e world;

static pid_t
spawn(struct host *h, const char *const argv[], const char *const env[], const char *name)
{
    char log[600];
    struct am_error err = {0};
    pid_t pid = 0;

    snprintf(log, sizeof log, "%s/log/%s.log", h->node->dir, name);
    e2e_need(&world,
             dn_start(&pid,
                      &(struct dn_spawn){.argv = argv, .env = env, .log = log, .ns = &h->node->ns},
                      &err),
             &err, name);
    return pid;
}

static void
start_program(struct host *h, const char *name, pid_t *pid)
{
    char program[600], run[600], state[600], socket[600], multicall[96], chain_id[32],
        address[ETH_ADDRESS_TEXT];
    const char *const argv[] = {program, NULL};
    const char *const env[] = {run,
                               state,
                               socket,
                               multicall,
                               chain_id,
                               "RPC_URL=http://127.0.0.1:8545",
                               "BUNDLER_URL=http://127.0.0.1:4337",
                               "ATTESTMESH_PAYMASTER_URL=" DN_PAYMASTER_URL,
                               "ATTESTMESH_POLL_MS=250",
                               "ATTESTMESH_CONFIRMATIONS=2",
                               "LOG_LEVEL=debug",
                               NULL};

    snprintf(program, sizeof program, "%s/attestmesh-%s", world.bin, name);
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s/run", h->node->dir);
    snprintf(state, sizeof state, "SIDECAR_STATE_DIR=%s/state", h->node->dir);
    snprintf(socket, sizeof socket, "DSTACK_SOCKET=%s/dstack.sock", h->node->dir);
    snprintf(chain_id, sizeof chain_id, "CHAIN_ID=%u", DN_CHAIN_ID);
    eth_address_text(address, world.world.deployed.multicall3);
    snprintf(multicall, sizeof multicall, "ATTESTMESH_MULTICALL3=%s", address);
    *pid = spawn(h, argv, env, name);
}

static pid_t
start_double(struct host *h, const char *port, const char *upstream, const char *name)
{
    char program[600];
    const char *const argv[] = {program, port, upstream, NULL};

    snprintf(program, sizeof program, "%s/rpc-double", world.bin);
    return spawn(h, argv, NULL, name);
}

static void
set_fault(struct host *h, const char *port, const char *fault)
{
    char url[64], out[64];
    const char *const argv[] = {"curl", "-sS", "--data", fault, url, NULL};
    struct am_error err = {0};

    snprintf(url, sizeof url, "http://127.0.0.1:%s/fault", port);
    e2e_need(&world, dn_run(argv, &h->node->ns, NULL, out, sizeof out, &err), &err, "fault");
    if (strcmp(out, "ok") != 0)
        e2e_check(&world, false, "fault", "%s", out);
}

static void
on_view(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct chain_view *v = fact;
    struct host *h = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    if (v->block_number < h->block)
        e2e_check(&world, false, "views never go back", "%llu after %llu",
                  (unsigned long long)v->block_number, (unsigned long long)h->block);
    h->viewed = true;
    h->block = v->block_number;
    h->members = v->members_count;
    memcpy(h->own_id, v->member_id.p, 32);
    h->committed = v->commitment.len == 32;
    if (h->committed)
        memcpy(h->commitment, v->commitment.p, 32);
    h->registered = h->published = false;
    for (size_t i = 0; i < v->members_count; i++)
        if (am_bin_eq(v->members[i].member_id, v->member_id)) {
            h->registered = true;
            h->published = v->members[i].ed25519_pub.len == 32;
        }
}

static void
on_operation(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct chain_operation *o = fact;
    struct host *h = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    snprintf(h->state, sizeof h->state, "%.*s", (int)o->state.len, o->state.p);
    snprintf(h->purpose, sizeof h->purpose, "%.*s", (int)o->purpose.len, o->purpose.p);
    snprintf(h->reason, sizeof h->reason, "%.*s", (int)o->reason.len, o->reason.p);
    if (h->kill_at != NULL && strcmp(h->state, h->kill_at) == 0) {
        h->kill_at = NULL;
        h->killed = true;
        dn_stop(&h->chain, SIGKILL, 1000);
    }
}

static void
host_open(struct host *h)
{
    static const char *const folders[] = {"", "run", "state", "log"};
    struct am_error err = {0};
    char path[600];
    struct bus_options o = {.run = path, .self = BUS_MESH, .loop = world.loop};

    h->node = e2e_add(&world);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", h->node->dir, folders[i]);
        e2e_need(&world,
                 mkdir(path, 0700) != 0 && i > 0 ? am_fail(&err, AM_INTERNAL, "%s", path) : AM_OK,
                 &err, "folder");
    }
    e2e_need(&world, dn_ns_open(&h->node->ns, &err), &err, "namespace");
    e2e_need(&world, dn_net_plug(&h->node->ns, h->node->number, &err), &err, "cable");
    {
        char program[600], socket[600], app_id[41];
        const char *const argv[] = {program,      "--socket",   socket,          "--app-id",
                                    app_id,       "--kms-root", DN_KMS_ROOT_KEY, "--compose-hash",
                                    COMPOSE_HASH, NULL};

        snprintf(program, sizeof program, "%s/guest-agent", world.bin);
        snprintf(socket, sizeof socket, "%s/dstack.sock", h->node->dir);
        am_hex(app_id, h->node->member, 20);
        h->node->guest_agent = spawn(h, argv, NULL, "guest-agent");
    }
    h->rpc_double = start_double(h, "8545", DN_RPC_URL, "rpc-double");
    h->bundler_double = start_double(h, "4337", DN_BUNDLER_URL, "bundler-double");
    start_program(h, "keyagent", &h->keyagent);
    start_program(h, "chain", &h->chain);
    snprintf(path, sizeof path, "%s/run", h->node->dir);
    e2e_need(&world, bus_open(&h->bus, &o, &err), &err, "bus");
    e2e_need(&world, bus_subscribe(h->bus, BUS_TOPIC_chain_view, on_view, h, &err), &err, "view");
    e2e_need(&world, bus_subscribe(h->bus, BUS_TOPIC_chain_operation, on_operation, h, &err), &err,
             "operation");
}

static void
host_close(struct host *h)
{
    bus_close(&h->bus);
    dn_stop(&h->chain, SIGTERM, 3000);
    dn_stop(&h->keyagent, SIGTERM, 3000);
    dn_stop(&h->rpc_double, SIGTERM, 1000);
    dn_stop(&h->bundler_double, SIGTERM, 1000);
}

static void
on_answer(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct chain_register_reply *r = reply; /* all three replies are one state */
    struct host *h = arg;

    h->answers++;
    h->code = code;
    if (code == AM_OK)
        snprintf(h->answer, sizeof h->answer, "%.*s", (int)r->state.len, r->state.p);
    else
        snprintf(h->answer, sizeof h->answer, "%s", err->text);
}

static void
on_originated(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct host *h = arg;

    (void)reply;
    h->answers++;
    h->code = code;
    snprintf(h->answer, sizeof h->answer, "%s", code == AM_OK ? "ok" : err->text);
}

static bool
has_answer(struct e2e *t, void *arg)
{
    (void)t;
    return ((struct host *)arg)->answers > 0;
}

static const char *
ask(struct host *h, enum bus_method method)
{
    struct am_error err = {0};
    bus_reply_fn *fn = method == BUS_METHOD_keyagent_csk_originate ? on_originated : on_answer;

    h->answers = 0;
    if (bus_call(h->bus, method, NULL, 5000, "", fn, h, &err) != AM_OK)
        snprintf(h->answer, sizeof h->answer, "%s", err.text);
    else
        (void)e2e_until(&world, has_answer, h, 6000);
    return h->answer;
}

static bool
is_viewed(struct e2e *t, void *arg)
{
    (void)t;
    return ((struct host *)arg)->viewed;
}

static bool
is_registered(struct e2e *t, void *arg)
{
    struct host *h = arg;

    (void)t;
    return h->registered && strcmp(h->state, "confirmed") == 0;
}

static bool
is_committed(struct e2e *t, void *arg)
{
    struct host *h = arg;

    (void)t;
    return h->committed && strcmp(h->state, "confirmed") == 0 && strcmp(h->purpose, "commit") == 0;
}

static bool
is_published(struct e2e *t, void *arg)
{
    struct host *h = arg;

    (void)t;
    return h->published && strcmp(h->state, "confirmed") == 0 && strcmp(h->purpose, "publish") == 0;
}

static bool
is_included(struct e2e *t, void *arg)
{
    (void)t;
    return strcmp(((struct host *)arg)->state, "included") == 0;
}

static bool
is_killed(struct e2e *t, void *arg)
{
    (void)t;
    return ((struct host *)arg)->killed;
}

static unsigned
events_of(struct host *h)
{
    bool twice = true;
    unsigned n = e2e_operations(&world, h->node->member, &twice);

    e2e_check(&world, !twice, "no nonce key was used twice", "%s", "");
    return n;
}

/* A provider that fails or lags costs time, never a second operation or a wrong conclusion. */
static void
register_beside_faults(struct host *h)
{
    int64_t ms;

    e2e_check(&world, e2e_until(&world, is_viewed, h, 20000) >= 0 && h->members == 0,
              "a view before registration", "block %llu", (unsigned long long)h->block);
    set_fault(h, "8545", "getnonce-error");
    (void)ask(h, BUS_METHOD_chain_register);
    e2e_pause(&world, 3000);
    e2e_check(&world, strcmp(h->state, "asked") == 0 && strstr(h->reason, "told to fail") != NULL,
              "getNonce fails: asked, with the reason", "%s: %s", h->state, h->reason);
    e2e_check(&world, events_of(h) == 0, "nothing was sent", "%s", "");
    set_fault(h, "8545", "odd-hex");
    e2e_pause(&world, 1500);
    e2e_check(&world, strcmp(h->state, "asked") == 0, "odd hex is no nonce", "%s", h->reason);
    set_fault(h, "4337", "send-lost:1");
    set_fault(h, "8545", "none");
    ms = e2e_until(&world, is_registered, h, 40000);
    e2e_check(&world, ms >= 0, "registered, though the send's answer was lost", "%lld ms, %s: %s",
              (long long)ms, h->state, h->reason);
    set_fault(h, "8545", "behind-one-block");
    e2e_pause(&world, 1200);
    e2e_check(&world, strcmp(ask(h, BUS_METHOD_chain_register), "confirmed") == 0,
              "an RPC one block behind changes nothing", "%s", h->answer);
    set_fault(h, "8545", "none");
    e2e_check(&world, events_of(h) == 1, "one operation", "%s", "");
}

static void
commit_and_publish(struct host *h)
{
    int64_t ms;

    e2e_pause(&world,
              2500); /* the own registration must be two deep, and keyagent must have seen it */
    e2e_check(&world, strcmp(ask(h, BUS_METHOD_keyagent_csk_originate), "ok") == 0, "CSK derived",
              "%s", h->answer);
    e2e_pause(&world, 300);
    set_fault(h, "4337", "null-receipt:3");
    (void)ask(h, BUS_METHOD_chain_commit);
    ms = e2e_until(&world, is_committed, h, 30000);
    e2e_check(&world, ms >= 0, "committed", "%lld ms, %s %s: %s", (long long)ms, h->state,
              h->answer, h->reason);
    (void)ask(h, BUS_METHOD_chain_publish_ed25519);
    ms = e2e_until(&world, is_published, h, 30000);
    e2e_check(&world, ms >= 0, "published", "%lld ms, %s %s: %s", (long long)ms, h->state,
              h->answer, h->reason);
    e2e_check(&world, events_of(h) == 3, "three operations", "%s", "");
    e2e_check(&world, strcmp(ask(h, BUS_METHOD_chain_commit), "confirmed") == 0, "commit again",
              "%s", h->answer);
    e2e_check(&world, strcmp(ask(h, BUS_METHOD_chain_publish_ed25519), "confirmed") == 0,
              "publish again", "%s", h->answer);
}

/* All state may be lost: what the chain knows is enough. */
static void
forget(struct host *h)
{
    struct am_error err = {0};

    dn_stop(&h->chain, SIGKILL, 1000);
    e2e_need(&world, dn_node_forget(h->node, &err), &err, "forget");
    h->viewed = false;
    h->block = 0;
    start_program(h, "chain", &h->chain);
    e2e_check(&world, e2e_until(&world, is_viewed, h, 10000) >= 0, "a view after all was lost",
              "%s", "");
    e2e_check(&world, strcmp(ask(h, BUS_METHOD_chain_register), "confirmed") == 0,
              "still registered", "%s", h->answer);
    e2e_check(&world, events_of(h) == 3, "and no operation more", "%s", "");
}

/* The view lags the receipt by a block: what it does not show yet is not concluded. */
static void
lag(void)
{
    static struct host h;
    int64_t ms;

    host_open(&h);
    set_fault(&h, "8545", "behind-one-block");
    e2e_check(&world, e2e_until(&world, is_viewed, &h, 20000) >= 0, "a view one block behind", "%s",
              "");
    (void)ask(&h, BUS_METHOD_chain_register);
    ms = e2e_until(&world, is_included, &h, 20000);
    e2e_check(&world, ms >= 0 && !h.registered, "included, not in the view yet", "%s", h.state);
    e2e_check(&world, strcmp(ask(&h, BUS_METHOD_chain_register), "asked") != 0,
              "not concluded: not registered", "%s", h.answer);
    ms = e2e_until(&world, is_registered, &h, 20000);
    e2e_check(&world, ms >= 0, "registered one block later", "%lld ms, %s: %s", (long long)ms,
              h.state, h.reason);
    e2e_check(&world, events_of(&h) == 1, "one operation behind a lagging RPC", "%s", "");
    host_close(&h);
}

/* SIGKILL when its operation reaches a state; mesh asks again, as it does for every new view. */
static void
kill_at(const char *state)
{
    static struct host hosts[8];
    static unsigned count;
    struct host *h = &hosts[count++];
    int64_t ms;

    host_open(h);
    if (e2e_until(&world, is_viewed, h, 20000) < 0) {
        e2e_check(&world, false, state, "no view");
        return;
    }
    h->kill_at = state;
    (void)ask(h, BUS_METHOD_chain_register);
    ms = e2e_until(&world, is_killed, h, 20000);
    e2e_check(&world, ms >= 0, "killed in state", "%s", state);
    h->block = 0;
    start_program(h, "chain", &h->chain);
    h->viewed = false;
    (void)e2e_until(&world, is_viewed, h, 10000);
    (void)ask(h, BUS_METHOD_chain_register);
    ms = e2e_until(&world, is_registered, h, 40000);
    e2e_check(&world, ms >= 0, "registered after it", "%s, %lld ms, %s: %s", state, (long long)ms,
              h->state, h->reason);
    e2e_check(&world, events_of(h) == 1, "one operation after a kill in", "%s", state);
    host_close(h);
}

int
main(void)
{
    static struct host first;
    struct am_error err = {0};

    e2e_open(&world, "chain-life");
    e2e_need(&world, dn_chain_tick(1, &err), &err, "blocks");
    host_open(&first);
    register_beside_faults(&first);
    commit_and_publish(&first);
    forget(&first);
    lag();
    kill_at("asked");
    kill_at("sponsored");
    kill_at("signed");
    kill_at("sent");
    kill_at("included");
    host_close(&first);
    return e2e_close(&world);
}
