/*  test_api_attest -- the page of /attestation, from facts and quotes.  */
#include "../../services/api/api_attest.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct api_facts f;
static uint8_t quote[636];
static struct api_quote given;
static struct am_error err;

static struct api_bytes
of(uint8_t fill, size_t len)
{
    struct api_bytes b = {.len = len};

    memset(b.p, fill, len);
    return b;
}

/* protocol page 3.7: its example's keys. */
static void
begin(void)
{
    f = (struct api_facts){.phase = "healthy", .mesh_ip = 0x0a120102};
    f.id = (struct api_identity){.ready = true,
                                 .attestor = "dstack",
                                 .x_pub = of(0x33, 32),
                                 .wg_pub = of(0x44, 32),
                                 .ed25519_pub = of(0x55, 32),
                                 .app_id = of(0x22, 20),
                                 .compose_hash = of(0x66, 32),
                                 .instance_id = of(0x77, 20),
                                 .device_id = of(0x88, 32),
                                 .cluster = of(0x11, 20),
                                 .member_contract = of(0x22, 20),
                                 .member_id = of(0x99, 32)};
    memset(quote, 0, sizeof quote);
    quote[0] = 4;
    quote[2] = 2;
    quote[4] = 0x81;
    quote[8] = 7;
    quote[10] = 9;
    memset(quote + 12, 0xd1, 16);
    memset(quote + 28, 0xd2, 20);
    memset(quote + 48 + 136, 0xd3, 48);
    memset(quote + 48 + 472, 0xd4, 48);
    api_attest_report_data(quote + 568, &f, am_bin_of(NULL, 0));
    given = (struct api_quote){.quote = AM_BIN(quote), .event_log = am_str_of("[{\"imr\":3}]")};
}

TestSuite(api_attest, .init = begin);

static json_t *
page(struct am_bin nonce, const struct api_quote *q, unsigned expected)
{
    unsigned status;
    char *text = api_attestation(&f, nonce, q, &status);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    cr_assert_not_null(root, "%s", text);
    cr_assert_eq(status, expected, "%s", text);
    cr_assert_eq(json_is_true(json_object_get(root, "available")), expected == 200, "%s", text);
    cr_assert_eq(json_object_size(json_object_get(root, "errors")) == 0, expected == 200, "%s",
                 text);
    free(text);
    return root;
}

static void
is(const json_t *root, const char *path, const char *value)
{
    char words[128], *rest = words, *key;

    snprintf(words, sizeof words, "%s", path);
    while ((key = strsep(&rest, ".")) != NULL)
        root = json_object_get(root, key);
    if (value == NULL)
        cr_expect(json_is_null(root), "%s", path);
    else if (json_is_integer(root))
        cr_expect_eq(json_integer_value(root), strtoll(value, NULL, 10), "%s", path);
    else
        cr_expect_str_eq(json_is_string(root) ? json_string_value(root) : "?", value, "%s", path);
}

/* "0x" and a byte n times. */
static const char *
times(const char *byte, int n)
{
    static char text[200];

    strcpy(text, "0x");
    while (n-- > 0)
        strcat(text, byte);
    return text;
}

