/*  test_sponsor -- the paymaster service's JSON: what it reads, what it refuses, what it signs.  */
#include "../../services/sponsor/sp_rpc.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_POINT "0x0000000071727De22E5E9d8BAf0edAc6f37da032"
#define SENDER "0x1111111111111111111111111111111111111111"
#define OTHER "0x2222222222222222222222222222222222222222"
#define PAYMASTER "0x3333333333333333333333333333333333333333"
#define KEY "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
#define UNTIL 1700000600

static struct sp_served served = {.chain_id = 31337};
static uint8_t key[32];
static struct am_error err;

static void
start(void)
{
    cr_assert(sodium_init() >= 0);
    cr_assert_eq(am_unhex(key, 32, am_str_of(KEY), "key", &err), AM_OK);
    cr_assert_eq(am_unhex(served.entry_point, 20, am_str_of(ENTRY_POINT), "", &err), AM_OK);
    cr_assert_eq(am_unhex(served.paymaster, 20, am_str_of(PAYMASTER), "", &err), AM_OK);
}

/* What the service does with a request whose sender the policy approves. */
static char *
answer(struct am_bin body)
{
    static struct sp_op op;
    struct sp_rpc_request rq;
    uint8_t data[SP_DATA_LEN];
    struct am_error why = {0};
    int number = 0;
    char *text;

    if (sp_rpc_read(&rq, &op, &number, body, &served, &why) != AM_OK) {
        text = sp_rpc_error(&rq, number, why.text);
    } else {
        cr_assert_eq(sp_op_sign(data, &op, served.paymaster, served.chain_id, UNTIL, key, &why),
                     AM_OK, "%s", why.text);
        text = sp_rpc_result(&rq, &served, data);
    }
    json_decref(rq.id);
    return text;
}

static json_t *
operation(void)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "sender", SENDER, "nonce", "0x0",
                     "callData", "0xb61d27f6", "callGasLimit", "0x10000", "verificationGasLimit",
                     "0x20000", "preVerificationGas", "0xcbad", "maxFeePerGas", "0x77359400",
                     "maxPriorityFeePerGas", "0x3b9aca00", "paymasterVerificationGasLimit",
                     "0xea60", "paymasterPostOpGasLimit", "0x1");
}

static json_t *
request_of(const char *method, json_t *op)
{
    return json_pack("{s:s, s:i, s:s, s:[o, s, s, {}]}", "jsonrpc", "2.0", "id", 7, "method",
                     method, "params", op, ENTRY_POINT, "0x7a69");
}

static json_t *
answer_to(const char *body, size_t len)
{
    char *text = answer(am_bin_of(body, len));
    json_t *root;

    cr_assert_not_null(text);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(root, "%s", text);
    cr_assert_str_eq(json_string_value(json_object_get(root, "jsonrpc")), "2.0");
    cr_assert((json_object_get(root, "result") != NULL) != (json_object_get(root, "error") != NULL),
              "%s", text);
    free(text);
    return root;
}

/* Ask (the request is taken); returns the whole answer. */
static json_t *
ask(json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *root = answer_to(text, strlen(text));

    free(text);
    json_decref(request);
    return root;
}

/* The answer (taken) is an error with this number, and its text names `words`. */
static void
refuses(json_t *root, int number, const char *words)
{
    const json_t *e = json_object_get(root, "error");
    const char *text = json_string_value(json_object_get(e, "message"));

    cr_expect_eq(json_integer_value(json_object_get(e, "code")), number, "%s: %lld, %s", words,
                 json_integer_value(json_object_get(e, "code")), text);
    cr_expect(text != NULL && strstr(text, words) != NULL, "expected \"%s\" in: %s", words, text);
    cr_expect(text == NULL || strstr(text, &KEY[2]) == NULL);
    json_decref(root);
}

static void
refuses_field(const char *field, const char *value, const char *words)
{
    json_t *op = operation();

    if (value == NULL)
        json_object_del(op, field);
    else
        json_object_set_new(op, field, json_loads(value, JSON_DECODE_ANY, NULL));
    refuses(ask(request_of("pm_getPaymasterData", op)), -32602, words);
}

TestSuite(sponsor, .init = start, .timeout = 60);

