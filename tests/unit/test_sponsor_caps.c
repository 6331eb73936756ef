/*  test_sponsor_caps -- who has had enough today: counted before anything leaves, over kill -9 too.
 */
#include "sponsor_world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHAIN "0x7a69"
#define WEBHOOK "/?token=" SPW_TOKEN
#define APPROVED "{\"approved\":true}"
#define SENDER_CAP "{\"approved\":false,\"reason\":\"sender-daily-cap\"}"
#define CLUSTER_CAP "{\"approved\":false,\"reason\":\"cluster-daily-cap\"}"

static int status;

TestSuite(caps, .init = spw_begin, .fini = spw_end, .timeout = 100);

static const char *
ask(enum spw_kind kind, unsigned n)
{
    const char *call = kind == SPW_OF_B ? spw_execute(spw_b, "0x84076765") : NULL;

    return spw_post(WEBHOOK, spw_alchemy(kind, n, call, CHAIN), &status);
}

/* One JSON-RPC request of member n; the answer. */
static const char *
request(const char *path, const char *method, unsigned n, const char *max_fee)
{
    static char body[4096];
    uint8_t account[20];
    char hex[41];

    spw_account(account, SPW_MEMBER, n);
    am_hex(hex, account, 20);
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":[{\"sender\":\"0x%s\","
             "\"nonce\":\"0x0\",\"callData\":\"%s\",\"callGasLimit\":\"0x100000\","
             "\"verificationGasLimit\":\"0x0\",\"preVerificationGas\":\"0x0\",\"maxFeePerGas\":"
             "\"%s\",\"maxPriorityFeePerGas\":\"0x0\",\"paymasterVerificationGasLimit\":\"0x0\","
             "\"paymasterPostOpGasLimit\":\"0x0\"},\"" SPW_ENTRY_POINT "\",\"" CHAIN "\",{}]}",
             method, hex, spw_execute(spw_a, "0x84076765"), max_fee);
    return spw_post(path, body, &status);
}

Test(caps, a_capped_sender_is_refused_and_others_are_not)
{
    spw_extra[0] = "MAX_DAILY_OPS_PER_SENDER=3";
    spw_start();
    for (int i = 0; i < 3; i++)
        cr_assert_str_eq(ask(SPW_MEMBER, 1), APPROVED);
    for (int i = 0; i < 3; i++)
        cr_assert_str_eq(ask(SPW_MEMBER, 1), SENDER_CAP);
    cr_assert_str_eq(ask(SPW_MEMBER, 2), APPROVED);
    cr_assert_str_eq(ask(SPW_APP, 1), APPROVED);
    cr_assert_not_null(
        strstr(request("/rpc", "pm_getPaymasterData", 1, "0x1"), "sender-daily-cap"));
    cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterStubData", 1, "0x1"),
                              "\"reason\":\"sender-daily-cap\""),
                       "a stub that nothing can follow would mislead");
    spw_stop(SIGTERM);
}

Test(caps, a_restart_loses_no_counter)
{
    char last[1024];

    spw_extra[0] = "MAX_DAILY_OPS_PER_SENDER=6";
    for (int i = 0; i < 6; i++) { /* killed after each answer */
        spw_start();
        cr_assert_str_eq(ask(SPW_MEMBER, 1), APPROVED, "answer %d", i);
        snprintf(last, sizeof last, "%s", spw_get("/last-decision?token=" SPW_TOKEN, &status));
        spw_stop(SIGKILL);
    }
    spw_start();
    cr_assert_str_eq(spw_get("/last-decision?token=" SPW_TOKEN, &status), last);
    cr_assert_str_eq(ask(SPW_MEMBER, 1), SENDER_CAP);
    cr_assert_str_eq(ask(SPW_MEMBER, 2), APPROVED);
    spw_stop(SIGTERM);
    spw_start();
    cr_assert_str_eq(ask(SPW_MEMBER, 1), SENDER_CAP);
    spw_stop(SIGTERM);
}

Test(caps, a_cluster_has_one_of_its_own)
{
    char path[96], hex[41];

    spw_extra[0] = "ATTESTMESH_MAX_DAILY_OPS_PER_CLUSTER=3";
    spw_start();
    am_hex(hex, spw_a, 20);
    snprintf(path, sizeof path, "/check?cluster=0x%s", hex);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_str_eq(ask(SPW_MEMBER, i), APPROVED);
    cr_assert_str_eq(ask(SPW_MEMBER, 9), CLUSTER_CAP);
    cr_assert_str_eq(ask(SPW_OF_B, 1), APPROVED, "another cluster");
    cr_assert_str_eq(spw_get(path, &status), "{\"deployed\":true,\"sponsored\":false}");
    spw_stop(SIGTERM);
}

