/*  am_p256 -- ECDSA on P-256 with SHA-256 as Intel writes it: r, s and x, y, big-endian.  */
#include "am_p256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <string.h>

#define GROUP "prime256v1"

int
am_p256_key(EVP_PKEY **key, const uint8_t xy[static 64], struct am_error *err)
{
    uint8_t point[65] = {0x04};
    char group[] = GROUP;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    int r = AM_OK;

    *key = NULL;
    memcpy(point + 1, xy, 64);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        r = am_fail(err, AM_INVALID_ARGUMENT, "key: expected a point on P-256, got another one");
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return r;
}

bool
am_p256_is(const EVP_PKEY *key)
{
    char name[32] = "";

    return key != NULL && EVP_PKEY_get_group_name(key, name, sizeof name, NULL) == 1 &&
           strcmp(name, GROUP) == 0;
}

/* What OpenSSL reads.  Returns: its length, 0 when memory ran out; *der by OPENSSL_free. */
static int
to_der(uint8_t **der, const uint8_t sig[static 64])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
    int len = 0;

    *der = NULL;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* pair owns them now */
        len = i2d_ECDSA_SIG(pair, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return len > 0 ? len : 0;
}

int
am_p256_verify(EVP_PKEY *key, const uint8_t sig[static 64], struct am_bin message,
               struct am_error *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *der;
    int len = to_der(&der, sig), r = AM_OK;

    if (ctx == NULL || len == 0 || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestVerify(ctx, der, (size_t)len, message.p, message.len) != 1)
        r = am_fail(err, AM_UNAUTHENTICATED, "the signature does not verify");
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return r;
}
