/*  mesh -- a node joins, all nodes are lost and come back, an orphan and a late node do no harm. */
#include "e2e.h"

#include "../../common/eth/eth_call.h"
#include "../../common/eth/rpc/eth_json.h"
#include "../../common/wire/am_member.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND_MS (3 * 1000 + 5000) /* three blocks of 1 s, and 5 s */
#define REBOOT_MS 20000
#define ORPHAN_MS 40000 /* a silent member is given up after 15 s */

struct span {
    unsigned first, last;
};

static bool
span_live(struct e2e *t, void *arg)
{
    struct span *s = arg;

    return e2e_all_live(t, s->first, s->last) && e2e_same_csk(t, s->first, s->last);
}

static unsigned
all_operations(struct e2e *t, unsigned nodes)
{
    unsigned sum = 0;
    bool twice;

    for (unsigned i = 0; i < nodes; i++)
        sum += e2e_operations(t, t->world.nodes[i].member, &twice);
    return sum;
}

static void
pings(struct e2e *t, const char *what, unsigned from, unsigned to)
{
    struct e2e_ping ping;
    unsigned sent;
    int lost;

    e2e_ping(t, &ping, &t->world.nodes[from], t->watches[to].mesh_ip);
    e2e_pause(t, 2000);
    lost = e2e_ping_end(&ping, &sent);
    e2e_check(t, lost == 0 && sent >= 15, what, "%d of %u lost", lost, sent);
}

static void
three_nodes_become_one_mesh(struct e2e *t)
{
    struct span all = {0, 2};
    int64_t took;

    struct am_error err = {0};

    for (int i = 0; i < 3; i++)
        e2e_add(t);
    e2e_need(t, dn_chain_tick(1, &err), &err, "blocks");
    for (int i = 0; i < 3; i++)
        e2e_start(t, &t->world.nodes[i]);
    took = e2e_until(t, span_live, &all, 60000);
    e2e_check(t, took >= 0 && took <= BOUND_MS, "three nodes are healthy within 3 blocks + 5 s",
              "%lld ms, bound %d ms", (long long)took, BOUND_MS);
    e2e_check(t, e2e_same_csk(t, 0, 2), "one CSK commitment on all", "%s", "");
    pings(t, "a ping passes the tunnel", 0, 2);
}

static void
operations_are_few(struct e2e *t)
{
    for (unsigned i = 0; i < 3; i++) {
        unsigned most = t->watches[i].originator ? 3 : 2, n;
        bool twice;

        n = e2e_operations(t, t->world.nodes[i].member, &twice);
        e2e_check(t, n <= most && n > 0,
                  "at most 2 sponsored operations a node, 3 for the originator",
                  "node %u has %u of %u", i + 1, n, most);
        e2e_check(t, !twice, "one UserOperationEvent for each nonce key", "node %u", i + 1);
    }
    e2e_check(t, e2e_messages(t) == 0, "no PeerEndpoint message where the key is on chain", "%s",
              "");
}

/* Lines of this event in the logs of the first three nodes, since they were made. */
static unsigned
logged(struct e2e *t, const char *event)
{
    char path[600], line[2048], name[64];
    unsigned n = 0;

    snprintf(name, sizeof name, "\"event\":\"%s\"", event);
    for (unsigned i = 0; i < 3; i++) {
        FILE *f;

        snprintf(path, sizeof path, "%s/log/up.log", t->world.nodes[i].dir);
        if ((f = fopen(path, "re")) == NULL)
            continue;
        while (fgets(line, sizeof line, f) != NULL)
            n += strstr(line, name) != NULL;
        fclose(f);
    }
    return n;
}

static void
all_off_and_on(struct e2e *t)
{
    struct span all = {0, 2};
    unsigned pulled = logged(t, "csk.pulled"), cached = logged(t, "csk.cached");
    int64_t took;

    for (unsigned i = 0; i < 3; i++)
        dn_node_off(&t->world.nodes[i]);
    e2e_pause(t, 2500); /* until the watches see that nobody answers */
    for (unsigned i = 0; i < 3; i++)
        e2e_start(t, &t->world.nodes[i]);
    took = e2e_until(t, span_live, &all, REBOOT_MS);
    e2e_check(t, took >= 0, "all stopped, all started: healthy", "%lld ms", (long long)took);
    e2e_check(t, logged(t, "csk.cached") == cached + 3, "each finds the CSK in its cache",
              "%u before, %u after", cached, logged(t, "csk.cached"));
    e2e_check(t, logged(t, "csk.pulled") == pulled, "and pulls it from nobody",
              "%u before, %u after", pulled, logged(t, "csk.pulled"));
}

