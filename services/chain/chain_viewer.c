/*  chain_viewer -- look at the chain again and again, and read the cluster whole at one block.  */
#include "chain_viewer.h"

#include "chain_head.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 250
#define RETRY_MAX_MS 15000
#define CALL_DATA 65536

struct chain_viewer {
    struct chain_viewer_options o;
    struct ev_timer timer;
    struct chain_head head;
    struct chain_snapshot *next, *last; /* being read; given on */
    bool have_last, have_member, have_cluster, checked;
    bool busy, again, force; /* a look is under way; another is wanted; even at the same block */
    uint8_t member[20], cluster[20], root[20];
    uint64_t top;
    unsigned failures;
    uint8_t call_data[CALL_DATA];
};

static void look(struct chain_viewer *v);
static void ask_cluster(struct chain_viewer *v);
static void ask_round_one(struct chain_viewer *v);
static void ask_round_two(struct chain_viewer *v);

static void
on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    look(timer->data);
}

static void
look_in(struct chain_viewer *v, int64_t ms)
{
    ev_timer_stop(v->o.loop, &v->timer);
    ev_timer_set(&v->timer, (double)ms / 1e3, 0.);
    ev_timer_start(v->o.loop, &v->timer);
}

/* The look is over.  Nine tenths to eleven of the interval: nodes must not come together. */
static void
done(struct chain_viewer *v, const char *phase, const char *reason)
{
    int64_t ms =
        v->o.poll_ms * 9 / 10 + (int64_t)randombytes_uniform((uint32_t)v->o.poll_ms / 5 + 1);

    v->busy = false;
    v->failures = 0;
    if (v->again)
        ms = 0;
    v->again = false;
    look_in(v, ms);
    v->o.on_status(v->o.arg, phase, reason);
}

static void
failed(struct chain_viewer *v, const struct am_error *err)
{
    int64_t ms = RETRY_MAX_MS;

    if (err->code == AM_CANCELLED) /* closing */
        return;
    if (v->failures < 6)
        ms = RETRY_MS << v->failures;
    v->failures++;
    v->busy = v->again = false;
    look_in(v, ms / 2 + (int64_t)randombytes_uniform((uint32_t)ms / 2 + 1));
    v->o.on_status(v->o.arg, "failing", err->text);
}

static void
ask(struct chain_viewer *v, const struct eth_rpc_item *items, size_t count, eth_rpc_fn *fn)
{
    struct am_error err = {0};

    if (eth_rpc_call(v->o.rpc, items, count, "", fn, v, &err) != AM_OK)
        failed(v, &err);
}

/* A call at the block of this look, by its hash. */
static struct eth_rpc_item
call_item(const struct chain_viewer *v, const uint8_t target[static 20], struct am_bin data)
{
    return (struct eth_rpc_item){"eth_call",
                                 json_pack("[{soso}{so}]", "to", eth_json_of_data(target, 20),
                                           "data", eth_json_of_data(data.p, data.len), "blockHash",
                                           eth_json_of_data(v->next->hash, 32))};
}

static void
finish(struct chain_viewer *v)
{
    struct chain_snapshot *s = v->next;

    v->next = v->last;
    v->last = s;
    v->have_last = true;
    v->force = false;
    chain_head_push(&v->head, s->number, s->hash);
    v->o.on_view(v->o.arg, s);
    done(v, "ready", "");
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
own_is_first(const struct chain_snapshot *s)
{
    return s->count > 0 && memcmp(s->peers[0].id, s->member_id, 32) == 0;
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
        failed(v, &err);
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
        ask(v, items, n, on_round_two);
        return;
    }
    for (size_t i = 0; i < n; i++)
        json_decref(items[i].params);
    failed(v, &err);
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
        failed(v, &err);
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
        failed(v, &err);
        return;
    }
    item = call_item(v, v->o.multicall, eth_bin(&buf));
    ask(v, &item, 1, on_round_one);
}

