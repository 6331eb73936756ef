/*  chain-reorg -- three blocks are taken back under what was included: it is noticed, it is done
 * again, once, and the ledger says where; and there is one CSK though the originator changed.
 */
#include "chain_events.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEPTH 3
#define VIEW_MS 20000
#define DONE_MS 90000 /* more than the window in which a bundler may still have it */
#define COMMIT_KEY "attestmesh.commit"

struct op { /* the newest chain.operation of a purpose */
    const char *purpose;
    char state[17];
    uint8_t key[24], tx_hash[32];
    uint64_t block;
    bool in, back; /* it was included; and then it no longer was */
};

static struct node {
    struct host h; /* first: the hook gets it */
    struct op ops[3];
} a, b, c;

static bool
is_in_block(struct am_str state)
{
    return am_str_eq(state, "included") || am_str_eq(state, "confirmed");
}

static void
on_operation(struct host *h, const struct chain_operation *o)
{
    struct node *n = (struct node *)h;

    for (size_t i = 0; i < 3; i++) {
        struct op *op = &n->ops[i];

        if (op->purpose == NULL || !am_str_eq(o->purpose, op->purpose))
            continue;
        op->back = op->back || (op->in && !is_in_block(o->state));
        op->in = op->in || is_in_block(o->state);
        snprintf(op->state, sizeof op->state, "%.*s", (int)o->state.len, o->state.p);
        memcpy(op->key, o->key.p, 24);
        memset(op->tx_hash, 0, 32);
        if (o->tx_hash.len == 32)
            memcpy(op->tx_hash, o->tx_hash.p, 32);
        op->block = o->block_number;
    }
}

static void
open_node(struct node *n)
{
    static const char *const purposes[] = {"register", "publish", "message"};

    for (size_t i = 0; i < 3; i++)
        n->ops[i].purpose = purposes[i];
    host_open(&n->h);
    n->h.on_operation = on_operation;
}

/* The last blocks go, with what was in them; as many empty ones come. */
static void
take_back(void)
{
    struct am_error err = {0};
    json_t *result = NULL;
    int rc = cli_rpc_call(world.world.rpc, &result, "anvil_reorg", json_pack("[i[]]", DEPTH), &err);

    json_decref(result);
    e2e_need(&world, rc == AM_NOT_FOUND ? AM_OK : rc, &err, "anvil_reorg"); /* null is success */
}

static void
tick(unsigned seconds)
{
    struct am_error err = {0};

    e2e_need(&world, dn_chain_tick(seconds, &err), &err, "blocks");
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
    (void)t;
    return ((struct host *)arg)->registered;
}

static bool
is_unregistered(struct e2e *t, void *arg)
{
    (void)t;
    return !((struct host *)arg)->registered;
}

static bool
is_wiped(struct e2e *t, void *arg)
{
    (void)t;
    return !((struct host *)arg)->csk_held;
}

static bool
is_held(struct e2e *t, void *arg)
{
    (void)t;
    return ((struct host *)arg)->csk_held;
}

static bool
is_committed(struct e2e *t, void *arg)
{
    (void)t;
    return ((struct host *)arg)->committed;
}

struct height {
    const struct host *h;
    uint64_t block;
};

static bool
is_at(struct e2e *t, void *arg)
{
    const struct height *x = arg;

    (void)t;
    return x->h->block >= x->block;
}

/* What a test laid down before is deeper than what is taken back. */
static void
let_it_sink(const struct host *h)
{
    struct height x = {h, h->block + DEPTH + 1};

    (void)e2e_until(&world, is_at, &x, VIEW_MS);
}

/* As mesh does for every new view. */
static bool
ask_until(struct host *h, enum bus_method method, e2e_condition *fn, void *arg, int64_t ms)
{
    for (; ms > 0; ms -= 500) {
        if (method != BUS_METHOD_COUNT)
            (void)host_ask(h, method, NULL);
        if (e2e_until(&world, fn, arg, 500) >= 0)
            return true;
    }
    return false;
}

/* ---- who is first changes before the commitment ---- */

