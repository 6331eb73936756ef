/*  sp_op -- pure: one user operation as a paymaster sees it: read from JSON, hashed, signed for.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_OP_H
#define SP_OP_H

#include "../../common/eth/eth_op.h"

#include <jansson.h>

#define SP_CALL_DATA_MAX 24576
#define SP_DATA_LEN (64 + 65) /* abi.encode(uint48 validUntil, uint48 validAfter), signature */

struct sp_op {
    uint8_t sender[20], nonce[32];
    uint8_t call_gas[32], verification_gas[32], pre_verification_gas[32];
    uint8_t max_fee[32], max_priority_fee[32];
    uint8_t paymaster_verification_gas[32], paymaster_post_op_gas[32];
    size_t call_data_len;
    uint8_t call_data[SP_CALL_DATA_MAX];
};

/* Read sender and callData alone; the rest is zero.
 * Returns: AM_OK, or AM_INVALID_ARGUMENT naming the field */
int sp_op_read_call(struct sp_op *op, const json_t *object, struct am_error *err) AM_MUST_CHECK;

/* Read an operation.  whole: every gas field must be there (pm_getPaymasterData); otherwise only
 * sender, nonce and callData are read and the rest is zero (pm_getPaymasterStubData).
 * Operations with a factory are refused: members are deployed by the operator.
 * Returns: AM_OK, or AM_INVALID_ARGUMENT naming the field
 * Source:  ERC-7677; EIP-4337 v0.7 */
int sp_op_read(struct sp_op *op, const json_t *object, bool whole,
               struct am_error *err) AM_MUST_CHECK;

/* The most that the paymaster can be charged for an operation, in gwei, rounded up; UINT64_MAX when
 * it is more.  Source: EntryPoint v0.7, _getRequiredPrefund */
uint64_t sp_op_gwei(const struct sp_op *op);

/* paymasterData that VerifyingPaymaster v0.7 accepts for exactly this operation.
 *
 * In:      key          32 bytes, the paymaster's verifyingSigner
 *          valid_until  seconds since 1970; valid_after is 0
 * Returns: AM_OK, AM_OUT_OF_RANGE (a gas value above 128 bits), AM_INVALID_ARGUMENT (key)
 * Source:  @account-abstraction/contracts 0.7.0, VerifyingPaymaster.getHash */
int sp_op_sign(uint8_t data[static SP_DATA_LEN], const struct sp_op *op,
               const uint8_t paymaster[static 20], uint64_t chain_id, uint64_t valid_until,
               const uint8_t key[static 32], struct am_error *err) AM_MUST_CHECK;

#endif
