/*  ix_world -- a chain with one log in each block, and a poll of it, for the tests of the indexer.
 */
#include "ix_world.h"

#include "../../common/base/am_log.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ev_loop *loop;
struct am_http *http;
struct dn_rpc_double *server;
struct eth_rpc *rpc;
struct ix_store *store;
struct ix_poll polled;
char dir[64];
struct am_error why;
int code, moves;
struct ix_chain chain;

static json_t *
block_hash(uint64_t number)
{
    char text[67];

    snprintf(text, sizeof text, "0x%062llx%02x", (unsigned long long)number,
             chain.fork != 0 && number >= chain.fork ? 0xff : 0x01);
    return json_string(text);
}

json_t *
logs_of(uint64_t from, uint64_t to)
{
    static const char word[] = "0x1111111111111111111111111111111111111111111111111111111111111111";
    json_t *all = json_array();

    for (uint64_t b = from; b <= to; b++)
        if (b != chain.hidden)
            json_array_append_new(all, json_pack("{s:s, s:o, s:s, s:o, s:[s], s:s}", "address",
                                                 "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1",
                                                 "blockNumber", eth_json_of_u64(b), "logIndex",
                                                 "0x0", "transactionHash", block_hash(b), "topics",
                                                 word, "data", "0x"));
    return all;
}

static uint64_t
number_of(const json_t *value)
{
    uint64_t n;

    cr_assert_eq(eth_json_u64(&n, value, "test", NULL), AM_OK);
    return n;
}

static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    const json_t *first = json_array_get(params, 0);
    uint64_t from, to;

    (void)arg;
    if (strcmp(method, "eth_getBlockByNumber") == 0) {
        uint64_t number = number_of(first);

        if (number > chain.head)
            return json_pack("{s:n}", "result");
        return json_pack("{s:{s:o}}", "result", "hash", block_hash(number));
    }
    cr_assert_str_eq(method, "eth_getLogs");
    from = number_of(json_object_get(first, "fromBlock"));
    to = number_of(json_object_get(first, "toBlock"));
    cr_assert_str_eq(json_string_value(json_object_get(first, "address")),
                     "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1");
    cr_assert_lt(chain.asked, ASKED_MAX);
    chain.ranges[chain.asked].from = from;
    chain.ranges[chain.asked++].to = to;
    if (chain.most > 0 && to - from >= chain.most)
        return json_pack("{s:{s:i, s:s}}", "error", "code", -32005, "message",
                         "query returned more than 10000 results");
    if (chain.logs != NULL)
        return json_loads(chain.logs, 0, NULL);
    return json_pack("{s:o}", "result", logs_of(from, to < chain.head ? to : chain.head));
}

static void
on_moved(void *arg, int r, const struct am_error *err)
{
    (void)arg;
    moves++;
    code = r;
    why = *err;
    ev_break(loop, EVBREAK_ALL);
}

void
start(void)
{
    struct dn_rpc_options o = {.answer = answer};
    struct am_error err = {0};
    char url[64];

    am_log_open("test", NULL, "error");
    cr_assert(sodium_init() >= 0);
    strcpy(dir, "/tmp/am-poll-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    loop = ev_loop_new(EVFLAG_AUTO);
    o.loop = loop;
    memset(polled.cluster, 0xc1, 20);
    cr_assert_eq(dn_rpc_open(&server, &o, &err), AM_OK, "%s", err.text);
    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK, "%s", err.text);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v2/secretsecretsecret", dn_rpc_port(server));
    cr_assert_eq(eth_rpc_open(&rpc, http, loop, "rpc", url, &err), AM_OK, "%s", err.text);
    cr_assert_eq(ix_store_open(&store, dir, polled.cluster, &err), AM_OK, "%s", err.text);
    polled.rpc = rpc;
    polled.store = store;
    polled.batch = 10;
    polled.moved = on_moved;
}

void
stop(void)
{
    char command[96];

    eth_rpc_close(&rpc);
    am_http_close(&http);
    dn_rpc_close(&server);
    ix_store_close(&store);
    ev_loop_destroy(loop);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

int
step(void)
{
    int before = moves;

    ix_poll_step(&polled);
    cr_assert(polled.busy, "a request is in flight");
    cr_assert_eq(moves, before, "never from inside the call");
    ev_run(loop, 0);
    cr_assert_eq(moves, before + 1);
    cr_assert_not(polled.busy);
    return code;
}

uint64_t
stored(void)
{
    struct am_error err = {0};
    uint64_t n;

    cr_assert_eq(ix_store_count(store, &n, &err), AM_OK, "%s", err.text);
    return n;
}

void
heads(uint64_t told, uint64_t there)
{
    polled.head = told;
    chain.head = there;
}
