/*  sp_auth -- whose request this is: the token of the URL, and Pimlico's signature.  */
#include "sp_auth.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DECODED_MAX 128 /* bytes of a decoded secret; its hex has twice as many digits */

bool
sp_token_is(const char *set, const char *came)
{
    uint8_t a[32], b[32];

    if (set == NULL || *set == '\0' || came == NULL)
        return false;
    crypto_hash_sha256(a, (const uint8_t *)set, strlen(set));
    crypto_hash_sha256(b, (const uint8_t *)came, strlen(came));
    return sodium_memcmp(a, b, sizeof a) == 0;
}

/* Base 57, leading '1's being leading zero bytes, as base-x does.  Length, or -1. */
static int
base57(uint8_t out[static DECODED_MAX], const char *text)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvxyz";
    uint8_t number[DECODED_MAX] = {0}; /* little-endian */
    size_t len = 0, zeros = strspn(text, "1");
    int r = -1;

    for (const char *p = text; *p != '\0'; p++) {
        const char *digit = strchr(alphabet, *p);
        uint32_t carry;

        if (digit == NULL)
            goto out;
        carry = (uint32_t)(digit - alphabet);
        for (size_t i = 0; i < len || carry != 0; i++) {
            if (i == DECODED_MAX)
                goto out;
            carry += 57u * number[i];
            number[i] = (uint8_t)carry;
            carry >>= 8;
            if (i == len)
                len++;
        }
    }
    if (zeros + len > DECODED_MAX)
        goto out;
    memset(out, 0, DECODED_MAX);
    for (size_t i = 0; i < len; i++)
        out[zeros + i] = number[len - 1 - i];
    r = (int)(zeros + len);
out:
    sodium_memzero(number, sizeof number);
    return r;
}

int
sp_pimlico_key(uint8_t key[static SP_PIMLICO_KEY_MAX], size_t *len, const char *secret,
               struct am_error *err)
{
    static const char *const prefixes[] = {"pim_whsec_", "whsec_"};
    uint8_t bytes[DECODED_MAX];
    char hex[2 * DECODED_MAX + 1];
    int count, r = AM_OK;

    *len = 0;
    memset(key, 0, SP_PIMLICO_KEY_MAX);
    for (size_t i = 0; i < 2; i++)
        if (strncmp(secret, prefixes[i], strlen(prefixes[i])) == 0)
            secret += strlen(prefixes[i]);
    count = base57(bytes, secret);
    if (count > 0) {
        am_hex(hex, bytes, (size_t)count);
        if (sodium_base642bin(key, SP_PIMLICO_KEY_MAX, hex, 2 * (size_t)count, NULL, len, NULL,
                              sodium_base64_VARIANT_ORIGINAL) != 0)
            count = -1;
    }
    if (count <= 0) {
        sodium_memzero(key, SP_PIMLICO_KEY_MAX);
        *len = 0;
        r = am_fail(err, AM_INVALID_ARGUMENT,
                    "PIMLICO_WEBHOOK_SECRET: expected pim_whsec_ and an even number of bytes in "
                    "Pimlico's base 57, at most %d",
                    DECODED_MAX);
    }
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(hex, sizeof hex);
    return r;
}

/* Whole seconds in decimal, within the tolerance of now. */
static bool
fresh(const char *text, uint64_t now)
{
    size_t len = strspn(text, "0123456789");
    uint64_t at;

    if (len == 0 || len > 12 || text[len] != '\0')
        return false;
    at = strtoull(text, NULL, 10);
    return (at > now ? at - now : now - at) <= SP_TIMESTAMP_S;
}

/* HMAC-SHA256 over "<id>.<timestamp>.<body>". */
static void
compute(char out[static SP_SIGNATURE_TEXT], const struct sp_signed *s, const uint8_t *key,
        size_t key_len)
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)s->id, strlen(s->id));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)s->timestamp, strlen(s->timestamp));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
    if (s->body.len > 0)
        crypto_auth_hmacsha256_update(&state, s->body.p, s->body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    memcpy(out, "v1,", 3);
    sodium_bin2base64(out + 3, SP_SIGNATURE_TEXT - 3, mac, sizeof mac,
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(&state, sizeof state);
}

/* Any of the space-separated signatures: a secret that is being rotated has two. */
static bool
one_is(const char *signatures, const char *computed)
{
    size_t wanted = strlen(computed);
    bool found = false;

    while (*signatures != '\0') {
        size_t len = strcspn(signatures, " ");

        if (len == wanted && sodium_memcmp(signatures, computed, len) == 0)
            found = true;
        signatures += len;
        signatures += strspn(signatures, " ");
    }
    return found;
}

const char *
sp_pimlico_check(char computed[static SP_SIGNATURE_TEXT], const struct sp_signed *s,
                 const uint8_t *key, size_t key_len, uint64_t now)
{
    computed[0] = '\0';
    if (s->id == NULL || s->timestamp == NULL || s->signatures == NULL)
        return "missing-headers";
    if (!fresh(s->timestamp, now))
        return "stale-timestamp";
    if (key_len == 0)
        return "secret-undecodable";
    compute(computed, s, key, key_len);
    return one_is(s->signatures, computed) ? NULL : "bad-signature";
}