Test(api_attest, every_field_of_v1)
{
    json_t *root = page(am_bin_of(NULL, 0), &given, 200);
    const json_t *m = json_object_get(root, "measurements"), *q = json_object_get(root, "quote");

    is(root, "attestor", "dstack");
    is(root, "member_id", times("99", 32));
    is(root, "member_contract", "0x2222222222222222222222222222222222222222");
    is(root, "cluster", "0x1111111111111111111111111111111111111111");
    is(root, "mesh_ip", "10.18.1.2");
    is(root, "phase", "healthy");
    is(root, "identity.x_pub", times("33", 32));
    is(root, "identity.wg_pub", times("44", 32));
    is(root, "identity.ed25519_pub", times("55", 32));
    is(root, "report_data",
       "0xe51f5fe8d07d2dae4dc58fb1e7beb30b9db6e4b6d8dbdf9ae19174cd7fc5ec15"
       "0000000000000000000000000000000000000000000000000000000000000000");
    cr_assert(json_is_false(json_object_get(root, "fresh")));
    is(root, "nonce", NULL);
    is(root, "dstack.app_id", times("22", 20));
    is(root, "dstack.compose_hash", times("66", 32));
    is(root, "dstack.instance_id", times("77", 20));
    is(root, "dstack.device_id", times("88", 32));
    is(root, "code_id", "0x2222222222222222222222222222222222222222000000000000000000000000");
    is(root, "quote.provider", "dstack");
    is(root, "quote.format", "raw");
    is(root, "quote.len", "636");
    cr_assert_eq(strlen(json_string_value(json_object_get(q, "bytes"))), 2 + 2 * 636);
    is(root, "quote.header.version", "4");
    is(root, "quote.header.attestation_key_type", "2");
    is(root, "quote.header.tee_type", "tdx");
    is(root, "quote.header.tee_type_raw", "0x00000081");
    is(root, "quote.header.qe_svn", "7");
    is(root, "quote.header.pce_svn", "9");
    is(root, "quote.header.qe_vendor_id", times("d1", 16));
    is(root, "quote.header.user_data", times("d2", 20));
    is(root, "measurements.mrtd", times("d3", 48));
    is(root, "measurements.rtmr3", times("d4", 48));
    cr_assert_eq(json_object_size(m), 15, "14 fields and debug");
    cr_assert(json_is_false(json_object_get(m, "debug")));
    cr_assert_eq(json_array_size(json_object_get(root, "event_log")), 1);
    cr_assert(json_is_string(json_object_get(root, "report_data_binding")));
    cr_assert_eq(json_object_size(root), 18);
    json_decref(root);
}

