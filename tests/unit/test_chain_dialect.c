/*  test_chain_dialect -- which questions a dialect asks of whom, and what an answer says of it.  */
#include "../../services/chain/chain_dialect.h"
#include "../../services/chain/chain_draft.h"

#include <criterion/criterion.h>

static struct am_error err;

static struct chain_speech
opened(const char *setting, bool own_url)
{
    struct chain_speech s;

    cr_assert(chain_dialect_open(&s, setting, own_url, &err) == AM_OK, "%s", err.text);
    return s;
}

Test(chain_dialect, a_setting_that_is_no_dialect_is_refused)
{
    struct chain_speech s;

    cr_assert(chain_dialect_open(&s, "", false, &err) == AM_INVALID_ARGUMENT);
    cr_assert(chain_dialect_open(&s, "Pimlico", false, &err) == AM_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, "erc7677, pimlico, alchemy or none") != NULL, "%s", err.text);
    cr_assert(chain_dialect_open(&s, "none", true, &err) == AM_INVALID_ARGUMENT,
              "a paymaster that nobody would ask");
    for (int i = 0; i < CHAIN_DIALECT_COUNT; i++) {
        s = opened(chain_dialect_text((enum chain_dialect)i), false);
        cr_assert(s.settled && (int)s.dialect == i);
    }
    cr_assert(!opened("auto", true).settled);
}

Test(chain_dialect, each_asks_its_questions_in_order)
{
    static const struct {
        enum chain_dialect dialect;
        bool final;
        const char *methods[CHAIN_STAGES + 1];
    } rows[] = {
        {CHAIN_DIALECT_ERC7677,
         false,
         {"pimlico_getUserOperationGasPrice", "pm_getPaymasterStubData",
          "eth_estimateUserOperationGas", "pm_getPaymasterData", ""}},
        {CHAIN_DIALECT_ERC7677,
         true,
         {"pimlico_getUserOperationGasPrice", "pm_getPaymasterStubData",
          "eth_estimateUserOperationGas", "", ""}},
        {CHAIN_DIALECT_PIMLICO,
         false,
         {"pimlico_getUserOperationGasPrice", "pm_sponsorUserOperation", "", "", ""}},
        {CHAIN_DIALECT_ALCHEMY, false, {"alchemy_requestGasAndPaymasterAndData", "", "", "", ""}},
        {CHAIN_DIALECT_NONE,
         false,
         {"pimlico_getUserOperationGasPrice", "eth_estimateUserOperationGas", "", "", ""}},
    };
    struct chain_speech s = {0};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned n = 0; n <= CHAIN_STAGES; n++) {
            enum chain_stage stage = chain_dialect_stage(rows[i].dialect, n, rows[i].final);

            cr_expect_str_eq(chain_stage_method(&s, stage), rows[i].methods[n], "%s %u",
                             chain_dialect_text(rows[i].dialect), n);
        }
}

Test(chain_dialect, node_methods_go_to_the_rpc_and_the_others_do_not)
{
    struct chain_speech s = {0};

    cr_assert(chain_stage_at(&s, CHAIN_STAGE_PRICE) == CHAIN_AT_BUNDLER);
    s.price = CHAIN_PRICE_HISTORY;
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_PRICE) == CHAIN_AT_RPC);
    s.price = CHAIN_PRICE_PLAIN;
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_PRICE) == CHAIN_AT_RPC);
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_ESTIMATE) == CHAIN_AT_BUNDLER);
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_STUB) == CHAIN_AT_PAYMASTER);
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_DATA) == CHAIN_AT_PAYMASTER);
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_SPONSOR) == CHAIN_AT_PAYMASTER);
    cr_assert(chain_stage_at(&s, CHAIN_STAGE_GRANT) == CHAIN_AT_PAYMASTER);
}

static enum chain_heard
hear(struct chain_speech *s, enum chain_stage stage, int code, int64_t error_code,
     const char *words)
{
    struct chain_speech asked = *s;

    return chain_dialect_hear(s, &asked, stage, code, error_code, words);
}

static const enum chain_stage probes[] = {CHAIN_STAGE_STUB, CHAIN_STAGE_SPONSOR, CHAIN_STAGE_GRANT};

