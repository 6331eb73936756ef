/*  chain_read -- read the cluster whole at one block: two rounds of calls, each by the block's
 * hash.  */
#include "chain_viewer_int.h"

#include "am_clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call at the block of this look, by its hash. */
static struct eth_rpc_item
call_item(const struct chain_viewer *v, const uint8_t target[static 20], struct am_bin data)
{
    return (struct eth_rpc_item){"eth_call",
                                 json_pack("[{soso}{so}]", "to", eth_json_of_data(target, 20),
                                           "data", eth_json_of_data(data.p, data.len), "blockHash",
                                           eth_json_of_data(v->next->hash, 32))};
}

static bool
own_is_first(const struct chain_snapshot *s)
{
    return s->count > 0 && memcmp(s->peers[0].id, s->member_id, 32) == 0;
}

static void
finish(struct chain_viewer *v)
{
    struct chain_snapshot *s = v->next;

    v->next = v->last;
    v->last = s;
    v->have_last = true;
    v->force = false;
    v->pace.view_ms = am_mono_ms();
    v->pace.glances = 0;
    v->pace.deep = s->originator_confirmed || !own_is_first(s);
    chain_head_push(&v->head, s->number, s->hash);
    v->o.on_view(v->o.arg, s);
    chain_viewer_done(v, "ready", "");
}

/* Is the own id first in an older block's list, on the chain that this look's block is on? */
static int
take_depth(struct chain_viewer *v, const struct eth_rpc_answer *list,
           const struct eth_rpc_answer *block, struct am_error *err)
{
    struct chain_snapshot *s = v->next;
    uint8_t hash[32], *data = NULL;
    size_t len = 0;
    int rc = list->code != AM_OK ? list->code : block->code;

    if (rc != AM_OK)
        *err = list->code != AM_OK ? list->err : block->err;
    if (rc == AM_OK)
        rc = eth_json_fixed(hash, 32, json_object_get(block->result, "hash"),
                            "eth_getBlockByNumber hash", err);
    if (rc == AM_OK && memcmp(hash, s->hash, 32) != 0)
        rc = am_fail(err, AM_ABORTED, "view: expected the block to stay, got a reorg meanwhile");
    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, list->result, "eth_call listMembers", err);
    if (rc == AM_OK)
        rc = chain_calls_first_read(&s->originator_confirmed, s, am_bin_of(data, len), err);
    free(data);
    return rc;
}

static bool
needs_depth(const struct chain_viewer *v)
{
    return own_is_first(v->next) && v->o.confirmations > 0 && v->next->number >= v->o.confirmations;
}

static size_t
chunks(const struct chain_snapshot *s)
{
    return (s->count + CHAIN_CHUNK - 1) / CHAIN_CHUNK;
}

static size_t
chunk_len(const struct chain_snapshot *s, size_t i)
{
    return s->count - i * CHAIN_CHUNK < CHAIN_CHUNK ? s->count - i * CHAIN_CHUNK : CHAIN_CHUNK;
}

static void
on_round_two(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct chain_snapshot *s = v->next;
    struct am_error err = {0};
    int rc = AM_OK;

    for (size_t i = 0; rc == AM_OK && i < chunks(s); i++) {
        uint8_t *data = NULL;
        size_t len = 0;

        rc = a[i].code;
        err = a[i].err;
        if (rc == AM_OK)
            rc = eth_json_data(&data, &len, a[i].result, "eth_call aggregate3", &err);
        if (rc == AM_OK)
            rc = chain_calls_peers_read(s, i * CHAIN_CHUNK, chunk_len(s, i), am_bin_of(data, len),
                                        &err);
        free(data);
    }
    if (rc == AM_OK && needs_depth(v))
        rc = take_depth(v, &a[count - 2], &a[count - 1], &err);
    if (rc == AM_OK)
        finish(v);
    else
        chain_viewer_failed(v, &err);
}

static size_t
depth_items(struct chain_viewer *v, struct eth_rpc_item items[static 2], struct am_error *err)
{
    const struct chain_snapshot *s = v->next;
    uint8_t data[4];
    struct eth_buf list = ETH_BUF(data);

    if (eth_call_none(&list, ETH_FN_listMembers, err) != AM_OK)
        return 0;
    items[0] = (struct eth_rpc_item){"eth_call",
                                     json_pack("[{soso}o]", "to", eth_json_of_data(s->cluster, 20),
                                               "data", eth_json_of_data(data, list.len),
                                               eth_json_of_u64(s->number - v->o.confirmations))};
    items[1] = (struct eth_rpc_item){"eth_getBlockByNumber",
                                     json_pack("[ob]", eth_json_of_u64(s->number), 0)};
    return 2;
}

