/*  eth_op -- user operations of EntryPoint v0.7: packing and hash.
 *
 *  Source: EIP-4337 v0.7, protocol page 2.6
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_OP_H
#define ETH_OP_H

#include "eth_word.h"

extern const uint8_t eth_entry_point_v07[20];
/* keccak256 of its run-time code, the same on every chain. */
extern const uint8_t eth_entry_point_v07_code_hash[32];

/* PackedUserOperation without its signature.  am_bin members are borrowed. */
struct eth_op {
    uint8_t sender[20];
    uint8_t nonce[32]; /* key 24 bytes, sequence 8 bytes */
    struct am_bin init_code, call_data;
    uint8_t account_gas_limits[32]; /* verification 16, call 16 */
    uint8_t pre_verification_gas[32];
    uint8_t gas_fees[32]; /* max priority fee 16, max fee 16 */
    struct am_bin paymaster_and_data;
};

/* nonce = key (24 bytes), sequence */
void eth_op_nonce(uint8_t out[static 32], const uint8_t key[static 24], uint64_t sequence);

/* Two quantities of at most 128 bits in one word, high first: account_gas_limits from
 * (verificationGasLimit, callGasLimit), gas_fees from (maxPriorityFeePerGas, maxFeePerGas).
 * Returns: AM_OK, or AM_OUT_OF_RANGE */
int eth_op_pair(uint8_t out[static 32], const uint8_t high[static 32], const uint8_t low[static 32],
                const char *what, struct am_error *err) AM_MUST_CHECK;
/* The other way: each half as a word. */
void eth_op_unpair(uint8_t high[static 32], uint8_t low[static 32], const uint8_t pair[static 32]);

/* Append paymaster (20), verification gas (16), post-op gas (16), data.
 * Returns: AM_OK, AM_OUT_OF_RANGE (gas above 128 bits), AM_RESOURCE_EXHAUSTED (out->cap) */
int eth_op_paymaster(struct eth_buf *out, const uint8_t paymaster[static 20],
                     const uint8_t verification_gas[static 32],
                     const uint8_t post_op_gas[static 32], struct am_bin data,
                     struct am_error *err) AM_MUST_CHECK;
/* The other way: empty is AM_NOT_FOUND, 1..51 bytes AM_INVALID_ARGUMENT; data is borrowed. */
int eth_op_paymaster_split(uint8_t paymaster[static 20], uint8_t verification_gas[static 32],
                           uint8_t post_op_gas[static 32], struct am_bin *data,
                           struct am_bin paymaster_and_data, struct am_error *err) AM_MUST_CHECK;

/* userOpHash.  The owner signs am_eip191_32 of it, v 27/28. */
void eth_op_hash(uint8_t out[static 32], const struct eth_op *op,
                 const uint8_t entry_point[static 20], uint64_t chain_id);

#endif