Test(chain_dialect, no_such_method_moves_on_and_nothing_else_does)
{
    static const struct {
        int code;
        int64_t error_code;
        const char *words;
        bool moves;
    } answers[] = {
        {AM_UNIMPLEMENTED, -32601, "error -32601: nope", true},
        {AM_FAILED_PRECONDITION, -32600, "error -32600: Unsupported method: pm_x", true},
        {AM_FAILED_PRECONDITION, -32000, "the method pm_x does not exist/is not available", true},
        {AM_FAILED_PRECONDITION, -32602, "policy not found", false},
        {AM_RESOURCE_EXHAUSTED, -32005, "limit exceeded", false},
        {AM_RESOURCE_EXHAUSTED, 0, "HTTP 429", false},
        {AM_UNAVAILABLE, 0, "HTTP 502: unknown method", false}, /* no error object */
        {AM_DEADLINE_EXCEEDED, 0, "", false},
        {AM_NOT_FOUND, 0, "null", false},
    };

    for (size_t p = 0; p < 3; p++)
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
            struct chain_speech s = opened("auto", false);
            enum chain_heard heard;

            s.dialect = (enum chain_dialect)p;
            heard = hear(&s, probes[p], answers[i].code, answers[i].error_code, answers[i].words);
            cr_expect(heard == (answers[i].moves ? CHAIN_HEARD_AGAIN : CHAIN_HEARD_FAIL));
            cr_expect(s.dialect == p + answers[i].moves, "%zu %s", p, answers[i].words);
            cr_expect(!s.settled);
        }
}

