/*  am_keccak -- Keccak-256 with the original padding, as Ethereum uses it (not SHA3-256).
 *
 *  Pure; allocates nothing; time depends on lengths only.  State that absorbed a secret is wiped
 *  by am_keccak_final.
 *
 *  Source: Keccak reference, rate 1088, capacity 512, domain bit 0x01.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_KECCAK_H
#define AM_KECCAK_H

#include "../base/am_bytes.h"

#define AM_KECCAK_LEN 32

struct am_keccak {
    uint64_t lane[25];
    size_t pos; /* bytes absorbed into the open block, 0..135 */
};

void am_keccak_init(struct am_keccak *k);
void am_keccak_update(struct am_keccak *k, const void *p,
                      size_t len);                                 /* p may be NULL if len is 0 */
void am_keccak_final(struct am_keccak *k, uint8_t out[static 32]); /* wipes *k */

/* One call for one piece of memory. */
void am_keccak256(uint8_t out[static 32], const void *p, size_t len);

/* The hash of the parts, one behind the other, with nothing between them. */
void am_keccak256_parts(uint8_t out[static 32], const struct am_bin *parts, size_t count);

/* EIP-191 personal message: keccak256(0x19 "Ethereum Signed Message:\n" <decimal length> message).
 * _32 is the form for a 32-byte digest: bind hash and userOpHash are signed so.
 * Source: https://eips.ethereum.org/EIPS/eip-191, version 0x45 */
void am_eip191(uint8_t out[static 32], const void *message, size_t len);
void am_eip191_32(uint8_t out[static 32], const uint8_t message[static 32]);

#endif
