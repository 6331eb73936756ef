/*  test_cli_rpc -- the client under deploy, in front of a provider that lies.  */
#include "../../cli/cli_tx.h"
#include "../../common/crypto/am_keccak.h"
#include "dn_rpcdouble.h"
#include "service_world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define OPERATOR_KEY "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

static struct am_error err;

/* A provider that lies, in a process of its own: the client has a loop of its own. */
static struct {
    const char *result; /* of what is asked; NULL: as `transaction` says */
    const char *status; /* of the receipt */
    bool other_hash;
} lie;

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    static const char *const fixed[][2] = {{"eth_chainId", "0x7a69"},
                                           {"eth_estimateGas", "0x5208"},
                                           {"eth_getTransactionCount", "0x0"},
                                           {"eth_gasPrice", "0x1"},
                                           {"eth_maxPriorityFeePerGas", "0x1"}};
    uint8_t raw[1024], hash[32];
    char text[67] = "0x";
    size_t len;

    (void)arg;
    if (lie.result != NULL)
        return json_loads(lie.result, 0, NULL);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcmp(method, fixed[i][0]) == 0)
            return json_pack("{s:s}", "result", fixed[i][1]);
    if (strcmp(method, "eth_sendRawTransaction") == 0) {
        if (am_unhex_some(raw, sizeof raw, &len,
                          am_str_of(json_string_value(json_array_get(params, 0))), "",
                          NULL) != AM_OK)
            return json_pack("{s:n}", "result");
        am_keccak256(hash, raw, len);
        hash[0] ^= lie.other_hash;
        am_hex(text + 2, hash, 32);
        return json_pack("{s:s}", "result", text);
    }
    return json_pack("{s:{s:s?, s:s, s:s}}", "result", "status", lie.status, "blockNumber", "0x9",
                     "gasUsed", "0x5208");
}

static pid_t liar;

static void
ask_the_liar(struct cli_rpc **client)
{
    struct dn_rpc_options o = {.port = sw_port(), .answer = answer};
    char at[64];
    json_t *result;
    int64_t end = am_mono_ms() + 10000;

    if ((liar = fork()) == 0) {
        struct dn_rpc_double *d;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        o.loop = ev_loop_new(EVFLAG_AUTO);
        if (dn_rpc_open(&d, &o, NULL) == AM_OK)
            ev_run(o.loop, 0);
        _exit(1);
    }
    snprintf(at, sizeof at, "http://127.0.0.1:%u", o.port);
    cr_assert_eq(cli_rpc_open(client, at, &err), AM_OK, "%s", err.text);
    while (cli_rpc_call(*client, &result, "test_ready", json_array(), &err) == AM_UNAVAILABLE &&
           am_mono_ms() < end)
        json_decref(result);
    json_decref(result);
}

static void
no_more_lies(struct cli_rpc **client)
{
    cli_rpc_close(client);
    dn_stop(&liar, SIGKILL, 1000);
}

TestSuite(cli_rpc, .init = sw_begin, .fini = sw_end, .timeout = 60);

Test(cli_rpc, a_result_is_whole_or_an_error)
{
    static const struct {
        const char *result;
        int u64, bytes;
    } rows[] = {
        {"{\"result\":null}", AM_NOT_FOUND, AM_NOT_FOUND},
        {"{\"result\":\"0x\"}", AM_INVALID_ARGUMENT, AM_OK},
        {"{\"result\":\"0xabc\"}", AM_OK, AM_INVALID_ARGUMENT},
        {"{\"result\":7}", AM_INVALID_ARGUMENT, AM_INVALID_ARGUMENT},
        {"{\"result\":{}}", AM_INVALID_ARGUMENT, AM_INVALID_ARGUMENT},
        {"{\"result\":\"0x0102030405\"}", AM_INVALID_ARGUMENT, AM_INVALID_ARGUMENT},
        {"{\"result\":\"0x10000000000000000\"}", AM_OUT_OF_RANGE, AM_INVALID_ARGUMENT},
        {"{\"error\":{\"code\":-32000,\"message\":\"no thanks\"}}", AM_FAILED_PRECONDITION,
         AM_FAILED_PRECONDITION},
        {"{\"error\":{\"code\":-32601,\"message\":\"no thanks\"}}", AM_UNIMPLEMENTED,
         AM_UNIMPLEMENTED},
    };
    struct cli_rpc *client;
    uint8_t out[4];
    uint64_t n;
    size_t len;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        lie.result = rows[i].result;
        ask_the_liar(&client);
        n = 99;
        cr_expect_eq(cli_rpc_u64(client, &n, "eth_blockNumber", json_array(), &err), rows[i].u64,
                     "%s: %s", rows[i].result, err.text);
        cr_expect(rows[i].u64 == AM_OK || n == 0, "%s", rows[i].result);
        len = 99;
        cr_expect_eq(cli_rpc_bytes(client, out, sizeof out, &len, "eth_call", json_array(), &err),
                     rows[i].bytes, "%s: %s", rows[i].result, err.text);
        cr_expect(rows[i].bytes == AM_OK || len == 0, "%s", rows[i].result);
        no_more_lies(&client);
    }
}

Test(cli_rpc, parameters_that_could_not_be_made)
{
    struct cli_rpc *client;
    json_t *result;

    ask_the_liar(&client);
    cr_assert_eq(cli_rpc_call(client, &result, "eth_call", NULL, &err), AM_RESOURCE_EXHAUSTED);
    cr_assert_null(result);
    no_more_lies(&client);
}

static int
transaction(const char *status, bool other_hash)
{
    static const uint8_t to[20] = {1};
    struct cli_receipt done;
    struct cli_rpc *client;
    struct cli_tx tx;
    int r;

    lie.status = status;
    lie.other_hash = other_hash;
    ask_the_liar(&client);
    cr_assert_eq(cli_tx_open(&tx, client, OPERATOR_KEY, &err), AM_OK, "%s", err.text);
    r = cli_tx_send(&tx, &done, to, 0, am_bin_of(NULL, 0), &err);
    cli_tx_close(&tx);
    no_more_lies(&client);
    return r;
}

Test(cli_rpc, a_receipt_is_looked_at)
{
    cr_assert_eq(transaction("0x1", false), AM_OK, "%s", err.text);
    cr_assert_eq(transaction("0x0", false), AM_ABORTED);
    cr_assert_not_null(strstr(err.text, "reverted"), "%s", err.text);
    cr_assert_eq(transaction("true", false), AM_ABORTED);
    cr_assert_eq(transaction(NULL, false), AM_INVALID_ARGUMENT, "no status is not success");
    cr_assert_eq(transaction("0x1", true), AM_DATA_LOSS, "another hash is another transaction");
}
