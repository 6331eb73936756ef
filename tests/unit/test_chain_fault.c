/*  test_chain_fault -- what a refusal means for the operation, and whether its reason says why.  */
#include "../../services/chain/chain_draft.h"
#include "../../services/chain/chain_fault.h"

#include <criterion/criterion.h>
#include <stdio.h>

static char reason[CHAIN_REASON];

static enum chain_event
judge(const char *words, const char *data)
{
    struct eth_rpc_answer a = {.code = AM_FAILED_PRECONDITION, .error_code = -32500};
    enum chain_event event;

    snprintf(a.err.text, sizeof a.err.text, "%s", words);
    a.error_data = data != NULL ? json_loads(data, JSON_DECODE_ANY, NULL) : NULL;
    cr_assert(data == NULL || a.error_data != NULL);
    event = chain_fault_judge(reason, &a);
    json_decref(a.error_data);
    return event;
}

static bool
says(const char *text)
{
    return strstr(reason, text) != NULL;
}

Test(chain_fault, each_code_has_its_event_and_a_meaning)
{
    static const struct {
        const char *code;
        enum chain_event event;
    } rows[] = {
        {"AA20", CHAIN_EV_ERROR},  {"AA21", CHAIN_EV_ERROR},  {"AA22", CHAIN_EV_ERROR},
        {"AA23", CHAIN_EV_ERROR},  {"AA24", CHAIN_EV_ERROR},  {"AA25", CHAIN_EV_STALE},
        {"AA26", CHAIN_EV_ERROR},  {"AA30", CHAIN_EV_ERROR},  {"AA31", CHAIN_EV_ERROR},
        {"AA32", CHAIN_EV_LAPSED}, {"AA33", CHAIN_EV_LAPSED}, {"AA34", CHAIN_EV_LAPSED},
        {"AA36", CHAIN_EV_ERROR},  {"AA40", CHAIN_EV_ERROR},  {"AA41", CHAIN_EV_ERROR},
        {"AA50", CHAIN_EV_ERROR},  {"AA51", CHAIN_EV_ERROR},  {"AA95", CHAIN_EV_ERROR},
    };
    size_t listed = 0;

#define X(code, event, means) listed++;
    CHAIN_AA_CODES(X)
#undef X
    cr_assert(listed == sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < listed; i++) {
        char words[128];

        snprintf(words, sizeof words, "bundler x.org eth_sendUserOperation: %s no", rows[i].code);
        cr_expect(judge(words, NULL) == rows[i].event, "%s", words);
        cr_expect(strncmp(reason, words, strlen(words)) == 0, "the provider's words come first");
        cr_expect(strncmp(reason + strlen(words), "; ", 2) == 0, "%s", reason);
    }
    cr_assert(judge("AA99 nobody knows", NULL) == CHAIN_EV_ERROR);
    cr_assert_str_eq(reason, "AA99 nobody knows");
}

Test(chain_fault, a_sponsorship_that_ends_is_sponsored_anew)
{
    cr_assert(judge("paymaster: UserOperation expires too soon", NULL) == CHAIN_EV_LAPSED);
    cr_assert(judge("Paymaster expired", NULL) == CHAIN_EV_LAPSED);
    cr_assert(judge("policy expired", NULL) == CHAIN_EV_ERROR, "that is another thing");
}

Test(chain_fault, custom_errors_are_named_wherever_they_stand)
{
    static const char *const datas[] = {
        "\"0x3d30ea79\"",
        "{\"data\":\"0x3d30ea79\"}",
        "{\"revertData\":\"0x3d30ea79\"}",
        "{\"reason\":\"AA23 reverted 0x3d30ea79\"}",
        "\"Reverted 0x3d30ea79\"",
    };

    for (size_t i = 0; i < sizeof datas / sizeof datas[0]; i++) {
        (void)judge("bundler: no", datas[i]);
        cr_expect_str_eq(reason, "bundler: no; NotOurMember");
    }
    (void)judge("execution reverted with reason: 0x3d30ea79", NULL);
    cr_assert_str_eq(reason, "execution reverted with reason: 0x3d30ea79; NotOurMember");
    (void)judge("execution reverted: NotOurMember", "\"0x3d30ea79\"");
    cr_assert_str_eq(reason, "execution reverted: NotOurMember");
}

