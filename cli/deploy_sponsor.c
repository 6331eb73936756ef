/*  deploy_sponsor -- assert from outside that a public route is the sponsor of a deployment.  */
#include "deploy_sponsor.h"

#include "../common/eth/eth_call.h"
#include "../common/eth/eth_ret.h"
#include "../common/net/am_http.h"
#include "deploy_route.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ROUTE_WAIT_MS 10000
#define ANSWER_BYTES 65536

struct asking {
    struct ev_loop *loop; /* of its own: nothing else runs while we wait */
    const struct deploy_route *expected;
    struct am_error err;
    int code;
};

static void
on_answer(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct asking *a = arg;

    a->code = code;
    a->err = *err;
    if (code == AM_OK)
        a->code = deploy_route_judge(a->expected, answer->status, answer->body, &a->err);
    ev_break(a->loop, EVBREAK_ALL);
}

static int
ask(const struct deploy_route *expected, const char *route, struct am_error *err)
{
    struct asking a = {.expected = expected, .code = AM_INTERNAL};
    struct am_http *http = NULL;
    char url[1024], nonce[65];
    int len, r;

    am_hex(nonce, expected->nonce, 32);
    len = snprintf(url, sizeof url, "%s/identity?nonce=0x%s", route, nonce);
    if (len < 0 || (size_t)len >= sizeof url)
        return am_fail(err, AM_INVALID_ARGUMENT, "--route: expected at most 900 bytes");
    if ((a.loop = ev_loop_new(EVFLAG_AUTO)) == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor route: no memory for a client");
    if ((r = am_http_open(&http, a.loop, err)) == AM_OK &&
        (r = am_http_get(http, url, ROUTE_WAIT_MS, ANSWER_BYTES, on_answer, &a, err)) == AM_OK) {
        ev_run(a.loop, 0);
        r = a.code;
        if (r != AM_OK && err != NULL)
            *err = a.err;
    }
    am_http_close(&http);
    ev_loop_destroy(a.loop);
    return r;
}

int
deploy_sponsor(const struct deploy *how, const struct deployment *d, const char *route,
               uint8_t signer[static 20], struct am_error *err)
{
    struct deploy_route expected = {.chain_id = how->tx->chain_id};
    uint8_t data[4], ret[32];
    struct eth_buf buf = ETH_BUF(data);
    size_t len;
    int r;

    if ((r = eth_call_none(&buf, ETH_FN_verifyingSigner, err)) != AM_OK ||
        (r = cli_tx_view(how->tx, ret, sizeof ret, &len, d->paymaster, eth_bin(&buf), err)) !=
            AM_OK ||
        (r = eth_ret_address(signer, am_bin_of(ret, len), "verifyingSigner", err)) != AM_OK)
        return am_wrap(err, "paymaster");
    memcpy(expected.entry_point, d->entry_point, 20);
    memcpy(expected.paymaster, d->paymaster, 20);
    memcpy(expected.member_factory, d->member_factory, 20);
    memcpy(expected.cluster, d->cluster, 20);
    memcpy(expected.signer, signer, 20);
    randombytes_buf(expected.nonce, sizeof expected.nonce);
    return ask(&expected, route, err);
}
