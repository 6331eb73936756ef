/*  am_secp -- recoverable secp256k1: keys, addresses, signatures.  */
#include "am_secp.h"

#include "../base/am_declassify.h"
#include "am_keccak.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <sodium.h>
#include <string.h>

static secp256k1_context *secp; /* made once, never freed: it lives as long as the process */

/* Half the group order: s above it is the high twin of a valid s.  SEC 2, 2.4.1 */
static const uint8_t half_order[32] = {
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

int
am_crypto_init(struct am_error *err)
{
    uint8_t seed[32];
    int ok;

    if (secp != NULL)
        return AM_OK;
    if (sodium_init() < 0)
        return am_fail(err, AM_INTERNAL, "libsodium: expected it to start, got a failure");
    secp = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    if (secp == NULL)
        return am_fail(err, AM_INTERNAL, "libsecp256k1: expected a context, got none");
    randombytes_buf(seed, sizeof seed);
    ok = secp256k1_context_randomize(secp, seed);
    sodium_memzero(seed, sizeof seed);
    if (ok != 1) {
        secp256k1_context_destroy(secp);
        secp = NULL;
        return am_fail(err, AM_INTERNAL, "libsecp256k1: expected blinding, got a failure");
    }
    return AM_OK;
}

static int
derive(secp256k1_pubkey *key, const uint8_t secret[static 32], struct am_error *err)
{
    int ok, rc = am_crypto_init(err);

    if (rc != AM_OK)
        return rc;
    ok = secp256k1_ec_pubkey_create(secp, key, secret);
    am_declassify(&ok, sizeof ok); /* whether it is a key at all is no secret */
    am_declassify(key, sizeof *key);
    if (ok != 1)
        return am_fail(
            err, AM_INVALID_ARGUMENT,
            "secp256k1 secret: expected 1 to the group order less 1, got another number");
    return AM_OK;
}

static int
parse(secp256k1_pubkey *key, struct am_bin pub, struct am_error *err)
{
    uint8_t full[AM_PUB_FULL_LEN];
    const uint8_t *p = pub.p;
    size_t len = pub.len;
    int rc = am_crypto_init(err);

    if (rc != AM_OK)
        return rc;
    if (len == 64) {
        full[0] = 0x04;
        memcpy(full + 1, p, 64);
        p = full;
        len = sizeof full;
    }
    /* The library also takes the hybrid prefixes 06 and 07; nobody here means those. */
    if ((len != AM_PUB_LEN && len != AM_PUB_FULL_LEN) || (len == AM_PUB_FULL_LEN && p[0] != 0x04))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "secp256k1 public key: expected 33, 64 or 65 bytes in SEC1 form, got %zu",
                       pub.len);
    if (secp256k1_ec_pubkey_parse(secp, key, p, len) != 1)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "secp256k1 public key: expected a point on the curve, got none");
    return AM_OK;
}

static void
serialize(uint8_t *out, size_t len, const secp256k1_pubkey *key)
{
    size_t n = len;

    (void)secp256k1_ec_pubkey_serialize(secp, out, &n, key,
                                        len == AM_PUB_LEN ? SECP256K1_EC_COMPRESSED
                                                          : SECP256K1_EC_UNCOMPRESSED);
}

static void
address_of(uint8_t address[static 20], const secp256k1_pubkey *key)
{
    uint8_t full[AM_PUB_FULL_LEN], hash[32];

    serialize(full, sizeof full, key);
    am_keccak256(hash, full + 1, 64);
    memcpy(address, hash + 12, 20);
}

int
am_secp_pub(uint8_t pub[static 33], const uint8_t secret[static 32], struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = derive(&key, secret, err);

    memset(pub, 0, AM_PUB_LEN);
    if (rc == AM_OK)
        serialize(pub, AM_PUB_LEN, &key);
    return rc;
}

int
am_secp_pub_full(uint8_t pub[static 65], const uint8_t secret[static 32], struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = derive(&key, secret, err);

    memset(pub, 0, AM_PUB_FULL_LEN);
    if (rc == AM_OK)
        serialize(pub, AM_PUB_FULL_LEN, &key);
    return rc;
}

int
am_secp_compress(uint8_t out[static 33], struct am_bin pub, struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = parse(&key, pub, err);

    memset(out, 0, AM_PUB_LEN);
    if (rc == AM_OK)
        serialize(out, AM_PUB_LEN, &key);
    return rc;
}

int
am_secp_expand(uint8_t out[static 65], struct am_bin pub, struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = parse(&key, pub, err);

    memset(out, 0, AM_PUB_FULL_LEN);
    if (rc == AM_OK)
        serialize(out, AM_PUB_FULL_LEN, &key);
    return rc;
}

int
am_address_of_pub(uint8_t address[static 20], struct am_bin pub, struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = parse(&key, pub, err);

    memset(address, 0, AM_ADDRESS_LEN);
    if (rc == AM_OK)
        address_of(address, &key);
    return rc;
}

