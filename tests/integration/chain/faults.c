/*  chain-faults -- one operation under each fault of a provider, through the real chain service,
 * keyagent and bundler.
 *
 *  Usage: chain-faults       the first rows of each round
 *         chain-faults all
 *
 *  A round is one operation of several hosts at once, each under a fault of its own.  While it
 *  lasts, a reason must name the boundary and the provider's words; once it is over, the operation
 *  ends in exactly one effect, and every nonce that was ever signed was the right one then.
 */
#include "faults.h"
#include "chain_events.h"

#include "../../../common/base/am_clock.h"
#include "../../../common/base/am_exit.h"
#include "../../../common/crypto/am_keccak.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define VIEW_MS 30000

struct lane {
    struct host h; /* first: the hook gets it */
    const struct fault_row *row;
    const struct fault_round *round;
    uint8_t key[24];
    uint8_t envelope[32];
    char state[17];
    bool spent; /* sequence 0 is, and the fault is there */
    size_t signed_before;
};

static struct lane lanes[FAULT_LANES];
static unsigned opened, envelopes;

static bool
is_current(const struct lane *l, const struct chain_operation *o)
{
    return l->round != NULL && am_str_eq(o->purpose, l->round->purpose) &&
           (strcmp(l->round->purpose, "message") != 0 || memcmp(o->key.p, l->key, 24) == 0);
}

static void
put_fault(struct lane *l)
{
    static struct done signs[EVENTS_MAX];

    l->signed_before = signed_by_host(signs, &l->h);
    host_fault(&l->h, l->row->port, l->row->fault);
    host_await(&l->h, l->row->boundary, l->row->words);
}

static void
on_operation(struct host *h, const struct chain_operation *o)
{
    struct lane *l = (struct lane *)h;

    if (!is_current(l, o))
        return;
    memcpy(l->key, o->key.p, 24);
    snprintf(l->state, sizeof l->state, "%.*s", (int)o->state.len, o->state.p);
    if (l->round->spent && !l->spent && strcmp(l->state, "failed") == 0) {
        l->spent = true;
        host_fault(h, "4337", "none");
        put_fault(l); /* here, before it asks for the next nonce */
    }
}

static void
ask(struct lane *l)
{
    static const uint8_t sealed[80] = {1};
    struct chain_send m = {.recipient = AM_BIN(l->h.own_id),
                           .envelope_id = AM_BIN(l->envelope),
                           .ciphertext = AM_BIN(sealed)};

    if (strcmp(l->round->purpose, "register") == 0)
        (void)host_ask(&l->h, BUS_METHOD_chain_register, NULL);
    else if (strcmp(l->round->purpose, "publish") == 0)
        (void)host_ask(&l->h, BUS_METHOD_chain_publish_ed25519, NULL);
    else
        (void)host_ask(&l->h, BUS_METHOD_chain_send, &m);
}

/* A message's nonce key: the first 24 bytes of keccak256(recipient, envelope id). */
static void
new_envelope(struct lane *l)
{
    const struct am_bin parts[] = {AM_BIN(l->h.own_id), AM_BIN(l->envelope)};
    uint8_t hash[32];

    memset(l->envelope, 0, 32);
    am_be32(l->envelope, ++envelopes);
    am_keccak256_parts(hash, parts, 2);
    memcpy(l->key, hash, 24);
}

typedef bool lane_fn(const struct lane *l);

static bool
is_viewed(const struct lane *l)
{
    return l->h.viewed;
}

static bool
is_spent(const struct lane *l)
{
    return l->spent;
}

static bool
has_complained(const struct lane *l)
{
    return l->h.complained;
}

static bool
is_done(const struct lane *l)
{
    return strcmp(l->state, "confirmed") == 0 &&
           (strcmp(l->round->purpose, "register") != 0 || l->h.registered);
}

struct all {
    size_t count;
    lane_fn *fn;
};

static bool
all_are(struct e2e *t, void *arg)
{
    const struct all *a = arg;

    (void)t;
    for (size_t i = 0; i < a->count; i++)
        if (!a->fn(&lanes[i]))
            return false;
    return true;
}

/* As mesh does, ask again while it is not done; never returns early without all. */
static void
until_all(size_t count, lane_fn *fn, bool again, int64_t ms)
{
    struct all a = {count, fn};

    for (; ms > 0 && e2e_until(&world, all_are, &a, ms < 1000 ? ms : 1000) < 0; ms -= 1000)
        for (size_t i = 0; again && i < count; i++)
            if (!fn(&lanes[i]))
                ask(&lanes[i]);
}

static void
open_lanes(size_t count)
{
    for (; opened < count; opened++) {
        struct lane *l = &lanes[opened];

        host_open(&l->h);
        l->h.on_operation = on_operation;
    }
    until_all(count, is_viewed, false, VIEW_MS);
}

static void
begin(const struct fault_round *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct lane *l = &lanes[i];

        l->round = r;
        l->row = &r->rows[i];
        l->state[0] = '\0';
        l->spent = false;
        if (strcmp(r->purpose, "message") == 0)
            new_envelope(l);
        if (r->spent)
            host_fault(&l->h, "4337", "little-gas");
    }
    if (!r->spent)
        return;
    for (size_t i = 0; i < r->count; i++)
        ask(&lanes[i]);
    until_all(r->count, is_spent, false, 15000);
}

