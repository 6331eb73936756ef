/*  fieldnote -- what production taught, one note at a time, on a real chain and real tunnels.
 *
 *  Usage: fieldnote recovery-ids | nonce | two-nodes | empty-store | ports | behind
 */
#include "../integration/chain/chain_host.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define VIEW_MS 20000
#define DONE_MS 10000
#define FAULT_MS 2500 /* several times of what chain waits between two reads */
#define JOIN_MS 16000
#define HEAR_MS 12000
#define LOST_MS 2500 /* after which a bus says that a publisher is gone */

static struct host host;

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
is_delivered(struct e2e *t, void *arg)
{
    struct host *h = arg;

    (void)t;
    return strcmp(h->purpose, "message") == 0 && strcmp(h->state, "confirmed") == 0;
}

static void
open_host(struct host *h)
{
    struct am_error err = {0};

    host_open(h);
    e2e_need(&world,
             e2e_until(&world, is_viewed, h, VIEW_MS) >= 0
                 ? AM_OK
                 : am_fail(&err, AM_UNAVAILABLE, "chain: expected a view, got none"),
             &err, "a view before registration");
}

static void
registers(struct host *h)
{
    int64_t ms;

    (void)host_ask(h, BUS_METHOD_chain_register, NULL);
    ms = e2e_until(&world, is_registered, h, DONE_MS);
    e2e_check(&world, ms >= 0, "the contract takes the registration", "%lld ms, %s: %s",
              (long long)ms, h->state, h->reason);
}

/* Agents end a signature with 0 or 1; ecrecover in the contract wants 27 or 28. */
static void
recovery_ids(void)
{
    open_host(&host);
    registers(&host);
    host_close(&host);
}

static void
waits_for_a_nonce(struct host *h, const char *what)
{
    e2e_pause(&world, FAULT_MS);
    e2e_check(&world, strcmp(h->state, "asked") == 0 && strstr(h->reason, "told to fail") != NULL,
              what, "%s: %s", h->state, h->reason);
}

static void
lose_everything(struct host *h)
{
    struct am_error err = {0};

    dn_stop(&h->chain, SIGKILL, 1000);
    e2e_need(&world, dn_node_forget(h->node, &err), &err, "forget");
    h->viewed = false;
    h->block = 0;
    h->state[0] = h->reason[0] = '\0';
    host_start_chain(h);
    (void)e2e_until(&world, is_viewed, h, VIEW_MS);
}

/* A getNonce that failed is no nonce: neither for an operation that was never sent, nor for one
 * whose sequence 0 is used, where v1 sent it again and again and got AA25. */
static void
nonce(void)
{
    uint8_t envelope[32] = {0xe1}, sealed[80] = {1};
    struct chain_send m = {.envelope_id = AM_BIN(envelope), .ciphertext = AM_BIN(sealed)};
    bool twice;

    open_host(&host);
    host_fault(&host, "8545", "getnonce-error");
    (void)host_ask(&host, BUS_METHOD_chain_register, NULL);
    waits_for_a_nonce(&host, "a failed getNonce is no nonce");
    e2e_check(&world, e2e_operations(&world, host.node->member, &twice) == 0, "nothing was sent",
              "%s", "");
    host_fault(&host, "8545", "none");
    registers(&host);
    m.recipient = AM_BIN(host.own_id);
    (void)host_ask(&host, BUS_METHOD_chain_send, &m);
    e2e_check(&world, e2e_until(&world, is_delivered, &host, DONE_MS) >= 0, "a message is sent",
              "%s: %s", host.state, host.reason);
    lose_everything(&host);
    host_fault(&host, "8545", "getnonce-error");
    (void)host_ask(&host, BUS_METHOD_chain_send, &m);
    waits_for_a_nonce(&host, "nor is it one when sequence 0 is used");
    host_fault(&host, "8545", "none");
    e2e_check(&world, e2e_until(&world, is_delivered, &host, DONE_MS) >= 0,
              "the message is found on chain", "%s: %s", host.state, host.reason);
    e2e_check(&world, e2e_messages(&world) == 1, "one MessageSent", "%s", "");
    host_close(&host);
}

struct course {
    struct host *h;
    bool sent, included, back;
};

/* Watched all the way: once it is sent, nothing but its inclusion may follow. */
static bool
is_back(struct course *c)
{
    c->included = c->included || strcmp(c->h->state, "included") == 0;
    c->back = c->back || (c->sent && strcmp(c->h->state, "asked") == 0) ||
              (c->included && strcmp(c->h->state, "sent") == 0);
    c->sent = c->sent || c->included || strcmp(c->h->state, "sent") == 0;
    return c->back;
}

static bool
is_included(struct e2e *t, void *arg)
{
    struct course *c = arg;

    (void)t;
    return is_back(c) || strcmp(c->h->state, "included") == 0;
}

static bool
is_through(struct e2e *t, void *arg)
{
    struct course *c = arg;

    return is_back(c) || is_registered(t, c->h);
}

