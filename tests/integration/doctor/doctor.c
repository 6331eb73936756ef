/*  doctor -- attestmesh doctor beside a healthy node, and beside one of which one thing is broken.
 *
 *  e2e-doctor sample: the breaks that fit into one visit, and the transcript.
 *  e2e-doctor: each of them alone too.
 */
#include "doctor_visit.h"

#include "../../../common/eth/eth_call.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HEALTHY_MS 40000
#define INDEXER_KEY 0x5a /* every byte of the key in the registry's record */

/* setIndexer((string endpoint, bytes32 codeId, bytes32 pubKey, uint64 updatedAt)) */
static void
register_indexer(struct e2e *t)
{
    uint8_t data[512], word[32];
    struct eth_buf buf = ETH_BUF(data);
    struct eth_enc e, record;
    struct cli_receipt receipt;
    struct am_error err = {0};
    static const char endpoint[] = "https://indexer.example:443";
    size_t hole;

    am_be32(data, eth_selector(ETH_FN_setIndexer));
    buf.len = 4;
    eth_enc_start(&e, &buf);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_enter(&record, &e);
    hole = eth_enc_hole(&record);
    memset(word, 0x11, 32);
    eth_enc_word(&record, word);
    memset(word, INDEXER_KEY, 32);
    eth_enc_word(&record, word);
    eth_enc_u64(&record, 1);
    eth_enc_fill(&record, hole);
    eth_enc_bytes(&record, am_bin_of(endpoint, sizeof endpoint - 1));
    eth_enc_leave(&e, &record);
    e2e_need(t, eth_enc_end(&e, 4, "setIndexer", &err), &err, "setIndexer");
    e2e_need(t,
             cli_tx_send(&t->world.operator_key, &receipt, t->world.deployed.indexer_registry, 0,
                         eth_bin(&buf), &err),
             &err, "setIndexer");
}

static bool
is_live(struct e2e *t, void *arg)
{
    (void)arg;
    return e2e_all_live(t, 0, 0);
}

/* Names, kinds and order are what scripts read. */
static void
schema_is_stable(struct clinic *c, const struct visit *v)
{
    static const char *const names[] = {"name", "outcome", "expected", "seen", "cause"};
    const json_t *checks = json_object_get(v->root, "checks"), *l;
    bool ok = json_integer_value(json_object_get(v->root, "schema")) == 1 &&
              json_is_string(json_object_get(v->root, "outcome")) &&
              json_integer_value(json_object_get(v->root, "status")) == v->status &&
              json_array_size(checks) == 26 && json_object_size(v->root) == 8;

    for (size_t i = 0; (l = json_array_get(checks, i)) != NULL; i++)
        for (size_t k = 0; k < 5; k++)
            ok = ok && json_object_size(l) == 5 && json_is_string(json_object_get(l, names[k]));
    e2e_check(c->t, ok, "the JSON has its schema", "%zu checks", json_array_size(checks));
}

static void
all_is_well(struct clinic *c)
{
    static const char *const paid[] = {"--paid", NULL};
    static const char *const shadow[] = {"--shadow", "http://127.0.0.1:9090/healthz", NULL};
    static struct visit v;

    visit(c, &v, NULL, paid);
    visit_is(c, &v, "a healthy node is all well", NULL, "ok");
    e2e_check(c->t, strcmp(visit_outcome(&v, "paymaster.stub"), "ok") == 0, "the paymaster too",
              "%s", visit_seen(&v, "paymaster.stub"));
    schema_is_stable(c, &v);
    visit_end(&v);
    visit(c, &v, NULL, shadow);
    visit_is(c, &v, "beside a running node", "shadow.record", "ok");
    e2e_check(c->t, strcmp(visit_outcome(&v, "paymaster.stub"), "skip") == 0,
              "nothing is paid unasked", "%s", visit_seen(&v, "paymaster.stub"));
    visit_end(&v);
    visit_page(c, &v, NULL);
    e2e_check(c->t, v.status == 0 && strchr(v.out, '\033') == NULL && strchr(v.out, '\r') == NULL,
              "no escape code through a pipe", "status %d", v.status);
    fputs(v.out, stdout);
}

/* `up` had it look once: nothing found in a healthy node's log. */
static bool
has_looked(struct e2e *t, void *arg)
{
    (void)t;
    return visit_log_has(arg, "doctor.done");
}

static void
up_has_it_look(struct clinic *c)
{
    e2e_check(c->t, e2e_until(c->t, has_looked, c, 20000) >= 0, "up had it look", "%s", "");
    e2e_check(c->t, !visit_log_has(c, "doctor.found"), "and it found nothing", "%s", "");
}

int
main(int argc, char **argv)
{
    static struct e2e t;
    struct clinic c = {.t = &t};

    e2e_open(&t, "doctor");
    c.node = e2e_add(&t);
    snprintf(c.folder, sizeof c.folder, "%s/doctor", t.dir);
    mkdir(c.folder, 0700);
    register_indexer(&t);
    e2e_start(&t, c.node);
    e2e_check(&t, e2e_until(&t, is_live, NULL, HEALTHY_MS) >= 0, "the node is healthy", "%s",
              e2e_watch(&t, c.node)->reason);
    up_has_it_look(&c);
    all_is_well(&c);
    breaks_together(&c);
    if (argc < 2 || strcmp(argv[1], "sample") != 0)
        breaks_each(&c);
    replay_each(&c, argc >= 2);
    return e2e_close(&t);
}
