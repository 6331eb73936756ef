/*  test_crypto -- hashes, signatures, boxes: refusals first, then the published values.  */
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_hkdf.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct am_bin
hex(const char *text)
{
    static uint8_t ring[16][2048];
    static size_t next;
    uint8_t *out = ring[next++ % 16];
    size_t len;

    cr_assert_eq(am_unhex_some(out, 2048, &len, am_str_of(text), "test", NULL), AM_OK);
    return (struct am_bin){out, len};
}

static void
same(const void *got, size_t len, const char *want)
{
    char text[1024];

    am_hex(text, got, len);
    cr_assert_str_eq(text, want);
}

static const char ORDER[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
static const char ONE[] = "0000000000000000000000000000000000000000000000000000000000000001";
static const char HALF[] = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
static const char HALF_UP[] = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";
static const char ZERO[] = "0000000000000000000000000000000000000000000000000000000000000000";

static int
normalise(const char *r, const char *s, const char *v)
{
    char text[140];
    uint8_t out[65];
    int rc;

    snprintf(text, sizeof text, "%s%s%s", r, s, v);
    memset(out, 0xee, sizeof out);
    rc = am_sig_normalise(out, hex(text), "test", NULL);
    cr_assert(rc == AM_OK || am_is_zero(out, 65));
    cr_assert(rc != AM_OK || out[64] == 27 || out[64] == 28);
    return rc;
}

Test(signature, normalise_refuses_what_contracts_refuse)
{
    cr_assert_eq(normalise("", "", ""), AM_FAILED_PRECONDITION);
    cr_assert_eq(normalise(ONE, ONE, ""), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ONE, "0000"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ONE, "02"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ONE, "1a"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ONE, "1d"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ONE, "ff"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ZERO, ONE, "00"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ZERO, "00"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ORDER, ONE, "00"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, ORDER, "00"), AM_INVALID_ARGUMENT);
    cr_assert_eq(normalise(ONE, HALF_UP, "00"), AM_INVALID_ARGUMENT);
    /* dstack page 7, V-B "must be refused" */
    cr_assert_eq(normalise("4753cea786fe882ec17a1f75199d15f43e864286ddf1d599a901e503db787dc2",
                           "a37da37585da6583da902408a18b428b9287a4f66f845641d9aa95d78f94df4d",
                           "00"),
                 AM_INVALID_ARGUMENT);
}

Test(signature, normalise_takes_both_forms_of_v)
{
    cr_assert_eq(normalise(ONE, HALF, "00"), AM_OK);
    cr_assert_eq(normalise(ONE, HALF, "01"), AM_OK);
    cr_assert_eq(normalise(ONE, HALF, "1b"), AM_OK);
    cr_assert_eq(normalise(ONE, HALF, "1c"), AM_OK);
}

