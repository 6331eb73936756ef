/*  test_keyagent_cache -- csk.v1 byte for byte, and every reason to ignore one.  */
#include "ka_cache.h"

#include "../../common/wire/am_cbor.h"
#include "../../common/wire/am_member.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* protocol page 3.4: wrap key 32 x 77, nonce 24 x 24, cluster 20 x 11, member 20 x 22, CSK 32 x 42
 */
static const char golden[] =
    "a66776657273696f6e0167636c757374657294111111111111111111111111111111111111"
    "11116f6d656d6265725f636f6e74726163749418221822182218221822182218221822182218221822182218221822"
    "1822182218221822182218226a636f6d6d69746d656e7498201818187418b918ac18fa18ca1838183a187618e818f7"
    "1825183b18db181818390218f31862185418b118e518e4185218ac18781822188d18b6183e189318f3656e6f6e6365"
    "98181824182418241824182418241824182418241824182418241824182418241824182418241824182418241824"
    "182418246a636970686572746578749830186118251877188c18820418c818cc18f01883188200183f183c18bd18fc"
    "18cd18c10f185d18df186418ae1875182418b21218e1181e1820188e186d188d1882188d18f90d181b18a7185018de"
    "1858183918540f18b618d018f2";

struct cached {
    uint8_t wrap[32], nonce[24], cluster[20], member[20], csk[32], commitment[32];
    struct ka_cache_scope scope;
    uint8_t file[KA_CACHE_MAX];
    size_t len;
    struct am_error err;
};

static void
open_cached(struct cached *c)
{
    memset(c, 0, sizeof *c);
    memset(c->wrap, 0x77, 32);
    memset(c->nonce, 0x24, 24);
    memset(c->cluster, 0x11, 20);
    memset(c->member, 0x22, 20);
    memset(c->csk, 0x42, 32);
    am_csk_commitment(c->commitment, c->csk);
    c->scope = (struct ka_cache_scope){c->cluster, c->member, c->commitment};
    cr_assert_eq(ka_cache_wrap(c->file, &c->len, &c->scope, c->nonce, c->wrap, c->csk, &c->err),
                 AM_OK, "%s", c->err.text);
}

static int
unwrap(struct cached *c, struct am_bin file)
{
    uint8_t out[32];
    int rc;

    memset(out, 0xee, sizeof out);
    memset(&c->err, 0, sizeof c->err);
    rc = ka_cache_unwrap(out, file, &c->scope, c->wrap, &c->err);
    cr_assert_arr_eq(out, rc == AM_OK ? c->csk : (const uint8_t[32]){0}, 32);
    cr_assert(rc == AM_OK || strstr(c->err.text, "csk.v1") != NULL, "%s", c->err.text);
    return rc;
}

static int
again(struct cached *c)
{
    return unwrap(c, am_bin_of(c->file, c->len));
}

Test(keyagent_cache, writes_and_reads_the_very_bytes_of_v1)
{
    struct cached c;
    char text[2 * KA_CACHE_MAX + 1];

    open_cached(&c);
    am_hex(text, c.file, c.len);
    cr_assert_str_eq(text, golden);
    cr_assert_eq(again(&c), AM_OK, "%s", c.err.text);
}

/* At each length the file ends too early, and with one byte more it does not end. */
Test(keyagent_cache, truncated_or_longer_is_refused)
{
    struct cached c;

    open_cached(&c);
    for (size_t n = 0; n < c.len; n++)
        cr_assert_eq(unwrap(&c, am_bin_of(c.file, n)), AM_INVALID_ARGUMENT, "%zu", n);
    c.file[c.len] = 0;
    cr_assert_eq(unwrap(&c, am_bin_of(c.file, c.len + 1)), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(c.err.text, "nothing behind the map"), "%s", c.err.text);
}

/* One bit of another value anywhere, and it is not a key.  The one flip that v1 reads the same
 * makes the name of a field a byte string. */
Test(keyagent_cache, each_flipped_byte_is_refused)
{
    struct cached c;

    open_cached(&c);
    for (size_t i = 0; i < c.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            c.file[i] ^= (uint8_t)(1 << bit);
            if (again(&c) == AM_OK)
                cr_assert((c.file[i] & 0xe0) == 0x40 && bit == 5, "byte %zu bit %d", i, bit);
            c.file[i] ^= (uint8_t)(1 << bit);
        }
}

