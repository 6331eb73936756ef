/*  test_eth_limit -- what providers say when they have had enough, and what is made of it.  */
#include "eth_health.h"
#include "eth_limit.h"

#include <criterion/criterion.h>

/* In the words of public providers. */
static const struct {
    const char *method;
    int status;
    int64_t code;
    const char *text;
    enum eth_limit_kind kind;
    uint64_t told;
} words[] = {
    {"eth_getLogs", 200, -32005, "query returned more than 10000 results", ETH_LIMIT_RESULTS, 0},
    {"eth_getLogs", 429, -32005, "daily request count exceeded, request rate limited",
     ETH_LIMIT_RATE, 0},
    {"eth_getLogs", 200, -32005, "project ID request rate exceeded", ETH_LIMIT_RATE, 0},
    {"eth_getLogs", 200, -32005, "Requested range exceeds maximum RPC range limit", ETH_LIMIT_RANGE,
     0},
    {"eth_getLogs", 200, -32005, "limit exceeded", ETH_LIMIT_RESULTS, 0},
    {"eth_call", 200, -32005, "limit exceeded", ETH_LIMIT_RATE, 0},
    {"eth_getLogs", 400, -32602,
     "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range "
     "and no limit on the response size, or you can request any block range with a cap of 10K "
     "logs in the response.",
     ETH_LIMIT_RANGE, 2000},
    {"eth_getLogs", 400, -32600,
     "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range.",
     ETH_LIMIT_RANGE, 10},
    {"eth_getLogs", 413, -32614, "eth_getLogs is limited to a 10,000 range", ETH_LIMIT_RANGE,
     10000},
    {"eth_getLogs", 200, -32000, "exceed maximum block range: 5000", ETH_LIMIT_RANGE, 5000},
    {"eth_getLogs", 200, -32047,
     "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800",
     ETH_LIMIT_RANGE, 800},
    {"eth_getLogs", 200, 35, "ranges over 10000 blocks are not supported on freetier",
     ETH_LIMIT_RANGE, 10000},
    {"eth_getLogs", 200, -32000, "query timeout exceeded", ETH_LIMIT_RESULTS, 0},
    {"eth_getLogs", 200, -32000, "logs matched by query exceeds limit of 10000", ETH_LIMIT_RESULTS,
     0},
    {"eth_getLogs", 200, -32701, "block range 0x1f to 0x2f is too wide", ETH_LIMIT_RANGE, 0},
    {"eth_call", 429, -32007, "100/second request limit reached", ETH_LIMIT_RATE, 0},
    {"eth_call", 200, -32007, "100/second request limit reached", ETH_LIMIT_RATE, 0},
    {"eth_call", 200, 429, "Your app has exceeded its compute units per second capacity",
     ETH_LIMIT_RATE, 0},
    {"eth_getBlockByNumber", 429, 0, "<html>Too Many Requests</html>", ETH_LIMIT_RATE, 0},
    {"eth_getLogs", 200, 0, "", ETH_LIMIT_NONE, 0},
    {"eth_call", 200, 3, "execution reverted: out of range", ETH_LIMIT_NONE, 0},
    {"eth_getLogs", 200, -32000, "header not found", ETH_LIMIT_NONE, 0},
    {"eth_getLogs", 200, -32601, "the method does not exist", ETH_LIMIT_NONE, 0},
};

Test(eth_limit, text_and_status_together_tell_which)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        cr_expect_eq(eth_limit_of(words[i].method, words[i].status, words[i].code, words[i].text),
                     words[i].kind, "%s", words[i].text);
        cr_expect_eq(eth_limit_told(words[i].text), words[i].told, "%s", words[i].text);
    }
}

Test(eth_range, is_halved_and_grows_slowly)
{
    struct eth_range r = {0};

    cr_assert_eq(eth_range_of(&r, 2000), 2000, "nothing is known");
    eth_range_refused(&r, 2000, "query returned more than 10000 results");
    cr_assert_eq(eth_range_of(&r, 2000), 1000);
    eth_range_refused(&r, 1000, "again");
    cr_assert_eq(eth_range_of(&r, 2000), 500);
    eth_range_taken(&r, 100);
    cr_assert_eq(eth_range_of(&r, 2000), 500, "a shorter one proves nothing");
    eth_range_taken(&r, 500);
    cr_assert_eq(eth_range_of(&r, 2000), 532);
    for (int i = 0; i < 100; i++)
        eth_range_taken(&r, r.take);
    cr_assert_eq(eth_range_of(&r, 2000), 2000);
}

Test(eth_range, what_was_told_is_never_passed)
{
    struct eth_range r = {0};

    eth_range_refused(&r, 2000, "eth_getLogs is limited to a 500 range");
    cr_assert_eq(eth_range_of(&r, 2000), 500);
    eth_range_taken(&r, 500);
    cr_assert_eq(eth_range_of(&r, 2000), 500);
}

Test(eth_range, ends_at_one_block)
{
    struct eth_range r = {0};

    for (uint64_t n = 64; n > 0; n /= 2)
        eth_range_refused(&r, n, "more than");
    cr_assert_eq(eth_range_of(&r, 2000), 1);
    cr_assert_eq(eth_range_of(&r, 0), 1);
    eth_range_refused(&r, 400, "limited to a 10,000 range"); /* which it was not above */
    cr_assert_eq(eth_range_of(&r, 2000), 200);
}

Test(eth_health, the_first_is_asked_while_nothing_is_known)
{
    struct eth_health h[3] = {0};

    cr_assert_eq(eth_health_choose(h, 3, 3, 0, 1000), 0);
    cr_assert_eq(eth_health_choose(h, 3, 3, 1, 1000), 1);
    cr_assert_eq(eth_health_choose(h, 3, 3, 7, 1000), 3, "all were tried");
}

Test(eth_health, a_failure_lets_another_go_first_for_a_minute)
{
    struct eth_health h[2] = {0};

    eth_health_answered(&h[0], 50);
    eth_health_answered(&h[1], 90);
    eth_health_failed(&h[0], 1000);
    cr_assert_eq(eth_health_choose(h, 2, 0, 0, 1000), 1);
    cr_assert_eq(eth_health_choose(h, 2, 1, 0, 1001 + ETH_HEALTH_FORGET_MS), 1,
                 "and is not changed back for a little speed");
    h[1].latency_ms = 400;
    cr_assert_eq(eth_health_choose(h, 2, 1, 0, 1001 + ETH_HEALTH_FORGET_MS), 0);
}

Test(eth_health, one_that_is_behind_is_as_one_that_fails)
{
    struct eth_health h[2] = {{.head = 100}, {.head = 100 + ETH_HEALTH_BEHIND}};

    cr_assert_eq(eth_health_choose(h, 2, 0, 0, 0), 0);
    h[1].head++;
    cr_assert_eq(eth_health_choose(h, 2, 0, 0, 0), 1);
}

Test(eth_health, one_that_asked_to_be_left_alone_comes_last_and_a_removed_one_never)
{
    struct eth_health h[3] = {0};

    h[0].quiet_ms = 5000;
    h[1].failures = 9;
    h[1].failed_ms = 1000;
    h[2].removed = true;
    cr_assert_eq(eth_health_choose(h, 3, 0, 0, 1000), 1);
    cr_assert_eq(eth_health_choose(h, 3, 0, 2, 1000), 0, "better than nobody");
    cr_assert_eq(eth_health_choose(h, 3, 0, 3, 1000), 3);
    cr_assert_eq(eth_health_choose(h, 3, 0, 0, 5001), 0);
}
