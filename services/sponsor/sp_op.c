/*  sp_op -- pure: one user operation as a paymaster sees it: read from JSON, hashed, signed for. */
#include "sp_op.h"

#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"

#include <string.h>

static int
text_of(struct am_str *out, const json_t *object, const char *name, struct am_error *err)
{
    const json_t *v = json_object_get(object, name);

    if (!json_is_string(v))
        return am_fail(err, AM_INVALID_ARGUMENT, "user operation %s: expected a hex string, got %s",
                       name, v == NULL ? "nothing" : "another type");
    *out = (struct am_str){json_string_value(v), json_string_length(v)};
    return AM_OK;
}

static int
quantity_of(uint8_t out[static 32], const json_t *object, const char *name, struct am_error *err)
{
    struct am_str text;
    int r = text_of(&text, object, name, err);

    return r != AM_OK ? r : eth_quantity_read(out, text, name, err);
}

static int
read_gas(struct sp_op *op, const json_t *object, struct am_error *err)
{
    const struct {
        uint8_t *at;
        const char *name;
    } gas[] = {
        {op->call_gas, "callGasLimit"},
        {op->verification_gas, "verificationGasLimit"},
        {op->pre_verification_gas, "preVerificationGas"},
        {op->max_fee, "maxFeePerGas"},
        {op->max_priority_fee, "maxPriorityFeePerGas"},
        {op->paymaster_verification_gas, "paymasterVerificationGasLimit"},
        {op->paymaster_post_op_gas, "paymasterPostOpGasLimit"},
    };
    int r = AM_OK;

    for (size_t i = 0; r == AM_OK && i < sizeof gas / sizeof gas[0]; i++)
        if ((r = quantity_of(gas[i].at, object, gas[i].name, err)) == AM_OK &&
            !am_is_zero(gas[i].at, 16)) /* EntryPoint packs them in halves of a word */
            r = am_fail(err, AM_INVALID_ARGUMENT, "user operation %s: expected at most 128 bits",
                        gas[i].name);
    return r;
}

int
sp_op_read_call(struct sp_op *op, const json_t *object, struct am_error *err)
{
    struct am_str text;
    size_t cap; /* that much is wiped first */
    int r;

    memset(op, 0, offsetof(struct sp_op, call_data));
    op->call_data_len = 0;
    if (!json_is_object(object))
        return am_fail(err, AM_INVALID_ARGUMENT, "user operation: expected an object");
    if ((r = text_of(&text, object, "sender", err)) != AM_OK ||
        (r = eth_address_read(op->sender, text, "sender", err)) != AM_OK ||
        (r = text_of(&text, object, "callData", err)) != AM_OK)
        return r;
    cap = text.len / 2 < sizeof op->call_data ? text.len / 2 : sizeof op->call_data;
    return am_unhex_some(op->call_data, cap, &op->call_data_len, text, "callData", err);
}

int
sp_op_read(struct sp_op *op, const json_t *object, bool whole, struct am_error *err)
{
    const json_t *factory = json_object_get(object, "factory");
    int r;

    if ((r = sp_op_read_call(op, object, err)) != AM_OK)
        return r;
    if (factory != NULL && !json_is_null(factory))
        return am_fail(err, AM_INVALID_ARGUMENT, "user operation factory: expected none");
    if ((r = quantity_of(op->nonce, object, "nonce", err)) != AM_OK)
        return r;
    return whole ? read_gas(op, object, err) : AM_OK;
}

/* The low 64 bits, or all ones when there are more. */
static uint64_t
saturated(const uint8_t word[static 32])
{
    return am_is_zero(word, 24) ? am_rd64(word + 24) : UINT64_MAX;
}

uint64_t
sp_op_gwei(const struct sp_op *op)
{
    const uint8_t *const limits[] = {op->call_gas, op->verification_gas, op->pre_verification_gas,
                                     op->paymaster_verification_gas, op->paymaster_post_op_gas};
    const uint64_t gwei = 1000000000;
    uint64_t gas = 0, fee = saturated(op->max_fee);

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t one = saturated(limits[i]);

        gas = one > UINT64_MAX - gas ? UINT64_MAX : gas + one;
    }
    if (gas == UINT64_MAX || fee == UINT64_MAX)
        return UINT64_MAX;
    if (gas == 0 || fee <= UINT64_MAX / gas)
        return gas * fee / gwei + (gas * fee % gwei != 0);
    fee = fee / gwei + 1; /* too much to be exact: rather more than less */
    return fee <= UINT64_MAX / gas ? gas * fee : UINT64_MAX;
}

static int
get_hash(uint8_t out[static 32], const struct sp_op *op, const uint8_t paymaster[static 20],
         uint64_t chain_id, uint64_t valid_until, struct am_error *err)
{
    uint8_t words[12][32];
    int r;

    memset(words, 0, sizeof words);
    eth_word_address(words[0], op->sender);
    memcpy(words[1], op->nonce, 32);
    am_keccak256(words[2], NULL, 0);
    am_keccak256(words[3], op->call_data, op->call_data_len);
    if ((r = eth_op_pair(words[4], op->verification_gas, op->call_gas, "gas limits", err)) !=
            AM_OK ||
        (r = eth_op_pair(words[5], op->paymaster_verification_gas, op->paymaster_post_op_gas,
                         "paymaster gas limits", err)) != AM_OK ||
        (r = eth_op_pair(words[7], op->max_priority_fee, op->max_fee, "gas fees", err)) != AM_OK)
        return r;
    memcpy(words[6], op->pre_verification_gas, 32);
    eth_word_u64(words[8], chain_id);
    eth_word_address(words[9], paymaster);
    eth_word_u64(words[10], valid_until);
    am_keccak256(out, words, sizeof words); /* words[11], validAfter, stays zero */
    return AM_OK;
}

int
sp_op_sign(uint8_t data[static SP_DATA_LEN], const struct sp_op *op,
           const uint8_t paymaster[static 20], uint64_t chain_id, uint64_t valid_until,
           const uint8_t key[static 32], struct am_error *err)
{
    uint8_t hash[32], digest[32];
    int r;

    memset(data, 0, SP_DATA_LEN);
    if ((r = get_hash(hash, op, paymaster, chain_id, valid_until, err)) != AM_OK)
        return r;
    am_eip191_32(digest, hash);
    if ((r = am_secp_sign(data + 64, digest, key, AM_V_ETH, err)) != AM_OK)
        return r;
    eth_word_u64(data, valid_until);
    return AM_OK;
}
