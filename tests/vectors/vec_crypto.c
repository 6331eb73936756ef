/*  vec_crypto -- golden data of hashes, keys and sealed boxes.  */
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_word.h"
#include "../../common/wire/am_member.h"
#include "vec.h"

#include <string.h>

void
vec_keccak256(const json_t *c)
{
    struct am_bin in = vec_bin(c, "input");
    uint8_t hash[32], other[32], eip[32];

    am_keccak256(hash, in.p, in.len);
    vec_same(c, "keccak256", hash, 32);
    am_eip191_32(eip, hash);
    vec_same(c, "eip191", eip, 32);
    am_eip191(eip, hash, 32);
    vec_same(c, "eip191", eip, 32);
    for (size_t cut = 0; cut <= in.len; cut += in.len < 600 ? 1 : 97) {
        struct am_bin parts[] = {{in.p, cut}, {in.p + cut, in.len - cut}};

        am_keccak256_parts(other, parts, 2);
        CHECK(memcmp(other, hash, 32) == 0);
    }
    if (in.len > 0) {
        am_keccak256(other, in.p, in.len - 1);
        CHECK(memcmp(other, hash, 32) != 0);
    }
}

static void
check_address(const json_t *c, const char *key, const uint8_t address[static 20])
{
    char text[ETH_ADDRESS_TEXT];
    uint8_t back[20];

    eth_address_text(text, address);
    vec_same_text(c, key, text);
    CHECK(eth_address_read(back, am_str_of(text), key, NULL) == AM_OK);
    CHECK(memcmp(back, address, 20) == 0);
}

void
vec_identity(const json_t *c)
{
    uint8_t seed[32], pub[32], sec[33], full[65], back[33], address[20], sig[64], rec[65];

    vec_fixed(c, "identity_seed", seed, 32);
    CHECK(am_ed25519_pub(pub, seed, NULL) == AM_OK);
    vec_same(c, "ed25519_pub", pub, 32);
    CHECK(am_ed25519_sign(sig, "x", 1, seed, NULL) == AM_OK);
    CHECK(am_ed25519_verify(sig, "x", 1, pub, NULL) == AM_OK);
    CHECK(am_ed25519_verify(sig, "y", 1, pub, NULL) == AM_UNAUTHENTICATED);
    CHECK(am_x25519_pub(pub, seed, NULL) == AM_OK);
    vec_same(c, "x25519_pub", pub, 32);

    vec_fixed(c, "wireguard_seed", seed, 32);
    CHECK(am_x25519_pub(pub, seed, NULL) == AM_OK);
    vec_same(c, "wireguard_pub", pub, 32);

    vec_fixed(c, "binding_seed", seed, 32);
    CHECK(am_secp_pub(sec, seed, NULL) == AM_OK);
    vec_same(c, "binding_pub_compressed", sec, 33);
    CHECK(am_secp_expand(full, AM_BIN(sec), NULL) == AM_OK);
    CHECK(am_secp_compress(back, AM_BIN(full), NULL) == AM_OK && memcmp(back, sec, 33) == 0);
    CHECK(am_address_of_secret(address, seed, NULL) == AM_OK);
    check_address(c, "binding_address", address);
    CHECK(am_address_of_pub(address, AM_BIN(full), NULL) == AM_OK);
    check_address(c, "binding_address", address);
    CHECK(am_secp_sign(rec, pub, seed, AM_V_RECID, NULL) == AM_OK);
    CHECK(am_secp_recover(back, pub, rec, AM_V_RECID, NULL) == AM_OK && memcmp(back, sec, 33) == 0);
    CHECK(am_secp_recover(back, pub, rec, AM_V_ETH, NULL) == AM_INVALID_ARGUMENT);
    sec[0] = 0x05;
    CHECK(am_secp_expand(full, AM_BIN(sec), NULL) == AM_INVALID_ARGUMENT);
}

/* Nothing but the whole box opens: not a shorter one, not one with a byte changed. */
static void
check_damage(struct am_bin sealed, const uint8_t secret[static 32])
{
    static uint8_t copy[VEC_MAX], out[VEC_MAX];
    size_t len, step = sealed.len > 200 ? 13 : 1;

    for (size_t cut = 0; cut < sealed.len; cut += step)
        CHECK(am_box_open(out, sizeof out, &len, am_bin_of(sealed.p, cut), secret, NULL) != AM_OK);
    for (size_t i = 0; i < sealed.len; i += step) {
        memcpy(copy, sealed.p, sealed.len);
        copy[i] ^= 1;
        CHECK(am_box_open(out, sizeof out, &len, am_bin_of(copy, sealed.len), secret, NULL) ==
              AM_UNAUTHENTICATED);
    }
}

void
vec_sealed_box(const json_t *c)
{
    static uint8_t out[VEC_MAX], again[VEC_MAX];
    struct am_bin sealed = vec_bin(c, "sealed"), plain;
    uint8_t secret[32], pub[32];
    size_t len, again_len;

    vec_fixed(c, "secret", secret, 32);
    CHECK(am_x25519_pub(pub, secret, NULL) == AM_OK);
    vec_same(c, "public", pub, 32);
    if (!vec_true(c, "opens")) {
        CHECK(am_box_open(out, sizeof out, &len, sealed, secret, NULL) != AM_OK);
        return;
    }
    plain = vec_bin(c, "plaintext");
    CHECK(am_box_open(out, sizeof out, &len, sealed, secret, NULL) == AM_OK);
    CHECK(am_bin_eq(plain, am_bin_of(out, len)));
    CHECK(am_box_seal(again, sizeof again, &again_len, plain.p, plain.len, pub, NULL) == AM_OK);
    CHECK(again_len == plain.len + AM_SEAL_EXTRA);
    CHECK(am_box_open(out, sizeof out, &len, am_bin_of(again, again_len), secret, NULL) == AM_OK);
    CHECK(am_bin_eq(plain, am_bin_of(out, len)));
    check_damage(sealed, secret);
}

void
vec_shared_indexer_identity(const json_t *c)
{
    uint8_t csk[32], commitment[32], seed[32], pub[32], other[32];

    vec_fixed(c, "csk", csk, 32);
    am_csk_commitment(commitment, csk);
    vec_same(c, "commitment", commitment, 32);
    CHECK(am_indexer_seed(seed, csk, NULL) == AM_OK);
    vec_same(c, "seed", seed, 32);
    CHECK(am_ed25519_pub(pub, seed, NULL) == AM_OK);
    vec_same(c, "pubkey", pub, 32);
    csk[31] ^= 1;
    CHECK(am_indexer_seed(other, csk, NULL) == AM_OK && memcmp(other, seed, 32) != 0);
}
