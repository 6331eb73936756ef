/*  am_quote_verify -- who signed a quote: attestation key, quoting enclave, PCK, Intel's root.
 *
 *  Pure: the time and the root are arguments.  What it does not know is whether the platform's
 *  firmware is current and whether a certificate was revoked: that is in Intel's TCB collateral,
 *  which nothing here reads.
 *
 *  Source: dstack page 6.3; Intel TDX DCAP quote generation library, appendix A.3
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_QUOTE_VERIFY_H
#define AM_QUOTE_VERIFY_H

#include "am_quote.h"
#include "am_verdict.h"

/* SHA-256 of the DER of Intel SGX Root CA, serial 22650cd65a9d3489f383b49552bf501b392706ac, valid
 * from 2018-05-21 to 2049-12-31.  Computed from the third certificate of all three recorded quotes,
 * and the same as that of the file which Intel publishes,
 * certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer */
extern const uint8_t am_intel_root[32];

/* Do the checks from `signature_form` to `td_module`.
 *
 * Out:     v     what cannot be done for want of an earlier one stays not done
 * In:      q     parsed
 *          root  SHA-256 of the trusted root's DER; am_intel_root but in tests
 *          now   seconds since 1970 */
void am_quote_verify(struct am_verdict *v, const struct am_quote *q, const uint8_t root[static 32],
                     int64_t now);

#endif
