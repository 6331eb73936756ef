/*  test_chain_rpc -- the JSON-RPC client believes only what is whole and meant for it.  */
#include "dn_rpcdouble.h"
#include "eth_rpc.h"
#include "eth_rpc_read.h"

#include <criterion/criterion.h>
#include <sodium.h>

static const char *const one[] = {"eth_call"};
static const char *const two[] = {"eth_call", "eth_chainId"};

static struct eth_rpc_answer answers[2];
static json_t *tree;

static void
read_status(const char *body, size_t count, int status)
{
    struct eth_rpc_asked asked = {"rpc@example.org", count == 1 ? one : two, count, 7, status};

    json_decref(tree);
    eth_rpc_read(answers, &tree, &asked, am_bin_of(body, strlen(body)), "application/json");
}

static int
read_one(const char *body)
{
    read_status(body, 1, 200);
    cr_assert((answers[0].code == AM_OK) == (answers[0].result != NULL));
    cr_assert((answers[0].code == AM_OK) == (answers[0].err.text[0] == '\0'));
    return answers[0].code;
}

static void
stop_read(void)
{
    json_decref(tree);
}

TestSuite(chain_rpc_read, .fini = stop_read);

Test(chain_rpc_read, single)
{
    cr_assert(read_one("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}") == AM_OK);
    cr_assert_str_eq(json_string_value(answers[0].result), "0x1");
    cr_assert(read_one("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":null}") == AM_NOT_FOUND);
}

Test(chain_rpc_read, what_is_no_answer)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "7",
        "null",
        "<html>502</html>",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"} x",
        "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0x1\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":\"0x1\"}",
        "{\"jsonrpc\":\"2.0\",\"result\":\"0x1\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":7,\"result\":\"0x1\"}",
        "{\"id\":7,\"result\":\"0x1\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":7}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\",\"result\":\"0x2\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\",\"error\":{\"code\":1,\"message\":\"\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":\"no\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":\"-1\",\"message\":\"no\"}}",
        "[{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}]",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        cr_assert(read_one(bodies[i]) == AM_INVALID_ARGUMENT, "%s", bodies[i]);
}

Test(chain_rpc_read, the_providers_words)
{
    cr_assert(read_one("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":3,\"message\":"
                       "\"execution reverted\",\"data\":\"0x3d30ea79\"}}") ==
              AM_FAILED_PRECONDITION);
    cr_assert(strstr(answers[0].err.text, "execution reverted") != NULL);
    cr_assert(answers[0].error_code == 3);
    cr_assert_str_eq(json_string_value(answers[0].error_data), "0x3d30ea79");
    cr_assert(read_one("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32601,\"message\":"
                       "\"no\"}}") == AM_UNIMPLEMENTED);
    cr_assert(read_one("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                       "\"cannot parse\"}}") == AM_FAILED_PRECONDITION);
    cr_assert(strstr(answers[0].err.text, "cannot parse") != NULL);
    (void)read_one("<html>502 Bad Gateway</html>");
    cr_assert(strstr(answers[0].err.text, "502 Bad Gateway") != NULL);
}

/* anvil puts a NUL into the text of a FailedOp: its words must not be lost for that. */
Test(chain_rpc_read, words_with_a_nul_in_them)
{
    cr_assert_eq(read_one("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000,\"message\":"
                          "\"AA25 invalid account nonce\\u0000\"}}"),
                 AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(answers[0].err.text, "AA25 invalid account nonce"));
}

Test(chain_rpc_read, http_status)
{
    read_status("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}", 1, 503);
    cr_assert(answers[0].code == AM_UNAVAILABLE && answers[0].result == NULL);
    read_status("too many", 1, 429);
    cr_assert(answers[0].code == AM_RESOURCE_EXHAUSTED);
    read_status("{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32000,\"message\":\"AA25\"}}",
                1, 400);
    cr_assert(answers[0].code == AM_FAILED_PRECONDITION, "an error object says more");
}

