/*  test_sponsor_http -- the real sponsor over HTTP: every route, every reason, before a chain.  */
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "eth_json.h"
#include "sponsor_world.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SEND "0x84076765"
#define CHAIN "0x7a69"
#define WEBHOOK "/?token=" SPW_TOKEN
#define NONCE "0xabababababababababababababababababababababababababababababababab"

static int status;

static void
start(void)
{
    spw_begin();
    spw_start();
}

static void
stop(void)
{
    spw_stop(SIGTERM);
    spw_end();
}

TestSuite(sponsor_http, .init = start, .fini = stop, .timeout = 100);

static void
decides(const char *body, const char *reason)
{
    char want[96];
    const char *got = spw_post(WEBHOOK, body, &status);

    if (reason == NULL)
        snprintf(want, sizeof want, "{\"approved\":true}");
    else
        snprintf(want, sizeof want, "{\"approved\":false,\"reason\":\"%s\"}", reason);
    cr_expect_eq(status, 200);
    cr_expect_str_eq(got, want);
}

Test(sponsor_http, each_reason_by_fixture)
{
    uint8_t none[20] = {0};

    cr_expect_str_eq(spw_post("/?token=wrong", spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), &status),
                     "{\"approved\":false,\"reason\":\"bad-token\"}");
    cr_expect_str_eq(spw_post("/", spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), &status),
                     "{\"approved\":false,\"reason\":\"bad-token\"}");
    cr_expect_str_eq(spw_post("/", "{", &status), "{\"error\":\"malformed-json\"}",
                     "the body is read before the token is looked at");
    cr_expect_eq(status, 400);
    cr_expect_str_eq(spw_post(WEBHOOK, "{}", &status), "{\"error\":\"malformed-userop\"}");
    cr_expect_eq(status, 400);
    decides(spw_alchemy(SPW_MEMBER, 1, NULL, NULL), "chain-mismatch");
    decides(spw_alchemy(SPW_MEMBER, 1, NULL, "0x1"), "chain-mismatch");
    decides(spw_alchemy(SPW_STRANGER, 1, NULL, CHAIN), "not-cluster-member");
    decides(spw_alchemy(SPW_STRANGER, 1, "0x", CHAIN), "not-cluster-member");
    decides(spw_alchemy(SPW_MEMBER, 1, "0x12345678", CHAIN), "outer-selector-not-execute");
    decides(spw_alchemy(SPW_MEMBER, 1, spw_execute(spw_a, "0xf2fde38b"), CHAIN),
            "inner-selector-not-allowed");
    decides(spw_alchemy(SPW_MEMBER, 1, spw_execute(spw_b, SEND), CHAIN), "target-not-our-cluster");
    decides(spw_alchemy(SPW_MEMBER, 1, spw_execute(none, SEND), CHAIN), "target-not-our-cluster");
    decides(spw_alchemy(SPW_OF_NOWHERE, 1, spw_execute(spw_nowhere, SEND), CHAIN),
            "target-not-our-cluster");
    decides(spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), NULL);
    decides(spw_alchemy(SPW_APP, 1, NULL, CHAIN), NULL);
    decides(spw_alchemy(SPW_OF_B, 1, spw_execute(spw_b, SEND), CHAIN), NULL);
    decides(spw_alchemy(SPW_MEMBER, 1, spw_execute(spw_a, "0x64e985f8"), CHAIN), NULL);
}

Test(sponsor_http, value_is_refused)
{
    char data[1024];

    snprintf(data, sizeof data, "%s", spw_execute(spw_a, SEND));
    data[2 + 8 + 127] = '1'; /* the last digit of the second argument */
    decides(spw_alchemy(SPW_MEMBER, 1, data, CHAIN), "value-nonzero");
}