/* A member that is not there yet is no failure: say what is awaited and look again. */
static void
wait_for_member(struct chain_viewer *v, const char *got)
{
    char address[ETH_ADDRESS_TEXT], reason[256];

    eth_address_text(address, v->member);
    snprintf(reason, sizeof reason,
             "waiting for member %s to be deployed to a cluster: cluster() %s", address, got);
    done(v, "starting", reason);
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
        wait_for_member(v, "finds no code");
        goto out;
    }
    if (rc == AM_OK)
        rc = eth_ret_address(v->cluster, am_bin_of(data, len), "member cluster", &err);
    if (rc != AM_OK) {
        failed(v, &err);
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
        failed(v, &err);
        return;
    }
    item = call_item(v, v->member, eth_bin(&buf));
    ask(v, &item, 1, on_cluster);
}

static void
go_on(struct chain_viewer *v)
{
    if (v->have_cluster)
        ask_round_one(v);
    else
        ask_cluster(v);
}

static void
behind(struct chain_viewer *v)
{
    char reason[160];

    snprintf(reason, sizeof reason, "%s answers with block %llu, older than %llu that was seen",
             eth_rpc_host(v->o.rpc), (unsigned long long)v->next->number,
             (unsigned long long)v->last->number);
    done(v, "ready", reason);
}

static void
on_older_block(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct am_error err = a[0].err;
    uint64_t number = 0;
    uint8_t hash[32];
    int rc = a[0].code;

    (void)count;
    if (rc == AM_OK)
        rc = eth_json_u64(&number, json_object_get(a[0].result, "number"),
                          "eth_getBlockByNumber number", &err);
    if (rc == AM_OK)
        rc = eth_json_fixed(hash, 32, json_object_get(a[0].result, "hash"),
                            "eth_getBlockByNumber hash", &err);
    if (rc != AM_OK)
        failed(v, &err);
    else if (chain_head_answer(&v->head, number, hash) == CHAIN_HEAD_REORG)
        go_on(v);
    else
        behind(v);
}

static int
take_block(struct chain_snapshot *s, const struct eth_rpc_answer *a, struct am_error *err)
{
    int rc = a->code;

    *err = a->err;
    *s = (struct chain_snapshot){0};
    if (rc == AM_OK)
        rc = eth_json_u64(&s->number, json_object_get(a->result, "number"),
                          "eth_getBlockByNumber number", err);
    if (rc == AM_OK)
        rc = eth_json_fixed(s->hash, 32, json_object_get(a->result, "hash"),
                            "eth_getBlockByNumber hash", err);
    if (rc == AM_OK)
        rc = eth_json_u64(&s->time, json_object_get(a->result, "timestamp"),
                          "eth_getBlockByNumber timestamp", err);
    return rc;
}

static void
on_block(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct am_error err;
    struct eth_rpc_item item;
    uint64_t older;

    (void)count;
    if (take_block(v->next, a, &err) != AM_OK) {
        failed(v, &err);
        return;
    }
    if (v->next->number > v->top)
        v->top = v->next->number;
    switch (chain_head_judge(&v->head, v->next->number, v->next->hash, &older)) {
    case CHAIN_HEAD_NEW:
    case CHAIN_HEAD_REORG:
        go_on(v);
        break;
    case CHAIN_HEAD_SAME:
        if (v->force)
            go_on(v);
        else
            done(v, "ready", "");
        break;
    case CHAIN_HEAD_ASK:
        item = (struct eth_rpc_item){"eth_getBlockByNumber",
                                     json_pack("[ob]", eth_json_of_u64(older), 0)};
        ask(v, &item, 1, on_older_block);
        break;
    case CHAIN_HEAD_BEHIND:
        behind(v);
        break;
    }
}

static void
ask_block(struct chain_viewer *v)
{
    struct eth_rpc_item item = {"eth_getBlockByNumber", json_pack("[sb]", "latest", 0)};

    ask(v, &item, 1, on_block);
}

static int
take_code(const struct eth_rpc_answer *a, const uint8_t address[static 20], const char *what,
          struct am_error *err)
{
    char text[ETH_ADDRESS_TEXT];
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = a->code;

    *err = a->err;
    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, a->result, "eth_getCode", err);
    free(data);
    eth_address_text(text, address);
    if (rc == AM_OK && len == 0)
        rc = am_fail(err, AM_NOT_FOUND, "%s %s: expected a contract, got no code", what, text);
    return rc;
}

