/*  am_pck -- the certificates of a quote: PCK certificate, its issuer, root.
 *
 *  Trust:   the text is hostile.  Exactly three certificates in this order and nothing beside them,
 *           each in DER form, on P-256, signed with SHA-256.
 *
 *  Source: Intel SGX PCK certificate specification 1.3; RFC 5280
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_PCK_H
#define AM_PCK_H

#include "../base/am_bytes.h"

#include <openssl/x509.h>

#define AM_PCK_CERTIFICATES 3 /* leaf, issuer, root */

struct am_pck {
    X509 *certificates[AM_PCK_CERTIFICATES];
    uint8_t root_sha256[32]; /* of the root's DER */
};

/* Read the three.
 * Out:     pck  to be released with am_pck_clear, also after a failure
 * Returns: AM_OK, AM_INVALID_ARGUMENT (PEM, base64, DER, a fourth or a missing one),
 *          AM_RESOURCE_EXHAUSTED */
int am_pck_read(struct am_pck *pck, struct am_str pem, struct am_error *err) AM_MUST_CHECK;
void am_pck_clear(struct am_pck *pck);

/* Each signed by the next, and the last by itself; names, key identifiers, key usage, CA flag,
 * path length, critical extensions.  The first is a PCK certificate (it has Intel's extension) and
 * no CA.  Not the dates, and not who the root is.
 * Returns: AM_OK, AM_UNAUTHENTICATED */
int am_pck_check_chain(const struct am_pck *pck, struct am_error *err) AM_MUST_CHECK;

/* In: sha256  of the DER of the root that is trusted
 * Returns: AM_OK, AM_UNAUTHENTICATED */
int am_pck_check_root(const struct am_pck *pck, const uint8_t sha256[static 32],
                      struct am_error *err) AM_MUST_CHECK;

/* In: now  seconds since 1970
 * Returns: AM_OK, AM_FAILED_PRECONDITION (not yet, or no longer, with the date) */
int am_pck_check_dates(const struct am_pck *pck, int64_t now, struct am_error *err) AM_MUST_CHECK;

#endif
