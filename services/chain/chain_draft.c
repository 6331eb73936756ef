/*  chain_draft -- a user operation while it is built: gas, fees and sponsor, to and from JSON.  */
#include "chain_draft.h"

#include "am_secp.h"

#include <stdlib.h>
#include <string.h>

/* Recovers the address of private key 1 on any hash: protocol page 7.4. */
const uint8_t chain_dummy_signature[65] = {
    0x6f, 0x79, 0x00, 0x93, 0x46, 0xb9, 0x58, 0x97, 0x3a, 0x84, 0x81, 0xf6, 0x80,
    0xa4, 0x4b, 0x50, 0x75, 0xd5, 0x65, 0x62, 0xb3, 0x9a, 0xff, 0x21, 0x04, 0x39,
    0x53, 0x23, 0xb6, 0xbc, 0x66, 0x6a, 0x23, 0x02, 0xf4, 0xe1, 0x9a, 0x7d, 0xa1,
    0x3b, 0xef, 0x02, 0xc8, 0x66, 0x97, 0x1d, 0x5b, 0x35, 0xce, 0x8c, 0x0a, 0xd2,
    0x75, 0x42, 0xa1, 0xc4, 0x76, 0xe1, 0x03, 0xb9, 0x9a, 0x7b, 0x6c, 0xd6, 0x1b};

int
chain_dummy_check(const uint8_t *dummy, size_t len, struct am_error *err)
{
    static const uint8_t digest[32] = {1};
    uint8_t signer[20];

    if (len != 65)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "dummy signature: expected 65 bytes, got %zu: this is a bug", len);
    return am_secp_recover_address(signer, digest, dummy, AM_V_ETH, err);
}

static int
put(json_t *o, const char *key, json_t *value)
{
    return value == NULL || json_object_set_new(o, key, value) != 0;
}

