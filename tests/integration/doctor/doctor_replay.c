/*  doctor_replay -- the transcript: no secret in it, replayed alike, and broken on paper.
 *
 *  What no setting can break (a provider without archive, a stale head) is broken in a copy of the
 *  transcript, and rpc-double plays it.
 */
#include "doctor_visit.h"

#include "../../../common/base/am_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HOUR 3600
#define RPC_PORT "8601"
#define BUNDLER_PORT "8602"
#define INDEXER_PORT "8603"

static const char *const played[] = {"RPC_URL=http://127.0.0.1:" RPC_PORT,
                                     "BUNDLER_URL=http://127.0.0.1:" BUNDLER_PORT, NULL};

/* The recording itself: secrets in every place where a provider puts one. */
static void
record(struct clinic *c, const char *file)
{
    static const char *const settings[] = {
        "RPC_URL=http://127.0.0.1:8600/v2/rpc-path-secret-1111?key=rpc-query-secret-2222",
        "BUNDLER_URL=" DN_BUNDLER_URL "/rpc?apikey=bundler-query-secret-3333",
        "GAS_POLICY_ID=sp_policy-secret-4444", NULL};
    char program[600];
    const char *const front[] = {program, "8600", DN_RPC_URL, NULL}; /* takes any path */
    const char *const args[] = {"--paid", "--record", file, NULL};
    static struct visit v;
    struct stat st = {0};

    snprintf(program, sizeof program, "%s/rpc-double", c->t->bin);
    visit_start(c, front, "front");
    visit_awaits(c, "8600");
    visit(c, &v, settings, args);
    visit_stop_all(c);
    visit_is(c, &v, "a visit that is recorded", NULL, "ok");
    visit_end(&v);
    e2e_check(c->t, stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner's eyes",
              "mode %o", st.st_mode & 0777);
}

/* --shadow writes nothing: the two exclude each other. */
static void
shadow_records_nothing(struct clinic *c, const char *file)
{
    const char *const args[] = {"--shadow", "http://127.0.0.1:9090/healthz", "--record", file,
                                NULL};
    static struct visit v;
    struct stat st;

    visit(c, &v, NULL, args);
    e2e_check(c->t, v.status == 64 && stat(file, &st) != 0, "no transcript of a shadow visit",
              "status %d", v.status);
    visit_end(&v);
}

static void
no_secret(struct clinic *c, const char *file, json_t *transcript)
{
    static char text[262144];
    FILE *f = fopen(file, "re");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f != NULL)
        fclose(f);
    text[n] = '\0';
    e2e_check(c->t,
              n > 1000 && strstr(text, "secret") == NULL && strstr(text, "apikey") == NULL &&
                  strstr(text, "\"key\"") == NULL && strstr(text, "/v2") == NULL,
              "no path, query, policy or key in the transcript", "%zu bytes", n);
    e2e_check(c->t, strstr(text, "127.0.0.1:8600") != NULL, "hosts are kept", "%zu exchanges",
              json_array_size(json_object_get(transcript, "exchanges")));
}

/* ---- copies with one thing changed ---- */

static json_t *
find(json_t *transcript, const char *boundary, const char *method, const char *word)
{
    json_t *all = json_object_get(transcript, "exchanges"), *e;

    for (size_t i = 0; (e = json_array_get(all, i)) != NULL; i++) {
        const char *m = json_string_value(json_object_get(e, "method"));
        const char *b = json_string_value(json_object_get(e, "boundary"));
        char *params = json_dumps(json_object_get(e, "params"), JSON_COMPACT | JSON_ENCODE_ANY);
        bool hit = m != NULL && strcmp(m, method) == 0 && strcmp(b, boundary) == 0 &&
                   params != NULL && strstr(params, word) != NULL;

        free(params);
        if (hit)
            return e;
    }
    return NULL;
}

static void
to_error(json_t *e, const char *message)
{
    json_object_del(e, "result");
    json_object_set_new(e, "error", json_pack("{s:i, s:s}", "code", -32000, "message", message));
}

static void
as_it_was(struct clinic *c, json_t *t)
{
    (void)c, (void)t;
}

static void
moved(json_t *t, int64_t by)
{
    json_object_set_new(t, "recorded_at",
                        json_integer(json_integer_value(json_object_get(t, "recorded_at")) + by));
}

static void
head_an_hour_old(struct clinic *c, json_t *t)
{
    (void)c;
    moved(t, HOUR);
}

static void
head_in_the_future(struct clinic *c, json_t *t)
{
    (void)c;
    moved(t, -HOUR);
}

static void
narrow_range(struct clinic *c, json_t *t)
{
    (void)c;
    to_error(find(t, "rpc", "eth_getLogs", "fromBlock"), "query exceeds max block range 1000");
}

static void
no_archive(struct clinic *c, json_t *t)
{
    char old[ETH_QUANTITY_TEXT];

    eth_quantity_u64(old, c->t->world.deployed.start_block);
    to_error(find(t, "rpc", "eth_getCode", old), "missing trie node");
}

static void
other_entry_point(struct clinic *c, json_t *t)
{
    (void)c;
    json_object_set_new(
        find(t, "rpc", "eth_getCode", "71727de22e5e9d8baf0edac6f37da032\",\"latest"), "result",
        json_string("0x6001"));
}