Test(sponsor, bytes_that_are_no_request)
{
    static const struct {
        const char *body;
        int number;
    } rows[] = {
        {"", -32700},
        {"{", -32700},
        {"hello", -32700},
        {"{\"method\":\"a\",\"method\":\"b\"}", -32700},
        {"{\"id\":1} x", -32700},
        {"{\"method\":\"\\u0000\"}", -32700},
        {"[]", -32600},
        {"{}", -32600},
        {"{\"id\":7,\"method\":7}", -32600},
        {"{\"id\":7,\"method\":null}", -32600},
        {"{\"id\":7,\"method\":\"eth_chainId\",\"params\":[]}", -32601},
        {"{\"id\":7,\"method\":\"pm_getPaymasterData\"}", -32602},
        {"{\"id\":7,\"method\":\"pm_getPaymasterData\",\"params\":{}}", -32602},
        {"{\"id\":7,\"method\":\"pm_getPaymasterData\",\"params\":[]}", -32602},
        {"{\"id\":7,\"method\":\"pm_getPaymasterData\",\"params\":[1,2]}", -32602},
        {"{\"id\":7,\"method\":\"pm_getPaymasterData\",\"params\":[1,2,3]}", -32602},
        {"{\"id\":7,\"method\":\"pm_getPaymasterData\",\"params\":[1,2,3,4,5]}", -32602},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuses(answer_to(rows[i].body, strlen(rows[i].body)), rows[i].number,
                rows[i].number == -32601 ? "this sponsor has" : "expected");
}

Test(sponsor, a_batch_is_refused_whole)
{
    refuses(ask(json_pack("[o, o]", request_of("pm_getPaymasterData", operation()),
                          request_of("pm_getPaymasterData", operation()))),
            -32600, "one JSON-RPC object");
}

Test(sponsor, the_id_comes_back)
{
    static const char *const ids[] = {"7", "\"seven\"", "null"};

    for (size_t i = 0; i < 3; i++) {
        json_t *request = request_of("pm_getPaymasterStubData", operation());
        json_t *id = json_loads(ids[i], JSON_DECODE_ANY, NULL), *root;

        json_object_set(request, "id", id);
        root = ask(request);
        cr_expect(json_equal(json_object_get(root, "id"), id), "%s", ids[i]);
        json_decref(id);
        json_decref(root);
    }
}

Test(sponsor, another_chain_or_entry_point)
{
    static const char *const odd[] = {"\"0x1\"", "\"0x2105\"",  "\"31337\"",
                                      "31337",   "\"0x07a69\"", "null"};
    json_t *request;

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        request = request_of("pm_getPaymasterData", operation());
        json_array_set_new(json_object_get(request, "params"), 2,
                           json_loads(odd[i], JSON_DECODE_ANY, NULL));
        refuses(ask(request), -32602, *odd[i] == '"' ? "chain id" : "chain id, context");
    }
    request = request_of("pm_getPaymasterData", operation());
    json_array_set_new(json_object_get(request, "params"), 1,
                       json_string("0x5FF137D4b0FDCD49DcA30c7CF57E578a026d2789")); /* v0.6 */
    refuses(ask(request), -32602, "entry point");
    request = request_of("pm_getPaymasterData", operation());
    json_array_set_new(json_object_get(request, "params"), 1, json_string("0x00"));
    refuses(ask(request), -32602, "entry point");
}

Test(sponsor, an_operation_that_would_deploy)
{
    refuses_field("factory", "\"" OTHER "\"", "factory");
    refuses_field("factory", "\"0x\"", "factory");
    refuses_field("factory", "{}", "factory");
}

Test(sponsor, each_field_is_needed_and_of_its_shape)
{
    static const char *const fields[] = {"sender",
                                         "nonce",
                                         "callData",
                                         "callGasLimit",
                                         "verificationGasLimit",
                                         "preVerificationGas",
                                         "maxFeePerGas",
                                         "maxPriorityFeePerGas",
                                         "paymasterVerificationGasLimit",
                                         "paymasterPostOpGasLimit"};
    static const char *const odd[] = {NULL, "null", "7",        "true",
                                      "{}", "\"\"", "\"0xzz\"", "\"12\""};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (size_t k = 0; k < sizeof odd / sizeof odd[0]; k++)
            if (strcmp(fields[i], "callData") != 0 || odd[k] == NULL || odd[k][0] != '"' ||
                strcmp(odd[k], "\"0xzz\"") == 0)
                refuses_field(fields[i], odd[k], fields[i]);
    refuses_field("callData", "\"0xabc\"", "callData");
    refuses_field("sender", "\"0x11\"", "sender");
    refuses_field("nonce", "\"0x00\"", "nonce");
    refuses_field("callGasLimit", "\"0x01\"", "callGasLimit");
}

