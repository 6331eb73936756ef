/*  vec -- run golden data: load a file, walk its cases, compare, count.  */
#include "vec.h"

#include "../../common/eth/eth_word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *file;
    size_t index;            /* of the case */
    unsigned checks, failed; /* of this run */
} run;

static const struct {
    const char *file;
    void (*one)(const json_t *c);
} files[] = {
    {"keccak256", vec_keccak256},
    {"identity", vec_identity},
    {"sealed_box", vec_sealed_box},
    {"shared_indexer_identity", vec_shared_indexer_identity},
    {"member", vec_member},
    {"heartbeat", vec_heartbeat},
    {"peer_endpoint", vec_peer_endpoint},
    {"indexer_envelope", vec_indexer_envelope},
    {"registration", vec_registration},
    {"calldata", vec_calldata},
    {"events", vec_events},
    {"transaction", vec_transaction},
    {"userop", vec_userop},
};

void
vec_check(bool ok, const char *what)
{
    run.checks++;
    if (ok)
        return;
    run.failed++;
    fprintf(stderr, "%s case %zu: failed: %s\n", run.file, run.index, what);
}

const json_t *
vec_field(const json_t *c, const char *key)
{
    const json_t *v = json_object_get(c, key);

    if (v == NULL)
        vec_check(false, key);
    return v;
}

bool
vec_null(const json_t *c, const char *key)
{
    const json_t *v = json_object_get(c, key);

    return v == NULL || json_is_null(v);
}

bool
vec_true(const json_t *c, const char *key)
{
    const json_t *v = vec_field(c, key);

    vec_check(json_is_boolean(v), key);
    return json_is_true(v);
}

const char *
vec_text(const json_t *c, const char *key)
{
    const char *s = json_string_value(vec_field(c, key));

    if (s == NULL)
        vec_check(false, key);
    return s != NULL ? s : "";
}

struct am_bin
vec_hex(const json_t *value)
{
    static uint8_t ring[24][VEC_MAX];
    static size_t next;
    uint8_t *out = ring[next++ % 24];
    const char *s = json_string_value(value);
    struct am_error err = {0};
    size_t len = 0;

    if (s == NULL) {
        vec_check(false, "a hex string");
        return (struct am_bin){out, 0};
    }
    if (am_unhex_some(out, VEC_MAX, &len, am_str_of(s), "vector", &err) != AM_OK)
        vec_check(false, err.text);
    return (struct am_bin){out, len};
}

struct am_bin
vec_bin(const json_t *c, const char *key)
{
    return vec_hex(vec_field(c, key));
}

void
vec_fixed(const json_t *c, const char *key, uint8_t *out, size_t len)
{
    struct am_bin b = vec_bin(c, key);

    memset(out, 0, len);
    vec_check(b.len == len, key);
    if (b.len == len)
        memcpy(out, b.p, len);
}

void
vec_word(const json_t *c, const char *key, uint8_t out[static 32])
{
    const json_t *v = vec_field(c, key);
    const char *s = json_string_value(v);
    struct am_error err = {0};
    char again[ETH_QUANTITY_TEXT];

    memset(out, 0, 32);
    if (json_is_integer(v))
        eth_word_u64(out, (uint64_t)json_integer_value(v));
    else if (s != NULL && strncmp(s, "0x", 2) != 0) {
        char *end;

        eth_word_u64(out, strtoull(s, &end, 10));
        vec_check(*s != '\0' && *end == '\0', key);
    } else if (s == NULL || eth_quantity_read(out, am_str_of(s), key, &err) != AM_OK)
        vec_check(false, key);
    else { /* both directions */
        eth_quantity(again, out);
        vec_check(strcmp(again, s) == 0, key);
    }
}

uint64_t
vec_u64(const json_t *c, const char *key)
{
    uint8_t word[32];
    uint64_t v;

    vec_word(c, key, word);
    vec_check(eth_word_to_u64(&v, word, key, NULL) == AM_OK, key);
    return v;
}

void
vec_same(const json_t *c, const char *key, const void *got, size_t len)
{
    vec_check(am_bin_eq(vec_bin(c, key), am_bin_of(got, len)), key);
}

void
vec_same_text(const json_t *c, const char *key, const char *got)
{
    vec_check(strcmp(vec_text(c, key), got) == 0, key);
}

/* Every case of one file; returns how many there were. */
static size_t
run_file(const char *folder, size_t which)
{
    char path[4096];
    json_error_t err;
    json_t *root;
    const json_t *cases;
    const json_t *c;
    size_t i, count;

    snprintf(path, sizeof path, "%s/%s.json", folder, files[which].file);
    root = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
    if (root == NULL) {
        fprintf(stderr, "%s: expected JSON, got line %d: %s\n", path, err.line, err.text);
        exit(1);
    }
    cases = json_object_get(root, "cases");
    run.file = files[which].file;
    count = json_array_size(cases);
    json_array_foreach(cases, i, c)
    {
        run.index = i;
        files[which].one(c);
    }
    json_decref(root);
    return count;
}

int
main(int argc, char **argv)
{
    const char *folder = getenv("ATTESTMESH_VECTORS");
    size_t count = sizeof files / sizeof files[0], cases = 0, ran = 0;

    if (folder == NULL || *folder == '\0')
        folder = VEC_DIR;
    for (size_t i = 0; i < count; i++)
        if (argc < 2 || strcmp(argv[1], files[i].file) == 0) {
            size_t n = run_file(folder, i);

            if (n == 0) {
                fprintf(stderr, "%s: expected cases, got none\n", files[i].file);
                return 1;
            }
            cases += n;
            ran++;
        }
    if (ran == 0) {
        fprintf(stderr, "vectors: no file is named %s\n", argv[1]);
        return 1;
    }
    printf("vectors %s: %zu cases, %u checks, %u failed\n", argc < 2 ? "all" : argv[1], cases,
           run.checks, run.failed);
    return run.failed == 0 ? 0 : 1;
}
