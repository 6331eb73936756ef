/*  test_sponsor_http -- the real sponsor over HTTP, and the settings it starts with.  */
#include "service_world.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SENDER "0x1111111111111111111111111111111111111111"
#define PAYMASTER "0x3333333333333333333333333333333333333333"
#define KEY_DIGITS "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
#define KEY "0x" KEY_DIGITS
#define REQUEST                                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"pm_getPaymasterStubData\",\"params\":[{"           \
    "\"sender\":\"" SENDER "\",\"nonce\":\"0x0\",\"callData\":\"0xb61d27f6\"},"                    \
    "\"0x0000000071727De22E5E9d8BAf0edAc6f37da032\",\"0x7a69\"]}"

static char apps[96];
static char url[64], env_run[96], env_apps[128], env_listen[96], env_key[160];
static pid_t *process;

static pid_t *
run(const char *log, const char *extra)
{
    static const char paymaster[] = "ATTESTMESH_PAYMASTER=" PAYMASTER;
    const char *const argv[] = {SPONSOR, NULL};
    const char *const env[] = {env_run,
                               env_apps,
                               env_listen,
                               env_key,
                               "CHAIN_ID=31337",
                               paymaster,
                               "RPC_URL=http://127.0.0.1:1",
                               extra,
                               NULL};

    return sw_start(log, argv, env);
}

static void
start_process(void)
{
    struct sw_answer a;
    uint16_t port;
    int64_t end = am_mono_ms() + 10000;
    char health[96];
    FILE *f;

    sw_begin();
    snprintf(apps, sizeof apps, "%s/apps", sw_dir);
    f = fopen(apps, "we");
    cr_assert_not_null(f);
    fprintf(f, SENDER "\n");
    fclose(f);
    port = sw_port();
    snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    snprintf(health, sizeof health, "%s/healthz", url);
    snprintf(env_run, sizeof env_run, "ATTESTMESH_RUN=%s", sw_dir);
    snprintf(env_apps, sizeof env_apps, "ATTESTMESH_SPONSOR_APPS=%s", apps);
    snprintf(env_listen, sizeof env_listen, "ATTESTMESH_SPONSOR_LISTEN=127.0.0.1:%u", port);
    snprintf(env_key, sizeof env_key, "ATTESTMESH_SPONSOR_KEY=%s", KEY);
    process = run("sponsor.log", NULL);
    do
        sw_get(&a, health);
    while (a.status != 200 && am_mono_ms() < end);
    cr_assert_str_eq(a.body, "{\"ok\":true}", "%s%s", a.why, sw_log("sponsor.log"));
}

static void
stop_process(void)
{
    kill(*process, SIGTERM);
    cr_assert_eq(sw_ended(process, 5000), 0, "%s", sw_log("sponsor.log"));
    cr_assert_null(strstr(sw_log("sponsor.log"), KEY_DIGITS));
    sw_end();
}

TestSuite(sponsor_http, .init = start_process, .fini = stop_process, .timeout = 60);

Test(sponsor_http, signs_over_http)
{
    static struct sw_answer a;
    json_t *root;

    sw_post(&a, url, REQUEST, strlen(REQUEST));
    cr_assert_eq(a.status, 200);
    cr_assert_str_eq(a.type, "application/json");
    root = json_loads(a.body, 0, NULL);
    cr_assert_not_null(json_object_get(root, "result"), "%s", a.body);
    json_decref(root);
}

Test(sponsor_http, refuses_over_http)
{
    static struct sw_answer a;
    static char large[(1 << 20) + 4096], other[96];

    sw_post(&a, url, "[]", 2);
    cr_expect(a.status == 200 && strstr(a.body, "-32600") != NULL, "%s", a.body);
    sw_post(&a, url, "nonsense", 8);
    cr_expect(a.status == 200 && strstr(a.body, "-32700") != NULL, "%s", a.body);
    memset(large, ' ', sizeof large);
    sw_post(&a, url, large, 128 * 1024);
    cr_expect(a.status == 200 && strstr(a.body, "-32700") != NULL, "at the limit: %d %s", a.status,
              a.body);
    sw_post(&a, url, large, 128 * 1024 + 1);
    cr_expect_eq(a.status, 413, "%d %s", a.status, a.why);
    cr_expect_not_null(strstr(a.body, "body-too-large"));
    sw_post(&a, url, large, sizeof large);
    cr_expect_neq(a.code, AM_OK, "beyond 1 MiB it hangs up");
    snprintf(other, sizeof other, "%s/other", url);
    sw_post(&a, other, "{}", 2);
    cr_expect_eq(a.status, 404);
    sw_get(&a, url);
    cr_expect_eq(a.status, 404);
    snprintf(other, sizeof other, "%s/healthz", url);
    sw_get(&a, other);
    cr_expect_eq(a.status, 200, "and lives on");
}

Test(sponsor_http, a_second_one_cannot_listen)
{
    cr_assert_eq(sw_ended(run("second.log", NULL), 5000), 1);
    cr_assert_not_null(strstr(sw_log("second.log"), "cannot listen"), "%s", sw_log("second.log"));
}

Test(sponsor_http, settings_that_are_none_stop_the_start)
{
    cr_assert_eq(sw_ended(run("typo.log", "ATTESTMESH_SPONSOR_APP=x"), 5000), 1);
    cr_assert_not_null(strstr(sw_log("typo.log"), "ATTESTMESH_SPONSOR_APPS"), "the nearest: %s",
                       sw_log("typo.log"));
    snprintf(env_key, sizeof env_key, "ATTESTMESH_SPONSOR_KEY=%sff", KEY);
    cr_assert_eq(sw_ended(run("key.log", NULL), 5000), 1);
    cr_assert_not_null(strstr(sw_log("key.log"), "ATTESTMESH_SPONSOR_KEY"));
    cr_assert_null(strstr(sw_log("key.log"), KEY_DIGITS), "a wrong key is a secret too");
    snprintf(env_key, sizeof env_key, "ATTESTMESH_SPONSOR_KEY=%s", KEY);
    snprintf(env_apps, sizeof env_apps, "ATTESTMESH_SPONSOR_APPS=%s/none", sw_dir);
    cr_assert_eq(sw_ended(run("apps.log", NULL), 5000), 1);
    cr_assert_not_null(strstr(sw_log("apps.log"), "ATTESTMESH_SPONSOR_APPS"));
}