Test(sponsor, gas_above_128_bits)
{
    static const struct {
        const char *field, *words;
    } rows[] = {{"callGasLimit", "128 bits"},
                {"verificationGasLimit", "128 bits"},
                {"maxFeePerGas", "128 bits"},
                {"maxPriorityFeePerGas", "128 bits"},
                {"paymasterVerificationGasLimit", "128 bits"},
                {"paymasterPostOpGasLimit", "128 bits"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuses_field(rows[i].field, "\"0x100000000000000000000000000000000\"", rows[i].words);
}

Test(sponsor, call_data_has_a_limit)
{
    static char hex[2 * (SP_CALL_DATA_MAX + 1) + 3];
    json_t *op = operation(), *root;

    memset(hex, 'a', sizeof hex - 1);
    memcpy(hex, "0x", 2);
    json_object_set_new(op, "callData", json_string(hex));
    refuses(ask(request_of("pm_getPaymasterData", op)), -32602, "callData");
    hex[sizeof hex - 3] = '\0';
    op = operation();
    json_object_set_new(op, "callData", json_string(hex));
    root = ask(request_of("pm_getPaymasterData", op));
    cr_assert_not_null(json_object_get(root, "result"));
    json_decref(root);
}

Test(sponsor, the_stub_lets_gas_be_estimated)
{
    json_t *op = operation(), *root;
    const json_t *result;

    json_object_del(op, "paymasterVerificationGasLimit");
    json_object_del(op, "callGasLimit");
    root = ask(request_of("pm_getPaymasterStubData", op));
    result = json_object_get(root, "result");
    cr_assert_not_null(result);
    cr_assert_str_eq(json_string_value(json_object_get(result, "paymaster")), PAYMASTER);
    cr_assert_eq(json_string_length(json_object_get(result, "paymasterData")), 2 + 2 * SP_DATA_LEN);
    cr_assert(json_is_false(json_object_get(result, "isFinal")));
    cr_assert_not_null(json_object_get(result, "paymasterVerificationGasLimit"));
    cr_assert_not_null(json_object_get(result, "paymasterPostOpGasLimit"));
    json_decref(root);
}

Test(sponsor, the_data_are_for_now_and_for_this_operation)
{
    static char first[2 * SP_DATA_LEN + 3];
    uint8_t data[SP_DATA_LEN];
    json_t *root = ask(request_of("pm_getPaymasterData", operation())), *op;
    const char *text;

    text = json_string_value(json_object_get(json_object_get(root, "result"), "paymasterData"));
    cr_assert_not_null(text);
    cr_assert_eq(am_unhex(data, sizeof data, am_str_of(text), "", &err), AM_OK, "%s", err.text);
    cr_assert(am_is_zero(data, 24) && am_is_zero(data + 32, 32), "validUntil, validAfter 0");
    cr_assert_eq(am_rd64(data + 24), UNTIL);
    cr_assert(data[128] == 27 || data[128] == 28);
    snprintf(first, sizeof first, "%s", text);
    json_decref(root);
    op = operation();
    json_object_set_new(op, "nonce", json_string("0x1"));
    root = ask(request_of("pm_getPaymasterData", op));
    text = json_string_value(json_object_get(json_object_get(root, "result"), "paymasterData"));
    cr_assert_neq(strcmp(text + 130, first + 130), 0, "another operation, another signature");
    json_decref(root);
}

Test(sponsor, a_denial_says_why_and_whose_fault_it_is)
{
    const struct sp_rpc_request rq = {0};
    uint8_t sender[20];

    memset(sender, 0x22, 20);
    for (int i = SP_BAD_TOKEN; i < SP_REASON_COUNT; i++) {
        const char *reason = sp_reason_text((enum sp_reason)i);
        bool ours = i == SP_RPC_FAILURE || i == SP_INTERNAL;
        char *text = sp_rpc_denial(&rq, (enum sp_reason)i, sender);
        json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        const json_t *data = json_object_get(json_object_get(root, "error"), "data");

        cr_expect_str_eq(json_string_value(json_object_get(data, "reason")), reason);
        refuses(root, ours ? -32603 : -32001, reason);
        free(text);
    }
}

Test(sponsor, the_cost_is_never_told_too_low)
{
    static struct sp_op op;

    cr_assert_eq(sp_op_gwei(&op), 0, "a stub");
    eth_word_u64(op.call_gas, 100000);
    eth_word_u64(op.verification_gas, 200000);
    eth_word_u64(op.pre_verification_gas, 30000);
    eth_word_u64(op.paymaster_verification_gas, 4000);
    eth_word_u64(op.paymaster_post_op_gas, 500);
    eth_word_u64(op.max_priority_fee, UINT64_MAX); /* is part of max_fee */
    eth_word_u64(op.max_fee, 2000000000);
    cr_assert_eq(sp_op_gwei(&op), 669000);
    eth_word_u64(op.max_fee, 1);
    cr_assert_eq(sp_op_gwei(&op), 1, "rounded up");
    eth_word_u64(op.max_fee, UINT64_MAX);
    cr_assert_geq(sp_op_gwei(&op), 334500 * (UINT64_MAX / 1000000000));
    op.max_fee[16] = 1;
    cr_assert_eq(sp_op_gwei(&op), UINT64_MAX);
    eth_word_u64(op.max_fee, 1);
    memset(op.call_gas + 16, 0xff, 16);
    cr_assert_eq(sp_op_gwei(&op), UINT64_MAX);
}