Test(api_attest, addresses_are_in_eip55_case)
{
    static const uint8_t mixed[20] = {0x5a, 0xae, 0xb6, 0x05, 0x3f, 0x3e, 0x94, 0xc9, 0xb9, 0xa0,
                                      0x9f, 0x33, 0x66, 0x94, 0x35, 0xe7, 0xef, 0x1b, 0xea, 0xed};
    json_t *root;

    memcpy(f.id.cluster.p, mixed, 20);
    api_attest_report_data(quote + 568, &f, am_bin_of(NULL, 0));
    root = page(am_bin_of(NULL, 0), &given, 200);
    is(root, "cluster", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"); /* EIP-55's own example */
    json_decref(root);
}

Test(api_attest, a_nonce_is_bound_and_shown)
{
    static const uint8_t nonce[1] = {1};
    json_t *root;

    json_decref(page(AM_BIN(nonce), &given, 503)); /* a quote without it */
    api_attest_report_data(quote + 568, &f, AM_BIN(nonce));
    root = page(AM_BIN(nonce), &given, 200);
    cr_assert(json_is_true(json_object_get(root, "fresh")));
    is(root, "nonce", "0x01");
    is(root, "report_data",
       "0xe51f5fe8d07d2dae4dc58fb1e7beb30b9db6e4b6d8dbdf9ae19174cd7fc5ec15"
       "5fe7f977e71dba2ea1a68e21057beebb9be2ac30c6410aa38d4f3fbe41dcffd2");
    json_decref(root);
}

Test(api_attest, debug_is_told)
{
    json_t *root;

    quote[48 + 120] = 1;
    root = page(am_bin_of(NULL, 0), &given, 200);
    cr_assert(json_is_true(json_object_get(json_object_get(root, "measurements"), "debug")));
    json_decref(root);
}

Test(api_attest, what_is_missing_is_said)
{
    json_t *root;

    f = (struct api_facts){0};
    root = page(am_bin_of(NULL, 0), NULL, 503);
    is(root, "errors.info", "keyagent has no identity yet");
    is(root, "attestor", "dstack");
    is(root, "phase", "booting");
    is(root, "member_id", NULL);
    is(root, "cluster", NULL);
    is(root, "mesh_ip", NULL);
    is(root, "identity.x_pub", NULL);
    is(root, "dstack.app_id", NULL);
    is(root, "code_id", NULL);
    is(root, "report_data", NULL);
    is(root, "quote", NULL);
    is(root, "measurements", NULL);
    is(root, "event_log", NULL);
    cr_assert_eq(json_object_size(root), 18);
    json_decref(root);
    strcpy(f.id.reason, "guest agent: expected an answer, \xff got none");
    root = page(am_bin_of(NULL, 0), NULL, 503);
    cr_assert(json_is_string(json_object_get(json_object_get(root, "errors"), "info")));
    json_decref(root);
    begin();
    f.id.cluster.len = 0;
    root = page(am_bin_of(NULL, 0), NULL, 503);
    is(root, "errors.info", "chain has no view of the cluster yet");
    is(root, "identity.x_pub", times("33", 32));
    json_decref(root);
}

/* A quote that is not this node's is not shown. */
static void
refused(const char *words)
{
    json_t *root = page(am_bin_of(NULL, 0), &given, 503);
    const char *why = json_string_value(json_object_get(json_object_get(root, "errors"), "quote"));

    cr_expect_not_null(why, "%s", words);
    cr_expect_not_null(strstr(why, words), "%s: %s", words, why);
    is(root, "quote", NULL);
    is(root, "measurements", NULL);
    is(root, "event_log", NULL);
    json_decref(root);
}

Test(api_attest, quotes_that_are_none)
{
    quote[568] ^= 1;
    refused("report data");
    quote[568] ^= 1;
    quote[599 + 32] ^= 1; /* the half of the nonce */
    refused("report data");
    quote[599 + 32] ^= 1;
    quote[0] = 5;
    refused("version");
    quote[0] = 4;
    given.quote.len = 100;
    refused("100");
    given.quote = am_bin_of("MOCKQUOTE-v1", 12);
    refused("quote");
    given.error = "keyagent.quote: expected an answer within 15000 ms, got none";
    refused("15000 ms");
}

Test(api_attest, an_event_log_that_is_none)
{
    static const char *const bad[] = {"{}", "[", "[1,]", "text", "[1]x", "\"a\"", "[\"\xff\"]"};
    json_t *root;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        given.event_log = am_str_of(bad[i]);
        root = page(am_bin_of(NULL, 0), &given, 503);
        is(root, "event_log", NULL);
        is(root, "errors.event_log", "event log: expected a JSON array, got something else");
        json_decref(root);
    }
    given.event_log = am_str_of(""); /* an agent that gives none */
    root = page(am_bin_of(NULL, 0), &given, 200);
    is(root, "event_log", NULL);
    json_decref(root);
}

Test(api_attest, nonces)
{
    static const char *const bad[] = {"", "0x", "0", "0x0", "zz", "0xzz", "01 ", " 01", "0x0x01"};
    uint8_t nonce[AM_NONCE_MAX];
    char text[2 + 2 * AM_NONCE_MAX + 3] = "0x";
    size_t len;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(api_nonce_read(nonce, &len, am_str_of(bad[i]), &err), AM_INVALID_ARGUMENT,
                     "%s", bad[i]);
        cr_expect_not_null(strstr(err.text, "nonce"), "%s", err.text);
    }
    cr_assert_eq(api_nonce_read(nonce, &len, (struct am_str){"0\0", 2}, &err), AM_INVALID_ARGUMENT);
    cr_assert_eq(api_nonce_read(nonce, &len, am_str_of("0A"), &err), AM_OK);
    cr_assert(len == 1 && nonce[0] == 10);
    for (int i = 0; i < AM_NONCE_MAX; i++)
        strcat(text, "ab");
    cr_assert_eq(api_nonce_read(nonce, &len, am_str_of(text), &err), AM_OK);
    cr_assert_eq(len, AM_NONCE_MAX);
    strcat(text, "ab");
    cr_assert_eq(api_nonce_read(nonce, &len, am_str_of(text), &err), AM_INVALID_ARGUMENT);
}

Test(api_attest, a_refusal_is_v1s)
{
    char *text = api_attest_refusal("nonce: \"x\"");

    cr_assert_str_eq(text, "{\"available\":false,\"error\":\"nonce: \\\"x\\\"\"}");
    free(text);
}
