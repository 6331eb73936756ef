/*  eth_op -- user operations of EntryPoint v0.7: packing and hash.  */
#include "eth_op.h"

#include "../crypto/am_keccak.h"
#include "eth_abi.h"

#include <string.h>

#define PAYMASTER_HEAD 52 /* address 20, two gas limits of 16 */

const uint8_t eth_entry_point_v07[20] = {0x00, 0x00, 0x00, 0x00, 0x71, 0x72, 0x7d,
                                         0xe2, 0x2e, 0x5e, 0x9d, 0x8b, 0xaf, 0x0e,
                                         0xda, 0xc6, 0xf3, 0x7d, 0xa0, 0x32};
const uint8_t eth_entry_point_v07_code_hash[32] = {
    0x8d, 0xb5, 0xff, 0x69, 0x58, 0x39, 0xd6, 0x55, 0x40, 0x7c, 0xc8, 0x49, 0x0b, 0xb7, 0xa5, 0xd8,
    0x23, 0x37, 0xa8, 0x6a, 0x6b, 0x39, 0xc3, 0xf0, 0x25, 0x8a, 0xa6, 0xc3, 0xb5, 0x82, 0xfc, 0x58};

void
eth_op_nonce(uint8_t out[static 32], const uint8_t key[static 24], uint64_t sequence)
{
    memcpy(out, key, 24);
    am_be64(out + 24, sequence);
}

int
eth_op_pair(uint8_t out[static 32], const uint8_t high[static 32], const uint8_t low[static 32],
            const char *what, struct am_error *err)
{
    uint8_t both[32];

    memcpy(both, high + 16, 16);
    memcpy(both + 16, low + 16, 16);
    if (!am_is_zero(high, 16) || !am_is_zero(low, 16)) {
        memset(out, 0, 32);
        return am_fail(err, AM_OUT_OF_RANGE,
                       "%s: expected two numbers below 2^128, got a larger one", what);
    }
    memcpy(out, both, 32);
    return AM_OK;
}

void
eth_op_unpair(uint8_t high[static 32], uint8_t low[static 32], const uint8_t pair[static 32])
{
    uint8_t both[32];

    memcpy(both, pair, 32);
    memset(high, 0, 32);
    memset(low, 0, 32);
    memcpy(high + 16, both, 16);
    memcpy(low + 16, both + 16, 16);
}

int
eth_op_paymaster(struct eth_buf *out, const uint8_t paymaster[static 20],
                 const uint8_t verification_gas[static 32], const uint8_t post_op_gas[static 32],
                 struct am_bin data, struct am_error *err)
{
    uint8_t limits[32];
    size_t start = out->len;
    struct eth_enc e;
    int rc = eth_op_pair(limits, verification_gas, post_op_gas, "paymaster gas limits", err);

    if (rc != AM_OK)
        return rc;
    eth_enc_start(&e, out);
    eth_enc_bin(&e, paymaster, 20);
    eth_enc_bin(&e, limits, sizeof limits);
    eth_enc_bin(&e, data.p, data.len);
    return eth_enc_end(&e, start, "paymasterAndData", err);
}

int
eth_op_paymaster_split(uint8_t paymaster[static 20], uint8_t verification_gas[static 32],
                       uint8_t post_op_gas[static 32], struct am_bin *data,
                       struct am_bin paymaster_and_data, struct am_error *err)
{
    memset(paymaster, 0, 20);
    memset(verification_gas, 0, 32);
    memset(post_op_gas, 0, 32);
    *data = (struct am_bin){NULL, 0};
    if (paymaster_and_data.len == 0)
        return am_fail(err, AM_NOT_FOUND, "paymasterAndData: expected a paymaster, got none");
    if (paymaster_and_data.len < PAYMASTER_HEAD)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "paymasterAndData: expected at least 52 bytes, got %zu",
                       paymaster_and_data.len);
    memcpy(paymaster, paymaster_and_data.p, 20);
    eth_op_unpair(verification_gas, post_op_gas, paymaster_and_data.p + 20);
    *data =
        am_bin_of(paymaster_and_data.p + PAYMASTER_HEAD, paymaster_and_data.len - PAYMASTER_HEAD);
    return AM_OK;
}

void
eth_op_hash(uint8_t out[static 32], const struct eth_op *op, const uint8_t entry_point[static 20],
            uint64_t chain_id)
{
    uint8_t words[8][32], outer[3][32];

    eth_word_address(words[0], op->sender);
    memcpy(words[1], op->nonce, 32);
    am_keccak256(words[2], op->init_code.p, op->init_code.len);
    am_keccak256(words[3], op->call_data.p, op->call_data.len);
    memcpy(words[4], op->account_gas_limits, 32);
    memcpy(words[5], op->pre_verification_gas, 32);
    memcpy(words[6], op->gas_fees, 32);
    am_keccak256(words[7], op->paymaster_and_data.p, op->paymaster_and_data.len);
    am_keccak256(outer[0], words, sizeof words);
    eth_word_address(outer[1], entry_point);
    eth_word_u64(outer[2], chain_id);
    am_keccak256(out, outer, sizeof outer);
}
