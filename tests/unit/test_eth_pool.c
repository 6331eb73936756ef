/*  test_eth_pool -- several providers, some of them wrong: who is asked, and who is believed.  */
#include "dn_rpcdouble.h"
#include "eth_pool.h"

#include <criterion/criterion.h>
#include <sodium.h>

#define SERVERS 3

static struct ev_loop *loop;
static struct am_http *http;
static struct eth_rpc *rpc;
static struct provider {
    struct dn_rpc_double *server;
    uint64_t chain_id;
    const char *call; /* its answer to eth_call */
} providers[SERVERS];
static struct eth_rpc_answer got;
static char result[64];
static unsigned calls;
static struct am_error agreed;

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    const struct provider *p = arg;

    (void)params;
    if (strcmp(method, "eth_chainId") == 0)
        return json_pack("{so}", "result", eth_json_of_u64(p->chain_id));
    if (strcmp(p->call, "revert") == 0)
        return json_pack("{s{siss}}", "error", "code", 3, "message", "execution reverted");
    if (strcmp(p->call, "null") == 0)
        return json_pack("{sn}", "result");
    return json_pack("{ss}", "result", p->call);
}

static void
url_of(char out[static 64], size_t i)
{
    snprintf(out, 64, "http://127.0.0.1:%u/v2/secretsecretsecretkey",
             dn_rpc_port(providers[i].server));
}

static int
open_more(const char *more, struct am_error *err)
{
    char url[64];

    url_of(url, 0);
    return eth_pool_open(&rpc, http, loop, "rpc", url, more, 31337, err);
}

static void
open_all(void)
{
    char one[64], two[64], more[160];
    struct am_error err = {0};

    url_of(one, 1);
    url_of(two, 2);
    snprintf(more, sizeof more, "%s, %s\n", one, two);
    cr_assert(open_more(more, &err) == AM_OK, "%s", err.text);
}

static void
start(void)
{
    struct am_error err = {0};

    cr_assert(sodium_init() >= 0);
    loop = ev_loop_new(EVFLAG_AUTO);
    cr_assert(am_http_open(&http, loop, &err) == AM_OK);
    for (size_t i = 0; i < SERVERS; i++) {
        struct dn_rpc_options o = {.loop = loop, .answer = answer, .arg = &providers[i]};

        providers[i] = (struct provider){.chain_id = 31337, .call = "0xabcd"};
        cr_assert(dn_rpc_open(&providers[i].server, &o, &err) == AM_OK, "%s", err.text);
    }
}

static void
stop(void)
{
    eth_rpc_close(&rpc);
    am_http_close(&http);
    for (size_t i = 0; i < SERVERS; i++)
        dn_rpc_close(&providers[i].server);
    ev_loop_destroy(loop);
}

TestSuite(eth_pool, .init = start, .fini = stop, .timeout = 60);

static void
on_answer(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    (void)arg, (void)count;
    calls++;
    got = *a;
    snprintf(result, sizeof result, "%s", a->result != NULL ? json_string_value(a->result) : "");
    ev_break(loop, EVBREAK_ALL);
}

static int
ask(const char *method)
{
    struct eth_rpc_item item = {method, json_pack("[s]", "0x")};
    struct am_error err = {0};
    unsigned before = calls;

    cr_assert(eth_rpc_call(rpc, &item, 1, "", on_answer, NULL, &err) == AM_OK, "%s", err.text);
    cr_assert_eq(calls, before, "never from inside the call");
    ev_run(loop, 0);
    cr_assert_eq(calls, before + 1);
    return got.code;
}

static void
fault(size_t i, const char *name)
{
    struct am_error err = {0};

    cr_assert(dn_rpc_fault(providers[i].server, name, &err) == AM_OK, "%s", err.text);
}

static unsigned
asked(size_t i, const char *method)
{
    return dn_rpc_asked(providers[i].server, method);
}

Test(eth_pool, one_url_is_one_provider)
{
    struct am_error err = {0};

    cr_assert(open_more(" ,\n", &err) == AM_OK);
    cr_assert(ask("eth_call") == AM_OK);
    cr_assert_eq(asked(0, "eth_chainId"), 0, "chain asks that itself");
    cr_assert_not(eth_pool_has_second(rpc));
}

Test(eth_pool, lists_that_are_wrong_are_refused)
{
    char same[64], two[200], many[64 * ETH_POOL_MAX] = "";
    struct am_error err = {0};

    url_of(same, 0);
    cr_assert_eq(open_more(same, &err), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "once"));
    cr_assert_null(strstr(err.text, "secretsecret"));
    snprintf(two, sizeof two, "http://a.example/k,http://a.example/k");
    cr_assert_eq(open_more(two, &err), AM_INVALID_ARGUMENT);
    cr_assert_eq(open_more("ftp://a.example", &err), AM_INVALID_ARGUMENT);
    for (int i = 0; i < ETH_POOL_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "http://%d.example,", i);
    cr_assert_eq(open_more(many, &err), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "at most 8"));
}

Test(eth_pool, asks_the_first_while_it_answers)
{
    open_all();
    for (int i = 0; i < 5; i++)
        cr_assert(ask("eth_call") == AM_OK);
    cr_assert_eq(asked(0, "eth_call"), 5);
    cr_assert_eq(asked(0, "eth_chainId"), 1, "once");
    cr_assert_eq(asked(1, "") + asked(2, ""), 0);
    cr_assert_eq(eth_rpc_count(rpc), 6);
}