Test(chain_fault, what_is_no_revert_of_ours_is_left_alone)
{
    static const char *const datas[] = {
        "7", "null", "[]", "{}", "\"0x\"", "\"0x3d30ea7\"", "\"0xdeadbeef\"", "{\"data\":7}"};

    for (size_t i = 0; i < sizeof datas / sizeof datas[0]; i++) {
        cr_expect(judge("no", datas[i]) == CHAIN_EV_ERROR);
        cr_expect_str_eq(reason, "no", "%s: %s", datas[i], reason);
    }
}

Test(chain_fault, the_revert_inside_of_a_failed_op_names_code_and_error)
{
    static const char failed_op[] =
        "\"0x65c8fd4d"
        "0000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000060"
        "00000000000000000000000000000000000000000000000000000000000000a0"
        "000000000000000000000000000000000000000000000000000000000000000d"
        "4141333320726576657274656400000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000000000000000000024"
        "fce698f700000000000000000000000000000000000000000000000000000000"
        "0000004000000000000000000000000000000000000000000000000000000000\"";

    cr_assert(judge("bundler: simulation failed", failed_op) == CHAIN_EV_LAPSED, "%s", reason);
    cr_assert(says("FailedOp 0: AA33 reverted: ECDSAInvalidSignatureLength(64)"), "%s", reason);
}

Test(chain_fault, long_words_are_cut_before_what_they_mean)
{
    char words[AM_ERROR_TEXT];

    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    (void)judge(words, "\"0x3d30ea79\"");
    cr_assert(strlen(reason) == CHAIN_REASON - 1);
    cr_assert_str_eq(reason + CHAIN_REASON - 1 - strlen("; NotOurMember"), "; NotOurMember");
}

#define HASH "0x6600000000000000000000000000000000000000000000000000000000000066"
#define RECEIPT(success, more)                                                                     \
    "{\"userOpHash\":\"" HASH "\",\"success\":" success ",\"actualGasUsed\":\"0x5\"," more         \
    "\"receipt\":{\"blockNumber\":\"0x9\",\"transactionHash\":\"" HASH "\"}}"
#define REVERT_LOG(hash)                                                                           \
    "\"logs\":[{},7,{\"address\":\"0x0000000071727de22e5e9d8baf0edac6f37da032\",\"topics\":["      \
    "\"0x1c4fada7374c0a9ee8841fc38afe82932dc0f8e69012e927f061a8bae611a201\",\"" hash "\","         \
    "\"0x0000000000000000000000000000000000000000000000000000000000000001\"],\"data\":\"0x"        \
    "0000000000000000000000000000000000000000000000000000000000000000"                             \
    "0000000000000000000000000000000000000000000000000000000000000040"                             \
    "0000000000000000000000000000000000000000000000000000000000000004"                             \
    "a6065e6100000000000000000000000000000000000000000000000000000000\"}],"

static struct chain_receipt
receipt(const char *text)
{
    uint8_t hash[32] = {[0] = 0x66, [31] = 0x66};
    struct chain_receipt r;
    struct am_error err = {0};
    json_t *j = json_loads(text, 0, NULL);

    cr_assert(j != NULL);
    cr_assert(chain_receipt_read(&r, hash, j, &err) == AM_OK, "%s", err.text);
    json_decref(j);
    return r;
}

Test(chain_fault, a_receipt_tells_what_reverted)
{
    struct chain_receipt r = receipt(RECEIPT("false", REVERT_LOG(HASH)));

    cr_assert(!r.success && r.block == 9);
    cr_assert_str_eq(r.revert, "NotClusterMember");
    r = receipt(RECEIPT(
        "false", REVERT_LOG("0x7700000000000000000000000000000000000000000000000000000000000066")));
    cr_assert_str_eq(r.revert, "no reason given", "another operation's log");
    r = receipt(RECEIPT("false", "\"reason\":\"0x744943e4\","));
    cr_assert_str_eq(r.revert, "DuplicateEnvelope");
    r = receipt(RECEIPT("false", "\"reason\":\"0x\","));
    cr_assert_str_eq(r.revert, "no reason given");
    r = receipt(RECEIPT("true", REVERT_LOG(HASH)));
    cr_assert_str_eq(r.revert, "", "it succeeded");
}