/* aggregate3's last word is the last function's facet: nobody has allowedAppIds. */
static void
a_facet_less(struct clinic *c, json_t *t)
{
    json_t *e = find(t, "rpc", "eth_call", "82ad56cb");
    char *text = strdup(json_string_value(json_object_get(e, "result")));

    (void)c;
    memset(text + strlen(text) - 64, '0', 64);
    json_object_set_new(e, "result", json_string(text));
    free(text);
}

static void
another_chain(struct clinic *c, json_t *t)
{
    (void)c;
    json_object_set_new(find(t, "rpc", "eth_chainId", ""), "result", json_string("0x2105"));
}

static void
bundler_of_another_chain(struct clinic *c, json_t *t)
{
    (void)c;
    json_object_set_new(find(t, "bundler", "eth_chainId", ""), "result", json_string("0x2105"));
}

static void
refused_dummy(struct clinic *c, json_t *t)
{
    (void)c;
    to_error(find(t, "bundler", "eth_estimateUserOperationGas", ""),
             "UserOperation reverted during simulation with reason: AA23 reverted 0xf645eedf");
}

static void
breaks_on_paper(struct clinic *c, const json_t *transcript, size_t rows_to_try)
{
    static const struct {
        const char *what, *check, *outcome, *says;
        void (*change)(struct clinic *c, json_t *t);
    } rows[] = {
        {"replayed, all is well again", "rpc.head_age", "ok", "block", as_it_was},
        {"another chain", "rpc.chain_id", "fail", "chain id 8453", another_chain},
        {"a bundler of another chain", "bundler.entry_points", "fail", "chain 8453",
         bundler_of_another_chain},
        {"a head that stands still", "rpc.head_age", "fail", "does not move", head_an_hour_old},
        {"a clock that is behind", "clock.skew", "fail", "in our future", head_in_the_future},
        {"a narrow range", "rpc.range", "warn", "max block range 1000", narrow_range},
        {"no archive", "rpc.archive", "warn", "missing trie node", no_archive},
        {"another EntryPoint", "entry_point.code", "fail", "code hash 0x", other_entry_point},
        {"a facet less", "cluster.facets", "fail", "1 of 44 absent: allowedAppIds", a_facet_less},
        {"a bundler that refuses the dummy", "bundler.estimate", "fail", "AA23", refused_dummy},
    };
    static struct visit v;
    char file[700];

    snprintf(file, sizeof file, "%s/changed.json", c->folder);
    for (size_t i = 0; i < rows_to_try && i < sizeof rows / sizeof rows[0]; i++) {
        json_t *copy = json_deep_copy(transcript);

        rows[i].change(c, copy);
        json_dump_file(copy, file, 0);
        json_decref(copy);
        visit_replay(c, RPC_PORT, file, "rpc");
        visit_replay(c, BUNDLER_PORT, file, "bundler");
        visit(c, &v, played, NULL);
        visit_is(c, &v, rows[i].what, rows[i].check, rows[i].outcome);
        e2e_check(c->t, strstr(visit_seen(&v, rows[i].check), rows[i].says) != NULL,
                  "and the line says it", "%s", visit_seen(&v, rows[i].check));
        visit_end(&v);
        visit_stop_all(c);
    }
}

/* An indexer's /status, as a transcript has it. */
static void
indexers(struct clinic *c)
{
    static const char *const args[] = {"--indexer", "http://127.0.0.1:" INDEXER_PORT, NULL};
    static const struct {
        const char *what;
        char key;
        const char *outcome;
    } rows[] = {{"the indexer of the record", '5', "ok"}, {"another indexer", '6', "fail"}};
    static struct visit v;
    char file[700], key[67] = "0x", code[67] = "0x";

    snprintf(file, sizeof file, "%s/indexer.json", c->folder);
    memset(code + 2, '1', 64);
    for (size_t i = 0; i < 2; i++) {
        json_t *t;

        for (size_t k = 0; k < 64; k += 2) {
            key[2 + k] = rows[i].key;
            key[3 + k] = 'a';
        }
        t = json_pack("{s:i, s:I, s:[{s:s, s:s, s:i, s:{s:i, s:s, s:s}}]}", "transcript", 1,
                      "recorded_at", (json_int_t)(am_wall_ms() / 1000), "exchanges", "boundary",
                      "indexer", "get", "/status", "status", 200, "body", "chainId", DN_CHAIN_ID,
                      "pubKey", key, "codeId", code);
        json_dump_file(t, file, 0);
        json_decref(t);
        visit_replay(c, INDEXER_PORT, file, "indexer");
        visit(c, &v, NULL, args);
        visit_is(c, &v, rows[i].what, "indexer.record", rows[i].outcome);
        visit_end(&v);
        visit_stop_all(c);
    }
}

void
replay_each(struct clinic *c, bool sample)
{
    char file[700];
    json_t *transcript;

    snprintf(file, sizeof file, "%s/transcript.json", c->folder);
    shadow_records_nothing(c, file);
    record(c, file);
    transcript = json_load_file(file, JSON_REJECT_DUPLICATES, NULL);
    e2e_check(c->t, json_is_object(transcript), "the transcript is JSON", "%s", file);
    no_secret(c, file, transcript);
    breaks_on_paper(c, transcript, sample ? 1 : SIZE_MAX);
    json_decref(transcript);
    if (!sample)
        indexers(c);
}
