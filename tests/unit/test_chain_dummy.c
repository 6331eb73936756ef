/*  test_chain_dummy -- the signature that stands in while an operation is estimated: strict
 * providers take it, and refuse what production once sent.  */
#include "../../services/chain/chain_draft.h"
#include "dn_rpcdouble.h"
#include "eth_rpc.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ev_loop *loop;
static struct am_http *http;
static struct dn_rpc_double *server;
static struct eth_rpc *rpc;
static struct am_error said;
static int code;

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    (void)arg;
    (void)method;
    (void)params;
    return json_pack("{ss}", "result", "0x1");
}

static void
open_all(void)
{
    struct dn_rpc_options o = {.answer = answer};
    struct am_error err = {0};
    char url[64];

    o.loop = loop = ev_loop_new(EVFLAG_AUTO);
    cr_assert(am_http_open(&http, loop, &err) == AM_OK, "%s", err.text);
    cr_assert(dn_rpc_open(&server, &o, &err) == AM_OK, "%s", err.text);
    cr_assert(dn_rpc_fault(server, "strict", &err) == AM_OK, "%s", err.text);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", dn_rpc_port(server));
    cr_assert(eth_rpc_open(&rpc, http, loop, "bundler", url, &err) == AM_OK, "%s", err.text);
}

static void
close_all(void)
{
    eth_rpc_close(&rpc);
    dn_rpc_close(&server);
    am_http_close(&http);
    ev_loop_destroy(loop);
}

TestSuite(chain_dummy, .init = open_all, .fini = close_all);

static void
on_answer(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    (void)arg;
    (void)count;
    code = a[0].code;
    said = a[0].err;
    ev_break(loop, EVBREAK_ALL);
}

/* Have it estimated: the operation with this signature, or with this text instead of one. */
static int
estimate(const uint8_t *signature, const char *text)
{
    static const uint8_t call_data[4] = {1, 2, 3, 4};
    struct chain_draft d = {.call_data = AM_BIN(call_data)};
    json_t *op = chain_draft_json(&d, signature != NULL ? signature : chain_dummy_signature);
    struct eth_rpc_item item = {"eth_estimateUserOperationGas", json_pack("[os]", op, "0x00")};
    struct am_error err = {0};

    if (text != NULL)
        json_object_set_new(op, "signature", json_string(text));
    cr_assert(eth_rpc_call(rpc, &item, 1, "", on_answer, NULL, &err) == AM_OK, "%s", err.text);
    ev_run(loop, 0);
    return code;
}

Test(chain_dummy, odd_hex_is_refused)
{
    char text[132] = "0x"; /* 129 digits */

    memset(text + 2, 'f', 129);
    cr_assert(estimate(NULL, text) == AM_FAILED_PRECONDITION);
    cr_assert(strstr(said.text, "odd length") != NULL, "%s", said.text);
}

Test(chain_dummy, what_recovers_nobody_is_refused)
{
    uint8_t signature[65];

    memset(signature, 0xff, sizeof signature); /* high s, and no such v */
    cr_assert(estimate(signature, NULL) == AM_FAILED_PRECONDITION);
    cr_assert(strstr(said.text, "AA23 reverted 0xf645eedf") != NULL, "%s", said.text);
    memset(signature, 0, sizeof signature);
    cr_assert(estimate(signature, NULL) == AM_FAILED_PRECONDITION);
    memcpy(signature, chain_dummy_signature, sizeof signature);
    signature[64] -= 27;
    cr_assert(estimate(signature, NULL) == AM_FAILED_PRECONDITION, "a bare recovery id");
}

Test(chain_dummy, a_strict_provider_takes_ours)
{
    cr_assert(estimate(NULL, NULL) == AM_OK, "%s", said.text);
}