Test(keyagent_cache, another_scope_or_key_is_named)
{
    struct cached c;
    uint8_t other[32];

    memset(other, 0x99, sizeof other);
    open_cached(&c);
    c.scope.cluster = other;
    cr_assert_eq(again(&c), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(c.err.text, "csk.v1 cluster: expected 0x9999"), "%s", c.err.text);
    c.scope.cluster = c.cluster;
    c.scope.member = other;
    cr_assert_eq(again(&c), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(c.err.text, "csk.v1 member_contract"), "%s", c.err.text);
    c.scope.member = c.member;
    c.scope.commitment = other;
    cr_assert_eq(again(&c), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(c.err.text, "csk.v1 commitment"), "%s", c.err.text);
    c.scope.commitment = c.commitment;
    c.wrap[31] ^= 1;
    cr_assert_eq(again(&c), AM_UNAUTHENTICATED);
    cr_assert_not_null(strstr(c.err.text, "wrapped"), "%s", c.err.text);
    c.wrap[31] ^= 1;
    cr_assert_eq(again(&c), AM_OK);
}

/* Wrapped well, but the key of another commitment: only its keccak tells. */
Test(keyagent_cache, a_key_that_is_not_the_commitments_is_refused)
{
    uint8_t lie[32], out[32];
    struct cached c;

    open_cached(&c);
    memset(lie, 0x43, sizeof lie);
    cr_assert_eq(ka_cache_wrap(c.file, &c.len, &c.scope, c.nonce, c.wrap, lie, NULL), AM_OK);
    cr_assert_eq(ka_cache_unwrap(out, am_bin_of(c.file, c.len), &c.scope, c.wrap, &c.err),
                 AM_UNAUTHENTICATED);
    cr_assert_not_null(strstr(c.err.text, "the key of its commitment"), "%s", c.err.text);
    cr_assert(am_is_zero(out, sizeof out));
}

/* The map of another writer: fields in any order, some left out or twice. */
static void
write_map(struct cached *c, const char *fields, unsigned version)
{
    uint8_t sealed[48] = {0};
    struct am_cbor_out o = {.p = c->file, .cap = sizeof c->file};

    am_cbor_map(&o, strlen(fields));
    for (const char *f = fields; *f != '\0'; f++) {
        const struct {
            char f;
            const char *name;
            const uint8_t *p;
            size_t len;
        } rows[] = {{'c', "cluster", c->cluster, 20},       {'m', "member_contract", c->member, 20},
                    {'k', "commitment", c->commitment, 32}, {'n', "nonce", c->nonce, 24},
                    {'t', "ciphertext", sealed, 48},        {'x', "unknown", c->nonce, 3}};

        if (*f == 'v') {
            am_cbor_key(&o, "version");
            am_cbor_uint(&o, version);
        }
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (rows[i].f == *f) {
                am_cbor_key(&o, rows[i].name);
                am_cbor_ints(&o, rows[i].p, rows[i].len);
            }
    }
    c->len = o.len;
}

Test(keyagent_cache, each_field_is_there_once)
{
    static const char all[] = "vcmknt";
    char some[16];
    struct cached c;

    for (size_t i = 0; i < sizeof all - 1; i++) {
        open_cached(&c);
        snprintf(some, sizeof some, "%.*s%s", (int)i, all, all + i + 1);
        write_map(&c, some, 1);
        cr_assert_eq(again(&c), AM_INVALID_ARGUMENT, "without %c", all[i]);
        open_cached(&c);
        snprintf(some, sizeof some, "%s%c", all, all[i]);
        write_map(&c, some, 1);
        cr_assert_eq(again(&c), AM_INVALID_ARGUMENT, "%c twice", all[i]);
        cr_assert_not_null(strstr(c.err.text, "each key once"), "%s", c.err.text);
    }
    open_cached(&c);
    write_map(&c, "xtnkmcv", 1); /* as far as the lock: order and strangers are no matter */
    cr_assert_eq(again(&c), AM_UNAUTHENTICATED, "%s", c.err.text);
    open_cached(&c);
    write_map(&c, all, 0);
    cr_assert_eq(again(&c), AM_UNIMPLEMENTED);
    cr_assert_not_null(strstr(c.err.text, "expected version 1, got 0"), "%s", c.err.text);
    write_map(&c, all, 2);
    cr_assert_eq(again(&c), AM_UNIMPLEMENTED);
}