static void
first_is_taken_back(void)
{
    e2e_check(&world, ask_until(&a.h, BUS_METHOD_chain_register, is_registered, &a.h, DONE_MS),
              "the first registers", "%s: %s", a.h.state, a.h.reason);
    tick(0);
    e2e_check(&world, strcmp(host_ask(&a.h, BUS_METHOD_keyagent_csk_originate, NULL), "ok") == 0,
              "and derives the CSK", "%s", a.h.answer);
    (void)e2e_until(&world, is_held, &a.h, 5000);
    host_await(&a.h, "own registration", "ATTESTMESH_CONFIRMATIONS");
    (void)host_ask(&a.h, BUS_METHOD_chain_commit, NULL);
    e2e_pause(&world, 300);
    e2e_check(&world, a.h.csk_held && a.h.complained, "its commitment waits until it is deep", "%s",
              a.h.complaint);
    host_fault(&a.h, "4337", "error-object");
    take_back();
    e2e_check(&world, e2e_until(&world, is_unregistered, &a.h, VIEW_MS) >= 0,
              "a reorg takes the record back", "%s", "");
    e2e_check(&world, e2e_until(&world, is_wiped, &a.h, VIEW_MS) >= 0, "and the CSK with it", "%s",
              "");
}

static void
one_csk(void)
{
    static struct done events[EVENTS_MAX], signs[EVENTS_MAX];
    uint8_t key[24] = COMMIT_KEY;
    size_t good, n, signatures;

    n = events_of_host(events, &b.h);
    n = count_key(events, n, key, &good);
    e2e_check(&world, n == 1 && good == 1, "one commitment was sent by the second", "%zu", n);
    n = events_of_host(events, &a.h);
    signatures = signed_by_host(signs, &a.h);
    e2e_check(&world,
              count_key(events, n, key, &good) == 0 &&
                  count_key(signs, signatures, key, &good) == 0,
              "none was even signed by the first", "%s", "");
    e2e_check(&world,
              b.h.csk_held && memcmp(b.h.commitment, b.h.csk, 32) == 0 &&
                  memcmp(a.h.commitment, b.h.csk, 32) == 0 && !a.h.csk_held,
              "one CSK: the second's", "%s", a.h.csk_held ? "the first holds one too" : "");
}

static void
another_is_first(void)
{
    tick(3); /* time between the record and its depth */
    open_node(&a);
    open_node(&b);
    e2e_check(&world,
              e2e_until(&world, is_viewed, &a.h, VIEW_MS) >= 0 &&
                  e2e_until(&world, is_viewed, &b.h, VIEW_MS) >= 0,
              "two see the cluster", "%s", "");
    let_it_sink(&a.h);
    first_is_taken_back();
    tick(1);
    e2e_check(&world, ask_until(&b.h, BUS_METHOD_chain_register, is_registered, &b.h, DONE_MS),
              "the second registers", "%s: %s", b.h.state, b.h.reason);
    host_fault(&a.h, "4337", "none");
    e2e_check(&world, ask_until(&a.h, BUS_METHOD_chain_register, is_registered, &a.h, DONE_MS),
              "the first registers again", "%s: %s", a.h.state, a.h.reason);
    e2e_check(&world, memcmp(a.h.first, b.h.own_id, 32) == 0, "after the second", "%s", "");
    (void)host_ask(&a.h, BUS_METHOD_keyagent_csk_originate, NULL);
    e2e_check(&world, a.h.code != AM_OK, "it originates no more", "%s", a.h.answer);
    e2e_check(&world, strcmp(host_ask(&b.h, BUS_METHOD_keyagent_csk_originate, NULL), "ok") == 0,
              "the second does", "%s", b.h.answer);
    e2e_check(&world, ask_until(&b.h, BUS_METHOD_chain_commit, is_committed, &b.h, DONE_MS),
              "and commits", "%s: %s", b.h.state, b.h.reason);
    for (int i = 0; i < 4; i++) {
        (void)host_ask(&a.h, BUS_METHOD_chain_commit, NULL);
        e2e_pause(&world, 500);
    }
    one_csk();
}

