/*  am_hkdf -- HKDF (RFC 5869) over SHA-256 and SHA-512, and plain SHA-256.  */
#include "am_hkdf.h"

#include <sodium.h>
#include <string.h>

static void
hmac256(uint8_t *out, struct am_bin key, const struct am_bin *parts, size_t count)
{
    crypto_auth_hmacsha256_state st;

    (void)crypto_auth_hmacsha256_init(&st, key.p, key.len);
    for (size_t i = 0; i < count; i++)
        (void)crypto_auth_hmacsha256_update(&st, parts[i].p, parts[i].len);
    (void)crypto_auth_hmacsha256_final(&st, out);
    sodium_memzero(&st, sizeof st);
}

static void
hmac512(uint8_t *out, struct am_bin key, const struct am_bin *parts, size_t count)
{
    crypto_auth_hmacsha512_state st;

    (void)crypto_auth_hmacsha512_init(&st, key.p, key.len);
    for (size_t i = 0; i < count; i++)
        (void)crypto_auth_hmacsha512_update(&st, parts[i].p, parts[i].len);
    (void)crypto_auth_hmacsha512_final(&st, out);
    sodium_memzero(&st, sizeof st);
}

typedef void hmac_fn(uint8_t *out, struct am_bin key, const struct am_bin *parts, size_t count);

/* RFC 5869 2.2 and 2.3 with a hash of `size` bytes. */
static int
hkdf(hmac_fn *hmac, size_t size, uint8_t *out, size_t len, struct am_bin salt, struct am_bin ikm,
     struct am_bin info, struct am_error *err)
{
    static const uint8_t zeros[64];
    uint8_t prk[64], block[64];
    size_t have = 0; /* length of the block before */

    if (len > 255 * size)
        return am_fail(err, AM_OUT_OF_RANGE, "HKDF length: expected at most %zu bytes, got %zu",
                       255 * size, len);
    hmac(prk, salt.len > 0 ? salt : am_bin_of(zeros, size), &ikm, 1);
    for (size_t done = 0, i = 1; done < len; i++) {
        uint8_t counter = (uint8_t)i;
        struct am_bin parts[] = {{block, have}, info, {&counter, 1}};
        size_t n = len - done < size ? len - done : size;

        hmac(block, am_bin_of(prk, size), parts, 3);
        memcpy(out + done, block, n);
        done += n;
        have = size;
    }
    sodium_memzero(prk, sizeof prk);
    sodium_memzero(block, sizeof block);
    return AM_OK;
}

int
am_hkdf_sha256(uint8_t *out, size_t len, struct am_bin salt, struct am_bin ikm, struct am_bin info,
               struct am_error *err)
{
    return hkdf(hmac256, crypto_auth_hmacsha256_BYTES, out, len, salt, ikm, info, err);
}

int
am_hkdf_sha512(uint8_t *out, size_t len, struct am_bin salt, struct am_bin ikm, struct am_bin info,
               struct am_error *err)
{
    return hkdf(hmac512, crypto_auth_hmacsha512_BYTES, out, len, salt, ikm, info, err);
}

void
am_sha256(uint8_t out[static 32], const void *p, size_t len)
{
    (void)crypto_hash_sha256(out, p, len);
}
