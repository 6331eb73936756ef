/*  evidence_made -- quotes signed by a root of our own, right but where the test wants them wrong.
 */
#include "evidence_made.h"

#include "../../common/crypto/am_hkdf.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t qe_signer[32] = {
    0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
    0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5};

static void
extend_by(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    AM_ASSERT(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void
extend_sgx(X509 *x)
{
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
    ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
    X509_EXTENSION *e;

    ASN1_OCTET_STRING_set(data, (const uint8_t *)"\x30\x00", 2);
    e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, data);
    AM_ASSERT(X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(data);
    ASN1_OBJECT_free(oid);
}

/* issuer NULL: of itself.  ca NULL: no CA. */
static X509 *
certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *by, const char *ca,
            int64_t from, int64_t to)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(x, issuer != NULL ? X509_get_subject_name(issuer) : subject);
    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from);
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)to);
    X509_set_pubkey(x, key);
    extend_by(x, x, NID_subject_key_identifier, "hash");
    extend_by(x, issuer != NULL ? issuer : x, NID_authority_key_identifier, "keyid:always");
    extend_by(x, x, NID_basic_constraints, ca != NULL ? ca : "critical,CA:FALSE");
    extend_by(x, x, NID_key_usage,
              ca != NULL ? "critical,keyCertSign,cRLSign,digitalSignature"
                         : "critical,digitalSignature,nonRepudiation");
    if (strstr(name, "PCK leaf") != NULL)
        extend_sgx(x);
    AM_ASSERT(X509_sign(x, by, EVP_sha256()) > 0);
    return x;
}

static void
sign(uint8_t out[static 64], EVP_PKEY *key, const void *p, size_t len)
{
    uint8_t der[80];
    const uint8_t *at = der;
    size_t der_len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *sig;

    AM_ASSERT(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, der, &der_len, p, len) == 1);
    EVP_MD_CTX_free(ctx);
    sig = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    AM_ASSERT(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
    ECDSA_SIG_free(sig);
}

static void
coordinates(uint8_t out[static 64], EVP_PKEY *key)
{
    uint8_t point[65];
    size_t len;

    AM_ASSERT(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &len) == 1 &&
              len == 65);
    memcpy(out, point + 1, 64);
}