Test(eth_pool, a_read_goes_on_to_the_next_whatever_is_wrong)
{
    static const char *const faults[] = {"html", "truncate", "wrong-id", "error-object"};

    open_all();
    cr_assert(ask("eth_call") == AM_OK);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        unsigned before = asked(0, "eth_call");

        fault(0, faults[i]);
        fault(1, faults[i]);
        cr_assert(ask("eth_call") == AM_OK, "%s: %s", faults[i], got.err.text);
        cr_assert_str_eq(result, "0xabcd");
        cr_assert_leq(asked(0, "eth_call"), before + 1, "once of each");
        fault(0, "none");
        fault(1, "none");
    }
    cr_assert_geq(asked(2, "eth_call"), 1);
}

Test(eth_pool, when_nobody_answers_the_last_words_are_told)
{
    open_all();
    for (size_t i = 0; i < SERVERS; i++)
        fault(i, "html");
    cr_assert_neq(ask("eth_call"), AM_OK);
    cr_assert_not_null(strstr(got.err.text, "502 Bad Gateway"), "%s", got.err.text);
    cr_assert_null(strstr(got.err.text, "secretsecret"));
    for (size_t i = 0; i < SERVERS; i++)
        fault(i, "none");
    cr_assert(ask("eth_call") == AM_OK, "and it is not for ever");
}

Test(eth_pool, what_may_act_is_never_asked_twice)
{
    open_all();
    cr_assert(ask("eth_call") == AM_OK);
    fault(0, "truncate");
    cr_assert_neq(ask("eth_sendUserOperation"), AM_OK);
    cr_assert_eq(asked(1, "eth_sendUserOperation") + asked(2, "eth_sendUserOperation"), 0);
    cr_assert_eq(asked(0, "eth_sendUserOperation"), 1);
}

Test(eth_pool, a_revert_and_a_null_are_answers)
{
    open_all();
    providers[0].call = "revert";
    cr_assert_eq(ask("eth_call"), AM_FAILED_PRECONDITION);
    cr_assert_eq(got.error_code, 3);
    providers[0].call = "null";
    cr_assert_eq(ask("eth_call"), AM_NOT_FOUND);
    cr_assert_eq(asked(1, "eth_call") + asked(2, "eth_call"), 0);
}

Test(eth_pool, one_of_another_chain_is_never_asked_anything_else)
{
    open_all();
    providers[0].chain_id = 1;
    cr_assert(ask("eth_call") == AM_OK, "%s", got.err.text);
    cr_assert(ask("eth_call") == AM_OK);
    cr_assert_eq(asked(0, "eth_call"), 0);
    cr_assert_eq(asked(0, "eth_chainId"), 1);
    cr_assert(eth_pool_has_second(rpc), "two are left");
}

Test(eth_pool, all_of_another_chain_is_said_with_both_ids)
{
    struct eth_rpc_item item = {"eth_call", json_array()};
    struct am_error err = {0};

    for (size_t i = 0; i < SERVERS; i++)
        providers[i].chain_id = 1;
    open_all();
    cr_assert_eq(ask("eth_call"), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(got.err.text, "expected CHAIN_ID 31337, got 1"), "%s", got.err.text);
    cr_assert_eq(eth_rpc_call(rpc, &item, 1, "", on_answer, NULL, &err), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, "none of 3"), "%s", err.text);
}

static void
on_agreed(void *arg, int code, const struct am_error *err)
{
    (void)arg;
    agreed = *err;
    agreed.code = code;
    ev_break(loop, EVBREAK_ALL);
}

static int
agree(void)
{
    struct eth_rpc_item item = {"eth_call", json_array()};
    struct am_error err = {0};

    cr_assert(eth_pool_agree(rpc, item, "", on_agreed, NULL, &err) == AM_OK, "%s", err.text);
    ev_run(loop, 0);
    return agreed.code;
}

Test(eth_pool, two_that_say_the_same_agree)
{
    open_all();
    cr_assert_eq(agree(), AM_OK);
    cr_assert_eq(asked(0, "eth_call"), 1);
    cr_assert_eq(asked(1, "eth_call"), 1);
    cr_assert_eq(asked(2, ""), 0);
}

Test(eth_pool, two_that_differ_are_both_shown)
{
    open_all();
    providers[1].call = "0x1234";
    cr_assert_eq(agree(), AM_ABORTED);
    cr_assert_not_null(strstr(agreed.text, "\"abcd"), "%s", agreed.text);
    cr_assert_not_null(strstr(agreed.text, "\"1234"), "%s", agreed.text);
    cr_assert_null(strstr(agreed.text, "secretsecret"));
}

Test(eth_pool, a_witness_that_does_not_answer_is_none_and_the_next_time_another_is_asked)
{
    open_all();
    fault(1, "html");
    cr_assert_neq(agree(), AM_OK);
    cr_assert_eq(asked(2, "eth_call"), 0, "nobody stands in for it");
    cr_assert_eq(agree(), AM_OK);
    cr_assert_eq(asked(2, "eth_call"), 1);
}

Test(eth_pool, one_alone_has_no_witness)
{
    struct eth_rpc_item item = {"eth_call", json_array()};
    struct am_error err = {0};

    cr_assert(open_more("", &err) == AM_OK);
    cr_assert_eq(eth_pool_agree(rpc, item, "", on_agreed, NULL, &err), AM_FAILED_PRECONDITION);
}

Test(eth_pool, closing_ends_what_waits)
{
    struct eth_rpc_item item = {"eth_call", json_array()};
    struct am_error err = {0};

    open_all();
    fault(0, "stall");
    cr_assert(eth_rpc_call(rpc, &item, 1, "", on_answer, NULL, &err) == AM_OK);
    for (int i = 0; i < 20; i++)
        ev_run(loop, EVRUN_NOWAIT);
    eth_rpc_close(&rpc);
    cr_assert(calls == 1 && got.code == AM_CANCELLED);
}
