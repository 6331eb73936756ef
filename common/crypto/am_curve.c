/*  am_curve -- Ed25519, X25519, sealed boxes, and comparison in constant time (libsodium).  */
#include "am_curve.h"

#include "../base/am_declassify.h"
#include "am_secp.h"

#include <sodium.h>
#include <string.h>

_Static_assert(AM_SEAL_EXTRA == crypto_box_SEALBYTES, "libsodium's sealed box");

int
am_ed25519_pub(uint8_t pub[static 32], const uint8_t seed[static 32], struct am_error *err)
{
    uint8_t key[crypto_sign_SECRETKEYBYTES];
    int rc = am_crypto_init(err);

    memset(pub, 0, 32);
    if (rc == AM_OK)
        (void)crypto_sign_seed_keypair(pub, key, seed);
    sodium_memzero(key, sizeof key);
    am_declassify(pub, 32);
    return rc;
}

int
am_ed25519_sign(uint8_t sig[static 64], const void *message, size_t len,
                const uint8_t seed[static 32], struct am_error *err)
{
    uint8_t pub[32];
    int rc = am_ed25519_pub(pub, seed, err);

    if (rc == AM_OK)
        return am_ed25519_sign_as(sig, message, len, seed, pub, err);
    memset(sig, 0, AM_ED25519_SIG_LEN);
    return rc;
}

int
am_ed25519_sign_as(uint8_t sig[static 64], const void *message, size_t len,
                   const uint8_t seed[static 32], const uint8_t pub[static 32],
                   struct am_error *err)
{
    uint8_t key[crypto_sign_SECRETKEYBYTES]; /* libsodium: the seed, then the public key */
    int rc = am_crypto_init(err);

    memset(sig, 0, AM_ED25519_SIG_LEN);
    memcpy(key, seed, crypto_sign_SEEDBYTES);
    memcpy(key + crypto_sign_SEEDBYTES, pub, crypto_sign_PUBLICKEYBYTES);
    if (rc == AM_OK)
        (void)crypto_sign_detached(sig, NULL, message, len, key);
    sodium_memzero(key, sizeof key);
    am_declassify(sig, AM_ED25519_SIG_LEN);
    return rc;
}

int
am_ed25519_verify(const uint8_t sig[static 64], const void *message, size_t len,
                  const uint8_t pub[static 32], struct am_error *err)
{
    int rc = am_crypto_init(err);

    if (rc == AM_OK && crypto_sign_verify_detached(sig, message, len, pub) != 0)
        rc = am_fail(err, AM_UNAUTHENTICATED,
                     "Ed25519 signature: expected one by the given key, got another");
    return rc;
}

int
am_x25519_pub(uint8_t pub[static 32], const uint8_t secret[static 32], struct am_error *err)
{
    int rc = am_crypto_init(err);

    memset(pub, 0, 32);
    if (rc != AM_OK)
        return rc;
    (void)crypto_scalarmult_base(pub, secret);
    am_declassify(pub, 32);
    if (am_is_zero(pub, 32))
        rc = am_fail(err, AM_INVALID_ARGUMENT, "X25519 secret: expected a usable scalar, got zero");
    return rc;
}

int
am_box_seal(uint8_t *out, size_t cap, size_t *out_len, const void *plain, size_t plain_len,
            const uint8_t to[static 32], struct am_error *err)
{
    int rc = am_crypto_init(err);

    *out_len = 0;
    if (rc != AM_OK)
        return rc;
    if (cap < AM_SEAL_EXTRA || plain_len > cap - AM_SEAL_EXTRA)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "sealed box: expected room for %zu + 48 bytes, got %zu", plain_len, cap);
    if (crypto_box_seal(out, plain, plain_len, to) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "sealed box: expected an X25519 key of full order, got a weak one");
    *out_len = plain_len + AM_SEAL_EXTRA;
    return AM_OK;
}

int
am_box_open(uint8_t *out, size_t cap, size_t *out_len, struct am_bin sealed,
            const uint8_t secret[static 32], struct am_error *err)
{
    uint8_t pub[32];
    size_t len = sealed.len - AM_SEAL_EXTRA;
    int closed, rc;

    *out_len = 0;
    if (sealed.len < AM_SEAL_EXTRA)
        return am_fail(err, AM_INVALID_ARGUMENT, "sealed box: expected at least 48 bytes, got %zu",
                       sealed.len);
    if (len > cap)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "sealed box: expected at most %zu + 48 bytes, got %zu", cap, sealed.len);
    rc = am_x25519_pub(pub, secret, err);
    if (rc != AM_OK)
        return rc;
    closed = crypto_box_seal_open(out, sealed.p, sealed.len, pub, secret);
    am_declassify(&closed, sizeof closed); /* whether it opens is no secret */
    if (closed != 0) {
        if (len > 0)
            sodium_memzero(out, len);
        return am_fail(err, AM_UNAUTHENTICATED,
                       "sealed box: expected one sealed to this key, got another or a damaged one");
    }
    *out_len = len;
    return AM_OK;
}

bool
am_ct_eq(const void *a, const void *b, size_t len)
{
    int differs = sodium_memcmp(a, b, len);

    am_declassify(&differs, sizeof differs); /* the answer is public, where they differ is not */
    return differs == 0;
}

void
am_wipe(void *p, size_t len)
{
    if (len > 0)
        sodium_memzero(p, len);
}