static void
everything_lost_at_once(struct e2e *t)
{
    unsigned before = all_operations(t, 3);
    struct span all = {0, 2};
    uint8_t commitment[32];
    struct am_error err = {0};
    int64_t took;

    memcpy(commitment, t->watches[0].commitment, 32);
    for (unsigned i = 0; i < 3; i++)
        dn_node_off(&t->world.nodes[i]);
    for (unsigned i = 0; i < 3; i++)
        e2e_need(t, dn_node_forget(&t->world.nodes[i], &err), &err, "forget");
    e2e_pause(t, 2500); /* until the watches see that nobody answers */
    for (unsigned i = 0; i < 3; i++)
        e2e_start(t, &t->world.nodes[i]);
    took = e2e_until(t, span_live, &all, REBOOT_MS);
    e2e_check(t, took >= 0, "all stopped, all state deleted, all started: healthy", "%lld ms",
              (long long)took);
    e2e_check(t, memcmp(commitment, t->watches[0].commitment, 32) == 0 && e2e_same_csk(t, 0, 2),
              "the same CSK commitment as before", "%s", "");
    e2e_check(t, all_operations(t, 3) == before, "a restart costs no operation",
              "%u before, %u after", before, all_operations(t, 3));
}

static bool
registered(struct e2e *t, void *arg)
{
    return e2e_watch(t, arg)->registered;
}

/* A member that registers and never comes again. */
static void
an_orphan_does_no_harm(struct e2e *t)
{
    struct dn_node *orphan = e2e_add(t), *late;
    struct span old = {0, 2}, with_late = {0, 4};
    struct am_error err = {0};

    e2e_start(t, orphan);
    e2e_check(t, e2e_until(t, registered, orphan, 20000) >= 0, "the orphan registers", "%s", "");
    dn_node_off(orphan);
    watch_close(e2e_watch(t, orphan));
    for (unsigned i = 0; i < 3; i++) {
        dn_node_off(&t->world.nodes[i]);
        e2e_need(t, dn_node_forget(&t->world.nodes[i], &err), &err, "forget");
    }
    e2e_pause(t, 2500);
    for (unsigned i = 0; i < 3; i++)
        e2e_start(t, &t->world.nodes[i]);
    e2e_check(t, e2e_until(t, span_live, &old, ORPHAN_MS) >= 0,
              "beside an orphan the others become healthy again", "%s", t->watches[0].reason);
    late = e2e_add(t);
    e2e_start(t, late);
    /* the orphan's watch says what it last heard: it is left out by looking at each side */
    with_late.first = with_late.last = late->number - 1;
    e2e_check(t, e2e_until(t, span_live, &with_late, ORPHAN_MS) >= 0,
              "so does a node that boots later", "%s", e2e_watch(t, late)->reason);
    e2e_check(t, e2e_until(t, span_live, &old, 10000) >= 0, "and the others stay live", "%s",
              t->watches[0].reason);
}

static void
deploy_removal(struct e2e *t, struct cli_receipt *made)
{
    json_t *artifact =
        json_load_file(ATTESTMESH_SOURCE "/contracts/artifacts/RemovalFacet.json", 0, NULL);
    struct am_error err = {0};
    uint8_t *code = NULL;
    size_t len = 0;

    e2e_need(t, eth_json_data(&code, &len, json_object_get(artifact, "bytecode"), "code", &err),
             &err, "RemovalFacet");
    json_decref(artifact);
    e2e_need(t, cli_tx_send(&t->world.operator_key, made, NULL, 0, am_bin_of(code, len), &err),
             &err, "RemovalFacet");
    free(code);
}

