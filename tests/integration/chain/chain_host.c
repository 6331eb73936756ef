/*  chain_host -- a host of the devnet with keyagent and chain on it.  */
#include "chain_host.h"

#include "../../../devnet/dn_net.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define COMPOSE_HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"

struct e2e world;

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
                               "ATTESTMESH_PAYMASTER_URL=http://127.0.0.1:8787",
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

static void
start_tap(struct host *h)
{
    char program[600], run[600];
    const char *const argv[] = {program, "tap", "keyagent", "--run", run, NULL};

    snprintf(program, sizeof program, "%s/attestmesh", world.bin);
    snprintf(run, sizeof run, "%s/run", h->node->dir);
    h->tap = spawn(h, argv, NULL, "tap");
}

void
host_start_chain(struct host *h)
{
    start_program(h, "chain", &h->chain);
}

static pid_t
start_double(struct host *h, const char *port, const char *upstream, const char *name)
{
    char program[600];
    const char *const argv[] = {program, port, upstream, NULL};

    snprintf(program, sizeof program, "%s/rpc-double", world.bin);
    return spawn(h, argv, NULL, name);
}

void
host_fault(struct host *h, const char *port, const char *fault)
{
    char url[64], out[64];
    const char *const argv[] = {"curl",   "-sS", "--retry", "5", "--retry-connrefused",
                                "--data", fault, url,       NULL};
    struct am_error err = {0};

    snprintf(url, sizeof url, "http://127.0.0.1:%s/fault", port);
    e2e_need(&world, dn_run(argv, &h->node->ns, NULL, out, sizeof out, &err), &err, "fault");
    if (strcmp(out, "ok") != 0)
        e2e_check(&world, false, "fault", "%s", out);
}

void
host_await(struct host *h, const char *boundary, const char *words)
{
    h->boundary = boundary;
    h->words = words;
    h->complained = false;
    h->complaint[0] = '\0';
}

static void
hear_reason(struct host *h, struct am_str reason)
{
    if (h->complained || reason.len == 0)
        return;
    snprintf(h->complaint, sizeof h->complaint, "%.*s", (int)reason.len, reason.p);
    h->complained = h->boundary != NULL && strstr(h->complaint, h->boundary) != NULL &&
                    strstr(h->complaint, h->words) != NULL;
}

static void
on_status(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    (void)topic;
    if (change == BUS_VALUE)
        hear_reason(arg, ((const struct chain_status *)fact)->reason);
}

static void
on_csk(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct keyagent_csk *k = fact;
    struct host *h = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    h->csk_held = k->held;
    memset(h->csk, 0, 32);
    if (k->commitment.len == 32)
        memcpy(h->csk, k->commitment.p, 32);
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
    memset(h->commitment, 0, 32);
    if (h->committed)
        memcpy(h->commitment, v->commitment.p, 32);
    memset(h->first, 0, 32);
    if (v->members_count > 0)
        memcpy(h->first, v->members[0].member_id.p, 32);
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
    hear_reason(h, o->reason);
    if (h->on_operation != NULL)
        h->on_operation(h, o);
    if (h->kill_at != NULL && strcmp(h->state, h->kill_at) == 0) {
        h->kill_at = NULL;
        h->killed = true;
        dn_stop(&h->chain, SIGKILL, 1000);
    }
}

void
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
    h->paymaster_double = start_double(h, "8787", DN_PAYMASTER_URL, "paymaster-double");
    start_program(h, "keyagent", &h->keyagent);
    start_tap(h);
    host_start_chain(h);
    snprintf(path, sizeof path, "%s/run", h->node->dir);
    e2e_need(&world, bus_open(&h->bus, &o, &err), &err, "bus");
    e2e_need(&world, bus_subscribe(h->bus, BUS_TOPIC_chain_view, on_view, h, &err), &err, "view");
    e2e_need(&world, bus_subscribe(h->bus, BUS_TOPIC_chain_operation, on_operation, h, &err), &err,
             "operation");
    e2e_need(&world, bus_subscribe(h->bus, BUS_TOPIC_chain_status, on_status, h, &err), &err,
             "status");
    e2e_need(&world, bus_subscribe(h->bus, BUS_TOPIC_keyagent_csk, on_csk, h, &err), &err, "csk");
}

void
host_close(struct host *h)
{
    bus_close(&h->bus);
    dn_stop(&h->chain, SIGTERM, 3000);
    dn_stop(&h->tap, SIGTERM, 1000);
    dn_stop(&h->keyagent, SIGTERM, 3000);
    dn_stop(&h->rpc_double, SIGTERM, 1000);
    dn_stop(&h->bundler_double, SIGTERM, 1000);
    dn_stop(&h->paymaster_double, SIGTERM, 1000);
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

const char *
host_ask(struct host *h, enum bus_method method, const void *message)
{
    struct am_error err = {0};
    bus_reply_fn *fn = method == BUS_METHOD_keyagent_csk_originate ? on_originated : on_answer;

    h->answers = 0;
    if (bus_call(h->bus, method, message, 5000, "", fn, h, &err) != AM_OK)
        snprintf(h->answer, sizeof h->answer, "%s", err.text);
    else
        (void)e2e_until(&world, has_answer, h, 6000);
    return h->answer;
}
