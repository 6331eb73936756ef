/*  chain_life -- chain and keyagent against real anvil, Alto and contracts: registration,
 * commitment, publication and messages, with a kill in each state; chain-faults has the faults.
 */
#include "chain_host.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

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
    host_fault(h, "4337", "send-lost:1");
    (void)host_ask(h, BUS_METHOD_chain_register, NULL);
    ms = e2e_until(&world, is_registered, h, 40000);
    e2e_check(&world, ms >= 0, "registered, though the send's answer was lost", "%lld ms, %s: %s",
              (long long)ms, h->state, h->reason);
    host_fault(h, "8545", "behind-one-block");
    e2e_pause(&world, 1200);
    e2e_check(&world, strcmp(host_ask(h, BUS_METHOD_chain_register, NULL), "confirmed") == 0,
              "an RPC one block behind changes nothing", "%s", h->answer);
    host_fault(h, "8545", "none");
    e2e_check(&world, events_of(h) == 1, "one operation", "%s", "");
}

static void
commit_and_publish(struct host *h)
{
    int64_t ms;

    e2e_pause(&world,
              2500); /* the own registration must be two deep, and keyagent must have seen it */
    (void)host_ask(h, BUS_METHOD_chain_commit, NULL);
    e2e_check(&world, h->code == AM_UNAVAILABLE, "a commitment still on its way is no refusal",
              "%s", h->answer);
    e2e_check(&world, strcmp(host_ask(h, BUS_METHOD_keyagent_csk_originate, NULL), "ok") == 0,
              "CSK derived", "%s", h->answer);
    e2e_pause(&world, 300);
    host_fault(h, "4337", "null-receipt:3");
    (void)host_ask(h, BUS_METHOD_chain_commit, NULL);
    ms = e2e_until(&world, is_committed, h, 30000);
    e2e_check(&world, ms >= 0, "committed", "%lld ms, %s %s: %s", (long long)ms, h->state,
              h->answer, h->reason);
    (void)host_ask(h, BUS_METHOD_chain_publish_ed25519, NULL);
    ms = e2e_until(&world, is_published, h, 30000);
    e2e_check(&world, ms >= 0, "published", "%lld ms, %s %s: %s", (long long)ms, h->state,
              h->answer, h->reason);
    e2e_check(&world, events_of(h) == 3, "three operations", "%s", "");
    e2e_check(&world, strcmp(host_ask(h, BUS_METHOD_chain_commit, NULL), "confirmed") == 0,
              "commit again", "%s", h->answer);
    e2e_check(&world, strcmp(host_ask(h, BUS_METHOD_chain_publish_ed25519, NULL), "confirmed") == 0,
              "publish again", "%s", h->answer);
}

static bool
is_delivered(struct e2e *t, void *arg)
{
    struct host *h = arg;

    (void)t;
    return strcmp(h->state, "confirmed") == 0 && strcmp(h->purpose, "message") == 0;
}

/* What the operator's command shows of it, from the ledger and over the bus. */
static void
show_operations(struct host *h)
{
    char program[600], run[600], out[8192] = "";
    const char *const argv[] = {program, "ops", "--run", run, NULL};
    struct am_error err = {0};

    snprintf(program, sizeof program, "%s/attestmesh", world.bin);
    snprintf(run, sizeof run, "%s/run", h->node->dir);
    e2e_need(&world, dn_run(argv, &h->node->ns, NULL, out, sizeof out, &err), &err, "ops");
    printf("%s", out);
    e2e_check(&world,
              strstr(out, "register  attestmesh.register") != NULL &&
                  strstr(out, "commit    attestmesh.commit") != NULL &&
                  strstr(out, "confirmed") != NULL && strstr(out, "ATTESTMESH") == NULL,
              "attestmesh ops shows them", "%s", "");
}

/* An envelope leaves once, however often it is asked for. */
static void
send_message(struct host *h)
{
    uint8_t envelope[32] = {0xe1}, sealed[80] = {1};
    struct chain_send m = {.recipient = AM_BIN(h->own_id),
                           .envelope_id = AM_BIN(envelope),
                           .ciphertext = AM_BIN(sealed)};
    int64_t ms;

    (void)host_ask(h, BUS_METHOD_chain_send, &m);
    ms = e2e_until(&world, is_delivered, h, 30000);
    e2e_check(&world, ms >= 0, "message sent", "%lld ms, %s %s: %s", (long long)ms, h->state,
              h->answer, h->reason);
    e2e_check(&world, strcmp(host_ask(h, BUS_METHOD_chain_send, &m), "confirmed") == 0,
              "the same again", "%s", h->answer);
    sealed[0] = 2;
    show_operations(h);
    (void)host_ask(h, BUS_METHOD_chain_send, &m);
    e2e_check(&world, h->code == AM_ALREADY_EXISTS, "its envelope id with another text", "%s",
              h->answer);
    e2e_check(&world, e2e_messages(&world) == 1, "one MessageSent", "%s", "");
    e2e_check(&world, events_of(h) == 4, "four operations", "%s", "");
    dn_stop(&h->chain, SIGKILL, 1000);
    {
        struct am_error err = {0};

        e2e_need(&world, dn_node_forget(h->node, &err), &err, "forget");
    }
    h->viewed = false;
    h->block = 0;
    h->state[0] = '\0';
    host_start_chain(h);
    (void)e2e_until(&world, is_viewed, h, 10000);
    sealed[0] = 1;
    (void)host_ask(h, BUS_METHOD_chain_send, &m);
    ms = e2e_until(&world, is_delivered, h, 30000);
    e2e_check(&world, ms >= 0, "asked again after all was lost: found on chain", "%lld ms, %s: %s",
              (long long)ms, h->state, h->reason);
    e2e_check(&world, e2e_messages(&world) == 1, "still one MessageSent", "%s", "");
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
    host_start_chain(h);
    e2e_check(&world, e2e_until(&world, is_viewed, h, 10000) >= 0, "a view after all was lost",
              "%s", "");
    e2e_check(&world, strcmp(host_ask(h, BUS_METHOD_chain_register, NULL), "confirmed") == 0,
              "still registered", "%s", h->answer);
    e2e_check(&world, events_of(h) == 4, "and no operation more", "%s", "");
}

/* The view lags the receipt by a block: what it does not show yet is not concluded. */
static void
lag(void)
{
    static struct host h;
    int64_t ms;

    host_open(&h);
    host_fault(&h, "8545", "behind-one-block");
    e2e_check(&world, e2e_until(&world, is_viewed, &h, 20000) >= 0, "a view one block behind", "%s",
              "");
    (void)host_ask(&h, BUS_METHOD_chain_register, NULL);
    ms = e2e_until(&world, is_included, &h, 20000);
    e2e_check(&world, ms >= 0 && !h.registered, "included, not in the view yet", "%s", h.state);
    e2e_check(&world, strcmp(host_ask(&h, BUS_METHOD_chain_register, NULL), "asked") != 0,
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
    (void)host_ask(h, BUS_METHOD_chain_register, NULL);
    ms = e2e_until(&world, is_killed, h, 20000);
    e2e_check(&world, ms >= 0, "killed in state", "%s", state);
    h->block = 0;
    host_start_chain(h);
    h->viewed = false;
    (void)e2e_until(&world, is_viewed, h, 10000);
    (void)host_ask(h, BUS_METHOD_chain_register, NULL);
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
    send_message(&first);
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