static void
ask_round_two(struct chain_viewer *v)
{
    struct chain_snapshot *s = v->next;
    struct eth_rpc_item items[CHAIN_MEMBERS / CHAIN_CHUNK + 2];
    struct am_error err = {0};
    size_t n = 0;
    int rc = AM_OK;

    s->originator_confirmed = own_is_first(s) && v->o.confirmations == 0;
    if (s->count == 0) {
        finish(v);
        return;
    }
    for (size_t i = 0; rc == AM_OK && i < chunks(s); i++) {
        struct eth_buf buf = ETH_BUF(v->call_data);

        rc = chain_calls_peers(&buf, s, i * CHAIN_CHUNK, chunk_len(s, i), &err);
        if (rc == AM_OK)
            items[n++] = call_item(v, v->o.multicall, eth_bin(&buf));
    }
    if (rc == AM_OK && needs_depth(v))
        n += depth_items(v, &items[n], &err);
    if (rc == AM_OK) {
        chain_viewer_ask(v, items, n, on_round_two);
        return;
    }
    for (size_t i = 0; i < n; i++)
        json_decref(items[i].params);
    chain_viewer_failed(v, &err);
}

static bool
have_root(const struct chain_viewer *v)
{
    return !am_is_zero(v->root, 20);
}

static void
on_round_one(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct am_error err = a[0].err;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = a[0].code;

    (void)count;
    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, a[0].result, "eth_call aggregate3", &err);
    /* v->next->kms_root: the root that was asked about; v->root may be another by now */
    if (rc == AM_OK) {
        uint8_t root[20];

        memcpy(root, v->next->kms_root, 20);
        rc = chain_calls_cluster_read(v->next, am_is_zero(root, 20) ? NULL : root,
                                      am_bin_of(data, len), &err);
    }
    free(data);
    if (rc == AM_OK)
        ask_round_two(v);
    else
        chain_viewer_failed(v, &err);
}

static void
ask_round_one(struct chain_viewer *v)
{
    struct eth_buf buf = ETH_BUF(v->call_data);
    struct chain_snapshot *s = v->next;
    struct eth_rpc_item item;
    struct am_error err = {0};

    memcpy(s->member, v->member, 20);
    memcpy(s->cluster, v->cluster, 20);
    memcpy(s->kms_root, v->root, 20);
    if (chain_calls_cluster(&buf, s, have_root(v) ? s->kms_root : NULL, &err) != AM_OK) {
        chain_viewer_failed(v, &err);
        return;
    }
    item = call_item(v, v->o.multicall, eth_bin(&buf));
    chain_viewer_ask(v, &item, 1, on_round_one);
}

/* A member that is not there yet is no failure: say what is awaited and look again. */
static void
wait_for_member(struct chain_viewer *v, const char *got)
{
    char address[ETH_ADDRESS_TEXT], reason[256];

    eth_address_text(address, v->member);
    snprintf(reason, sizeof reason,
             "waiting for member %s to be deployed to a cluster: cluster() %s", address, got);
    chain_viewer_done(v, "starting", reason);
}

/* Once it is certain that this is no matter of a provider that lags, no wait helps. */
static void
on_member_code(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct am_error err = {0};
    int rc = chain_viewer_code(a, v->member, "MEMBER_CONTRACT", &err);

    (void)count;
    if (rc != AM_OK && rc != AM_NOT_FOUND) {
        chain_viewer_failed(v, &err);
        return;
    }
    if (!v->bare || rc == AM_OK)
        v->bare_from = v->next->number;
    v->bare = rc == AM_NOT_FOUND;
    if (v->bare && v->next->number >= v->bare_from + CHAIN_BARE_BLOCKS)
        v->o.on_fatal(v->o.arg, AM_EXIT_NO_CODE, err.text);
    else
        wait_for_member(v, v->bare ? "finds no code" : "answers nothing");
}

static void
ask_member_code(struct chain_viewer *v)
{
    struct eth_rpc_item item = {"eth_getCode",
                                json_pack("[o{so}]", eth_json_of_data(v->member, 20), "blockHash",
                                          eth_json_of_data(v->next->hash, 32))};

    chain_viewer_ask(v, &item, 1, on_member_code);
}

static bool
is_revert(const struct eth_rpc_answer *a)
{
    return a->error_code == 3 || (a->error_code != 0 && strstr(a->err.text, "revert") != NULL);
}

static void
on_cluster(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct am_error err = a[0].err;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = a[0].code;

    (void)count;
    if (is_revert(&a[0])) {
        wait_for_member(v, "reverts");
        return;
    }
    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, a[0].result, "eth_call cluster", &err);
    if (rc == AM_OK && len == 0) {
        ask_member_code(v);
        goto out;
    }
    if (rc == AM_OK)
        rc = eth_ret_address(v->cluster, am_bin_of(data, len), "member cluster", &err);
    if (rc != AM_OK) {
        chain_viewer_failed(v, &err);
    } else if (am_is_zero(v->cluster, 20)) {
        wait_for_member(v, "is zero");
    } else {
        v->have_cluster = true;
        ask_round_one(v);
    }
out:
    free(data);
}

static void
ask_cluster(struct chain_viewer *v)
{
    uint8_t data[4];
    struct eth_buf buf = ETH_BUF(data);
    struct eth_rpc_item item;
    struct am_error err = {0};

    if (eth_call_none(&buf, ETH_FN_cluster, &err) != AM_OK) {
        chain_viewer_failed(v, &err);
        return;
    }
    item = call_item(v, v->member, eth_bin(&buf));
    chain_viewer_ask(v, &item, 1, on_cluster);
}

void
chain_viewer_read(struct chain_viewer *v)
{
    if (v->have_cluster)
        ask_round_one(v);
    else
        ask_cluster(v);
}