Test(sponsor_http, a_failed_rpc_is_no_answer_and_is_not_kept)
{
    static const char *const faults[] = {"html", "error-object", "odd-hex", "truncate", "wrong-id"};
    struct am_error err = {0};

    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(dn_rpc_fault(spw_double, faults[i], &err), AM_OK);
        decides(spw_alchemy(SPW_MEMBER, 10 + i, NULL, CHAIN), "rpc-failure");
        cr_assert_eq(dn_rpc_fault(spw_double, "none", &err), AM_OK);
        decides(spw_alchemy(SPW_MEMBER, 10 + i, NULL, CHAIN), NULL);
    }
    spw_chain_id = 1; /* a provider of another chain makes nothing true */
    decides(spw_alchemy(SPW_MEMBER, 20, NULL, CHAIN), "rpc-failure");
    cr_expect_str_eq(spw_get("/healthz", &status), "{\"ok\":false}");
    cr_expect_eq(status, 503);
    spw_chain_id = 31337;
    decides(spw_alchemy(SPW_MEMBER, 20, NULL, CHAIN), NULL);
}

Test(sponsor_http, the_chain_is_asked_once_and_the_factory_not_about_listed_apps)
{
    for (int i = 0; i < 3; i++)
        decides(spw_alchemy(SPW_APP, 1, NULL, CHAIN), NULL);
    cr_assert_eq(spw_asked[SP_CLUSTER_OF], 1);
    cr_assert_eq(spw_asked[SP_DEPLOYED], 2, "of both factories");
    cr_assert_eq(spw_asked[SP_APP_ALLOWED], 1);
    cr_assert_eq(spw_asked[SP_OUR_MEMBER], 0, "its no would be asked for again every 10 minutes");
    cr_assert_not_null(strstr(spw_get("/metrics", &status),
                              "attestmesh_sponsor_cache_writes_total{answer=\"no\"} 0\n"));
    for (int i = 0; i < 3; i++)
        decides(spw_alchemy(SPW_STRANGER, 1, NULL, CHAIN), "not-cluster-member");
    cr_assert_eq(spw_asked[SP_CLUSTER_OF], 2, "a no of the contract is kept");
    cr_assert_eq(spw_asked[SP_OUR_MEMBER], 1);
}

/* Pimlico's headers for a body, by the way of protocol page 7.5 with its own secret. */
static const char *
headers(const char *body, int64_t skew, const char *prefix)
{
    static char text[512];
    uint8_t key[48], mac[32], bytes[32];
    char message[4096], base64[64], hex[65];
    long long at = (long long)time(NULL) + skew;
    crypto_auth_hmacsha256_state state;

    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    am_hex(hex, bytes, 32);
    cr_assert_eq(sodium_base642bin(key, sizeof key, hex, 64, NULL, NULL, NULL,
                                   sodium_base64_VARIANT_ORIGINAL),
                 0);
    snprintf(message, sizeof message, "msg_1.%lld.%s", at, body);
    crypto_auth_hmacsha256_init(&state, key, sizeof key);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)message, strlen(message));
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2base64(base64, sizeof base64, mac, 32, sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, sizeof text, "%s-id: msg_1\r\n%s-timestamp: %lld\r\n%s-signature: v1,%s\r\n",
             prefix, prefix, at, prefix, base64);
    return text;
}

static const char *
event(enum spw_kind kind, unsigned n, const char *chain)
{
    static char body[4096];
    uint8_t account[20];
    char hex[41];

    spw_account(account, kind, n);
    am_hex(hex, account, 20);
    snprintf(body, sizeof body,
             "{\"type\":\"user_operation.sponsorship.requested\",\"data\":{\"object\":{"
             "\"userOperation\":{\"sender\":\"0x%s\",\"callData\":\"%s\"},\"chainId\":%s,"
             "\"sponsorshipPolicyId\":\"sp_x\"}}}",
             hex, spw_execute(spw_a, SEND), chain);
    return body;
}