static void
label(char out[static 96], const struct lane *l)
{
    snprintf(out, 96, "%s, %s at %s", l->round->purpose, l->row->fault, l->row->port);
}

static void
suffer(const struct fault_round *r)
{
    static struct done signs[EVENTS_MAX];
    char name[96];

    for (size_t i = 0; i < r->count; i++) {
        if (!r->spent)
            put_fault(&lanes[i]);
        ask(&lanes[i]);
    }
    until_all(r->count, has_complained, false, r->complain_ms);
    for (size_t i = 0; i < r->count; i++) {
        struct lane *l = &lanes[i];

        label(name, l);
        e2e_check(&world, l->h.complained, name, "%s: %s", l->state, l->h.complaint);
        if (l->row->mark == FAULT_QUIET)
            e2e_check(&world, signed_by_host(signs, &l->h) == l->signed_before,
                      "  and nothing was signed", "%s", "");
    }
}

/* Every sequence that was signed was the next one then: never past what was included, and never
 * one that had been included before. */
static void
judge(struct lane *l)
{
    static struct done events[EVENTS_MAX], signs[EVENTS_MAX];
    size_t n = events_of_host(events, &l->h), s = signed_by_host(signs, &l->h), good, first = 0;
    size_t included = count_key(events, n, l->key, &good), high = 0, wanted;
    bool rising = true;
    uint64_t last = 0;
    char name[96];

    for (size_t i = 0; i < s; i++)
        if (memcmp(signs[i].key, l->key, 24) == 0) {
            high += signs[i].sequence >= included;
            first += signs[i].sequence == 0;
            rising = rising && signs[i].sequence >= last;
            last = signs[i].sequence;
        }
    wanted = l->round->spent || l->row->mark == FAULT_REVERTS ? 2 : 1;
    label(name, l);
    e2e_check(&world, is_done(l) && included == wanted && good == 1, name,
              "then %s, %zu included, %zu with effect: %s", l->state, included, good, l->h.reason);
    e2e_check(&world,
              high == 0 && rising && first > 0 && (!l->round->spent || first == 1) &&
                  !any_twice(events, n),
              "  by the right nonce", "%zu signed for %zu, %zu times 0", s, n, first);
    e2e_check(&world, sponsored_for_host(&l->h) >= s, "  each sponsored for itself", "%s", "");
}

static void
run(const struct fault_round *whole, bool all)
{
    struct fault_round some = *whole, *r = &some;
    int64_t start = am_mono_ms();

    if (!all)
        some.count = whole->quick;
    if (some.count == 0)
        return;
    open_lanes(r->count);
    begin(r);
    suffer(r);
    if (r->lasts_ms > 0)
        e2e_pause(&world, r->lasts_ms);
    for (size_t i = 0; i < r->count; i++)
        host_fault(&lanes[i].h, lanes[i].row->port, "none");
    until_all(r->count, is_done, true, r->done_ms);
    for (size_t i = 0; i < r->count; i++)
        judge(&lanes[i]);
    printf("     %s: %zu faults in %lld ms\n", r->purpose, r->count,
           (long long)(am_mono_ms() - start));
}

/* Odd hex, and a dummy that recovers nobody, are what strict providers refuse: not ours. */
static void
strict_ones(void)
{
    static const struct fault_row row = {"4337", "strict", "", "", FAULT_SIGNS};
    static const struct fault_round round = {"message", false, &row, 1, 1, 0, 0, 0};

    begin(&round);
    host_fault(&lanes[0].h, "4337", "strict");
    host_fault(&lanes[0].h, "8787", "strict");
    ask(&lanes[0]);
    until_all(1, is_done, true, 20000);
    judge(&lanes[0]);
    host_fault(&lanes[0].h, "4337", "none");
    host_fault(&lanes[0].h, "8787", "none");
}

/* Every answer of another chain would be wrong: the service ends, and says of what it was told. */
static void
wrong_chain(struct host *h)
{
    char log[600], out[32] = "";
    const char *const argv[] = {"grep", "-c", "expected CHAIN_ID 31337, got 1 from RPC_URL's", log,
                                NULL};
    struct am_error err = {0};
    int status = 0;

    dn_stop(&h->chain, SIGTERM, 3000);
    host_fault(h, "8545", "wrong-chain");
    host_start_chain(h);
    for (int i = 0; i < 200 && dn_alive(&h->chain, &status); i++)
        e2e_pause(&world, 50);
    snprintf(log, sizeof log, "%s/log/chain.log", h->node->dir);
    e2e_check(&world, WIFEXITED(status) && WEXITSTATUS(status) == AM_EXIT_WRONG_CHAIN,
              "another chain's RPC ends the service", "status %d", status);
    e2e_check(&world, dn_run(argv, NULL, NULL, out, sizeof out, &err) == AM_OK,
              "  and it says what came", "%s", err.text);
}

int
main(int argc, char **argv)
{
    struct am_error err = {0};
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;

    e2e_open(&world, "chain-faults");
    e2e_need(&world, dn_chain_tick(1, &err), &err, "blocks");
    for (size_t i = 0; i < FAULT_ROUNDS; i++)
        run(&fault_rounds[i], all);
    strict_ones();
    wrong_chain(&lanes[0].h);
    for (unsigned i = 0; i < opened; i++)
        host_close(&lanes[i].h);
    return e2e_close(&world);
}
