/*  bench_sign -- signatures a second, through the bus and bare; and with somebody who taps.  */
#include "../../common/base/am_clock.h"
#include "../../common/eth/eth_call.h"
#include "../integration/scan/scan.h"
#include "bench.h"

#include <secp256k1_recovery.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IN_FLIGHT 64
#define ROUNDS 9
#define TAPS 3       /* times that somebody comes to tap */
#define ROUND_MS 300 /* of one side */
#define VIEW_MS 3000 /* until keyagent has the view */
#define LIMIT_SECP 0.5
#define LIMIT_ED25519 0.4
#define LIMIT_UNTAPPED 0.9 /* before any tap beside after the last */

struct load {
    struct bus *bus;
    enum bus_method method;
    const void *message;
    unsigned waiting, done, refused;
    bool over;
    char why[AM_ERROR_TEXT];
};

static void on_reply(void *arg, int code, const void *reply, const struct am_error *err);

static void
ask(struct load *l)
{
    struct am_error err;

    if (bus_call(l->bus, l->method, l->message, 10000, "", on_reply, l, &err) == AM_OK)
        l->waiting++;
    else
        l->refused++;
}

static void
on_reply(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct load *l = arg;

    (void)reply;
    l->waiting--;
    if (code == AM_OK) {
        l->done++;
    } else {
        l->refused++;
        snprintf(l->why, sizeof l->why, "%s", err->text);
    }
    if (!l->over)
        ask(l);
}

/* Answers a second, IN_FLIGHT always under way. */
static double
through_bus(struct key_world *w, struct load *l)
{
    int64_t start = am_mono_ms(), took;

    *l = (struct load){.bus = l->bus, .method = l->method, .message = l->message};
    for (int i = 0; i < IN_FLIGHT; i++)
        ask(l);
    while ((took = am_mono_ms() - start) < ROUND_MS)
        ev_run(w->t->loop, EVRUN_ONCE);
    l->over = true;
    start = l->done;
    while (l->waiting > 0)
        ev_run(w->t->loop, EVRUN_ONCE);
    if (l->refused > 0)
        e2e_check(w->t, false, "the load is answered", "%u answered; %u not: %s", l->done,
                  l->refused, l->why);
    return (double)start * 1000 / (double)took;
}

static double
thread_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
bare_secp(const uint8_t digest[static 32])
{
    static secp256k1_context *ctx;
    secp256k1_ecdsa_recoverable_signature sig;

    if (ctx == NULL)
        ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    if (secp256k1_ecdsa_sign_recoverable(ctx, &sig, digest, scan_key_of(0, SCAN_OWNER), NULL,
                                         NULL) != 1)
        abort();
}

static void
bare_ed25519(const uint8_t digest[static 32])
{
    static uint8_t pub[32], key[64];
    uint8_t sig[64];

    if (am_is_zero(pub, sizeof pub))
        crypto_sign_seed_keypair(pub, key, scan_key_of(0, SCAN_IDENTITY));
    crypto_sign_detached(sig, NULL, digest, 32, key);
}

typedef void bare_fn(const uint8_t digest[static 32]);

/* Signatures a second; *busy_us: of the processor, each. */
static double
by_itself(bare_fn *sign, double *busy_us)
{
    int64_t start = am_mono_ms(), took;
    double busy = thread_us();
    uint8_t digest[32] = {1};
    unsigned n;

    for (n = 0; (took = am_mono_ms() - start) < ROUND_MS; n++) {
        digest[n % 32]++;
        sign(digest);
    }
    busy = (thread_us() - busy) / n;
    *busy_us = *busy_us == 0 || busy < *busy_us ? busy : *busy_us;
    return n * 1000.0 / (double)took;
}

/* A heartbeat is signed as soon as keyagent knows its own member id. */
static void
has_view(struct key_world *w, struct load *l)
{
    int64_t end = am_mono_ms() + VIEW_MS;

    for (l->over = true; l->done == 0 && am_mono_ms() < end; e2e_pause(w->t, 50)) {
        ask(l);
        while (l->waiting > 0)
            ev_run(w->t->loop, EVRUN_ONCE);
    }
}