/* The receipt is there, the record is not: mesh, which sees the view, asks again. */
static void
behind(void)
{
    struct course c = {.h = &host};
    struct am_error err = {0};
    bool twice;
    int64_t ms;

    open_host(&host);
    e2e_need(&world, dn_chain_tick(3, &err), &err, "slow blocks"); /* time between the two */
    host_fault(&host, "8545", "behind-one-block");
    (void)host_ask(&host, BUS_METHOD_chain_register, NULL);
    ms = e2e_until(&world, is_included, &c, DONE_MS);
    e2e_check(&world, ms >= 0 && !host.registered, "included, and the view does not show it yet",
              "%lld ms, %s: %s", (long long)ms, host.state, host.reason);
    (void)host_ask(&host, BUS_METHOD_chain_register, NULL);
    ms = e2e_until(&world, is_through, &c, DONE_MS);
    e2e_check(&world, c.sent && !c.back, "a view from before the inclusion proves nothing",
              "%s: %s", host.state, host.reason);
    e2e_check(&world, ms >= 0 && host.registered, "registered one block later", "%lld ms, %s: %s",
              (long long)ms, host.state, host.reason);
    e2e_check(&world, e2e_operations(&world, host.node->member, &twice) == 1 && !twice,
              "one operation", "%s", "");
    host_close(&host);
}

/* ---- two whole nodes ---- */

static void
start_two(void)
{
    for (unsigned i = 0; i < 2; i++)
        e2e_start(&world, &world.world.nodes[i]);
}

static bool
both_hear(struct e2e *t, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 2; i++) {
        const struct watch *w = &t->watches[i];
        bool hears = false;

        for (size_t k = 0; k < w->peer_count; k++)
            hears = hears || (w->peers[k].mesh_ip == t->watches[1 - i].mesh_ip &&
                              strcmp(w->peers[k].state, "live") == 0);
        if (!w->heard || !hears)
            return false;
    }
    return true;
}

static bool
both_whole(struct e2e *t, void *arg)
{
    (void)arg;
    return e2e_all_live(t, 0, 1) && e2e_same_csk(t, 0, 1);
}

static void
become_whole(const char *what)
{
    int64_t ms = e2e_until(&world, both_whole, NULL, JOIN_MS);

    e2e_check(&world, ms >= 0, what, "%lld ms; %s | %s", (long long)ms, world.watches[0].reason,
              world.watches[1].reason);
}

/* Each waits for a view that contains all who are active, its sender included. */
static void
two_nodes(void)
{
    start_two();
    become_whole("two nodes converge");
}

/* With every store empty there is nobody to pull from: the originator derives what it committed. */
static void
empty_store(void)
{
    struct am_error err = {0};
    uint8_t commitment[32];
    unsigned before = 0, after = 0;
    bool twice;

    start_two();
    become_whole("two nodes become whole");
    memcpy(commitment, world.watches[0].commitment, 32);
    for (unsigned i = 0; i < 2; i++) {
        struct dn_node *node = &world.world.nodes[i];

        before += e2e_operations(&world, node->member, &twice);
        dn_node_off(node);
        e2e_need(&world, dn_node_forget(node, &err), &err, "forget");
    }
    e2e_pause(&world, LOST_MS); /* or yesterday's facts would be judged */
    start_two();
    become_whole("whole again with empty stores");
    e2e_check(&world, memcmp(commitment, world.watches[0].commitment, 32) == 0,
              "by the same CSK commitment", "%s", "");
    for (unsigned i = 0; i < 2; i++)
        after += e2e_operations(&world, world.world.nodes[i].member, &twice);
    e2e_check(&world, before == after, "at no cost", "%u operations before, %u after", before,
              after);
}

/* Heartbeats go to 51820 on the mesh address; WireGuard, which takes its port on every address,
 * must be elsewhere. */
static void
ports(void)
{
    static const char *const argv[] = {"wg", "show", "attestmesh0", "listen-port", NULL};
    struct am_error err = {0};
    char port[16] = "";
    int64_t ms;

    start_two();
    ms = e2e_until(&world, both_hear, NULL, HEAR_MS);
    e2e_check(&world, ms >= 0, "heartbeats have a port of their own", "%lld ms; %s | %s",
              (long long)ms, world.watches[0].reason, world.watches[1].reason);
    e2e_need(&world, dn_run(argv, &world.world.nodes[0].ns, NULL, port, sizeof port, &err), &err,
             "wg");
    e2e_check(&world, strncmp(port, "51821", 5) == 0, "WireGuard is on v1's outer port", "%.5s",
              port);
}

static const struct {
    const char *name;
    void (*run)(void);
    bool nodes; /* two whole nodes, not a host with chain and keyagent alone */
} notes[] = {
    {"recovery-ids", recovery_ids, false}, {"nonce", nonce, false}, {"two-nodes", two_nodes, true},
    {"empty-store", empty_store, true},    {"ports", ports, true},  {"behind", behind, false},
};

int
main(int argc, char **argv)
{
    struct am_error err = {0};
    size_t i = 0, n = sizeof notes / sizeof *notes;

    while (i < n && (argc != 2 || strcmp(argv[1], notes[i].name) != 0))
        i++;
    if (i == n) {
        fprintf(stderr, "usage: fieldnote recovery-ids | nonce | two-nodes | empty-store | ports | "
                        "behind\n");
        return 64;
    }
    e2e_open(&world, "fieldnote");
    if (notes[i].nodes) {
        (void)e2e_add(&world);
        (void)e2e_add(&world);
    }
    e2e_need(&world, dn_chain_tick(1, &err), &err, "blocks");
    notes[i].run();
    return e2e_close(&world);
}