Test(caps, only_the_clusters_that_are_named_are_served)
{
    static const char target[] = "{\"approved\":false,\"reason\":\"target-not-our-cluster\"}";
    char setting[160], path[96], a[41], b[41];

    am_hex(a, spw_a, 20);
    am_hex(b, spw_b, 20);
    snprintf(setting, sizeof setting, "ATTESTMESH_SPONSOR_CLUSTERS=0x%s, 0x%s", b,
             &SPW_PAYMASTER[2]);
    spw_extra[0] = setting;
    spw_start();
    cr_assert_str_eq(ask(SPW_MEMBER, 1), target);
    cr_assert_str_eq(ask(SPW_OF_B, 1), APPROVED);
    snprintf(path, sizeof path, "/check?cluster=0x%s", a);
    cr_assert_str_eq(spw_get(path, &status), "{\"deployed\":true,\"sponsored\":false}");
    spw_stop(SIGTERM);
}

Test(caps, what_the_paymaster_may_be_charged_for_a_cluster)
{
    spw_extra[0] =
        "ATTESTMESH_MAX_DAILY_GWEI_PER_CLUSTER=2100000"; /* 2 of 0x100000 gas at 1 gwei */
    spw_start();
    cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterStubData", 1, "0x0"), "isFinal"));
    cr_assert_not_null(
        strstr(request("/rpc", "pm_getPaymasterData", 1, "0x80000000"), "cluster-daily-cap"),
        "one operation could have spent it all");
    cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterData", 1, "0x3b9aca00"), "result"));
    cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterData", 2, "0x3b9aca00"), "result"));
    cr_assert_not_null(
        strstr(request("/rpc", "pm_getPaymasterData", 3, "0x3b9aca00"), "cluster-daily-cap"));
    spw_stop(SIGTERM);
}

Test(caps, stubs_and_denials_count_for_nothing)
{
    spw_extra[0] = "MAX_DAILY_OPS_PER_SENDER=1";
    spw_start();
    for (int i = 0; i < 3; i++) {
        cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterStubData", 1, "0x1"), "result"));
        cr_assert_str_eq(spw_post("/?token=x", spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), &status),
                         "{\"approved\":false,\"reason\":\"bad-token\"}");
    }
    cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterData", 1, "0x1"), "result"));
    spw_stop(SIGTERM);
}

Test(caps, the_paymaster_service_may_want_a_token)
{
    spw_extra[0] = "ATTESTMESH_SPONSOR_TOKEN=nodes";
    spw_start();
    cr_assert_not_null(strstr(request("/rpc", "pm_getPaymasterData", 1, "0x1"), "bad-token"));
    cr_assert_not_null(
        strstr(request("/rpc?token=" SPW_TOKEN, "pm_getPaymasterData", 1, "0x1"), "bad-token"));
    cr_assert_not_null(
        strstr(request("/rpc?token=nodes", "pm_getPaymasterData", 1, "0x1"), "result"));
    cr_assert_str_eq(spw_post("/?token=nodes", spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), &status),
                     "{\"approved\":false,\"reason\":\"bad-token\"}", "nor does it open the other");
    spw_stop(SIGTERM);
}

Test(caps, an_end_while_requests_wait_is_a_clean_one)
{
    const char *body = spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN);
    int64_t until = am_mono_ms() + 10000 * slow_factor();
    struct am_error err = {0};
    char text[4096];
    int fd[3], len;

    spw_start();
    cr_assert_eq(dn_rpc_fault(spw_double, "stall", &err), AM_OK);
    len = snprintf(text, sizeof text,
                   "POST " WEBHOOK " HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(body), body);
    for (int i = 0; i < 3; i++) {
        fd[i] = sw_dial(spw_port);
        cr_assert_eq(write(fd[i], text, (size_t)len), len);
    }
    while (dn_rpc_asked(spw_double, "eth_call") == 0 && am_mono_ms() < until)
        ev_run(sw_loop, EVRUN_ONCE);
    cr_assert_eq(dn_rpc_asked(spw_double, "eth_call"), 1, "one question for three");
    spw_stop(SIGTERM);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
}
