/*  ix_poll -- read the cluster's logs from a start block to the head that chain.view names.  */
#include "ix_poll.h"

#include "../../common/base/am_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LOGS, ANSWER_LAST, ANSWER_CURSOR, ANSWERS };

static int
block_hash(uint8_t hash[static 32], const struct eth_rpc_answer *answer, struct am_error *err)
{
    if (answer->code != AM_OK) {
        *err = answer->err;
        return answer->code;
    }
    return eth_json_fixed(hash, 32, json_object_get(answer->result, "hash"),
                          "eth_getBlockByNumber hash", err);
}

static int
rewind_store(struct ix_poll *p, struct am_error *err)
{
    uint64_t back = p->cursor.block > IX_REWIND ? p->cursor.block - IX_REWIND : 0;
    int r = ix_store_rewind(p->store, back, err);

    if (r != AM_OK)
        return r;
    am_log(AM_WARN, "reorg.noticed", "block=%llu again_from=%llu",
           (unsigned long long)p->cursor.block, (unsigned long long)back + 1);
    memset(&p->cursor, 0, sizeof p->cursor);
    p->cursor.set = true;
    p->cursor.block = back;
    return AM_OK;
}

static int
store_logs(struct ix_poll *p, const json_t *array, const uint8_t last[static 32],
           struct am_error *err)
{
    struct ix_cursor cursor = {.set = true, .block = p->asked.to};
    size_t count = json_array_size(array), n = 0;
    struct ix_log *logs = calloc(count + 1, sizeof *logs);
    int r = AM_OK;

    if (logs == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "eth_getLogs: no memory for %zu logs", count);
    memcpy(cursor.hash, last, 32);
    if (!json_is_array(array))
        r = am_fail(err, AM_INVALID_ARGUMENT, "eth_getLogs: expected an array");
    while (r == AM_OK && n < count) {
        r = ix_log_read(&logs[n], json_array_get(array, n), &p->asked, err);
        n++;
    }
    if (r == AM_OK && (r = ix_store_append(p->store, logs, n, &cursor, err)) == AM_OK)
        p->cursor = cursor;
    while (n > 0)
        ix_log_free(&logs[--n]);
    free(logs);
    return r;
}

static int
take(struct ix_poll *p, const struct eth_rpc_answer *answers, size_t count, struct am_error *err)
{
    uint8_t last[32], at_cursor[32];
    int r;

    if (count > ANSWER_CURSOR) {
        if ((r = block_hash(at_cursor, &answers[ANSWER_CURSOR], err)) != AM_OK)
            return r;
        if (memcmp(at_cursor, p->cursor.hash, 32) != 0)
            return rewind_store(p, err);
    }
    if (answers[ANSWER_LOGS].code != AM_OK) {
        *err = answers[ANSWER_LOGS].err;
        return answers[ANSWER_LOGS].code;
    }
    if ((r = block_hash(last, &answers[ANSWER_LAST], err)) != AM_OK)
        return r;
    return store_logs(p, answers[ANSWER_LOGS].result, last, err);
}

static void
on_answers(void *arg, const struct eth_rpc_answer *answers, size_t count)
{
    struct ix_poll *p = arg;
    struct am_error err = {0};
    int r;

    p->busy = false;
    if (answers[0].code == AM_CANCELLED)
        return;
    r = take(p, answers, count, &err);
    p->moved(p->arg, r, &err);
}

static json_t *
block_params(uint64_t number)
{
    return json_pack("[o, b]", eth_json_of_u64(number), 0);
}

void
ix_poll_step(struct ix_poll *p)
{
    struct eth_rpc_item items[ANSWERS];
    bool check = p->cursor.set && !am_is_zero(p->cursor.hash, 32);
    struct am_error err = {0};
    int r;

    if (p->busy || p->head <= p->cursor.block)
        return;
    memcpy(p->asked.address, p->cluster, 20);
    p->asked.from = p->cursor.block + 1;
    p->asked.to = p->head - p->asked.from >= p->batch ? p->asked.from + p->batch - 1 : p->head;
    items[ANSWER_LOGS] = (struct eth_rpc_item){
        "eth_getLogs",
        json_pack("[{s:o, s:o, s:o}]", "address", eth_json_of_data(p->cluster, 20), "fromBlock",
                  eth_json_of_u64(p->asked.from), "toBlock", eth_json_of_u64(p->asked.to))};
    items[ANSWER_LAST] = (struct eth_rpc_item){"eth_getBlockByNumber", block_params(p->asked.to)};
    if (check)
        items[ANSWER_CURSOR] =
            (struct eth_rpc_item){"eth_getBlockByNumber", block_params(p->cursor.block)};
    r = eth_rpc_call(p->rpc, items, check ? ANSWERS : ANSWER_CURSOR, "", on_answers, p, &err);
    if (r != AM_OK)
        p->moved(p->arg, r, &err);
    else
        p->busy = true;
}