static void
beside(struct key_world *w, struct load *l, bare_fn *bare, const char *what, double limit)
{
    double best_bus = 0, best_bare = 0, rate, alone = 0;
    double ran = key_time(w->keyagent).ran;
    unsigned done = 0;

    for (int i = 0; i < ROUNDS; i++) {
        best_bare = (rate = by_itself(bare, &alone)) > best_bare ? rate : best_bare;
        best_bus = (rate = through_bus(w, l)) > best_bus ? rate : best_bus;
        done += l->done;
    }
    ran = (key_time(w->keyagent).ran - ran) * 1000 / (done > 0 ? done : 1);
    e2e_check(w->t, best_bus >= limit * best_bare, what,
              "%.0f/s beside %.0f/s bare: ratio %.2f, at least %.2f (keyagent is "
              "busy for %.0f us, the library alone for %.0f)",
              best_bus, best_bare, best_bus / best_bare, limit, ran, alone);
}

/* The least time that keyagent was busy for an answer, in us: other load changes that little. */
static double
least_busy(struct key_world *w, struct load *l, int rounds)
{
    double least = 0;

    for (int i = 0; i < rounds; i++) {
        double ran = key_time(w->keyagent).ran;

        through_bus(w, l);
        ran = (key_time(w->keyagent).ran - ran) * 1000 / (l->done > 0 ? l->done : 1);
        least = i == 0 || ran < least ? ran : least;
    }
    return least;
}

static double
least_of(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

static void
tapped(struct key_world *w, struct load *l)
{
    char program[600];
    const char *const argv[] = {program, "tap", "--run", w->dir, "keyagent", NULL};
    double before = least_busy(w, l, ROUNDS), with = 0, after = 0;
    struct am_error err = {0};
    pid_t tap = 0;

    snprintf(program, sizeof program, "%s/attestmesh", w->t->bin);
    for (int i = 0; i < TAPS; i++) {
        e2e_need(w->t, dn_start(&tap, &(struct dn_spawn){.argv = argv, .log = "/dev/null"}, &err),
                 &err, "tap");
        e2e_pause(w->t, 1500);
        with = least_of(with, least_busy(w, l, ROUNDS / TAPS));
        dn_stop(&tap, SIGTERM, 3000);
        e2e_pause(w->t, 500);
        after = least_of(after, least_busy(w, l, ROUNDS / TAPS));
    }
    e2e_check(w->t, before >= LIMIT_UNTAPPED * after,
              "a request when no tap is left, beside before it",
              "%.1f us beside %.1f us: ratio %.2f, at least %.2f (%.1f us under the tap: %.2f)",
              after, before, before / after, LIMIT_UNTAPPED, with, before / with);
}

void
bench_signing(struct key_world *w)
{
    static const uint8_t zero[32];
    uint8_t inner[256], call[512];
    struct eth_buf in = ETH_BUF(inner), out = ETH_BUF(call);
    struct keyagent_sign_operation op;
    struct keyagent_sign_heartbeat beat = {.timestamp_ms = 1, .connected = AM_BIN(w->member_id)};
    struct load signing = {w->chain, BUS_METHOD_keyagent_sign_operation, &op, 0, 0, 0, false, ""};
    struct load beating = {w->mesh, BUS_METHOD_keyagent_sign_heartbeat, &beat, 0, 0, 0, false, ""};
    struct am_error err = {0};

    e2e_need(w->t, eth_call_publish_wg(&in, w->wg_pub, &err), &err, "call data");
    e2e_need(w->t, eth_call_execute(&out, w->cluster, eth_bin(&in), &err), &err, "call data");
    op = (struct keyagent_sign_operation){.nonce = AM_BIN(zero),
                                          .call_data = eth_bin(&out),
                                          .account_gas_limits = AM_BIN(zero),
                                          .pre_verification_gas = AM_BIN(zero),
                                          .gas_fees = AM_BIN(zero)};
    has_view(w, &beating);
    beside(w, &signing, bare_secp, "user operations signed, beside bare libsecp256k1", LIMIT_SECP);
    beside(w, &beating, bare_ed25519, "heartbeats signed, beside bare libsodium Ed25519",
           LIMIT_ED25519);
    tapped(w, &beating);
}
