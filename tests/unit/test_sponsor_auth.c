/*  test_sponsor_auth -- token, Pimlico's signature, and the two bodies of gas providers.  */
#include "../../services/sponsor/sp_auth.h"
#include "../../services/sponsor/sp_webhook.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Source: protocol page 7.5 */
#define SECRET "pim_whsec_12oeWzGziAeWhm1Hpi4zvXDz54bzSMCBj3CeCb6rAPV"
#define KEY                                                                                        \
    "d34d35d36d37d38d39d3ad3bd3cd3dd1ad1bd1cd1dd1ed1fd74d75d76d77d78d79d7ad7bd7cd7dd5ad5bd5cd5dd5" \
    "ed5f"
#define BODY "{\"type\":\"user_operation.sponsorship.requested\"}"
#define SIGNATURE "v1,FegSBwAL3Dulyu7SFiGvw1GCj7N+us7vJohmBsP9cxY="
#define AT 1783379000

static struct am_error err;
static uint8_t key[SP_PIMLICO_KEY_MAX];
static size_t key_len;
static char computed[SP_SIGNATURE_TEXT];
static struct sp_op op;
static struct sp_ask ask;

static void
start(void)
{
    cr_assert(sodium_init() >= 0);
    cr_assert_eq(sp_pimlico_key(key, &key_len, SECRET, &err), AM_OK, "%s", err.text);
}

TestSuite(auth, .init = start);

Test(auth, no_token_is_nobodys)
{
    cr_assert(!sp_token_is("", ""));
    cr_assert(!sp_token_is(NULL, "a"));
    cr_assert(!sp_token_is("a", NULL));
    cr_assert(!sp_token_is("secret", "secreT"));
    cr_assert(!sp_token_is("secret", "secret "));
    cr_assert(!sp_token_is("secret", ""));
    cr_assert(sp_token_is("secret", "secret"));
}

Test(auth, a_secret_that_is_none)
{
    static const char *const odd[] = {
        "", "pim_whsec_", "pim_whsec_0", "pim_whsec_l", "pim_whsec_w", "pim_whsec_I", "pim_whsec_O",
        "2" /* one byte: its two digits are no whole base64 */, "pim_whsec_ 12oe",
        "pim_whsec_12oe=",
        /* 129 bytes */
        ("11111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
         "1111111111111111111111111111111111111111")};
    size_t len = 1;

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        cr_expect_eq(sp_pimlico_key(key, &len, odd[i], &err), AM_INVALID_ARGUMENT, "%zu", i);
        cr_expect(len == 0 && am_is_zero(key, sizeof key), "%zu", i);
        cr_expect(strlen(odd[i]) < 4 || strstr(err.text, odd[i]) == NULL || i == 1, "%zu", i);
    }
}

Test(auth, the_key_of_the_golden_vector)
{
    char hex[2 * SP_PIMLICO_KEY_MAX + 1];

    am_hex(hex, key, key_len);
    cr_assert_str_eq(hex, KEY);
    cr_assert_eq(sp_pimlico_key(key, &key_len, "whsec_" SECRET, &err), AM_INVALID_ARGUMENT,
                 "the prefixes are stripped in this order");
    cr_assert_eq(sp_pimlico_key(key, &key_len, &SECRET[4], &err), AM_OK, "whsec_ alone");
    am_hex(hex, key, key_len);
    cr_assert_str_eq(hex, KEY);
    cr_assert_eq(sp_pimlico_key(key, &key_len, &SECRET[10], &err), AM_OK, "neither");
}

static const char *
check(const char *id, const char *timestamp, const char *signatures, const char *body, uint64_t now)
{
    const struct sp_signed s = {id, timestamp, signatures, am_bin_of(body, strlen(body))};
    const char *r = sp_pimlico_check(computed, &s, key, key_len, now);

    return r != NULL ? r : "good";
}

Test(auth, a_webhook_in_v1s_order_of_reasons)
{
    static const char at[] = "1783379000";

    cr_expect_str_eq(check(NULL, at, SIGNATURE, BODY, AT), "missing-headers");
    cr_expect_str_eq(check("msg_test", NULL, SIGNATURE, BODY, AT), "missing-headers");
    cr_expect_str_eq(check("msg_test", at, NULL, BODY, AT), "missing-headers");
    cr_expect_str_eq(check("msg_test", at, SIGNATURE, BODY, AT + 301), "stale-timestamp");
    cr_expect_str_eq(check("msg_test", at, SIGNATURE, BODY, AT - 301), "stale-timestamp");
    cr_expect_str_eq(check("msg_test", "", SIGNATURE, BODY, AT), "stale-timestamp");
    cr_expect_str_eq(check("msg_test", "1783379000x", SIGNATURE, BODY, AT), "stale-timestamp");
    cr_expect_str_eq(check("msg_test", "-1783379000", SIGNATURE, BODY, AT), "stale-timestamp");
    cr_expect_str_eq(check("msg_test", "17833790000000000000000", SIGNATURE, BODY, AT),
                     "stale-timestamp");
    cr_expect_str_eq(check("msg_test2", at, SIGNATURE, BODY, AT), "bad-signature");
    cr_expect_str_eq(check("msg_test", "1783379001", SIGNATURE, BODY, AT), "bad-signature");
    cr_expect_str_eq(check("msg_test", at, SIGNATURE, BODY " ", AT), "bad-signature");
    cr_expect_str_eq(check("msg_test", at, "", BODY, AT), "bad-signature");
    cr_expect_str_eq(check("msg_test", at, &SIGNATURE[3], BODY, AT), "bad-signature");
    cr_expect_str_eq(check("msg_test", at, "v2" SIGNATURE, BODY, AT), "bad-signature");
    cr_expect_str_eq(check("msg_test", at, SIGNATURE "x", BODY, AT), "bad-signature");
    key_len = 0;
    cr_expect_str_eq(check("msg_test", at, SIGNATURE, BODY, AT), "secret-undecodable");
    cr_expect_str_eq(computed, "");
}

