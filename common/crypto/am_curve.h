/*  am_curve -- Ed25519, X25519, sealed boxes, and comparison in constant time (libsodium).
 *
 *  Secrets are read from the caller's memory and never kept; expanded keys are wiped.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_CURVE_H
#define AM_CURVE_H

#include "../base/am_bytes.h"

#define AM_ED25519_SIG_LEN 64
#define AM_SEAL_EXTRA 48 /* bytes that a sealed box adds: ephemeral key 32, tag 16 */

/* Ed25519 (RFC 8032, pure) from a 32-byte seed. */
int am_ed25519_pub(uint8_t pub[static 32], const uint8_t seed[static 32],
                   struct am_error *err) AM_MUST_CHECK;
int am_ed25519_sign(uint8_t sig[static 64], const void *message, size_t len,
                    const uint8_t seed[static 32], struct am_error *err) AM_MUST_CHECK;
/* The same in half the time, for a caller who keeps what am_ed25519_pub said.
 * In:      pub     of this seed and never from outside: two signatures of one message under
 *                  different ones give the key away */
int am_ed25519_sign_as(uint8_t sig[static 64], const void *message, size_t len,
                       const uint8_t seed[static 32], const uint8_t pub[static 32],
                       struct am_error *err) AM_MUST_CHECK;

/* Returns: AM_OK, or AM_UNAUTHENTICATED */
int am_ed25519_verify(const uint8_t sig[static 64], const void *message, size_t len,
                      const uint8_t pub[static 32], struct am_error *err) AM_MUST_CHECK;

/* The X25519 public key of a secret scalar (clamped on use); WireGuard keys are these too.
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (the result is the all-zero point) */
int am_x25519_pub(uint8_t pub[static 32], const uint8_t secret[static 32],
                  struct am_error *err) AM_MUST_CHECK;

/* Seal for the holder of an X25519 key (crypto_box_seal).
 *
 * Out:     out     plain_len + AM_SEAL_EXTRA bytes; may not overlap plain
 *          out_len how many were written
 * In:      cap     size of out
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (cap), AM_INVALID_ARGUMENT (a key of small order)
 * Source:  protocol page 3.2
 */
int am_box_seal(uint8_t *out, size_t cap, size_t *out_len, const void *plain, size_t plain_len,
                const uint8_t to[static 32], struct am_error *err) AM_MUST_CHECK;

/* Open a sealed box with the X25519 secret it was sealed to; the public half is derived.
 *
 * Out:     out     sealed.len - AM_SEAL_EXTRA bytes; zero on failure
 * Returns: AM_OK, AM_INVALID_ARGUMENT (shorter than 48 bytes), AM_RESOURCE_EXHAUSTED (cap),
 *          AM_UNAUTHENTICATED (not sealed to this key, or damaged)
 */
int am_box_open(uint8_t *out, size_t cap, size_t *out_len, struct am_bin sealed,
                const uint8_t secret[static 32], struct am_error *err) AM_MUST_CHECK;

/* Equality in constant time, for anything secret or that proves something. */
bool am_ct_eq(const void *a, const void *b, size_t len);

/* Overwrite with zeros; the compiler may not leave it out. */
void am_wipe(void *p, size_t len);

#endif