/* diamondCut([(facet, ADD, the three of RemovalFacet)], 0, "") on the world's cluster. */
static void
cut_removal(struct e2e *t)
{
    static const uint8_t nobody[20], names[3][4] = {{0xb9, 0xc2, 0xc6, 0xfb},
                                                    {0xc0, 0x9e, 0x4e, 0xaf},
                                                    {0x1d, 0x47, 0x25, 0x9c}};
    static uint8_t data[2048];
    struct eth_buf call = ETH_BUF(data);
    struct eth_enc e, list, one;
    struct cli_receipt made, cut;
    struct am_error err = {0};
    size_t cuts, target, init, selectors;

    deploy_removal(t, &made);
    e2e_need(t, eth_call_none(&call, ETH_FN_diamondCut, &err), &err, "diamondCut");
    eth_enc_start(&e, &call);
    cuts = eth_enc_hole(&e);
    eth_enc_address(&e, nobody);
    init = eth_enc_hole(&e);
    eth_enc_fill(&e, cuts);
    eth_enc_u64(&e, 1);
    eth_enc_enter(&list, &e);
    target = eth_enc_hole(&list);
    eth_enc_fill(&list, target);
    eth_enc_enter(&one, &list);
    eth_enc_address(&one, made.contract);
    eth_enc_u64(&one, 0);
    selectors = eth_enc_hole(&one);
    eth_enc_fill(&one, selectors);
    eth_enc_u64(&one, 3);
    for (size_t i = 0; i < 3; i++) {
        uint8_t word[32] = {0};

        memcpy(word, names[i], 4);
        eth_enc_word(&one, word);
    }
    eth_enc_leave(&list, &one);
    eth_enc_leave(&e, &list);
    eth_enc_fill(&e, init);
    eth_enc_bytes(&e, am_bin_of(NULL, 0));
    e2e_need(t,
             cli_tx_send(&t->world.operator_key, &cut, t->world.deployed.cluster, 0, eth_bin(&call),
                         &err),
             &err, "diamondCut");
}

static bool
peer_is(struct watch *w, const uint8_t id[static 32], const char *state)
{
    for (size_t i = 0; i < w->peer_count; i++)
        if (memcmp(w->peers[i].member_id, id, 32) == 0)
            return strcmp(w->peers[i].state, state) == 0;
    return false;
}

static bool
both_say_removed(struct e2e *t, void *arg)
{
    return peer_is(&t->watches[0], arg, "removed") && peer_is(&t->watches[1], arg, "removed") &&
           e2e_all_live(t, 0, 1);
}

static bool
says_why(struct e2e *t, void *arg)
{
    (void)arg;
    return strstr(t->watches[2].reason, "removed our member") != NULL && !t->watches[2].live;
}

static void
a_removed_member_loses_the_mesh(struct e2e *t)
{
    uint8_t data[36], id[32];
    struct eth_buf call = ETH_BUF(data);
    struct cli_receipt receipt;
    struct am_error err = {0};
    struct e2e_ping ping, gone;
    unsigned sent;
    int64_t took;
    int lost;

    cut_removal(t);
    am_member_id(id, t->world.deployed.cluster, t->world.nodes[2].member, am_attestor_dstack);
    e2e_ping(t, &ping, &t->world.nodes[0], t->watches[1].mesh_ip);
    e2e_need(t, eth_call_word(&call, ETH_FN_removeMember, id, &err), &err, "removeMember");
    e2e_need(t,
             cli_tx_send(&t->world.operator_key, &receipt, t->world.deployed.cluster, 0,
                         eth_bin(&call), &err),
             &err, "removeMember");
    took = e2e_until(t, both_say_removed, id, BOUND_MS);
    e2e_check(t, took >= 0, "the others name the removed member and stay live", "%lld ms",
              (long long)took);
    e2e_check(t, e2e_until(t, says_why, NULL, BOUND_MS) >= 0, "the removed node says why", "%s",
              t->watches[2].reason);
    e2e_ping(t, &gone, &t->world.nodes[0], t->watches[2].mesh_ip);
    e2e_pause(t, 2000);
    lost = e2e_ping_end(&gone, &sent);
    e2e_check(t, sent == 0 || lost == (int)sent, "no ping reaches it any more", "%d of %u lost",
              lost, sent);
    lost = e2e_ping_end(&ping, &sent);
    e2e_check(t, lost == 0 && sent >= 15, "no ping between the others is lost", "%d of %u lost",
              lost, sent);
}

int
main(void)
{
    static struct e2e t;

    e2e_open(&t, "mesh");
    three_nodes_become_one_mesh(&t);
    operations_are_few(&t);
    all_off_and_on(&t);
    everything_lost_at_once(&t);
    an_orphan_does_no_harm(&t);
    a_removed_member_loses_the_mesh(&t);
    return e2e_close(&t);
}
