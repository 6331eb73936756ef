/*  bench_key -- one keyagent on a bus of its own, and how long it takes to be there.  */
#include "bench.h"

#include "../../common/base/am_clock.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/wire/am_member.h"
#include "../integration/scan/scan.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APP_ID "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
#define START_MS 10000

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct key_time
key_time(pid_t pid)
{
    unsigned long long ran = 0, waited = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    if ((f = fopen(path, "re")) != NULL) {
        if (fscanf(f, "%llu %llu", &ran, &waited) != 2)
            ran = waited = 0;
        fclose(f);
    }
    return (struct key_time){(double)ran / 1e6, (double)waited / 1e6};
}

static struct bus *
open_bus(struct key_world *w, enum bus_service self)
{
    const struct bus_options o = {.run = w->dir, .self = self, .loop = w->t->loop};
    struct am_error err = {0};
    struct bus *bus;

    e2e_need(w->t, bus_open(&bus, &o, &err), &err, "bus");
    return bus;
}

static void
publish_view(struct key_world *w, const uint8_t app_id[static 20])
{
    struct chain_view *v = &w->view;
    struct am_error err = {0};

    memset(w->cluster, 0xc1, sizeof w->cluster);
    am_member_id(w->member_id, w->cluster, app_id, am_attestor_dstack);
    e2e_need(w->t, am_x25519_pub(w->wg_pub, scan_key_of(0, SCAN_WIREGUARD), &err), &err, "key");
    v->chain_id = DN_CHAIN_ID;
    v->block_hash = AM_BIN(w->member_id);
    v->cluster = AM_BIN(w->cluster);
    v->member_contract = am_bin_of(app_id, 20);
    v->member_id = AM_BIN(w->member_id);
    v->cidr_prefix = 16;
    v->members_count = 1;
    v->members[0] = (struct chain_member){.member_id = AM_BIN(w->member_id),
                                          .member_contract = am_bin_of(app_id, 20),
                                          .x_pub = AM_BIN(w->wg_pub),
                                          .wg_pub = AM_BIN(w->wg_pub)};
    e2e_need(w->t, bus_publish(w->chain, BUS_TOPIC_chain_view, v, &err), &err, "view");
}

void
key_open(struct key_world *w, struct e2e *t)
{
    char program[600], socket[96], log[96];
    const char *const argv[] = {program, "--socket",   socket,          "--app-id",
                                APP_ID,  "--kms-root", DN_KMS_ROOT_KEY, NULL};
    struct am_error err = {0};
    uint8_t app_id[20];

    w->t = t;
    snprintf(w->dir, sizeof w->dir, "%s/key", t->dir);
    snprintf(program, sizeof program, "%s/guest-agent", t->bin);
    snprintf(socket, sizeof socket, "%s/dstack.sock", w->dir);
    snprintf(log, sizeof log, "%s/log", w->dir);
    if (mkdir(w->dir, 0700) != 0)
        e2e_need(t, am_fail(&err, AM_INTERNAL, "%s", w->dir), &err, "folder");
    memset(app_id, 0xa1, sizeof app_id);
    e2e_need(t, scan_add(0, app_id, &err), &err, "keys");
    w->chain = open_bus(w, BUS_CHAIN);
    w->mesh = open_bus(w, BUS_MESH);
    publish_view(w, app_id);
    e2e_need(t, dn_start(&w->agent, &(struct dn_spawn){.argv = argv, .log = log}, &err), &err,
             "guest agent");
    for (int64_t end = am_mono_ms() + START_MS; access(socket, F_OK) != 0 && am_mono_ms() < end;)
        usleep(1000);
}

void
key_close(struct key_world *w)
{
    key_stop(w);
    dn_stop(&w->agent, SIGTERM, 1000);
    bus_close(&w->mesh);
    bus_close(&w->chain);
}

void
key_stop(struct key_world *w)
{
    dn_stop(&w->keyagent, SIGTERM, 3000);
}

struct asked {
    bool done, answered, ready;
};

static void
on_hello(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct bus_hello *h = reply;

    (void)err;
    *(struct asked *)arg = (struct asked){.done = true,
                                          .answered = code == AM_OK,
                                          .ready = code == AM_OK && am_str_eq(h->phase, "ready")};
}

static struct asked
ask_hello(struct key_world *w, struct bus *cli)
{
    struct asked a = {.done = false};
    struct am_error err = {0};

    e2e_need(w->t, bus_call_hello(cli, BUS_KEYAGENT, START_MS, on_hello, &a, &err), &err, "hello");
    while (!a.done)
        ev_run(w->t->loop, EVRUN_ONCE);
    return a;
}

struct key_start
key_start(struct key_world *w)
{
    char program[600], run[120], socket[120], log[96], endpoint[120];
    const char *const argv[] = {program, NULL};
    const char *const env[] = {run, socket, "CHAIN_ID=31337", NULL};
    struct bus *cli = open_bus(w, BUS_CLI);
    struct key_start took = {.hello = 0};
    struct am_error err = {0};
    double agent = key_time(w->agent).ran, start;
    struct asked a;

    snprintf(program, sizeof program, "%s/attestmesh-keyagent", w->t->bin);
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s", w->dir);
    snprintf(socket, sizeof socket, "DSTACK_SOCKET=%s/dstack.sock", w->dir);
    snprintf(log, sizeof log, "%s/log", w->dir);
    snprintf(endpoint, sizeof endpoint, "%s/keyagent.req", w->dir);
    unlink(endpoint);
    start = now_ms();
    e2e_need(w->t,
             dn_start(&w->keyagent, &(struct dn_spawn){.argv = argv, .env = env, .log = log}, &err),
             &err, "keyagent");
    while (access(endpoint, F_OK) != 0 && now_ms() - start < START_MS)
        usleep(50);
    a = ask_hello(w, cli);
    took.hello = now_ms() - start;
    while (a.answered && !a.ready && now_ms() - start < START_MS) {
        usleep(100);
        a = ask_hello(w, cli);
    }
    took.ready = now_ms() - start;
    took.agent = key_time(w->agent).ran - agent;
    took.waited = key_time(w->keyagent).waited;
    bus_close(&cli);
    if (!a.ready)
        e2e_need(w->t, am_fail(&err, AM_UNAVAILABLE, "not ready"), &err, "keyagent");
    return took;
}