static void
put(uint8_t *p, uint32_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* The chain as PEM into out, with its NUL.  Returns: bytes */
static size_t
chain(struct made *m, uint8_t *out, EVP_PKEY *pck)
{
    const int64_t day = 86400, from = MADE_NOW - 7300 * day, to = MADE_NOW + 7300 * day;
    EVP_PKEY *root_key = EVP_EC_gen("P-256"), *issuer_key = EVP_EC_gen("P-256");
    X509 *root = certificate(
        "root", root_key, NULL, root_key,
        m->root_for_none ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE,pathlen:1", from, to);
    X509 *issuer = certificate("issuer", issuer_key, m->issuer_signs_itself ? NULL : root,
                               m->issuer_signs_itself ? issuer_key : root_key,
                               m->issuer_is_no_ca     ? NULL
                               : m->issuer_not_strict ? "CA:TRUE,pathlen:0"
                                                      : "critical,CA:TRUE,pathlen:0",
                               m->future_issuer ? MADE_NOW + day : from, to);
    X509 *leaf = certificate(m->leaf_without_extension ? "TCB signing" : "PCK leaf", pck,
                             m->leaf_unnamed_issuer || m->leaf_skips_issuer ? root : issuer,
                             m->leaf_skips_issuer ? root_key : issuer_key,
                             m->leaf_is_ca ? "critical,CA:TRUE" : NULL, from,
                             m->expired_leaf ? MADE_NOW - day : to);
    BIO *bio = BIO_new(BIO_s_mem());
    uint8_t *der = NULL;
    char *pem;
    long len;
    int der_len = i2d_X509(root, &der);

    am_sha256(m->root, der, (size_t)der_len);
    OPENSSL_free(der);
    AM_ASSERT(PEM_write_bio_X509(bio, leaf) == 1 && PEM_write_bio_X509(bio, issuer) == 1 &&
              PEM_write_bio_X509(bio, root) == 1);
    len = BIO_get_mem_data(bio, &pem);
    memcpy(out, pem, (size_t)len);
    out[len] = '\0';
    BIO_free(bio);
    X509_free(leaf);
    X509_free(issuer);
    X509_free(root);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(root_key);
    return (size_t)len + 1;
}

static void
qe_report(struct made *m, uint8_t report[static 384], const uint8_t *key, const char *auth)
{
    uint8_t named[96];

    memset(report, 0, 384);
    report[48] = 0x15;
    report[56] = 0xe7;
    memcpy(report + 128, qe_signer, 32);
    report[256] = 2;
    memcpy(named, key, 64);
    memcpy(named + 64, auth, 32);
    am_sha256(report + 320, named, sizeof named);
    if (m->touch_qe != NULL)
        m->touch_qe(report);
}

void
made_quote(struct made *m)
{
    static const char auth[] = "quoting enclave's own 32 bytes..";
    EVP_PKEY *pck = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    uint8_t *q = m->bytes, *s = q + 636, *inner = s + 134;
    size_t pem = chain(m, inner + 488, pck);

    memset(q, 0, 48);
    q[0] = 4;
    q[2] = 2;
    q[4] = 0x81;
    put(q + 632, (uint32_t)(134 + 488 + pem), 4);
    if (m->touch_quote != NULL)
        m->touch_quote(q);
    sign(s, m->other_attestation_key ? other : key, q, AM_QUOTE_SIGNED_LEN);
    coordinates(s + 64, key);
    put(s + 128, 6, 2);
    put(s + 130, (uint32_t)(488 + pem), 4);
    qe_report(m, inner, s + 64, auth);
    sign(inner + 384, m->other_pck_key ? other : pck, inner, 384);
    put(inner + 448, 32, 2);
    memcpy(inner + 450, auth, 32);
    put(inner + 482, 5, 2);
    put(inner + 484, (uint32_t)pem, 4);
    m->len = 636 + 134 + 488 + pem;
    EVP_PKEY_free(pck);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void
sha384(uint8_t out[static 48], const void *p, size_t len)
{
    AM_ASSERT(EVP_Digest(p, len, out, NULL, EVP_sha384(), NULL) == 1);
}

void
made_digest(char out[static 97], const char *name, struct am_bin payload)
{
    uint8_t text[1024] = {1, 0, 0, 8, ':'}, digest[48];
    size_t n = strlen(name);

    AM_ASSERT(6 + n + payload.len <= sizeof text);
    memcpy(text + 5, name, n);
    text[5 + n] = ':';
    if (payload.len > 0)
        memcpy(text + 6 + n, payload.p, payload.len);
    sha384(digest, text, 6 + n + payload.len);
    am_hex(out, digest, 48);
}

char *
made_log(uint8_t rtmr[static 4][48], const uint8_t app_id[static 20],
         const uint8_t compose_hash[static 32])
{
    static const char kms[] = "{\"name\":\"kms\",\"id\":\"00\"}";
    const struct {
        const char *name;
        struct am_bin payload;
    } boot[] = {{"system-preparing", {NULL, 0}},
                {"app-id", {app_id, 20}},
                {"compose-hash", {compose_hash, 32}},
                {"key-provider", {(const uint8_t *)kms, sizeof kms - 1}},
                {"system-ready", {NULL, 0}}};
    json_t *events = json_array();
    uint8_t both[96];
    char digest[97], payload[257], *text;

    memset(rtmr, 0, 4 * 48);
    for (int i = 0; i < 4 + 5; i++) {
        bool runtime = i >= 4;
        int imr = runtime ? 3 : i % 3; /* RTMR0 has two */

        if (runtime)
            made_digest(digest, boot[i - 4].name, boot[i - 4].payload);
        else
            snprintf(digest, sizeof digest, "%096d", i + 1);
        am_hex(payload, runtime ? boot[i - 4].payload.p : NULL,
               runtime ? boot[i - 4].payload.len : 0);
        json_array_append_new(
            events, json_pack("{s:i, s:I, s:s, s:s, s:s}", "imr", imr, "event_type",
                              (json_int_t)(runtime ? 0x08000001 : 4), "digest", digest, "event",
                              runtime ? boot[i - 4].name : "", "event_payload", payload));
        memcpy(both, rtmr[imr], 48);
        AM_ASSERT(am_unhex(both + 48, 48, am_str_of(digest), "", NULL) == AM_OK);
        sha384(rtmr[imr], both, sizeof both);
    }
    text = json_dumps(events, JSON_COMPACT);
    json_decref(events);
    return text;
}

char *
made_answer(const struct made *m, const struct am_report_keys *keys, struct am_bin nonce,
            const char *log)
{
    static char quote[2 * AM_QUOTE_MAX + 1];
    char x[65], wg[65], ed[65], cluster[41], member[41], sent[2 * AM_NONCE_MAX + 1], *text;
    json_t *root;

    am_hex(quote, m->bytes, m->len);
    am_hex(x, keys->x_pub, 32);
    am_hex(wg, keys->wg_pub, 32);
    am_hex(ed, keys->ed25519_pub, 32);
    am_hex(cluster, keys->cluster, 20);
    am_hex(member, keys->member, 20);
    am_hex(sent, nonce.p, nonce.len);
    root = json_pack("{s:b, s:s, s:s, s:{s:s, s:s, s:s}, s:s?, s:{s:s}, s:s?}", "available", 1,
                     "cluster", cluster, "member_contract", member, "identity", "x_pub", x,
                     "wg_pub", wg, "ed25519_pub", ed, "nonce", nonce.len > 0 ? sent : NULL, "quote",
                     "bytes", quote, "event_log", log);
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}
