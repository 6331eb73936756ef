/*  test_sponsor -- who gets free gas: refusals by reason, and the list they come from.  */
#include "../../services/sponsor/sp_op.h"
#include "../../services/sponsor/sp_rpc.h"
#include "service_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENTRY_POINT "0x0000000071727De22E5E9d8BAf0edAc6f37da032"
#define SENDER "0x1111111111111111111111111111111111111111"
#define OTHER "0x2222222222222222222222222222222222222222"
#define PAYMASTER "0x3333333333333333333333333333333333333333"
#define KEY "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
#define NOW 1700000000

static char apps[96];
static struct sponsor sp;
static uint8_t key[32];
static struct am_error err;

static void
list_is(const char *text, size_t len)
{
    FILE *f = fopen(apps, "w");

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(text, 1, len, f), len);
    cr_assert_eq(fclose(f), 0);
}

static void
start(void)
{
    sw_begin();
    snprintf(apps, sizeof apps, "%s/apps", sw_dir);
    list_is(SENDER "\n", 43);
    cr_assert_eq(am_unhex(key, 32, am_str_of(KEY), "key", &err), AM_OK);
    sp.chain_id = 31337;
    sp.key = key;
    sp.apps_path = apps;
    cr_assert_eq(am_unhex(sp.entry_point, 20, am_str_of(ENTRY_POINT), "", &err), AM_OK);
    cr_assert_eq(am_unhex(sp.paymaster, 20, am_str_of(PAYMASTER), "", &err), AM_OK);
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
    char *text = sp_rpc_answer(&sp, am_bin_of(body, len), NOW);
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

TestSuite(sponsor, .init = start, .fini = sw_end, .timeout = 60);

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
    } rows[] = {{"callGasLimit", "gas limits"},
                {"verificationGasLimit", "gas limits"},
                {"maxFeePerGas", "gas fees"},
                {"maxPriorityFeePerGas", "gas fees"},
                {"paymasterVerificationGasLimit", "paymaster gas limits"},
                {"paymasterPostOpGasLimit", "paymaster gas limits"}};

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

Test(sponsor, who_is_not_on_the_list)
{
    json_t *op = operation();

    json_object_set_new(op, "sender", json_string(OTHER));
    refuses(ask(request_of("pm_getPaymasterStubData", op)), -32001, OTHER);
    list_is("", 0);
    refuses(ask(request_of("pm_getPaymasterData", operation())), -32001, "not on the");
    list_is(SENDER, 42); /* an edit holds at once; the last line may end without a newline */
    op = ask(request_of("pm_getPaymasterData", operation()));
    cr_assert_not_null(json_object_get(op, "result"));
    json_decref(op);
}

Test(sponsor, a_list_that_cannot_be_read_signs_for_nobody)
{
    static const char *const broken[] = {SENDER "\n0x22\n", "garbage\n", SENDER " " OTHER "\n",
                                         SENDER "," OTHER "\n", SENDER "1\n"};

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        list_is(broken[i], strlen(broken[i]));
        refuses(ask(request_of("pm_getPaymasterData", operation())), -32603,
                i == 0 ? "line 2" : "line 1");
    }
    list_is(SENDER "\0x\n", 45);
    refuses(ask(request_of("pm_getPaymasterData", operation())), -32603, "line 1");
    cr_assert_eq(remove(apps), 0);
    refuses(ask(request_of("pm_getPaymasterData", operation())), -32603, "cannot read");
    cr_assert_eq(mkdir(apps, 0700), 0);
    refuses(ask(request_of("pm_getPaymasterData", operation())), -32603, "cannot read");
}

Test(sponsor_list, what_a_line_may_be, .init = start, .fini = sw_end)
{
    static struct sp_policy policy;
    static char text[2048];
    uint8_t sender[20], other[20];

    memset(sender, 0x11, 20);
    memset(other, 0x22, 20);
    /* the comment is longer than any buffer for a line might be, and ends in an app id */
    snprintf(text, sizeof text, "# %0300d " OTHER "\n\n \t\r\n  " SENDER "  # first\r\n", 0);
    list_is(text, strlen(text));
    cr_assert_eq(sp_policy_load(&policy, apps, &err), AM_OK, "%s", err.text);
    cr_assert_eq(policy.count, 1);
    cr_assert_eq(sp_policy_check(&policy, sender, &err), AM_OK);
    cr_assert_eq(sp_policy_check(&policy, other, &err), AM_PERMISSION_DENIED);
    list_is("nonsense\n", 9);
    cr_assert_eq(sp_policy_load(&policy, apps, &err), AM_INVALID_ARGUMENT);
    cr_assert_eq(policy.count, 1, "the old list stays");
}

Test(sponsor_list, has_a_limit, .init = start, .fini = sw_end)
{
    static struct sp_policy policy;
    FILE *f = fopen(apps, "w");

    for (int i = 0; i < SP_APPS_MAX; i++)
        fprintf(f, "0x%040x\n", i + 1);
    fclose(f);
    cr_assert_eq(sp_policy_load(&policy, apps, &err), AM_OK, "%s", err.text);
    cr_assert_eq(policy.count, SP_APPS_MAX);
    f = fopen(apps, "a");
    fprintf(f, SENDER "\n");
    fclose(f);
    cr_assert_eq(sp_policy_load(&policy, apps, &err), AM_RESOURCE_EXHAUSTED);
    cr_assert_not_null(strstr(err.text, "line 4097"), "%s", err.text);
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
    cr_assert_eq(am_rd64(data + 24), NOW + SP_VALID_SECONDS);
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