Test(secp, refuses_secrets_and_points_out_of_range)
{
    uint8_t pub[65], sig[65];

    cr_assert_eq(am_secp_pub(pub, hex(ZERO).p, NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(am_secp_pub_full(pub, hex(ORDER).p, NULL), AM_INVALID_ARGUMENT);
    cr_assert(am_is_zero(pub, 65));
    memset(sig, 1, sizeof sig);
    cr_assert_eq(am_secp_sign(sig, hex(ONE).p, hex(ORDER).p, AM_V_ETH, NULL), AM_INVALID_ARGUMENT);
    cr_assert(am_is_zero(sig, 65));
    for (size_t len = 0; len <= 66; len++) {
        uint8_t any[66] = {0x02};

        memcpy(any + 1, hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798").p,
               32);
        cr_assert_eq(am_secp_expand(pub, am_bin_of(any, len), NULL) == AM_OK, len == 33, "%zu",
                     len);
    }
    /* x = 5 is on no point of the curve */
    cr_assert_eq(
        am_secp_expand(
            pub, hex("020000000000000000000000000000000000000000000000000000000000000005"), NULL),
        AM_INVALID_ARGUMENT);
}

Test(secp, v_is_what_the_caller_says)
{
    uint8_t sig[65], pub[33], own[33];

    cr_assert_eq(am_secp_pub(own, hex(ONE).p, NULL), AM_OK);
    cr_assert_eq(am_secp_sign(sig, hex(HALF).p, hex(ONE).p, AM_V_ETH, NULL), AM_OK);
    cr_assert_eq(am_secp_recover(pub, hex(HALF).p, sig, AM_V_RECID, NULL), AM_INVALID_ARGUMENT);
    cr_assert(am_is_zero(pub, 33));
    cr_assert_eq(am_secp_recover(pub, hex(HALF).p, sig, AM_V_ETH, NULL), AM_OK);
    cr_assert_arr_eq(pub, own, 33);
    sig[64] = (uint8_t)(sig[64] - 27);
    cr_assert_eq(am_secp_recover(pub, hex(HALF).p, sig, AM_V_ETH, NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(am_secp_recover(pub, hex(HALF).p, sig, AM_V_RECID, NULL), AM_OK);
    cr_assert_arr_eq(pub, own, 33);
}

Test(secp, gives_the_published_addresses)
{
    /* protocol page 2.4: private keys 1, 2 and 3 */
    static const char *const want[] = {"7e5f4552091a69125d5dfcb7b8c2659029395bdf",
                                       "2b5ad5c4795c026514f8317c7a215e218dccd6cf",
                                       "6813eb9362372eef6200f3b1dbc3f819671cba69"};
    uint8_t secret[32] = {0}, address[20];

    for (uint8_t i = 0; i < 3; i++) {
        secret[31] = (uint8_t)(i + 1);
        cr_assert_eq(am_address_of_secret(address, secret, NULL), AM_OK);
        same(address, 20, want[i]);
    }
}

Test(keccak, equals_itself_at_every_block_edge)
{
    static uint8_t data[600];
    uint8_t whole[32], parts[32];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t len = 130; len <= 280; len++) {
        struct am_keccak k;

        am_keccak256(whole, data, len);
        am_keccak_init(&k);
        for (size_t i = 0; i < len; i++)
            am_keccak_update(&k, data + i, 1);
        am_keccak_final(&k, parts);
        cr_assert_arr_eq(whole, parts, 32);
        cr_assert(am_is_zero((const uint8_t *)&k, sizeof k));
    }
    am_keccak256(whole, NULL, 0);
    same(whole, 32, "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
}

Test(box, refuses_short_damaged_and_foreign)
{
    struct am_bin sealed =
        hex("50a61409b1ddd0325e9b16b700e719e9772c07000b1bd7786e907c653d20495db81e"
            "26eaaea60c6f7bf85c589d59ad59b9a9fdd481");
    uint8_t secret[32], out[5], weak[32] = {0}, big[64];
    size_t len = 9;

    memset(secret, 6, sizeof secret);
    for (size_t cut = 0; cut < sealed.len; cut++)
        cr_assert_neq(am_box_open(out, 5, &len, am_bin_of(sealed.p, cut), secret, NULL), AM_OK);
    cr_assert_eq(am_box_open(out, 4, &len, sealed, secret, NULL), AM_RESOURCE_EXHAUSTED);
    secret[0] ^= 8;
    cr_assert_eq(am_box_open(out, 5, &len, sealed, secret, NULL), AM_UNAUTHENTICATED);
    cr_assert(len == 0 && am_is_zero(out, 5));
    secret[0] ^= 8;
    cr_assert_eq(am_box_open(out, 5, &len, sealed, secret, NULL), AM_OK);
    cr_assert(len == 5 && memcmp(out, "hello", 5) == 0);
    cr_assert_eq(am_box_seal(big, 52, &len, "hello", 5, hex(ONE).p, NULL), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(am_box_seal(big, 64, &len, "hello", 5, weak, NULL), AM_INVALID_ARGUMENT);
}

Test(hkdf, refuses_too_much_and_gives_rfc5869_values)
{
    static uint8_t out[255 * 64 + 1];
    struct am_bin ikm = hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    struct am_bin none = {NULL, 0};

    cr_assert_eq(am_hkdf_sha256(out, 255 * 32 + 1, none, ikm, none, NULL), AM_OUT_OF_RANGE);
    cr_assert_eq(am_hkdf_sha512(out, 255 * 64 + 1, none, ikm, none, NULL), AM_OUT_OF_RANGE);
    cr_assert_eq(am_hkdf_sha512(out, 255 * 64, none, ikm, none, NULL), AM_OK);
    cr_assert_eq(am_hkdf_sha256(out, 42, hex("000102030405060708090a0b0c"), ikm,
                                hex("f0f1f2f3f4f5f6f7f8f9"), NULL),
                 AM_OK);
    same(out, 42,
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    cr_assert_eq(am_hkdf_sha256(out, 42, none, ikm, none, NULL), AM_OK);
    same(out, 42,
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

Test(ed25519, verifies_only_what_was_signed)
{
    uint8_t seed[32], pub[32], sig[64], again[64];

    memset(seed, 7, sizeof seed);
    cr_assert_eq(am_ed25519_pub(pub, seed, NULL), AM_OK);
    same(pub, 32, "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c");
    cr_assert_eq(am_ed25519_sign(sig, "abc", 3, seed, NULL), AM_OK);
    cr_assert_eq(am_ed25519_verify(sig, "abc", 3, pub, NULL), AM_OK);
    cr_assert_eq(am_ed25519_sign_as(again, "abc", 3, seed, pub, NULL), AM_OK);
    cr_assert_arr_eq(again, sig, 64);
    cr_assert_eq(am_ed25519_verify(sig, "ab", 2, pub, NULL), AM_UNAUTHENTICATED);
    for (size_t i = 0; i < 64; i++) {
        sig[i] ^= 1;
        cr_assert_eq(am_ed25519_verify(sig, "abc", 3, pub, NULL), AM_UNAUTHENTICATED);
        sig[i] ^= 1;
    }
    cr_assert_eq(am_x25519_pub(pub, seed, NULL), AM_OK);
    same(pub, 32, "13be4feaeaf204c7fd3358fc9c00721881d174278128227ec674f37f7fe97b6d");
}

Test(bytes, compare_and_wipe)
{
    uint8_t a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 5};

    cr_assert(!am_ct_eq(a, b, 4));
    cr_assert(am_ct_eq(a, b, 3));
    am_wipe(a, 4);
    cr_assert(am_is_zero(a, 4));
}

Test(sha256, gives_the_fips_value)
{
    uint8_t out[32];

    am_sha256(out, "abc", 3);
    same(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