Test(chain_rpc_read, batch)
{
    read_status("[{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0xb\"},"
                "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0xa\"}]",
                2, 200);
    cr_assert(answers[0].code == AM_OK && answers[1].code == AM_OK);
    cr_assert_str_eq(json_string_value(answers[0].result), "0xa");
    cr_assert_str_eq(json_string_value(answers[1].result), "0xb");
    read_status("[{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0xb\"}]", 2, 200);
    cr_assert(answers[0].code == AM_INVALID_ARGUMENT && answers[1].code == AM_OK);
    read_status("[{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0xb\"},"
                "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0xb\"}]",
                2, 200);
    cr_assert(answers[0].code == AM_INVALID_ARGUMENT && answers[1].code == AM_INVALID_ARGUMENT);
    read_status("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0xb\"}", 2, 200);
    cr_assert(answers[0].code == AM_INVALID_ARGUMENT && answers[1].code == AM_INVALID_ARGUMENT);
}

Test(chain_rpc_read, hex_is_strict)
{
    static const char *const odd[] = {"0x1", "1234", "0xzz", "", "0", "x12"};
    struct am_error err = {0};
    uint8_t *data;
    size_t len;

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        json_t *v = json_string(odd[i]);

        cr_assert(eth_json_data(&data, &len, v, "test", &err) == AM_INVALID_ARGUMENT, "%s", odd[i]);
        cr_assert(data == NULL && len == 0);
        json_decref(v);
    }
    cr_assert(eth_json_data(&data, &len, NULL, "test", &err) == AM_INVALID_ARGUMENT);
    cr_assert(eth_json_data(&data, &len, json_null(), "test", &err) == AM_INVALID_ARGUMENT);
}

Test(chain_rpc_read, urls_stay_private)
{
    char host[ETH_RPC_HOST_TEXT], text[128];
    static const char url[] = "https://user:pass@rpc.example.org:8443/v2/0123456789abcdef0123?k=1";

    eth_rpc_url_host(host, url);
    cr_assert_str_eq(host, "rpc.example.org:8443");
    snprintf(text, sizeof text, "no project 0123456789abcdef0123 at rpc.example.org");
    eth_rpc_scrub(text, url);
    cr_assert(strstr(text, "0123456789abcdef") == NULL);
    cr_assert(strstr(text, "rpc.example.org") != NULL);
}

/* The client in front of a server that is wrong. */
static struct ev_loop *loop;
static struct am_http *http;
static struct dn_rpc_double *server;
static struct eth_rpc *rpc;
static unsigned calls;
static struct eth_rpc_answer got[2];
static char result[64];

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    (void)arg;
    (void)params;
    return strcmp(method, "eth_chainId") == 0 ? json_pack("{ss}", "result", "0x7a69")
                                              : json_pack("{ss}", "result", "0xabcd");
}

static void
start(void)
{
    struct dn_rpc_options o = {.answer = answer};
    struct am_error err = {0};
    char url[64];

    cr_assert(sodium_init() >= 0);
    loop = ev_loop_new(EVFLAG_AUTO);
    o.loop = loop;
    cr_assert(dn_rpc_open(&server, &o, &err) == AM_OK, "%s", err.text);
    cr_assert(am_http_open(&http, loop, &err) == AM_OK, "%s", err.text);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v2/secretsecretsecretkey", dn_rpc_port(server));
    cr_assert(eth_rpc_open(&rpc, http, loop, "rpc", url, &err) == AM_OK, "%s", err.text);
}

static void
stop(void)
{
    eth_rpc_close(&rpc);
    am_http_close(&http);
    dn_rpc_close(&server);
    ev_loop_destroy(loop);
}

TestSuite(chain_rpc, .init = start, .fini = stop, .timeout = 60);

