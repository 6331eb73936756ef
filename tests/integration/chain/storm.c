/*  chain-storm -- registration, publication and many messages through the real bundler, while the
 * chain service is killed at random: every message is on chain exactly once.
 *
 *  Usage: chain-storm MESSAGES KILLS [SEED]
 *
 *  Half of the kills come at a random moment, half when an operation reaches a random state.  Here
 *  is mesh and api: what is not confirmed is asked for again, as often as one likes.
 */
#include "chain_events.h"

#include "../../../common/base/am_clock.h"
#include "../../../common/crypto/am_keccak.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WISHES (EVENTS_MAX - 8)
#define AGAIN_MS 500
#define KILL_MIN_MS 400
#define KILL_SPAN_MS 4000
#define PER_WISH_MS 3000 /* bounds the whole; a message alone takes one or two */
#define PER_KILL_MS 10000
#define LAST_MS 90000 /* what was unsure at the last kill is waited for */

struct wish { /* 0 is the registration, 1 the publication, the others are messages */
    uint8_t envelope[32], key[24];
    bool done, refused;
};

static struct {
    struct host h;
    struct wish wishes[WISHES];
    unsigned count, kills, killed;
    uint64_t random;
    int64_t kill_ms, ask_ms;
    char refusal[400];
} storm;

