/*  chain_draft -- a user operation while it is built: gas, fees and sponsor, to and from JSON.
 *
 *  What a bundler or paymaster answers is taken strictly and whole, or not at all.
 *
 *  Pure but for memory.  Source: ERC-4337 v0.7, ERC-7769 (bundler RPC), ERC-7677 (paymaster RPC),
 *  protocol page 2.6, 7.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_DRAFT_H
#define CHAIN_DRAFT_H

#include "chain_op.h"
#include "eth_json.h"
#include "eth_op.h"

#define CHAIN_PAYMASTER_DATA 1984 /* keyagent.sign_operation takes 2048 with the 52 in front */

/* 65 bytes of even hex, recoverable, low s: an account that recovers it does not revert. */
extern const uint8_t chain_dummy_signature[65];

/* Prove that of a dummy, before anything is asked with it: bundlers refuse odd hex, and an account
 * that recovers nobody reverts in every estimate.
 * Returns: AM_OK, AM_INVALID_ARGUMENT (its form, v, or high s), AM_UNAUTHENTICATED (recovers
 * nobody) */
int chain_dummy_check(const uint8_t *dummy, size_t len, struct am_error *err) AM_MUST_CHECK;

struct chain_draft {
    uint8_t sender[20], nonce[32];
    struct am_bin call_data; /* borrowed from the task */
    uint8_t call_gas[32], verification_gas[32], pre_verification_gas[32];
    uint8_t max_fee[32], max_priority_fee[32];
    bool estimated;           /* gas limits are known */
    bool sponsored, final;    /* final: the stub already is the real thing */
    bool paymaster_gas_known; /* the paymaster named its own limits */
    uint8_t paymaster[20], paymaster_verification_gas[32], paymaster_post_op_gas[32];
    uint8_t paymaster_data[CHAIN_PAYMASTER_DATA];
    size_t paymaster_data_len;
    uint8_t packed[CHAIN_PAYMASTER_DATA + 52]; /* behind eth_op.paymaster_and_data */
};

/* The operation as bundlers take it; gas limits are there once they are
 * known.
 * In:      signature  65 bytes
 * Returns: a new reference, or NULL when memory ran out */
json_t *chain_draft_json(const struct chain_draft *d, const uint8_t signature[static 65]);

/* The operation as EntryPoint hashes it.  op borrows from d.
 * Returns: AM_OK, AM_OUT_OF_RANGE (gas or fee above 128 bits) */
int chain_draft_pack(struct eth_op *op, struct chain_draft *d, struct am_error *err) AM_MUST_CHECK;

/* Fees: of pimlico_getUserOperationGasPrice ("standard"), of eth_feeHistory (the next block's base
 * fee twice, and the last reward), of eth_gasPrice.
 * Returns: AM_OK, AM_INVALID_ARGUMENT, AM_OUT_OF_RANGE (above 2^64 wei: no such price) */
int chain_draft_price_pimlico(struct chain_draft *d, const json_t *result,
                              struct am_error *err) AM_MUST_CHECK;
int chain_draft_price_history(struct chain_draft *d, const json_t *result,
                              struct am_error *err) AM_MUST_CHECK;
int chain_draft_price_plain(struct chain_draft *d, const json_t *result,
                            struct am_error *err) AM_MUST_CHECK;

/* Limits of eth_estimateUserOperationGas. */
int chain_draft_estimate(struct chain_draft *d, const json_t *result,
                         struct am_error *err) AM_MUST_CHECK;

/* pm_getPaymasterStubData (stub true) and pm_getPaymasterData. */
int chain_draft_paymaster(struct chain_draft *d, const json_t *result, bool stub,
                          struct am_error *err) AM_MUST_CHECK;

/* pm_sponsorUserOperation: limits and paymaster, all required; fees stay.
 * alchemy_requestGasAndPaymasterAndData: limits and fees required, the four paymaster fields all or
 * none: without them the account pays.  Source: protocol page 7.4 */
int chain_draft_sponsor(struct chain_draft *d, const json_t *result,
                        struct am_error *err) AM_MUST_CHECK;
int chain_draft_grant(struct chain_draft *d, const json_t *result,
                      struct am_error *err) AM_MUST_CHECK;

/* eth_getUserOperationReceipt. */
struct chain_receipt {
    bool success;
    uint64_t block, gas_used;
    uint8_t tx_hash[32];
    char revert[128]; /* success false: the error by name, as far as the receipt tells */
};
int chain_receipt_read(struct chain_receipt *out, const uint8_t user_op_hash[static 32],
                       const json_t *result, struct am_error *err) AM_MUST_CHECK;

/* One element of eth_getLogs as a UserOperationEvent of this sender and nonce.
 * Returns: AM_OK, AM_NOT_FOUND (another nonce), AM_INVALID_ARGUMENT */
int chain_event_read(struct chain_receipt *out, uint8_t user_op_hash[static 32],
                     const uint8_t sender[static 20], const uint8_t nonce[static 32],
                     const json_t *log, struct am_error *err) AM_MUST_CHECK;

#endif
