/*  am_p256 -- ECDSA on P-256 with SHA-256 as Intel writes it: r, s and x, y, big-endian.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_P256_H
#define AM_P256_H

#include "../base/am_bytes.h"

#include <openssl/evp.h>

/* A public key from its coordinates.
 * Out:     key  owned by the caller (EVP_PKEY_free); NULL unless AM_OK
 * Returns: AM_OK, AM_INVALID_ARGUMENT (no point of the curve) */
int am_p256_key(EVP_PKEY **key, const uint8_t xy[static 64], struct am_error *err) AM_MUST_CHECK;

/* Is it a key on P-256 at all? */
bool am_p256_is(const EVP_PKEY *key);

/* Returns: AM_OK, AM_UNAUTHENTICATED (another key, other bytes, or r or s out of range) */
int am_p256_verify(EVP_PKEY *key, const uint8_t sig[static 64], struct am_bin message,
                   struct am_error *err) AM_MUST_CHECK;

#endif
