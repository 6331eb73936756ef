/*  am_quote -- the strict reader of a TDX quote, version 4.
 *
 *  Trust:   the bytes are hostile; nothing here says who made them (am_quote_verify.h does).
 *  Pure; allocates nothing.
 *
 *  Source: dstack page 6.1; protocol page 6.4; Intel TDX DCAP quote generation library, appendix
 * A.3 SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_QUOTE_H
#define AM_QUOTE_H

#include "../base/am_bytes.h"

#define AM_QUOTE_MAX 16384         /* bytes of a quote; recorded ones have 5,006 */
#define AM_QUOTE_SIGNED_LEN 632    /* header 48 and TD report 584: what the attestation key signs */
#define AM_QUOTE_TEE_TDX 0x81      /* tee_type */
#define AM_QUOTE_QE_REPORT_LEN 384 /* an SGX report body */

/* name, offset, bytes: fields of the header that are no numbers */
#define AM_QUOTE_HEADER(X)                                                                         \
    X(qe_vendor_id, 12, 16)                                                                        \
    X(user_data, 28, 20)

/* name, offset, bytes: the TD report, in v1's names (`measurements`) and report_data */
#define AM_QUOTE_BODY(X)                                                                           \
    X(tee_tcb_svn, 48, 16)                                                                         \
    X(mr_seam, 64, 48)                                                                             \
    X(mr_signer_seam, 112, 48)                                                                     \
    X(seam_attributes, 160, 8)                                                                     \
    X(td_attributes, 168, 8)                                                                       \
    X(xfam, 176, 8)                                                                                \
    X(mrtd, 184, 48)                                                                               \
    X(mr_config_id, 232, 48)                                                                       \
    X(mr_owner, 280, 48)                                                                           \
    X(mr_owner_config, 328, 48)                                                                    \
    X(rtmr0, 376, 48)                                                                              \
    X(rtmr1, 424, 48)                                                                              \
    X(rtmr2, 472, 48)                                                                              \
    X(rtmr3, 520, 48)                                                                              \
    X(report_data, 568, 64)

struct am_quote { /* borrows from the bytes that were read */
    uint16_t version, attestation_key_type, qe_svn, pce_svn;
    uint32_t tee_type;
#define AM_QUOTE_POINTER(name, offset, bytes) const uint8_t *name;
    AM_QUOTE_HEADER(AM_QUOTE_POINTER)
    AM_QUOTE_BODY(AM_QUOTE_POINTER)
#undef AM_QUOTE_POINTER
    struct am_bin whole; /* what was read, padding included */
    struct am_bin signature_data;
};

/* The signature data: who vouches for the report, as type 6 holds it. */
struct am_quote_signature {         /* borrows as well */
    const uint8_t *signature;       /* 64: r, s of the attestation key over AM_QUOTE_SIGNED_LEN */
    const uint8_t *attestation_key; /* 64: x, y on P-256 */
    const uint8_t *qe_report;       /* AM_QUOTE_QE_REPORT_LEN */
    const uint8_t *qe_signature;    /* 64: r, s of the PCK key over the QE's report */
    struct am_bin qe_auth;
    struct am_str certificates; /* PEM: PCK, its issuer, root; the NUL at its end is left out */
};

/* Header, TD report, and the extent of the signature data.
 *
 * Out:     q      zero on failure
 * In:      bytes  what the guest agent, a node or a file gave.  Behind the signature data zeros may
 *                 follow (the kernel hands out whole buffers), nothing else: no key signs them
 * Returns: AM_OK
 *          AM_OUT_OF_RANGE      shorter than it says, or longer than AM_QUOTE_MAX
 *          AM_UNIMPLEMENTED     not version 4, not key type 2 (ECDSA on P-256), not TDX
 *          AM_INVALID_ARGUMENT  reserved bytes or padding that is not zero, or v1's mock quote */
int am_quote_parse(struct am_quote *q, struct am_bin bytes, struct am_error *err) AM_MUST_CHECK;

/* The signature data.  A simulator's quote has none: zeros.
 *
 * Out:     s      zero on failure
 * In:      data   signature_data of am_quote_parse; it must be used to its last byte
 * Returns: AM_OK
 *          AM_OUT_OF_RANGE      a length that leads outside, or bytes left over
 *          AM_UNIMPLEMENTED     certification data of another type than 6 with 5 inside
 *          AM_INVALID_ARGUMENT  all zero */
int am_quote_parse_signature(struct am_quote_signature *s, struct am_bin data,
                             struct am_error *err) AM_MUST_CHECK;

#endif
