/*  test_chain_draft -- operations to and from JSON: the protocol page's example, and odd answers.
 */
#include "../../services/chain/chain_draft.h"

#include <criterion/criterion.h>

static struct am_error err;

static void
word(uint8_t out[static 32], uint64_t v)
{
    eth_word_u64(out, v);
}

static json_t *
parse(const char *text)
{
    json_error_t why;
    json_t *j = json_loads(text, JSON_DECODE_ANY, &why);

    cr_assert(j != NULL, "%s", why.text);
    return j;
}

Test(chain_draft, the_worked_example_of_the_protocol_page)
{
    static const char hex[] =
        "b61d27f6000000000000000000000000000000000000000000000000000000000000000a0000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000600000000000000000000000000000000000000000000000000000000000000024"
        "cedc29c233333333333333333333333333333333333333333333333333333333333333330000000000000000"
        "0000000000000000000000000000000000000000";
    static const char expected[] =
        "6fa347fd3b8311a8f583c17bf84165e9a2a5ad8c1ecb7aa8c91c167c20bed2b5";
    uint8_t call_data[256], hash[32];
    char text[65];
    size_t len;
    struct chain_draft d = {
        .sponsored = true, .paymaster_data = {0xde, 0xad, 0xbe, 0xef}, .paymaster_data_len = 4};
    struct eth_op op;

    cr_assert(am_unhex_some(call_data, sizeof call_data, &len, am_str_of(hex), "example", &err) ==
                  AM_OK,
              "%s", err.text);
    d.call_data = am_bin_of(call_data, len);
    d.sender[19] = 0x0b;
    word(d.nonce, 7);
    word(d.verification_gas, 100000);
    word(d.call_gas, 50000);
    word(d.pre_verification_gas, 50000);
    word(d.max_priority_fee, 1000000);
    word(d.max_fee, 2000000);
    memset(d.paymaster, 0x44, 20);
    word(d.paymaster_verification_gas, 65536);
    word(d.paymaster_post_op_gas, 32768);
    cr_assert(chain_draft_pack(&op, &d, &err) == AM_OK, "%s", err.text);
    eth_op_hash(hash, &op, eth_entry_point_v07, 8453);
    am_hex(text, hash, 32);
    cr_assert_str_eq(text, expected);
}

static const char *
field(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));

    return t != NULL ? t : "(none)";
}

Test(chain_draft, json_has_what_is_known_and_nothing_else)
{
    static const uint8_t call_data[] = {1, 2, 3};
    struct chain_draft d = {.call_data = AM_BIN(call_data)};
    json_t *o = chain_draft_json(&d, chain_dummy_signature);

    cr_assert(o != NULL);
    cr_assert_str_eq(field(o, "nonce"), "0x0");
    cr_assert_str_eq(field(o, "callData"), "0x010203");
    cr_assert(strlen(field(o, "signature")) == 132, "even hex of 65 bytes");
    cr_assert_str_eq(field(o, "callGasLimit"), "(none)");
    cr_assert_str_eq(field(o, "paymaster"), "(none)");
    json_decref(o);
    d.sponsored = d.estimated = true;
    o = chain_draft_json(&d, chain_dummy_signature);
    cr_assert_str_eq(field(o, "callGasLimit"), "0x0");
    cr_assert_str_eq(field(o, "paymasterData"), "0x");
    cr_assert_str_eq(field(o, "paymasterPostOpGasLimit"), "0x0");
    cr_assert_str_eq(field(o, "factory"), "(none)");
    json_decref(o);
}

static int
stub(struct chain_draft *d, const char *text)
{
    json_t *j = parse(text);
    int rc = chain_draft_paymaster(d, j, true, &err);

    json_decref(j);
    return rc;
}

#define PM "\"paymaster\":\"0x4444444444444444444444444444444444444444\""

Test(chain_draft, paymaster)
{
    struct chain_draft d = {0};
    json_t *j;

    cr_assert(stub(&d, "{" PM ",\"paymasterData\":\"0xdead\",\"isFinal\":true,"
                       "\"paymasterVerificationGasLimit\":\"0x10\","
                       "\"paymasterPostOpGasLimit\":\"0x0\"}") == AM_OK,
              "%s", err.text);
    cr_assert(d.sponsored && d.final && d.paymaster_gas_known && d.paymaster_data_len == 2);
    d = (struct chain_draft){0};
    cr_assert(stub(&d, "{" PM ",\"paymasterData\":\"0x\"}") == AM_OK);
    cr_assert(d.sponsored && !d.final && !d.paymaster_gas_known && d.paymaster_data_len == 0);
    j = parse("{\"paymaster\":\"0x5544444444444444444444444444444444444444\","
              "\"paymasterData\":\"0x\"}");
    cr_assert(chain_draft_paymaster(&d, j, false, &err) == AM_INVALID_ARGUMENT,
              "another contract than the stub's");
    json_decref(j);
    cr_assert(stub(&d, "{\"paymasterData\":\"0x\"}") == AM_INVALID_ARGUMENT);
    cr_assert(stub(&d, "{" PM "}") == AM_INVALID_ARGUMENT);
    cr_assert(stub(&d, "{" PM ",\"paymasterData\":\"0xdea\"}") == AM_INVALID_ARGUMENT, "odd hex");
    cr_assert(stub(&d, "{" PM ",\"paymasterData\":\"0x\",\"isFinal\":1}") == AM_INVALID_ARGUMENT);
    cr_assert(stub(&d, "{" PM ",\"paymasterData\":\"0x\",\"paymasterPostOpGasLimit\":\"0x1\"}") ==
                  AM_INVALID_ARGUMENT,
              "one of two limits is none");
}

