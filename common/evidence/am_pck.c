/*  am_pck -- the certificates of a quote: PCK certificate, its issuer, root.  */
#include "am_pck.h"

#include "../crypto/am_hkdf.h"
#include "am_p256.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"
#define DER_MAX 4096 /* Intel's have about 1,200 bytes */
#define SGX_EXTENSION "1.2.840.113741.1.13.1"

static const char *const roles[] = {"PCK certificate", "its issuer", "the root"};

/* One certificate's base64 off the front of *pem. */
static int
cut(struct am_str *pem, uint8_t der[static DER_MAX], size_t *len, const char *role,
    struct am_error *err)
{
    const char *end;

    if (pem->len < sizeof BEGIN - 1 || memcmp(pem->p, BEGIN, sizeof BEGIN - 1) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected a PEM certificate", role);
    pem->p += sizeof BEGIN - 1;
    pem->len -= sizeof BEGIN - 1;
    if ((end = memmem(pem->p, pem->len, END, sizeof END - 1)) == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: the PEM has no end", role);
    /* libsodium 1.0.18 reads the byte that is the complement of "A" as "A". */
    for (const char *p = pem->p; p < end; p++)
        if ((unsigned char)*p >= 0x80)
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected base64, got 0x%02x", role,
                           (unsigned char)*p);
    if (sodium_base642bin(der, DER_MAX, pem->p, (size_t)(end - pem->p), "\n", len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected base64 of at most %d bytes", role,
                       DER_MAX);
    pem->len -= (size_t)(end - pem->p) + sizeof END - 1;
    pem->p = end + sizeof END - 1;
    return AM_OK;
}

/* DER has one form for each value: what is written again must be what was read. */
static int
read_der(X509 **out, const uint8_t *der, size_t len, const char *role, struct am_error *err)
{
    const uint8_t *p = der;
    X509 *x = d2i_X509(NULL, &p, (long)len);
    uint8_t *again = NULL;
    int again_len = x != NULL ? i2d_X509(x, &again) : -1;
    bool same =
        again_len >= 0 && am_bin_eq(am_bin_of(again, (size_t)again_len), am_bin_of(der, len));

    OPENSSL_free(again);
    ERR_clear_error();
    *out = x;
    if (!same)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected an X.509 certificate in DER", role);
    if (!am_p256_is(X509_get0_pubkey(x)) || X509_get_signature_nid(x) != NID_ecdsa_with_SHA256)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected a key on P-256, signed with ECDSA and SHA-256", role);
    return AM_OK;
}

int
am_pck_read(struct am_pck *pck, struct am_str pem, struct am_error *err)
{
    uint8_t der[DER_MAX];
    size_t len = 0;
    int r;

    memset(pck, 0, sizeof *pck);
    for (size_t i = 0; i < AM_PCK_CERTIFICATES; i++)
        if ((r = cut(&pem, der, &len, roles[i], err)) != AM_OK ||
            (r = read_der(&pck->certificates[i], der, len, roles[i], err)) != AM_OK)
            return r;
    if (pem.len > 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "certificates: expected three and nothing behind, got %zu bytes", pem.len);
    am_sha256(pck->root_sha256, der, len);
    return AM_OK;
}

void
am_pck_clear(struct am_pck *pck)
{
    for (size_t i = 0; i < AM_PCK_CERTIFICATES; i++)
        X509_free(pck->certificates[i]);
    memset(pck, 0, sizeof *pck);
}

/* A certificate that Intel's root signs for another purpose may not vouch for an enclave. */
static int
check_leaf(X509 *leaf, struct am_error *err)
{
    ASN1_OBJECT *sgx = OBJ_txt2obj(SGX_EXTENSION, 1);
    bool has = sgx != NULL && X509_get_ext_by_OBJ(leaf, sgx, -1) >= 0;

    ASN1_OBJECT_free(sgx);
    if (!has)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "PCK certificate: expected Intel's extension " SGX_EXTENSION);
    if (X509_check_ca(leaf) != 0 || (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "PCK certificate: expected one for signatures, that is no CA");
    return AM_OK;
}

static bool
is_path(const struct am_pck *pck, STACK_OF(X509) * chain)
{
    for (int i = 0; i < AM_PCK_CERTIFICATES; i++)
        if (sk_X509_num(chain) != AM_PCK_CERTIFICATES ||
            X509_cmp(sk_X509_value(chain, i), pck->certificates[i]) != 0)
            return false;
    return true;
}

int
am_pck_check_chain(const struct am_pck *pck, struct am_error *err)
{
    const unsigned long flags =
        X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE | X509_V_FLAG_NO_CHECK_TIME;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    int r = AM_OK;

    if (store == NULL || ctx == NULL || between == NULL ||
        X509_STORE_add_cert(store, pck->certificates[2]) != 1 ||
        X509_STORE_set_flags(store, flags) != 1 ||
        sk_X509_push(between, pck->certificates[1]) < 1 ||
        X509_STORE_CTX_init(ctx, store, pck->certificates[0], between) != 1)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "certificates: libcrypto has no memory");
    else if (X509_verify_cert(ctx) != 1)
        r = am_fail(err, AM_UNAUTHENTICATED, "certificate %d of 3: %s",
                    X509_STORE_CTX_get_error_depth(ctx) + 1,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    else if (!is_path(pck, X509_STORE_CTX_get0_chain(ctx)))
        r = am_fail(err, AM_UNAUTHENTICATED, "certificates: each must be signed by the next");
    else
        r = check_leaf(pck->certificates[0], err);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(between);
    ERR_clear_error();
    return r;
}

int
am_pck_check_root(const struct am_pck *pck, const uint8_t sha256[static 32], struct am_error *err)
{
    char want[65], got[65];

    if (memcmp(pck->root_sha256, sha256, 32) == 0)
        return AM_OK;
    am_hex(want, sha256, 32);
    am_hex(got, pck->root_sha256, 32);
    return am_fail(err, AM_UNAUTHENTICATED, "root certificate: expected SHA-256 %s, got %s", want,
                   got);
}

static void
date_text(char out[static 21], const ASN1_TIME *when)
{
    struct tm tm = {0};

    if (ASN1_TIME_to_tm(when, &tm) != 1 || strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        memcpy(out, "an unreadable date", 19);
}

int
am_pck_check_dates(const struct am_pck *pck, int64_t now, struct am_error *err)
{
    time_t t = (time_t)now;
    char text[21];

    for (size_t i = 0; i < AM_PCK_CERTIFICATES; i++) {
        const ASN1_TIME *from = X509_get0_notBefore(pck->certificates[i]),
                        *to = X509_get0_notAfter(pck->certificates[i]);

        /* -1: before or at t; 1: after t; 0: unreadable */
        if (X509_cmp_time(from, &t) != -1) {
            date_text(text, from);
            return am_fail(err, AM_FAILED_PRECONDITION, "%s: not valid before %s", roles[i], text);
        }
        if (X509_cmp_time(to, &t) != 1) {
            date_text(text, to);
            return am_fail(err, AM_FAILED_PRECONDITION, "%s: expired at %s", roles[i], text);
        }
    }
    return AM_OK;
}