json_t *
chain_draft_json(const struct chain_draft *d, const uint8_t signature[static 65])
{
    json_t *o = json_object();
    int bad = o == NULL;

    if (bad)
        return NULL;
    bad |= put(o, "sender", eth_json_of_data(d->sender, 20));
    bad |= put(o, "nonce", eth_json_of_word(d->nonce));
    bad |= put(o, "callData", eth_json_of_data(d->call_data.p, d->call_data.len));
    if (d->estimated) {
        bad |= put(o, "callGasLimit", eth_json_of_word(d->call_gas));
        bad |= put(o, "verificationGasLimit", eth_json_of_word(d->verification_gas));
        bad |= put(o, "preVerificationGas", eth_json_of_word(d->pre_verification_gas));
    }
    bad |= put(o, "maxFeePerGas", eth_json_of_word(d->max_fee));
    bad |= put(o, "maxPriorityFeePerGas", eth_json_of_word(d->max_priority_fee));
    bad |= put(o, "signature", eth_json_of_data(signature, 65));
    if (d->sponsored)
        bad |= put(o, "paymaster", eth_json_of_data(d->paymaster, 20));
    if (d->sponsored && (d->estimated || d->paymaster_gas_known)) {
        bad |= put(o, "paymasterVerificationGasLimit",
                   eth_json_of_word(d->paymaster_verification_gas));
        bad |= put(o, "paymasterPostOpGasLimit", eth_json_of_word(d->paymaster_post_op_gas));
    }
    if (d->sponsored)
        bad |= put(o, "paymasterData", eth_json_of_data(d->paymaster_data, d->paymaster_data_len));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

int
chain_draft_pack(struct eth_op *op, struct chain_draft *d, struct am_error *err)
{
    struct eth_buf packed = ETH_BUF(d->packed);
    int rc;

    *op = (struct eth_op){0};
    memcpy(op->sender, d->sender, 20);
    memcpy(op->nonce, d->nonce, 32);
    op->call_data = d->call_data;
    memcpy(op->pre_verification_gas, d->pre_verification_gas, 32);
    rc = eth_op_pair(op->account_gas_limits, d->verification_gas, d->call_gas, "gas limits", err);
    if (rc == AM_OK)
        rc = eth_op_pair(op->gas_fees, d->max_priority_fee, d->max_fee, "fees", err);
    if (rc == AM_OK && d->sponsored)
        rc = eth_op_paymaster(&packed, d->paymaster, d->paymaster_verification_gas,
                              d->paymaster_post_op_gas,
                              am_bin_of(d->paymaster_data, d->paymaster_data_len), err);
    if (rc == AM_OK)
        op->paymaster_and_data = eth_bin(&packed);
    return rc;
}

int
chain_draft_price_pimlico(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    const json_t *tier = json_object_get(result, "standard");
    uint64_t fee = 0, tip = 0;
    int rc = eth_json_u64(&fee, json_object_get(tier, "maxFeePerGas"),
                          "pimlico_getUserOperationGasPrice maxFeePerGas", err);

    if (rc == AM_OK)
        rc = eth_json_u64(&tip, json_object_get(tier, "maxPriorityFeePerGas"),
                          "pimlico_getUserOperationGasPrice maxPriorityFeePerGas", err);
    if (rc != AM_OK)
        return rc;
    eth_word_u64(d->max_fee, fee);
    eth_word_u64(d->max_priority_fee, tip);
    return AM_OK;
}

int
chain_draft_price_history(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    const json_t *base = json_object_get(result, "baseFeePerGas");
    const json_t *reward = json_object_get(result, "reward");
    size_t bases = json_array_size(base), rewards = json_array_size(reward);
    uint64_t fee = 0, tip = 0, max;
    int rc;

    if (bases == 0 || rewards == 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "eth_feeHistory: expected baseFeePerGas and reward, got neither");
    rc = eth_json_u64(&fee, json_array_get(base, bases - 1), "eth_feeHistory baseFeePerGas", err);
    if (rc == AM_OK)
        rc = eth_json_u64(&tip, json_array_get(json_array_get(reward, rewards - 1), 0),
                          "eth_feeHistory reward", err);
    if (rc != AM_OK)
        return rc;
    if (__builtin_mul_overflow(fee, UINT64_C(2), &max) || __builtin_add_overflow(max, tip, &max))
        return am_fail(err, AM_OUT_OF_RANGE,
                       "eth_feeHistory: expected a price under 2^64 wei, "
                       "got more");
    eth_word_u64(d->max_fee, max > 0 ? max : 1);
    eth_word_u64(d->max_priority_fee, tip);
    return AM_OK;
}

int
chain_draft_price_plain(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    uint64_t price = 0;
    int rc = eth_json_u64(&price, result, "eth_gasPrice", err);

    if (rc != AM_OK)
        return rc;
    eth_word_u64(d->max_fee, price);
    eth_word_u64(d->max_priority_fee, price);
    return AM_OK;
}

/* The estimate is made on today's state, by a search that stops near the truth: registrations that
 * share a block with others ran out of gas on 272,670 where 289,083 were used.  A quarter more
 * costs a few per cent, a failed operation costs all of it. */
static int
add_margin(uint8_t gas[static 32], const char *what, struct am_error *err)
{
    uint64_t v = 0;
    int rc = eth_word_to_u64(&v, gas, what, err);

    if (rc == AM_OK && v > UINT32_MAX)
        rc = am_fail(err, AM_OUT_OF_RANGE, "%s: expected at most %u gas, got more", what,
                     UINT32_MAX);
    if (rc == AM_OK)
        eth_word_u64(gas, v + v / 4);
    return rc;
}

int
chain_draft_estimate(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    const struct {
        const char *key, *what;
        uint8_t *out;
        bool wanted;
    } fields[] = {
        {"callGasLimit", "estimate callGasLimit", d->call_gas, true},
        {"verificationGasLimit", "estimate verificationGasLimit", d->verification_gas, true},
        {"preVerificationGas", "estimate preVerificationGas", d->pre_verification_gas, true},
        {"paymasterVerificationGasLimit", "estimate paymasterVerificationGasLimit",
         d->paymaster_verification_gas, d->sponsored && !d->paymaster_gas_known},
        {"paymasterPostOpGasLimit", "estimate paymasterPostOpGasLimit", d->paymaster_post_op_gas,
         d->sponsored && !d->paymaster_gas_known},
    };
    int rc = AM_OK;

    for (size_t i = 0; rc == AM_OK && i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].wanted)
            rc = eth_json_word(fields[i].out, json_object_get(result, fields[i].key),
                               fields[i].what, err);
    if (rc == AM_OK)
        rc = add_margin(d->call_gas, "estimate callGasLimit", err);
    d->estimated = rc == AM_OK;
    return rc;
}

