/*  am_quote_verify -- who signed a quote: attestation key, quoting enclave, PCK, Intel's root.  */
#include "am_quote_verify.h"

#include "../crypto/am_hkdf.h"
#include "am_p256.h"
#include "am_pck.h"

#include <string.h>

#define QE_ATTRIBUTES_AT 48
#define QE_MISCSELECT_AT 16
#define QE_MR_SIGNER_AT 128
#define QE_PRODUCT_AT 256
#define QE_REPORT_DATA_AT 320
#define QE_PRODUCT 2 /* the quoting enclave for TDs; 1 is the one for SGX */

const uint8_t am_intel_root[32] = {
    0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49, 0xe9, 0x5b, 0x80, 0x7a, 0x35,
    0x0e, 0x74, 0x24, 0x96, 0x43, 0x99, 0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3,
};

/* Intel's "TD_QE" enclave identity, the parts that do not change with its version: mrsigner,
 * isvprodid, miscselect, attributes under their mask.  The recorded quotes have the same. */
static const uint8_t qe_mr_signer[32] = {
    0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
    0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5,
};
static const uint8_t qe_attributes[8] = {0x11}; /* INIT, PROVISIONKEY; so not DEBUG (0x02) */
static const uint8_t qe_attributes_mask[8] = {0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* The PCK key signs for any enclave that may use the provisioning key, and whoever owns a machine
 * decides which may: without this check he could bring an enclave that signs whatever he likes. */
static int
check_qe_identity(const uint8_t *report, struct am_error *err)
{
    const uint8_t *attributes = report + QE_ATTRIBUTES_AT, *product = report + QE_PRODUCT_AT;

    if (memcmp(report + QE_MR_SIGNER_AT, qe_mr_signer, 32) != 0)
        return am_fail(err, AM_UNAUTHENTICATED, "quoting enclave: its signer is not Intel");
    if (product[0] != QE_PRODUCT || product[1] != 0)
        return am_fail(err, AM_UNAUTHENTICATED, "quoting enclave: expected product %d, got %d",
                       QE_PRODUCT, product[0] | product[1] << 8);
    if (!am_is_zero(report + QE_MISCSELECT_AT, 4))
        return am_fail(err, AM_UNAUTHENTICATED, "quoting enclave: expected miscselect 0");
    for (size_t i = 0; i < 8; i++)
        if ((attributes[i] & qe_attributes_mask[i]) != qe_attributes[i])
            return am_fail(err, AM_UNAUTHENTICATED,
                           "quoting enclave: byte %zu of its attributes is 0x%02x%s", i,
                           attributes[i], i == 0 && (attributes[0] & 2) != 0 ? ": debug" : "");
    return AM_OK;
}

/* report_data of the enclave = SHA-256(attestation key, authentication data), then zeros. */
static int
check_attestation_key(const struct am_quote_signature *s, struct am_error *err)
{
    uint8_t text[64 + UINT16_MAX], want[64] = {0};

    memcpy(text, s->attestation_key, 64);
    memcpy(text + 64, s->qe_auth.p, s->qe_auth.len);
    am_sha256(want, text, 64 + s->qe_auth.len);
    if (memcmp(want, s->qe_report + QE_REPORT_DATA_AT, 64) == 0)
        return AM_OK;
    return am_fail(err, AM_UNAUTHENTICATED, "quoting enclave: it vouches for another key");
}

static int
check_quote_signature(const struct am_quote *q, const struct am_quote_signature *s,
                      struct am_error *err)
{
    EVP_PKEY *key;
    int r = am_p256_key(&key, s->attestation_key, err);

    if (r == AM_OK)
        r = am_p256_verify(key, s->signature, am_bin_of(q->whole.p, AM_QUOTE_SIGNED_LEN), err);
    EVP_PKEY_free(key);
    return r;
}

static void
check_certificates(struct am_verdict *v, const struct am_quote_signature *s,
                   const uint8_t root[static 32], int64_t now)
{
    struct am_error err = {0};
    struct am_pck pck;
    int r = am_pck_read(&pck, s->certificates, &err);

    if (r != AM_OK) {
        am_verdict_judge(v, AM_CHECK_certificates, r, &err);
    } else {
        am_verdict_judge(v, AM_CHECK_certificates, am_pck_check_chain(&pck, &err), &err);
        am_verdict_judge(v, AM_CHECK_root, am_pck_check_root(&pck, root, &err), &err);
        am_verdict_judge(v, AM_CHECK_dates, am_pck_check_dates(&pck, now, &err), &err);
        am_verdict_judge(v, AM_CHECK_qe_signature,
                         am_p256_verify(X509_get0_pubkey(pck.certificates[0]), s->qe_signature,
                                        am_bin_of(s->qe_report, AM_QUOTE_QE_REPORT_LEN), &err),
                         &err);
    }
    am_pck_clear(&pck);
}

static void
check_td(struct am_verdict *v, const struct am_quote *q)
{
    bool intel = am_is_zero(q->mr_signer_seam, 48) && am_is_zero(q->seam_attributes, 8);

    /* TUD: any of these bits opens the TD. */
    if (q->td_attributes[0] == 0)
        am_verdict_set(v, AM_CHECK_debug, AM_PASSED, "%s", "");
    else
        am_verdict_set(v, AM_CHECK_debug, AM_REFUSED,
                       "td_attributes: expected 0x00 in the first byte, got 0x%02x",
                       q->td_attributes[0]);
    am_verdict_set(v, AM_CHECK_td_module, intel ? AM_PASSED : AM_REFUSED, "%s",
                   intel ? "" : "mr_signer_seam, seam_attributes: expected zeros");
}

void
am_quote_verify(struct am_verdict *v, const struct am_quote *q, const uint8_t root[static 32],
                int64_t now)
{
    struct am_quote_signature s;
    struct am_error err = {0};

    check_td(v, q);
    am_verdict_set(v, AM_CHECK_tcb, AM_NOT_DONE,
                   "Intel's TCB collateral (TCB info, QE identity, revocation lists) is not read");
    if (am_verdict_judge(v, AM_CHECK_signature_form,
                         am_quote_parse_signature(&s, q->signature_data, &err), &err) != AM_OK)
        return;
    check_certificates(v, &s, root, now);
    am_verdict_judge(v, AM_CHECK_qe_identity, check_qe_identity(s.qe_report, &err), &err);
    am_verdict_judge(v, AM_CHECK_attestation_key, check_attestation_key(&s, &err), &err);
    am_verdict_judge(v, AM_CHECK_quote_signature, check_quote_signature(q, &s, &err), &err);
}
