/*  ix_poll -- read the cluster's logs from a start block to the head that chain's facts name.  */
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
rewind_store(struct ix_poll *p, uint64_t back, struct am_error *err)
{
    int r = ix_store_rewind(p->store, back, err);

    if (r != AM_OK)
        return r;
    am_log(AM_WARN, "reorg.noticed", "block=%llu again_from=%llu",
           (unsigned long long)p->cursor.block, (unsigned long long)back + 1);
    memset(&p->cursor, 0, sizeof p->cursor);
    p->cursor.set = true;
    p->cursor.block = back;
    p->again = 0;
    if (p->since > back)
        p->since = back + 1;
    return AM_OK;
}

struct doubt {
    const struct ix_log *logs;
    size_t count;
    uint64_t to;
    bool missing;
};

static bool
is_there(void *arg, const struct ix_log *log)
{
    struct doubt *d = arg;

    if (log->block_number > d->to)
        return false;
    for (size_t i = 0; i < d->count; i++)
        if (d->logs[i].block_number == log->block_number &&
            d->logs[i].log_index == log->log_index &&
            memcmp(d->logs[i].tx_hash, log->tx_hash, 32) == 0)
            return true;
    d->missing = true;
    return false;
}

/* Is everything that is stored from the overlap in the answer? */
static int
check_overlap(struct ix_poll *p, const struct ix_log *logs, size_t count, struct am_error *err)
{
    struct doubt d = {.logs = logs, .count = count, .to = p->cursor.block};
    int r = ix_store_after(p->store, p->asked.from - 1, UINT64_MAX, NULL, is_there, &d, err);

    if (r == AM_OK && d.missing)
        p->again = p->asked.from;
    return r;
}

/* last: the hash of the last block, or NULL when it was not asked for. */
static int
store_logs(struct ix_poll *p, const json_t *array, const uint8_t *last, struct am_error *err)
{
    struct ix_cursor cursor = {.set = true, .block = p->asked.to};
    size_t count = json_array_size(array), n = 0;
    struct ix_log *logs = calloc(count + 1, sizeof *logs);
    int r = AM_OK;

    if (logs == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "eth_getLogs: no memory for %zu logs", count);
    if (last != NULL)
        memcpy(cursor.hash, last, 32);
    if (!json_is_array(array))
        r = am_fail(err, AM_INVALID_ARGUMENT, "eth_getLogs: expected an array");
    while (r == AM_OK && n < count) {
        r = ix_log_read(&logs[n], json_array_get(array, n), &p->asked, err);
        n++;
    }
    if (r == AM_OK && last == NULL)
        r = check_overlap(p, logs, n, err);
    else if (r == AM_OK && p->again != 0)
        r = rewind_store(p, p->again - 1, err);
    if (r == AM_OK && p->again == 0 &&
        (r = ix_store_append(p->store, logs, n, &cursor, err)) == AM_OK)
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
            return rewind_store(p, p->cursor.block > IX_REWIND ? p->cursor.block - IX_REWIND : 0,
                                err);
    }
    if (answers[ANSWER_LOGS].code != AM_OK) {
        *err = answers[ANSWER_LOGS].err;
        return answers[ANSWER_LOGS].code;
    }
    if (count == 1)
        return store_logs(p, answers[ANSWER_LOGS].result, NULL, err);
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

/* One question is enough: what this process has read of the last blocks, and what is new, in one
 * range. */
static bool
overlap(struct ix_poll *p)
{
    uint64_t back = p->cursor.block >= IX_REWIND ? p->cursor.block - IX_REWIND + 1 : 1;

    if (!p->glanced || p->since == 0 || p->again != 0)
        return false;
    p->asked.from = back > p->since ? back : p->since;
    return p->head - p->asked.from < eth_rpc_range(p->rpc, p->batch);
}

void
ix_poll_step(struct ix_poll *p)
{
    struct eth_rpc_item items[ANSWERS];
    bool near, check = p->again == 0 && p->cursor.set && !am_is_zero(p->cursor.hash, 32);
    struct am_error err = {0};
    uint64_t batch;
    int r;

    if (p->busy || p->head <= p->cursor.block)
        return;
    memcpy(p->asked.address, p->cluster, 20);
    near = overlap(p);
    if (p->since == 0)
        p->since = p->cursor.block + 1;
    if (!near)
        p->asked.from = p->again != 0 ? p->again : p->cursor.block + 1;
    batch = eth_rpc_range(p->rpc, p->batch);
    p->asked.to = p->head - p->asked.from >= batch ? p->asked.from + batch - 1 : p->head;
    items[ANSWER_LOGS] = (struct eth_rpc_item){
        "eth_getLogs",
        json_pack("[{s:o, s:o, s:o}]", "address", eth_json_of_data(p->cluster, 20), "fromBlock",
                  eth_json_of_u64(p->asked.from), "toBlock", eth_json_of_u64(p->asked.to))};
    if (!near)
        items[ANSWER_LAST] =
            (struct eth_rpc_item){"eth_getBlockByNumber", block_params(p->asked.to)};
    check = check && !near;
    if (check)
        items[ANSWER_CURSOR] =
            (struct eth_rpc_item){"eth_getBlockByNumber", block_params(p->cursor.block)};
    r = eth_rpc_call(p->rpc, items, (size_t)1 + !near + check, "", on_answers, p, &err);
    if (r != AM_OK)
        p->moved(p->arg, r, &err);
    else
        p->busy = true;
}