Test(chain_draft, prices)
{
    struct chain_draft d = {0};
    uint64_t fee, tip;
    json_t *j = parse("{\"baseFeePerGas\":[\"0x1\",\"0xa\"],\"reward\":[[\"0x3\"],[\"0x4\"]]}");

    cr_assert(chain_draft_price_history(&d, j, &err) == AM_OK, "%s", err.text);
    json_decref(j);
    cr_assert(eth_word_to_u64(&fee, d.max_fee, "", &err) == AM_OK && fee == 24);
    cr_assert(eth_word_to_u64(&tip, d.max_priority_fee, "", &err) == AM_OK && tip == 4);
    j = parse("{\"baseFeePerGas\":[]}");
    cr_assert(chain_draft_price_history(&d, j, &err) == AM_INVALID_ARGUMENT);
    json_decref(j);
    j = parse("{\"baseFeePerGas\":[\"0xffffffffffffffff\"],\"reward\":[[\"0x3\"]]}");
    cr_assert(chain_draft_price_history(&d, j, &err) == AM_OUT_OF_RANGE);
    json_decref(j);
    j = parse("{\"standard\":{\"maxFeePerGas\":\"0x5\",\"maxPriorityFeePerGas\":\"0x2\"}}");
    cr_assert(chain_draft_price_pimlico(&d, j, &err) == AM_OK);
    json_decref(j);
    j = parse("{\"standard\":{\"maxFeePerGas\":5}}");
    cr_assert(chain_draft_price_pimlico(&d, j, &err) == AM_INVALID_ARGUMENT);
    json_decref(j);
    j = parse("\"0x07\"");
    cr_assert(chain_draft_price_plain(&d, j, &err) == AM_INVALID_ARGUMENT, "leading zero");
    json_decref(j);
}

Test(chain_draft, estimate_is_whole_or_none)
{
    struct chain_draft d = {0};
    json_t *j = parse("{\"callGasLimit\":\"0x1\",\"verificationGasLimit\":\"0x2\","
                      "\"preVerificationGas\":\"0x3\"}");

    cr_assert(chain_draft_estimate(&d, j, &err) == AM_OK && d.estimated);
    d = (struct chain_draft){.sponsored = true};
    cr_assert(chain_draft_estimate(&d, j, &err) == AM_INVALID_ARGUMENT && !d.estimated);
    d.paymaster_gas_known = true;
    cr_assert(chain_draft_estimate(&d, j, &err) == AM_OK);
    json_object_del(j, "callGasLimit");
    cr_assert(chain_draft_estimate(&d, j, &err) == AM_INVALID_ARGUMENT);
    json_decref(j);
}

#define H "1111111111111111111111111111111111111111111111111111111111111111"

Test(chain_draft, receipts)
{
    struct chain_receipt r;
    uint8_t hash[32];
    json_t *j = parse("{\"userOpHash\":\"0x" H "\",\"success\":false,\"actualGasUsed\":\"0x20\","
                      "\"receipt\":{\"blockNumber\":\"0x9\",\"transactionHash\":\"0x" H "\"}}");

    memset(hash, 0x11, 32);
    cr_assert(chain_receipt_read(&r, hash, j, &err) == AM_OK, "%s", err.text);
    cr_assert(!r.success && r.block == 9 && r.gas_used == 32 && r.tx_hash[0] == 0x11);
    hash[0] = 0;
    cr_assert(chain_receipt_read(&r, hash, j, &err) == AM_INVALID_ARGUMENT, "another operation");
    hash[0] = 0x11;
    json_object_set_new(j, "success", json_string("true"));
    cr_assert(chain_receipt_read(&r, hash, j, &err) == AM_INVALID_ARGUMENT);
    json_object_del(j, "success");
    cr_assert(chain_receipt_read(&r, hash, j, &err) == AM_INVALID_ARGUMENT,
              "no success is not success");
    json_decref(j);
}

Test(chain_draft, a_dummy_that_production_refused_is_refused_at_the_start)
{
    uint8_t bad[66];

    cr_assert(chain_dummy_check(chain_dummy_signature, 65, &err) == AM_OK, "%s", err.text);
    cr_assert(chain_dummy_check(chain_dummy_signature, 64, &err) == AM_INVALID_ARGUMENT);
    memcpy(bad, chain_dummy_signature, 65);
    cr_assert(chain_dummy_check(bad, 66, &err) == AM_INVALID_ARGUMENT);
    bad[64] = 0;
    cr_assert(chain_dummy_check(bad, 65, &err) == AM_INVALID_ARGUMENT, "v is 27 or 28");
    bad[64] = 27;
    bad[32] |= 0x80;
    cr_assert(chain_dummy_check(bad, 65, &err) == AM_INVALID_ARGUMENT, "high s");
    memset(bad, 0xff, 64);
    cr_assert(chain_dummy_check(bad, 65, &err) == AM_INVALID_ARGUMENT, "above the order");
    memset(bad, 0, 64);
    bad[31] = 5; /* no point of the curve has x = 5 */
    bad[63] = 1;
    cr_assert(chain_dummy_check(bad, 65, &err) == AM_UNAUTHENTICATED, "recovers nobody");
}