/* Once, before anything else: a wrong chain would answer every question wrongly. */
static void
on_check(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct am_error err = a[0].err;
    uint64_t id = 0;
    int rc = a[0].code;

    (void)count;
    if (rc == AM_OK)
        rc = eth_json_u64(&id, a[0].result, "eth_chainId", &err);
    if (rc == AM_OK && id != v->o.chain_id) {
        (void)am_fail(&err, AM_FAILED_PRECONDITION,
                      "eth_chainId: expected CHAIN_ID %llu, got %llu from RPC_URL's %s",
                      (unsigned long long)v->o.chain_id, (unsigned long long)id,
                      eth_rpc_host(v->o.rpc));
        v->o.on_fatal(v->o.arg, CHAIN_EXIT_CHAIN_ID, err.text);
        return;
    }
    if (rc == AM_OK)
        rc = take_code(&a[1], v->o.entry_point, "ATTESTMESH_ENTRY_POINT", &err);
    if (rc == AM_OK)
        rc = take_code(&a[2], v->o.multicall, "ATTESTMESH_MULTICALL3", &err);
    if (rc == AM_NOT_FOUND && a[1].code == AM_OK && a[2].code == AM_OK) {
        v->o.on_fatal(v->o.arg, CHAIN_EXIT_NO_CODE, err.text);
    } else if (rc != AM_OK) {
        failed(v, &err);
    } else {
        v->checked = true;
        ask_block(v);
    }
}

static void
ask_check(struct chain_viewer *v)
{
    const struct eth_rpc_item items[] = {
        {"eth_chainId", json_array()},
        {"eth_getCode", json_pack("[os]", eth_json_of_data(v->o.entry_point, 20), "latest")},
        {"eth_getCode", json_pack("[os]", eth_json_of_data(v->o.multicall, 20), "latest")},
    };

    ask(v, items, 3, on_check);
}

static void
look(struct chain_viewer *v)
{
    if (v->busy) {
        v->again = true;
        return;
    }
    if (!v->have_member)
        return;
    v->busy = true;
    if (v->checked)
        ask_block(v);
    else
        ask_check(v);
}

int
chain_viewer_open(struct chain_viewer **viewer, const struct chain_viewer_options *options,
                  struct am_error *err)
{
    struct chain_viewer *v = calloc(1, sizeof *v);

    *viewer = NULL;
    if (v == NULL || (v->next = calloc(1, sizeof *v->next)) == NULL ||
        (v->last = calloc(1, sizeof *v->last)) == NULL) {
        chain_viewer_close(&v);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "view: no memory");
    }
    v->o = *options;
    ev_timer_init(&v->timer, on_timer, 0., 0.);
    v->timer.data = v;
    *viewer = v;
    return AM_OK;
}

void
chain_viewer_close(struct chain_viewer **viewer)
{
    struct chain_viewer *v = *viewer;

    if (v == NULL)
        return;
    if (v->o.loop != NULL)
        ev_timer_stop(v->o.loop, &v->timer);
    free(v->next);
    free(v->last);
    free(v);
    *viewer = NULL;
}

void
chain_viewer_member(struct chain_viewer *v, const uint8_t member[static 20])
{
    if (v->have_member)
        return; /* who we are does not change under a running process */
    memcpy(v->member, member, 20);
    v->have_member = true;
    look(v);
}

void
chain_viewer_root(struct chain_viewer *v, const uint8_t *root)
{
    static const uint8_t none[20];

    if (root == NULL)
        root = none;
    if (memcmp(v->root, root, 20) == 0)
        return;
    memcpy(v->root, root, 20);
    v->force = true;
    chain_viewer_poke(v);
}

void
chain_viewer_poke(struct chain_viewer *v)
{
    look(v);
}

const struct chain_snapshot *
chain_viewer_latest(const struct chain_viewer *v)
{
    return v->have_last ? v->last : NULL;
}

uint64_t
chain_viewer_head(const struct chain_viewer *v)
{
    return v->top;
}