Test(sponsor_http, pimlicos_webhook)
{
    const char *body = event(SPW_MEMBER, 1, "31337");

    cr_expect_str_eq(spw_raw("/pimlico", "", body, &status),
                     "{\"error\":\"bad-signature\",\"reason\":\"missing-headers\"}");
    cr_expect_eq(status, 401);
    cr_expect_str_eq(spw_raw("/pimlico", headers(body, -310, "webhook"), body, &status),
                     "{\"error\":\"bad-signature\",\"reason\":\"stale-timestamp\"}");
    cr_expect_str_eq(spw_raw("/pimlico", headers("x", 0, "webhook"), body, &status),
                     "{\"error\":\"bad-signature\",\"reason\":\"bad-signature\"}");
    cr_expect_not_null(strstr(spw_get("/pimlico-status?token=" SPW_TOKEN, &status),
                              "\"stage\":\"verify\",\"ok\":false,\"sponsor\":false,"
                              "\"denyReason\":\"bad-signature\""));
    cr_expect_str_eq(spw_raw("/pimlico", headers("{}", 0, "webhook"), "{}", &status),
                     "{\"sponsor\":false}", "another event");
    cr_expect_str_eq(spw_raw("/pimlico", headers(body, 0, "webhook"), body, &status),
                     "{\"sponsor\":true}");
    cr_expect_eq(status, 200);
    cr_expect_str_eq(spw_raw("/pimlico", headers(body, 0, "svix"), body, &status),
                     "{\"sponsor\":true}");
    body = event(SPW_MEMBER, 1, "\"0x1\"");
    cr_expect_str_eq(spw_raw("/pimlico", headers(body, 0, "svix"), body, &status),
                     "{\"sponsor\":false}");
    body = event(SPW_STRANGER, 1, "\"0x7a69\"");
    cr_expect_str_eq(spw_raw("/pimlico", headers(body, 0, "svix"), body, &status),
                     "{\"sponsor\":false}");
}

Test(sponsor_http, the_last_decision_is_behind_the_token)
{
    static const char *const paths[] = {"/pimlico-status", "/last-decision"};
    char path[96];

    for (size_t i = 0; i < 2; i++) {
        cr_expect_str_eq(spw_get(paths[i], &status), "{\"error\":\"unauthorized\"}");
        cr_expect_eq(status, 401);
        snprintf(path, sizeof path, "%s?token=%s", paths[i], SPW_TOKEN);
        cr_expect_str_eq(spw_get(path, &status), "{\"empty\":true}");
    }
    decides(spw_alchemy(SPW_STRANGER, 1, NULL, CHAIN), "not-cluster-member");
    cr_expect_not_null(strstr(spw_get(path, &status),
                              "\"route\":\"alchemy\",\"stage\":\"decision\",\"ok\":true,"
                              "\"sponsor\":false,\"denyReason\":\"not-cluster-member\",\"sender\":"
                              "\"0x1212121212121212121212121212121200000001\""));
    cr_expect_str_eq(spw_get("/pimlico-status?token=" SPW_TOKEN, &status), "{\"empty\":true}");
}

Test(sponsor_http, check_tells_of_a_cluster)
{
    struct am_error err = {0};
    char path[96], hex[41];

    cr_expect_str_eq(spw_get("/check", &status), "{\"error\":\"missing-or-invalid-cluster\"}");
    cr_expect_eq(status, 400);
    cr_expect_str_eq(spw_get("/check?cluster=0x12", &status),
                     "{\"error\":\"missing-or-invalid-cluster\"}");
    am_hex(hex, spw_a, 20);
    snprintf(path, sizeof path, "/check?cluster=0x%s", hex);
    cr_assert_eq(dn_rpc_fault(spw_double, "html", &err), AM_OK);
    cr_expect_str_eq(spw_get(path, &status), "{\"error\":\"rpc-failure\"}");
    cr_expect_eq(status, 503);
    cr_assert_eq(dn_rpc_fault(spw_double, "none", &err), AM_OK);
    cr_expect_str_eq(spw_get(path, &status), "{\"deployed\":true,\"sponsored\":true}");
    am_hex(hex, spw_nowhere, 20);
    snprintf(path, sizeof path, "/check?cluster=0x%s", hex);
    cr_expect_str_eq(spw_get(path, &status), "{\"deployed\":false,\"sponsored\":false}");
}

static const char *
field(const json_t *root, const char *name)
{
    const char *text = json_string_value(json_object_get(root, name));

    cr_assert_not_null(text, "%s", name);
    return text;
}

