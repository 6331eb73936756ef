/*  test_deploy_route -- which answers at a sponsor's public route are this sponsor's.  */
#include "../../cli/deploy_route.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define A1 "0x1111111111111111111111111111111111111111"
#define A2 "0x2222222222222222222222222222222222222222"
#define A3 "0x3333333333333333333333333333333333333333"
#define A4 "0x4444444444444444444444444444444444444444"
#define N5 "0x5555555555555555555555555555555555555555555555555555555555555555"

static const uint8_t key[32] = {7}, other_key[32] = {8};

static struct deploy_route
route(void)
{
    struct deploy_route e = {.chain_id = 31337};

    memset(e.entry_point, 0x11, 20);
    memset(e.paymaster, 0x22, 20);
    memset(e.member_factory, 0x33, 20);
    memset(e.cluster, 0x44, 20);
    memset(e.nonce, 0x55, 32);
    cr_assert_eq(am_address_of_secret(e.signer, key, NULL), AM_OK);
    return e;
}

/* What a sponsor with this key would answer, whatever it was asked. */
static void
answer(char out[static 1024], const uint8_t secret[static 32], const char *chain,
       const char *paymaster, const char *more)
{
    char text[512], hex[131], signer[41];
    uint8_t message[32], digest[32], signature[65], address[20];

    snprintf(text, sizeof text,
             "attestmesh.sponsor.identity.v1\n" N5 "\n%s\n" A1 "\n%s\n" A1 "," A3, chain,
             paymaster);
    am_keccak256(message, text, strlen(text));
    am_eip191_32(digest, message);
    cr_assert_eq(am_secp_sign(signature, digest, secret, AM_V_ETH, NULL), AM_OK);
    am_hex(hex, signature, 65);
    cr_assert_eq(am_address_of_secret(address, key, NULL), AM_OK);
    am_hex(signer, address, 20);
    snprintf(out, 1024,
             "{\"service\":\"attestmesh-sponsor\",\"chainId\":%s,\"entryPoint\":\"" A1
             "\",\"paymaster\":\"%s\",\"factories\":[\"" A1 "\",\"" A3
             "\"],%s\"address\":\"0x%s\",\"nonce\":\"" N5 "\",\"signature\":\"0x%s\"}",
             chain, paymaster, more, signer, hex);
}

static void
refused(const struct deploy_route *e, int status, const char *body, int code, const char *why)
{
    struct am_error err = {0};

    cr_expect_eq(deploy_route_judge(e, status, am_bin_of(body, strlen(body)), &err), code, "%s",
                 body);
    cr_expect_not_null(strstr(err.text, why), "expected '%s' in '%s'", why, err.text);
}

Test(route, of_another_server_is_refused_and_its_answer_quoted)
{
    struct deploy_route e = route();

    refused(&e, 200, "<html>Welcome to nginx!\x1b[31m", AM_FAILED_PRECONDITION,
            "status 200 answered instead: <html>Welcome to nginx!?[31m");
    refused(&e, 404, "", AM_FAILED_PRECONDITION, "status 404 answered instead: ");
    refused(&e, 200, "{\"service\":\"attestmesh-indexer\"}", AM_FAILED_PRECONDITION,
            "expected status 200 and service attestmesh-sponsor");
}

Test(route, of_a_sponsor_for_something_else_is_refused)
{
    struct deploy_route e = route();
    char body[1024];

    answer(body, key, "1", A2, "");
    refused(&e, 200, body, AM_FAILED_PRECONDITION, "expected chainId 31337");
    answer(body, key, "31337", A4, "");
    refused(&e, 200, body, AM_FAILED_PRECONDITION, "expected paymaster " A2);
    answer(body, key, "31337", A2, "\"clusters\":[\"" A1 "\"],");
    refused(&e, 200, body, AM_FAILED_PRECONDITION, "expected clusters to name " A4);
    answer(body, key, "31337", A2, "");
    memset(e.member_factory, 0x66, 20);
    refused(&e, 200, body, AM_FAILED_PRECONDITION, "expected factories to name 0x6666");
}

Test(route, that_only_claims_the_signer_is_refused)
{
    struct deploy_route e = route();
    char body[1024];

    answer(body, other_key, "31337", A2, "");
    refused(&e, 200, body, AM_UNAUTHENTICATED, "expected our nonce signed by");
    answer(body, key, "31337", A2, "");
    e.nonce[0] ^= 1; /* an answer recorded earlier */
    refused(&e, 200, body, AM_UNAUTHENTICATED, "expected our nonce signed by");
}

Test(route, of_this_sponsor_is_accepted)
{
    struct deploy_route e = route();
    struct am_error err = {0};
    char body[1024];

    answer(body, key, "31337", A2, "");
    cr_expect_eq(deploy_route_judge(&e, 200, am_bin_of(body, strlen(body)), &err), AM_OK, "%s",
                 err.text);
    answer(body, key, "31337", A2, "\"clusters\":[\"" A4 "\"],");
    cr_expect_eq(deploy_route_judge(&e, 200, am_bin_of(body, strlen(body)), &err), AM_OK, "%s",
                 err.text);
}