/* ---- an operation is taken back ---- */

static struct chain_send message;

static bool
is_in(struct e2e *t, void *arg)
{
    const struct op *op = arg;

    (void)t;
    return op->block > 0 && is_in_block(am_str_of(op->state));
}

static bool
is_back(struct e2e *t, void *arg)
{
    (void)t;
    return ((const struct op *)arg)->back;
}

static bool
is_confirmed(struct e2e *t, void *arg)
{
    const struct op *op = arg;

    (void)t;
    return strcmp(op->state, "confirmed") == 0;
}

/* The chain holds one event of this key, and that is what the operation tells. */
static void
judge(const struct op *op, const char *what)
{
    static struct done events[EVENTS_MAX];
    size_t n = events_of_host(events, &c.h), good, i = 0;
    size_t count = count_key(events, n, op->key, &good);

    while (i < n && memcmp(events[i].key, op->key, 24) != 0)
        i++;
    e2e_check(&world,
              count == 1 && good == 1 && events[i].block == op->block &&
                  memcmp(events[i].tx_hash, op->tx_hash, 32) == 0,
              what, "%s: %zu events, block %llu by the ledger, %llu on chain", op->purpose, count,
              (unsigned long long)op->block, (unsigned long long)(i < n ? events[i].block : 0));
}

static void
done_again(struct op *op, enum bus_method method)
{
    const void *m = method == BUS_METHOD_chain_send ? &message : NULL;
    struct height one_on = {&c.h, 0};

    let_it_sink(&c.h);
    (void)host_ask(&c.h, method, m);
    e2e_check(&world, e2e_until(&world, is_in, op, DONE_MS) >= 0, op->purpose, "%s: %s", op->state,
              c.h.reason);
    one_on.block = op->block + 1;
    (void)e2e_until(&world, is_at, &one_on, VIEW_MS);
    take_back();
    e2e_check(&world, e2e_until(&world, is_back, op, VIEW_MS) >= 0, "  taken back: noticed",
              "%s, block %llu, head %llu", op->state, (unsigned long long)op->block,
              (unsigned long long)c.h.block);
    e2e_check(&world, e2e_until(&world, is_confirmed, op, DONE_MS) >= 0, "  done again", "%s: %s",
              op->state, c.h.reason);
    judge(op, "  once");
}

static void
each_is_done_again(void)
{
    static const uint8_t envelope[32] = {0xe1}, sealed[80] = {1};

    open_node(&c);
    e2e_check(&world, e2e_until(&world, is_viewed, &c.h, VIEW_MS) >= 0, "a third sees the cluster",
              "%s", "");
    message = (struct chain_send){.recipient = AM_BIN(c.h.own_id),
                                  .envelope_id = AM_BIN(envelope),
                                  .ciphertext = AM_BIN(sealed)};
    done_again(&c.ops[0], BUS_METHOD_chain_register);
    done_again(&c.ops[1], BUS_METHOD_chain_publish_ed25519);
    done_again(&c.ops[2], BUS_METHOD_chain_send);
    e2e_check(&world, e2e_messages(&world) == 1, "one MessageSent", "%s", "");
}

/* What it tells after a kill it has read from the ledger. */
static void
ledger_is_right(void)
{
    dn_stop(&c.h.chain, SIGKILL, 1000);
    for (size_t i = 0; i < 3; i++) {
        c.ops[i].state[0] = '\0';
        c.ops[i].block = 0;
    }
    c.h.viewed = false;
    c.h.block = 0;
    host_start_chain(&c.h);
    for (size_t i = 0; i < 3; i++) {
        (void)e2e_until(&world, is_confirmed, &c.ops[i], VIEW_MS);
        judge(&c.ops[i], "the ledger is right");
    }
}

int
main(void)
{
    e2e_open(&world, "chain-reorg");
    another_is_first();
    each_is_done_again();
    ledger_is_right();
    host_close(&a.h);
    host_close(&b.h);
    host_close(&c.h);
    return e2e_close(&world);
}