/* Who signed this identity, by the text that the checker makes himself. */
static void
signer_of(uint8_t address[20], const json_t *root, const char *nonce)
{
    char text[512];
    uint8_t hash[32], digest[32], signature[65];
    struct am_error err = {0};

    snprintf(text, sizeof text, "attestmesh.sponsor.identity.v1\n%s\n%lld\n%s\n%s\n%s,%s,%s", nonce,
             (long long)json_integer_value(json_object_get(root, "chainId")),
             field(root, "entryPoint"), field(root, "paymaster"),
             json_string_value(json_array_get(json_object_get(root, "factories"), 0)),
             json_string_value(json_array_get(json_object_get(root, "factories"), 1)),
             json_string_value(json_array_get(json_object_get(root, "factories"), 2)));
    am_keccak256(hash, text, strlen(text));
    am_eip191_32(digest, hash);
    cr_assert_eq(am_unhex(signature, 65, am_str_of(field(root, "signature")), "", &err), AM_OK);
    cr_assert_eq(am_secp_recover_address(address, digest, signature, AM_V_ETH, &err), AM_OK);
}

Test(sponsor_http, identity_is_signed_for_this_nonce_chain_and_contracts)
{
    uint8_t key[32], want[20], got[20];
    struct am_error err = {0};
    json_t *root;

    cr_assert_eq(am_crypto_init(&err), AM_OK);
    cr_assert_eq(am_unhex(key, 32, am_str_of(SPW_KEY_DIGITS), "", &err), AM_OK);
    cr_assert_eq(am_address_of_secret(want, key, &err), AM_OK);
    cr_expect_str_eq(spw_get("/identity", &status), "{\"error\":\"missing-or-invalid-nonce\"}");
    cr_expect_eq(status, 400);
    spw_get("/identity?nonce=0xab", &status);
    cr_expect_eq(status, 400);
    root = json_loads(spw_get("/identity?nonce=" NONCE, &status), JSON_REJECT_DUPLICATES, NULL);
    cr_assert_eq(status, 200);
    cr_expect_str_eq(field(root, "service"), "attestmesh-sponsor");
    cr_expect_str_eq(field(root, "nonce"), NONCE);
    cr_expect_str_eq(field(root, "paymaster"), SPW_PAYMASTER);
    cr_expect_eq(json_array_size(json_object_get(root, "factories")), 3);
    cr_assert_eq(am_unhex(got, 20, am_str_of(field(root, "address")), "", &err), AM_OK);
    cr_expect_arr_eq(got, want, 20);
    signer_of(got, root, NONCE);
    cr_expect_arr_eq(got, want, 20, "the signer of the paymaster signed this");
    signer_of(got, root, "0x" SPW_KEY_DIGITS);
    cr_expect_arr_neq(got, want, 20, "an answer is for one nonce");
    json_object_set_new(root, "chainId", json_integer(1));
    signer_of(got, root, NONCE);
    cr_expect_arr_neq(got, want, 20, "and for one chain");
    json_decref(root);
}

Test(sponsor_http, limits_of_a_request)
{
    static char large[(1 << 20) + 4096];
    static struct sw_answer a;

    memset(large, ' ', sizeof large);
    sw_post(&a, spw_url("/rpc"), large, 128 * 1024);
    cr_expect(a.status == 200 && strstr(a.body, "-32700") != NULL, "at the limit: %d %s", a.status,
              a.body);
    sw_post(&a, spw_url("/rpc"), large, 128 * 1024 + 1);
    cr_expect_eq(a.status, 413, "%d %s", a.status, a.why);
    cr_expect_not_null(strstr(a.body, "body-too-large"));
    sw_post(&a, spw_url("/rpc"), large, sizeof large);
    cr_expect_neq(a.code, AM_OK, "beyond 1 MiB it hangs up");
    spw_post("/other", "{}", &status);
    cr_expect_eq(status, 404);
    spw_get("/", &status);
    cr_expect_eq(status, 404);
    cr_expect_str_eq(spw_get("/healthz", &status), "{\"ok\":true}", "and lives on");
}

