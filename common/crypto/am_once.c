/*  am_once -- the one-time key that a secret is sealed to.  */
#include "am_once.h"

#include "../base/am_secret.h"

#include <sodium.h>

struct am_once {
    uint8_t public[crypto_box_PUBLICKEYBYTES];
    uint8_t secret[crypto_box_SECRETKEYBYTES];
};

int
am_once_make(struct am_once **once, struct am_bin *public, struct am_error *err)
{
    *public = (struct am_bin){NULL, 0};
    if ((*once = am_secret_alloc(sizeof **once, err)) == NULL)
        return AM_RESOURCE_EXHAUSTED;
    if (crypto_box_keypair((*once)->public, (*once)->secret) != 0) {
        am_once_free(once);
        return am_fail(err, AM_INTERNAL, "one-time key: expected a pair from libsodium, got none");
    }
    *public = AM_BIN((*once)->public);
    return AM_OK;
}

int
am_once_open(struct am_once *once, void **secret, size_t len, struct am_bin sealed,
             struct am_error *err)
{
    *secret = NULL;
    if (sealed.len != len + crypto_box_SEALBYTES)
        return am_fail(err, AM_OUT_OF_RANGE, "sealed reply: expected %zu bytes, got %zu",
                       len + crypto_box_SEALBYTES, sealed.len);
    if ((*secret = am_secret_alloc(len, err)) == NULL)
        return AM_RESOURCE_EXHAUSTED;
    if (crypto_box_seal_open(*secret, sealed.p, sealed.len, once->public, once->secret) != 0) {
        am_secret_free(secret);
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "sealed reply: expected it sealed to the key of the request, got another");
    }
    return AM_OK;
}

void
am_once_free(struct am_once **once)
{
    am_secret_free((void **)once);
}