Test(auth, the_golden_webhook_within_its_minutes)
{
    static const char at[] = "1783379000";

    cr_assert_str_eq(check("msg_test", at, SIGNATURE, BODY, AT), "good");
    cr_assert_str_eq(computed, SIGNATURE);
    cr_assert_str_eq(check("msg_test", at, SIGNATURE, BODY, AT + 300), "good");
    cr_assert_str_eq(check("msg_test", at, SIGNATURE, BODY, AT - 300), "good");
    cr_assert_str_eq(check("msg_test", at, "v1,AAAA v1a,BBBB  " SIGNATURE " v1,C", BODY, AT),
                     "good", "one of several, while a secret is rotated");
}

#define OPERATION                                                                                  \
    "{\"sender\":\"0x1111111111111111111111111111111111111111\",\"callData\":\"0xb61d27f6\"}"

static const char *
alchemy(const char *body)
{
    const char *r = sp_alchemy_read(&ask, &op, am_bin_of(body, strlen(body)));

    return r != NULL ? r : "good";
}

static const char *
pimlico(const char *body)
{
    const char *r = sp_pimlico_read(&ask, &op, am_bin_of(body, strlen(body)));

    return r != NULL ? r : "good";
}

Test(auth, alchemys_body)
{
    static const char *const chains[] = {"",
                                         ",\"chainId\":null",
                                         ",\"chainId\":8453",
                                         ",\"chainId\":\"8453\"",
                                         ",\"chainId\":\"0x02105\"",
                                         ",\"chainId\":\"0x\""};
    char body[256];

    cr_expect_str_eq(alchemy(""), "malformed-json");
    cr_expect_str_eq(alchemy("{"), "malformed-json");
    cr_expect_str_eq(alchemy("{\"a\":1,\"a\":2}"), "malformed-json");
    cr_expect_str_eq(alchemy("{} x"), "malformed-json");
    cr_expect_str_eq(alchemy("[]"), "malformed-userop");
    cr_expect_str_eq(alchemy("{}"), "malformed-userop");
    cr_expect_str_eq(alchemy("{\"userOperation\":{\"sender\":\"0x11\",\"callData\":\"0x\"}}"),
                     "malformed-userop");
    cr_expect_str_eq(alchemy("{\"userOperation\":{\"sender\":\"0x1111111111111111111111111111111111"
                             "111111\",\"callData\":\"0xa\"}}"),
                     "malformed-userop");
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        snprintf(body, sizeof body, "{\"userOperation\":" OPERATION "%s}", chains[i]);
        cr_expect_str_eq(alchemy(body), "good");
        cr_expect(!ask.chain_given && ask.chain_id == 0, "%s", chains[i]);
    }
    cr_assert_str_eq(alchemy("{\"userOperation\":" OPERATION ",\"chainId\":\"0x2105\"}"), "good");
    cr_assert(ask.chain_given && ask.chain_id == 8453 && !ask.token);
    cr_assert(ask.sender[19] == 0x11 && ask.call_data.len == 4 && ask.call_data.p[0] == 0xb6);
}

Test(auth, pimlicos_body)
{
    static const char *const chains[] = {"8453", "\"8453\"", "\"0x2105\""};
    static const char *const none[] = {"null", "-1", "0.5", "\"\"", "\"8453 \"", "[8453]"};
    char body[512];

    cr_expect_str_eq(pimlico("{"), "malformed-json");
    cr_expect_str_eq(pimlico("{}"), "other-event");
    cr_expect_str_eq(pimlico("{\"type\":\"user_operation.included\",\"data\":{}}"), "other-event");
    cr_expect_str_eq(pimlico(BODY), "malformed-userop");
    for (size_t i = 0; i < 6; i++) {
        snprintf(body, sizeof body,
                 "{\"type\":\"user_operation.sponsorship.requested\",\"data\":{\"object\":{"
                 "\"userOperation\":" OPERATION ",\"chainId\":%s}}}",
                 i < 3 ? chains[i] : none[i - 3]);
        cr_expect_str_eq(pimlico(body), "good");
        cr_expect_eq(ask.chain_given, i < 3, "%s", body);
        cr_expect_eq(ask.chain_id, i < 3 ? 8453 : 0, "%s", body);
    }
    cr_assert_str_eq(pimlico("{\"type\":\"user_operation.sponsorship.requested\",\"data\":{"
                             "\"userOperation\":" OPERATION ",\"chainId\":8453}}"),
                     "good", "in data itself");
    cr_assert(ask.chain_given && ask.sender[0] == 0x11);
}