Test(sponsor_start, settings_that_are_none_stop_it, .init = spw_begin, .fini = spw_end)
{
    static const struct {
        const char *setting, *words;
    } rows[] = {
        {"ATTESTMESH_SPONSOR_TOKENS=x", "ATTESTMESH_SPONSOR_TOKEN"},
        {"ATTESTMESH_SPONSOR_KEY=0x" SPW_KEY_DIGITS "ff", "ATTESTMESH_SPONSOR_KEY"},
        {"CANONICAL_MEMBER_FACTORY=0x12", "CANONICAL_MEMBER_FACTORY"},
        {"CACHE_TTL_SECONDS=59", "CACHE_TTL_SECONDS"},
        {"SIDECAR_STATE_DIR=/proc/none", "sponsor store"},
        {"ATTESTMESH_SPONSOR_CLUSTERS=0x12", "ATTESTMESH_SPONSOR_CLUSTERS"},
        {"ATTESTMESH_SPONSOR_CLUSTERS=" SPW_PAYMASTER ",", "ATTESTMESH_SPONSOR_CLUSTERS"},
        {"ATTESTMESH_SPONSOR_CLUSTERS=" SPW_PAYMASTER " " SPW_PAYMASTER, "a comma"},
        {"ATTESTMESH_SPONSOR_LISTEN=127.0.0.1", "ATTESTMESH_SPONSOR_LISTEN"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        spw_extra[0] = rows[i].setting;
        cr_assert_eq(sw_ended(spw_run("refused.log"), 5000), 1, "%s", rows[i].setting);
        cr_assert_not_null(strstr(sw_log("refused.log"), rows[i].words), "%s",
                           sw_log("refused.log"));
        cr_assert_null(strstr(sw_log("refused.log"), SPW_KEY_DIGITS),
                       "a wrong key is a secret too");
    }
}

Test(sponsor_start, a_second_one_is_refused, .init = start, .fini = stop)
{
    char state[96];

    cr_assert_eq(sw_ended(spw_run("second.log"), 5000), 1);
    cr_assert_not_null(strstr(sw_log("second.log"), "locked"), "%s", sw_log("second.log"));
    snprintf(state, sizeof state, "SIDECAR_STATE_DIR=%s/other", sw_dir);
    spw_extra[0] = state;
    cr_assert_eq(sw_ended(spw_run("third.log"), 5000), 1);
    cr_assert_not_null(strstr(sw_log("third.log"), "cannot listen"), "%s", sw_log("third.log"));
}

Test(sponsor_start, routes_without_their_secret_are_closed, .init = spw_begin, .fini = spw_end)
{
    spw_extra[0] = "ALCHEMY_WEBHOOK_TOKEN=";
    spw_extra[1] = "PIMLICO_WEBHOOK_SECRET=";
    spw_start();
    cr_expect_str_eq(spw_post("/?token=", spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), &status),
                     "{\"error\":\"server-misconfigured\"}");
    cr_expect_eq(status, 500);
    cr_expect_str_eq(spw_post("/pimlico", "{}", &status), "{\"error\":\"pimlico-route-disabled\"}");
    cr_expect_eq(status, 503);
    spw_get("/last-decision?token=", &status);
    cr_expect_eq(status, 401, "no token is nobody's");
    spw_stop(SIGTERM);
    spw_extra[1] = "PIMLICO_WEBHOOK_SECRET=pim_whsec_0";
    spw_start();
    cr_expect_str_eq(spw_raw("/pimlico", headers("{}", 0, "webhook"), "{}", &status),
                     "{\"error\":\"bad-signature\",\"reason\":\"secret-undecodable\"}");
    spw_stop(SIGTERM);
}

Test(sponsor_start, strangers_cannot_spend_the_rpc, .init = spw_begin, .fini = spw_end)
{
    spw_extra[0] = "ATTESTMESH_SPONSOR_LOOKUPS_PER_DAY=160"; /* 8 at once */
    spw_start();
    decides(spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), NULL); /* 4 of them */
    for (unsigned i = 0; i < 2; i++)
        decides(spw_alchemy(SPW_STRANGER, i, NULL, CHAIN), "not-cluster-member"); /* 2 each */
    for (unsigned i = 2; i < 20; i++)
        decides(spw_alchemy(SPW_STRANGER, i, NULL, CHAIN), "rpc-failure");
    cr_expect_eq(spw_asked[SP_CLUSTER_OF], 3);
    decides(spw_alchemy(SPW_MEMBER, 1, NULL, CHAIN), NULL); /* who is known is served on */
    cr_expect_str_eq(spw_get("/healthz", &status), "{\"ok\":true}");
    cr_expect_not_null(
        strstr(spw_get("/metrics", &status), "\nattestmesh_sponsor_lookups_refused_total 18\n"));
    spw_stop(SIGTERM);
}