/* splitmix64: the seed alone decides. */
static uint32_t
uniform(uint32_t below)
{
    uint64_t z = storm.random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

static void
on_operation(struct host *h, const struct chain_operation *o)
{
    (void)h;
    if (!am_str_eq(o->state, "confirmed"))
        return;
    storm.wishes[0].done = storm.wishes[0].done || am_str_eq(o->purpose, "register");
    storm.wishes[1].done = storm.wishes[1].done || am_str_eq(o->purpose, "publish");
    for (unsigned i = 2; i < storm.count; i++)
        if (memcmp(storm.wishes[i].key, o->key.p, 24) == 0)
            storm.wishes[i].done = true;
}

static void
on_reply(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct chain_send_reply *r = reply; /* all three replies are one state */
    struct wish *w = arg;

    if (code == AM_OK && am_str_eq(r->state, "confirmed"))
        w->done = true;
    if (code == AM_OK || code == AM_UNAVAILABLE || code == AM_DEADLINE_EXCEEDED)
        return; /* it was killed meanwhile */
    w->refused = true;
    snprintf(storm.refusal, sizeof storm.refusal, "%s", err->text);
}

static void
ask(unsigned i)
{
    static const uint8_t sealed[80] = {1};
    struct wish *w = &storm.wishes[i];
    struct chain_send m = {.recipient = AM_BIN(storm.h.own_id),
                           .envelope_id = AM_BIN(w->envelope),
                           .ciphertext = AM_BIN(sealed)};
    enum bus_method method = i == 0   ? BUS_METHOD_chain_register
                             : i == 1 ? BUS_METHOD_chain_publish_ed25519
                                      : BUS_METHOD_chain_send;
    struct am_error err = {0};

    if (bus_call(storm.h.bus, method, i < 2 ? NULL : (const void *)&m, 5000, "", on_reply, w,
                 &err) != AM_OK)
        snprintf(storm.refusal, sizeof storm.refusal, "%s", err.text);
}

/* The messages come as the kills do, so that the last kill has something to hit. */
static unsigned
allowed(void)
{
    if (!storm.wishes[0].done)
        return 1;
    return 2 + (storm.count - 2) * (storm.killed + 1) / (storm.kills + 1);
}

static void
plan_kill(void)
{
    static const char *const states[] = {"asked", "sponsored", "signed", "sent", "included"};

    storm.kill_ms = am_mono_ms() + KILL_MIN_MS + uniform(KILL_SPAN_MS);
    storm.h.kill_at = uniform(2) == 0 ? states[uniform(5)] : NULL;
    if (storm.killed < storm.kills)
        return;
    storm.kill_ms = INT64_MAX;
    storm.h.kill_at = NULL;
}

static void
start_again(void)
{
    storm.killed++;
    storm.h.killed = storm.h.viewed = false;
    storm.h.block = 0;
    host_start_chain(&storm.h);
    plan_kill();
}

static bool
all_done(void)
{
    unsigned done = 0;

    for (unsigned i = 0; i < storm.count; i++)
        done += storm.wishes[i].done;
    return done == storm.count && storm.killed == storm.kills;
}

static bool
step(struct e2e *t, void *arg)
{
    int64_t now = am_mono_ms();

    (void)t;
    (void)arg;
    if (storm.h.chain == 0) {
        start_again();
    } else if (now >= storm.kill_ms) {
        dn_stop(&storm.h.chain, SIGKILL, 1000);
    } else if (storm.h.viewed && now >= storm.ask_ms) {
        storm.ask_ms = now + AGAIN_MS;
        for (unsigned i = 0; i < allowed(); i++)
            if (!storm.wishes[i].done && !storm.wishes[i].refused)
                ask(i);
    }
    return all_done();
}

/* A message's nonce key: the first 24 bytes of keccak256(recipient, envelope id). */
static void
make_wishes(unsigned messages)
{
    uint8_t hash[32];

    storm.count = messages + 2;
    for (unsigned i = 2; i < storm.count; i++) {
        struct wish *w = &storm.wishes[i];
        const struct am_bin parts[] = {AM_BIN(storm.h.own_id), AM_BIN(w->envelope)};

        am_be32(w->envelope, i);
        am_keccak256_parts(hash, parts, 2);
        memcpy(w->key, hash, 24);
    }
}

static void
judge_envelopes(void)
{
    static uint8_t sent[EVENTS_MAX][32];
    size_t count = envelopes_sent(sent);
    unsigned missing = 0, twice = 0;

    for (unsigned i = 2; i < storm.count; i++) {
        unsigned n = 0;

        for (size_t k = 0; k < count; k++)
            n += memcmp(sent[k], storm.wishes[i].envelope, 32) == 0;
        missing += n == 0;
        twice += n > 1;
    }
    e2e_check(&world, missing == 0 && twice == 0 && count == storm.count - 2,
              "every message exactly once", "%zu MessageSent, %u missing, %u twice", count, missing,
              twice);
}

static void
judge_nonces(void)
{
    static struct done events[EVENTS_MAX], signs[EVENTS_MAX];
    size_t n = events_of_host(events, &storm.h), s = signed_by_host(signs, &storm.h), bumped = 0;
    size_t good = 0;

    for (size_t i = 0; i < n; i++)
        good += events[i].success;
    for (size_t i = 0; i < s; i++)
        bumped += signs[i].sequence != 0;
    e2e_check(&world, n == storm.count && good == n && !any_twice(events, n),
              "one UserOperationEvent a nonce key", "%zu, %zu with success", n, good);
    e2e_check(&world, bumped == 0, "and no other sequence than 0 was ever signed",
              "%zu signatures for %zu operations", s, n);
}

static bool
is_viewed(struct e2e *t, void *arg)
{
    (void)t;
    return ((struct host *)arg)->viewed;
}

int
main(int argc, char **argv)
{
    unsigned messages = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    struct am_error err = {0};
    int64_t ms;

    if (messages == 0 || messages > WISHES - 2) {
        fprintf(stderr, "usage: chain-storm MESSAGES KILLS [SEED]\n");
        return 64;
    }
    storm.kills = (unsigned)strtoul(argv[2], NULL, 10);
    storm.random = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)am_wall_ms();
    printf("     seed %llu\n", (unsigned long long)storm.random);
    e2e_open(&world, "chain-storm");
    e2e_need(&world, dn_chain_tick(1, &err), &err, "blocks");
    host_open(&storm.h);
    e2e_check(&world, e2e_until(&world, is_viewed, &storm.h, 20000) >= 0, "a view", "%s", "");
    storm.h.on_operation = on_operation;
    make_wishes(messages);
    plan_kill();
    ms = e2e_until(&world, step, NULL,
                   LAST_MS + (int64_t)messages * PER_WISH_MS + (int64_t)storm.kills * PER_KILL_MS);
    e2e_check(&world, ms >= 0, "all is confirmed", "%u messages, %u kills in %lld ms; %s", messages,
              storm.killed, (long long)ms, storm.refusal);
    judge_envelopes();
    judge_nonces();
    host_close(&storm.h);
    return e2e_close(&world);
}
