/*  am_dstack -- dstack's key derivation and the two links of its KMS signature chain.
 *
 *  Source: dstack page 1.3, 3.1, 7
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_DSTACK_H
#define AM_DSTACK_H

#include "../base/am_bytes.h"

/* GetKey's 32 bytes: HKDF-SHA256(salt "RATLS", ikm = app key, info = path). */
int am_dstack_key(uint8_t out[static 32], const uint8_t app_key[static 32], struct am_str path,
                  struct am_error *err) AM_MUST_CHECK;
/* The app key that a KMS gives: HKDF-SHA256(salt "RATLS", ikm = root key, app id, "app-key"). */
int am_dstack_app_key(uint8_t out[static 32], const uint8_t root_key[static 32],
                      const uint8_t app_id[static 20], struct am_error *err) AM_MUST_CHECK;

/* Digest of signature_chain[0]: keccak256(purpose ":" hex of the public key's bytes).
 * In:      pub     33 bytes (secp256k1) or 32 bytes (ed25519)
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (another length) */
int am_dstack_app_digest(uint8_t out[static 32], struct am_str purpose, struct am_bin pub,
                         struct am_error *err) AM_MUST_CHECK;
/* Digest of signature_chain[1]: keccak256("dstack-kms-issued:" app id, app public key). */
void am_dstack_kms_digest(uint8_t out[static 32], const uint8_t app_id[static 20],
                          const uint8_t app_pub[static 33]);

/* Check a chain as the contract will, link by link.
 *
 * Out:     app_pub the app key, recovered from the first link
 *          root    address that signed the second; whether it is allowed is the caller's to ask
 *          app_sig, kms_sig   normalised to v 27/28
 * In:      pub     33 bytes, the derived key's own public half
 *          chain0, chain1   as the guest agent gave them, any length
 * Returns: AM_OK, what am_sig_normalise says, AM_UNAUTHENTICATED (nothing recovers)
 */
int am_dstack_chain(uint8_t app_pub[static 33], uint8_t root[static 20], uint8_t app_sig[static 65],
                    uint8_t kms_sig[static 65], struct am_str purpose, const uint8_t pub[static 33],
                    const uint8_t app_id[static 20], struct am_bin chain0, struct am_bin chain1,
                    struct am_error *err) AM_MUST_CHECK;

#endif
