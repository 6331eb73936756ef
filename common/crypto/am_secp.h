/*  am_secp -- recoverable secp256k1: keys, addresses, signatures.
 *
 *  One library context for the process, made and randomised once; one thread uses it.  Secrets
 *  stay in the caller's memory; what is copied is wiped.  High-s signatures are refused
 *  everywhere, and which recovery byte is meant is always said by the caller.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_SECP_H
#define AM_SECP_H

#include "../base/am_bytes.h"

#define AM_SIG_LEN 65      /* r 32, s 32, v 1 */
#define AM_PUB_LEN 33      /* SEC1 compressed */
#define AM_PUB_FULL_LEN 65 /* SEC1 uncompressed, 0x04 first */
#define AM_ADDRESS_LEN 20

enum am_sig_v {
    AM_V_RECID, /* v is the recovery id: 0 or 1 (dstack) */
    AM_V_ETH,   /* v is 27 or 28 (ecrecover, OpenZeppelin, user operations) */
};

/* Prepare libsodium and the secp256k1 context.  Call once, early: after the sandbox is closed
 * only getrandom is needed.  Everything below calls it by itself when nobody did.
 * Returns: AM_OK, or AM_INTERNAL (no entropy, no memory) */
int am_crypto_init(struct am_error *err) AM_MUST_CHECK;

/* The public key of a secret.
 *
 * Out:     pub     compressed / uncompressed
 * In:      secret  32 bytes, big-endian scalar
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (zero, or not below the group order)
 */
int am_secp_pub(uint8_t pub[static 33], const uint8_t secret[static 32],
                struct am_error *err) AM_MUST_CHECK;
int am_secp_pub_full(uint8_t pub[static 65], const uint8_t secret[static 32],
                     struct am_error *err) AM_MUST_CHECK;

/* Another form of a public key.
 *
 * In:      pub     33 bytes (02/03), 65 bytes (04), or 64 bytes (x, y)
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (length, prefix, or a point that is not on the curve)
 */
int am_secp_compress(uint8_t out[static 33], struct am_bin pub, struct am_error *err) AM_MUST_CHECK;
int am_secp_expand(uint8_t out[static 65], struct am_bin pub, struct am_error *err) AM_MUST_CHECK;

/* The Ethereum address: last 20 bytes of keccak256(x, y).  Errors as above. */
int am_address_of_pub(uint8_t address[static 20], struct am_bin pub,
                      struct am_error *err) AM_MUST_CHECK;
int am_address_of_secret(uint8_t address[static 20], const uint8_t secret[static 32],
                         struct am_error *err) AM_MUST_CHECK;

/* Sign a digest: RFC 6979 nonce (HMAC-SHA-256), low s, reproducible bit for bit.
 *
 * Out:     sig     r, s, and v in the form that `v` names
 * In:      digest  32 bytes, made by the caller; never one that a peer chose
 * Returns: AM_OK, AM_INVALID_ARGUMENT (bad secret), AM_INTERNAL
 */
int am_secp_sign(uint8_t sig[static 65], const uint8_t digest[static 32],
                 const uint8_t secret[static 32], enum am_sig_v v,
                 struct am_error *err) AM_MUST_CHECK;

/* Who signed.
 *
 * In:      sig     r, s, v in exactly the form that `v` names; the other form is refused
 * Returns: AM_OK
 *          AM_INVALID_ARGUMENT  v of another form, r or s zero or too large, high s
 *          AM_UNAUTHENTICATED   nothing recovers from it
 */
int am_secp_recover(uint8_t pub[static 33], const uint8_t digest[static 32],
                    const uint8_t sig[static 65], enum am_sig_v v,
                    struct am_error *err) AM_MUST_CHECK;
int am_secp_recover_address(uint8_t address[static 20], const uint8_t digest[static 32],
                            const uint8_t sig[static 65], enum am_sig_v v,
                            struct am_error *err) AM_MUST_CHECK;

/* Give back the pages of the library's tables: to recover touches nearly a MiB of them, which a
 * process that recovers only at its start would keep.  Nothing is lost; the next use reads them
 * again.  A library that is linked statically is left alone. */
void am_secp_rest(void);

/* A signature as the guest agent gives it, made what contracts accept: v 0/1 becomes 27/28,
 * 27/28 stays.  Nothing is recovered here.
 *
 * Out:     out     all zero on failure
 * In:      sig     whatever arrived, any length
 *          what    names the boundary in the error, e.g. "/GetKey signature_chain[0]"
 * Returns: AM_OK
 *          AM_FAILED_PRECONDITION  empty: this guest agent has no KMS behind it
 *          AM_INVALID_ARGUMENT     not 65 bytes, v not 0, 1, 27 or 28, r or s zero or not below
 *                                  the group order, high s
 * Source:  protocol page 2.4; dstack page 1.3
 */
int am_sig_normalise(uint8_t out[static 65], struct am_bin sig, const char *what,
                     struct am_error *err) AM_MUST_CHECK;

#endif