int
am_address_of_secret(uint8_t address[static 20], const uint8_t secret[static 32],
                     struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = derive(&key, secret, err);

    memset(address, 0, AM_ADDRESS_LEN);
    if (rc == AM_OK)
        address_of(address, &key);
    return rc;
}

int
am_secp_sign(uint8_t sig[static 65], const uint8_t digest[static 32],
             const uint8_t secret[static 32], enum am_sig_v v, struct am_error *err)
{
    secp256k1_ecdsa_recoverable_signature made;
    int ok, recid = 0;
    int rc = am_crypto_init(err);

    memset(sig, 0, AM_SIG_LEN);
    if (rc != AM_OK)
        return rc;
    ok = secp256k1_ecdsa_sign_recoverable(secp, &made, digest, secret, NULL, NULL);
    am_declassify(&ok, sizeof ok); /* whether it is a key at all is no secret */
    am_declassify(&made, sizeof made);
    if (ok != 1)
        return am_fail(
            err, AM_INVALID_ARGUMENT,
            "secp256k1 secret: expected 1 to the group order less 1, got another number");
    (void)secp256k1_ecdsa_recoverable_signature_serialize_compact(secp, sig, &recid, &made);
    /* 2 and 3 mean that r overflowed the group order, about once in 2^127: no form can say it. */
    if (recid > 1) {
        memset(sig, 0, AM_SIG_LEN);
        return am_fail(err, AM_INTERNAL, "secp256k1 signature: expected recovery id 0 or 1, got %d",
                       recid);
    }
    sig[64] = (uint8_t)(recid + (v == AM_V_ETH ? 27 : 0));
    return AM_OK;
}

/* r and s in range, s low; `what` names the boundary. */
static int
check_rs(const uint8_t sig[static 65], const char *what, struct am_error *err)
{
    secp256k1_ecdsa_signature plain;
    int rc = am_crypto_init(err);

    if (rc != AM_OK)
        return rc;
    if (secp256k1_ecdsa_signature_parse_compact(secp, &plain, sig) != 1 || am_is_zero(sig, 32) ||
        am_is_zero(sig + 32, 32))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected r and s from 1 to the group order less 1, got another number",
                       what);
    if (memcmp(sig + 32, half_order, 32) > 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected a low s, got a high one", what);
    return AM_OK;
}

static int
recover(secp256k1_pubkey *key, const uint8_t digest[static 32], const uint8_t sig[static 65],
        enum am_sig_v v, struct am_error *err)
{
    secp256k1_ecdsa_recoverable_signature parsed;
    int base = v == AM_V_ETH ? 27 : 0;
    int recid = sig[64] - base;
    int rc = check_rs(sig, "secp256k1 signature", err);

    if (rc != AM_OK)
        return rc;
    if (recid != 0 && recid != 1)
        return am_fail(err, AM_INVALID_ARGUMENT, "secp256k1 signature: expected v %d or %d, got %u",
                       base, base + 1, sig[64]);
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(secp, &parsed, sig, recid) != 1 ||
        secp256k1_ecdsa_recover(secp, key, &parsed, digest) != 1)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "secp256k1 signature: expected a key to recover from it, got none");
    return AM_OK;
}

int
am_secp_recover(uint8_t pub[static 33], const uint8_t digest[static 32],
                const uint8_t sig[static 65], enum am_sig_v v, struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = recover(&key, digest, sig, v, err);

    memset(pub, 0, AM_PUB_LEN);
    if (rc == AM_OK)
        serialize(pub, AM_PUB_LEN, &key);
    return rc;
}

int
am_secp_recover_address(uint8_t address[static 20], const uint8_t digest[static 32],
                        const uint8_t sig[static 65], enum am_sig_v v, struct am_error *err)
{
    secp256k1_pubkey key;
    int rc = recover(&key, digest, sig, v, err);

    memset(address, 0, AM_ADDRESS_LEN);
    if (rc == AM_OK)
        address_of(address, &key);
    return rc;
}

int
am_sig_normalise(uint8_t out[static 65], struct am_bin sig, const char *what, struct am_error *err)
{
    int rc;

    memset(out, 0, AM_SIG_LEN);
    if (sig.len == 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "%s: expected a signature of 65 bytes, got an empty one; "
                       "this guest agent has no KMS behind it",
                       what);
    if (sig.len != AM_SIG_LEN)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected 65 bytes, got %zu", what, sig.len);
    if (sig.p[64] != 0 && sig.p[64] != 1 && sig.p[64] != 27 && sig.p[64] != 28)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected v 0, 1, 27 or 28, got %u", what,
                       sig.p[64]);
    rc = check_rs(sig.p, what, err);
    if (rc != AM_OK)
        return rc;
    memcpy(out, sig.p, AM_SIG_LEN);
    if (out[64] < 27)
        out[64] = (uint8_t)(out[64] + 27);
    return AM_OK;
}