static int
paymaster_gas(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    const json_t *verification = json_object_get(result, "paymasterVerificationGasLimit");
    const json_t *post_op = json_object_get(result, "paymasterPostOpGasLimit");
    int rc;

    if (verification == NULL && post_op == NULL)
        return AM_OK; /* then the estimate tells */
    rc = eth_json_word(d->paymaster_verification_gas, verification,
                       "paymaster paymasterVerificationGasLimit", err);
    if (rc == AM_OK)
        rc = eth_json_word(d->paymaster_post_op_gas, post_op, "paymaster paymasterPostOpGasLimit",
                           err);
    d->paymaster_gas_known = rc == AM_OK;
    return rc;
}

int
chain_draft_paymaster(struct chain_draft *d, const json_t *result, bool stub, struct am_error *err)
{
    const json_t *final = json_object_get(result, "isFinal");
    uint8_t paymaster[20], *data = NULL;
    size_t len = 0;
    int rc = eth_json_fixed(paymaster, 20, json_object_get(result, "paymaster"),
                            "paymaster paymaster", err);

    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, json_object_get(result, "paymasterData"),
                           "paymaster paymasterData", err);
    if (rc == AM_OK && len > CHAIN_PAYMASTER_DATA)
        rc = am_fail(err, AM_OUT_OF_RANGE,
                     "paymaster paymasterData: expected at most %d bytes, "
                     "got %zu",
                     CHAIN_PAYMASTER_DATA, len);
    if (rc == AM_OK && !stub && memcmp(paymaster, d->paymaster, 20) != 0)
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "paymaster: expected the contract that the stub named, got another");
    if (rc == AM_OK && final != NULL && !json_is_boolean(final))
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "paymaster isFinal: expected true or false, "
                     "got another type");
    if (rc == AM_OK && stub)
        rc = paymaster_gas(d, result, err);
    if (rc == AM_OK) {
        d->sponsored = true;
        d->final = stub && json_is_true(final);
        memcpy(d->paymaster, paymaster, 20);
        memcpy(d->paymaster_data, data, len);
        d->paymaster_data_len = len;
    }
    free(data);
    return rc;
}

/* What one answer of pm_sponsorUserOperation or alchemy_request... says: limits that the paymaster
 * has signed, so nothing may be added to them. */
static int
take_limits(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    int rc = eth_json_word(d->call_gas, json_object_get(result, "callGasLimit"),
                           "sponsor callGasLimit", err);

    if (rc == AM_OK)
        rc = eth_json_word(d->verification_gas, json_object_get(result, "verificationGasLimit"),
                           "sponsor verificationGasLimit", err);
    if (rc == AM_OK)
        rc = eth_json_word(d->pre_verification_gas, json_object_get(result, "preVerificationGas"),
                           "sponsor preVerificationGas", err);
    d->estimated = rc == AM_OK;
    return rc;
}

static int
take_sponsor(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    int rc = chain_draft_paymaster(d, result, true, err);

    if (rc == AM_OK && !d->paymaster_gas_known)
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "sponsor: expected paymasterVerificationGasLimit and paymasterPostOpGasLimit, "
                     "got neither");
    return rc;
}

int
chain_draft_sponsor(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    int rc = take_limits(d, result, err);

    return rc == AM_OK ? take_sponsor(d, result, err) : rc;
}

int
chain_draft_grant(struct chain_draft *d, const json_t *result, struct am_error *err)
{
    static const char *const group[] = {"paymaster", "paymasterData",
                                        "paymasterVerificationGasLimit", "paymasterPostOpGasLimit"};
    size_t named = 0;
    int rc = take_limits(d, result, err);

    if (rc == AM_OK)
        rc = eth_json_word(d->max_fee, json_object_get(result, "maxFeePerGas"),
                           "sponsor maxFeePerGas", err);
    if (rc == AM_OK)
        rc = eth_json_word(d->max_priority_fee, json_object_get(result, "maxPriorityFeePerGas"),
                           "sponsor maxPriorityFeePerGas", err);
    for (size_t i = 0; i < 4; i++)
        named += json_object_get(result, group[i]) != NULL;
    if (rc != AM_OK || named == 0)
        return rc;
    return take_sponsor(d, result, err);
}
