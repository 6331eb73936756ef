/*  am_hkdf -- HKDF (RFC 5869) over SHA-256 and SHA-512, and plain SHA-256.
 *
 *  Intermediate keys are wiped.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_HKDF_H
#define AM_HKDF_H

#include "../base/am_bytes.h"

/* Extract and expand.
 *
 * Out:     out     len bytes
 * In:      len     at most 255 hashes (8,160 or 16,320 bytes)
 *          salt    empty means the RFC's default: hash-length zeros
 * Returns: AM_OK, or AM_OUT_OF_RANGE (len)
 */
int am_hkdf_sha256(uint8_t *out, size_t len, struct am_bin salt, struct am_bin ikm,
                   struct am_bin info, struct am_error *err) AM_MUST_CHECK;
int am_hkdf_sha512(uint8_t *out, size_t len, struct am_bin salt, struct am_bin ikm,
                   struct am_bin info, struct am_error *err) AM_MUST_CHECK;

void am_sha256(uint8_t out[static 32], const void *p, size_t len);

#endif