Test(chain_dialect, what_answered_is_remembered)
{
    struct chain_speech s = opened("auto", true);

    cr_assert(hear(&s, CHAIN_STAGE_STUB, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_AGAIN);
    cr_assert(hear(&s, CHAIN_STAGE_SPONSOR, AM_OK, 0, "") == CHAIN_HEARD_TAKE);
    cr_assert(s.settled && s.dialect == CHAIN_DIALECT_PIMLICO);
    cr_assert(hear(&s, CHAIN_STAGE_SPONSOR, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_FAIL);
    cr_assert(s.dialect == CHAIN_DIALECT_PIMLICO, "a provider does not change its language");
    s = opened("pimlico", true);
    cr_assert(hear(&s, CHAIN_STAGE_SPONSOR, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_FAIL,
              "nor does a setting");
}

Test(chain_dialect, nothing_answers)
{
    struct chain_speech s = opened("auto", true);

    s.dialect = CHAIN_DIALECT_ALCHEMY;
    cr_assert(hear(&s, CHAIN_STAGE_GRANT, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_FAIL,
              "a paymaster that was named and does not sponsor is an error");
    cr_assert(s.dialect == CHAIN_DIALECT_ERC7677 && !s.settled, "asked anew by the next try");
    s = opened("auto", false);
    s.dialect = CHAIN_DIALECT_ALCHEMY;
    cr_assert(hear(&s, CHAIN_STAGE_GRANT, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_AGAIN);
    cr_assert(s.dialect == CHAIN_DIALECT_NONE, "without one the account pays");
}

Test(chain_dialect, a_late_answer_moves_nobody_twice)
{
    struct chain_speech s = opened("auto", true), asked = s;

    cr_assert(hear(&s, CHAIN_STAGE_STUB, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_AGAIN);
    cr_assert(chain_dialect_hear(&s, &asked, CHAIN_STAGE_STUB, AM_UNIMPLEMENTED, -32601, "") ==
              CHAIN_HEARD_AGAIN);
    cr_assert(s.dialect == CHAIN_DIALECT_PIMLICO, "not alchemy");
    cr_assert(chain_dialect_hear(&s, &asked, CHAIN_STAGE_ESTIMATE, AM_OK, 0, "") ==
                  CHAIN_HEARD_AGAIN,
              "half of one dialect is none of another");
    asked = s;
    s.price = CHAIN_PRICE_HISTORY;
    cr_assert(chain_dialect_hear(&s, &asked, CHAIN_STAGE_PRICE, AM_UNIMPLEMENTED, -32601, "") ==
              CHAIN_HEARD_AGAIN);
    cr_assert(s.price == CHAIN_PRICE_HISTORY);
}

Test(chain_dialect, price_methods)
{
    struct chain_speech s = opened("auto", true);

    cr_assert(hear(&s, CHAIN_STAGE_PRICE, AM_UNAVAILABLE, 0, "") == CHAIN_HEARD_FAIL);
    cr_assert(s.price == CHAIN_PRICE_PIMLICO);
    cr_assert(hear(&s, CHAIN_STAGE_PRICE, AM_FAILED_PRECONDITION, -32602, "x") ==
              CHAIN_HEARD_AGAIN);
    cr_assert(hear(&s, CHAIN_STAGE_PRICE, AM_FAILED_PRECONDITION, -32602, "x") == CHAIN_HEARD_FAIL);
    cr_assert(hear(&s, CHAIN_STAGE_PRICE, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_AGAIN);
    cr_assert(s.price == CHAIN_PRICE_PLAIN);
    cr_assert(hear(&s, CHAIN_STAGE_PRICE, AM_UNIMPLEMENTED, -32601, "") == CHAIN_HEARD_FAIL);
    cr_assert(hear(&s, CHAIN_STAGE_PRICE, AM_OK, 0, "") == CHAIN_HEARD_TAKE && s.price_settled);
    cr_assert(!s.settled, "a price says nothing of the dialect");
}

#define PM                                                                                         \
    "\"paymaster\":\"0x4444444444444444444444444444444444444444\",\"paymasterData\":\"0xdead\","
#define PM_GAS "\"paymasterVerificationGasLimit\":\"0x10\",\"paymasterPostOpGasLimit\":\"0x1\""
#define LIMITS                                                                                     \
    "\"callGasLimit\":\"0x64\",\"verificationGasLimit\":\"0x2\",\"preVerificationGas\":\"0x3\""
#define FEES ",\"maxFeePerGas\":\"0x7\",\"maxPriorityFeePerGas\":\"0x6\""

static int
read_as(int (*reader)(struct chain_draft *, const json_t *, struct am_error *),
        struct chain_draft *d, const char *text)
{
    json_t *j = json_loads(text, 0, NULL);
    int rc;

    cr_assert(j != NULL, "%s", text);
    *d = (struct chain_draft){0};
    rc = reader(d, j, &err);
    json_decref(j);
    return rc;
}

Test(chain_dialect, a_sponsor_that_says_half_is_refused)
{
    struct chain_draft d;

    cr_assert(read_as(chain_draft_sponsor, &d, "{" LIMITS "}") == AM_INVALID_ARGUMENT);
    cr_assert(read_as(chain_draft_sponsor, &d, "{" PM PM_GAS "}") == AM_INVALID_ARGUMENT);
    cr_assert(read_as(chain_draft_sponsor, &d, "{" PM LIMITS "}") == AM_INVALID_ARGUMENT,
              "its own gas is missing");
    cr_assert(read_as(chain_draft_grant, &d, "{" LIMITS "}") == AM_INVALID_ARGUMENT, "no fees");
    cr_assert(read_as(chain_draft_grant, &d, "{" LIMITS FEES "," PM_GAS "}") == AM_INVALID_ARGUMENT,
              "half of the paymaster's four");
    cr_assert(read_as(chain_draft_grant, &d, "{" LIMITS FEES ",\"paymaster\":null}") ==
              AM_INVALID_ARGUMENT);
}

Test(chain_dialect, a_sponsor_that_says_all_is_taken_as_it_is)
{
    struct chain_draft d;

    cr_assert(read_as(chain_draft_sponsor, &d, "{" PM PM_GAS "," LIMITS "}") == AM_OK, "%s",
              err.text);
    cr_assert(d.sponsored && d.estimated && d.call_gas[31] == 100, "no margin: it is signed");
    cr_assert(am_is_zero(d.max_fee, 32), "the price stays");
    cr_assert(read_as(chain_draft_grant, &d, "{" PM PM_GAS "," LIMITS FEES "}") == AM_OK);
    cr_assert(d.sponsored && d.max_fee[31] == 7 && d.max_priority_fee[31] == 6);
    cr_assert(read_as(chain_draft_grant, &d, "{" LIMITS FEES "}") == AM_OK);
    cr_assert(!d.sponsored && d.estimated, "the account pays");
}