static void
on_answers(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    (void)arg;
    calls++;
    for (size_t i = 0; i < count && i < 2; i++)
        got[i] = a[i];
    snprintf(result, sizeof result, "%s",
             a[0].result != NULL ? json_string_value(a[0].result) : "");
    ev_break(loop, EVBREAK_ALL);
}

static int
ask_of(const char *fault, const char *method, size_t count)
{
    struct eth_rpc_item items[2] = {{method, json_array()}, {"eth_chainId", NULL}};
    struct am_error err = {0};

    calls = 0;
    if (count == 2)
        items[1].params = json_array();
    cr_assert(dn_rpc_fault(server, fault, &err) == AM_OK, "%s", err.text);
    cr_assert(eth_rpc_call(rpc, items, count, "", on_answers, NULL, &err) == AM_OK, "%s", err.text);
    cr_assert(calls == 0, "never from inside the call");
    ev_run(loop, 0);
    cr_assert(calls == 1);
    return got[0].code;
}

Test(chain_rpc, answers)
{
    cr_assert(ask_of("none", "eth_call", 1) == AM_OK);
    cr_assert_str_eq(result, "0xabcd");
    cr_assert(ask_of("none", "eth_call", 2) == AM_OK && got[1].code == AM_OK);
    cr_assert(eth_rpc_count(rpc) == 3, "every element counts");
}

Test(chain_rpc, refuses_what_is_wrong)
{
    cr_assert(ask_of("html", "eth_call", 1) == AM_INVALID_ARGUMENT);
    cr_assert(strstr(got[0].err.text, "502 Bad Gateway") != NULL);
    cr_assert(ask_of("wrong-id", "eth_call", 1) == AM_INVALID_ARGUMENT);
    cr_assert(ask_of("error-object", "eth_call", 2) == AM_FAILED_PRECONDITION);
    cr_assert(strstr(got[0].err.text, "told to fail") != NULL);
}

Test(chain_rpc, reads_are_asked_again)
{
    cr_assert(ask_of("truncate:2", "eth_call", 1) == AM_OK, "%s", got[0].err.text);
    cr_assert(dn_rpc_asked(server, "eth_call") == 3);
    cr_assert(ask_of("truncate", "eth_call", 1) != AM_OK, "but not for ever");
    cr_assert(dn_rpc_asked(server, "eth_call") == 6);
}

Test(chain_rpc, what_may_act_is_asked_once)
{
    cr_assert(ask_of("truncate:1", "eth_sendUserOperation", 1) != AM_OK);
    cr_assert(dn_rpc_asked(server, "eth_sendUserOperation") == 1);
    cr_assert(got[0].error_code == 0);
}

Test(chain_rpc, a_closed_port_is_an_error_without_the_key)
{
    dn_rpc_close(&server);
    struct dn_rpc_options o = {.loop = loop, .answer = answer};
    struct am_error err = {0};
    struct eth_rpc_item item = {"eth_sendUserOperation", json_array()};

    cr_assert(eth_rpc_call(rpc, &item, 1, "", on_answers, NULL, &err) == AM_OK);
    ev_run(loop, 0);
    cr_assert(got[0].code == AM_UNAVAILABLE);
    cr_assert(strstr(got[0].err.text, "secretsecret") == NULL);
    cr_assert(dn_rpc_open(&server, &o, &err) == AM_OK);
}

Test(chain_rpc, closing_ends_what_waits)
{
    struct eth_rpc_item item = {"eth_call", json_array()};
    struct am_error err = {0};

    cr_assert(dn_rpc_fault(server, "stall", &err) == AM_OK);
    cr_assert(eth_rpc_call(rpc, &item, 1, "", on_answers, NULL, &err) == AM_OK);
    for (int i = 0; i < 20; i++)
        ev_run(loop, EVRUN_NOWAIT);
    calls = 0;
    eth_rpc_close(&rpc);
    cr_assert(calls == 1 && got[0].code == AM_CANCELLED);
}
