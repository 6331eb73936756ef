/*  chain_viewer -- look at the chain again and again, and read the cluster whole at one block.  */
#include "chain_viewer_int.h"

#include "am_clock.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 250
#define RETRY_MAX_MS 15000

static void look(struct chain_viewer *v);

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
void
chain_viewer_done(struct chain_viewer *v, const char *phase, const char *reason)
{
    int64_t ms;

    v->pace.viewed = v->have_last;
    ms = chain_pace_idle(&v->pace, am_mono_ms()) ? v->o.idle_ms : v->o.poll_ms;
    ms = ms * 9 / 10 + (int64_t)randombytes_uniform((uint32_t)ms / 5 + 1);
    v->busy = false;
    v->failures = 0;
    if (v->again)
        ms = 0;
    else if (v->o.wait != NULL)
        ms = v->o.wait(v->o.arg, ms);
    v->again = false;
    look_in(v, ms);
    v->o.on_status(v->o.arg, phase, reason);
}

void
chain_viewer_failed(struct chain_viewer *v, const struct am_error *err)
{
    int64_t ms = RETRY_MAX_MS;

    if (err->code == AM_CANCELLED) /* closing */
        return;
    if (v->failures < 6)
        ms = RETRY_MS << v->failures;
    v->failures++;
    v->busy = v->again = false;
    v->pace.viewed = false;
    look_in(v, ms / 2 + (int64_t)randombytes_uniform((uint32_t)ms / 2 + 1));
    v->o.on_status(v->o.arg, "failing", err->text);
}

void
chain_viewer_ask(struct chain_viewer *v, const struct eth_rpc_item *items, size_t count,
                 eth_rpc_fn *fn)
{
    struct am_error err = {0};

    if (eth_rpc_call(v->o.rpc, items, count, "", fn, v, &err) != AM_OK)
        chain_viewer_failed(v, &err);
}

/* The newest view is the newest that there is. */
static void
still(struct chain_viewer *v)
{
    v->pace.view_ms = am_mono_ms();
    v->pace.glances = 0;
}

static void
behind(struct chain_viewer *v)
{
    char reason[160];

    snprintf(reason, sizeof reason, "%s answers with block %llu, older than %llu that was seen",
             eth_rpc_host(v->o.rpc), (unsigned long long)v->next->number,
             (unsigned long long)v->last->number);
    still(v);
    chain_viewer_done(v, "ready", reason);
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
        chain_viewer_failed(v, &err);
    else if (chain_head_answer(&v->head, number, hash) != CHAIN_HEAD_REORG)
        behind(v);
    else {
        chain_pace_hurry(&v->pace, am_mono_ms(), CHAIN_PACE_REORG_MS);
        chain_viewer_read(v);
    }
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
        chain_viewer_failed(v, &err);
        return;
    }
    if (v->next->number > v->top)
        v->top = v->next->number;
    switch (chain_head_judge(&v->head, v->next->number, v->next->hash, &older)) {
    case CHAIN_HEAD_REORG:
        chain_pace_hurry(&v->pace, am_mono_ms(), CHAIN_PACE_REORG_MS);
        chain_viewer_read(v);
        break;
    case CHAIN_HEAD_NEW:
        chain_viewer_read(v);
        break;
    case CHAIN_HEAD_SAME:
        if (v->force) {
            chain_viewer_read(v);
            break;
        }
        still(v);
        chain_viewer_done(v, "ready", "");
        break;
    case CHAIN_HEAD_ASK:
        item = (struct eth_rpc_item){"eth_getBlockByNumber",
                                     json_pack("[ob]", eth_json_of_u64(older), 0)};
        chain_viewer_ask(v, &item, 1, on_older_block);
        break;
    case CHAIN_HEAD_BEHIND:
        behind(v);
        break;
    }
}

void
chain_viewer_block(struct chain_viewer *v)
{
    struct eth_rpc_item item = {"eth_getBlockByNumber", json_pack("[sb]", "latest", 0)};

    v->whole = false;
    chain_viewer_ask(v, &item, 1, on_block);
}

int
chain_viewer_code(const struct eth_rpc_answer *a, const uint8_t address[static 20],
                  const char *what, struct am_error *err)
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
        v->o.on_fatal(v->o.arg, AM_EXIT_WRONG_CHAIN, err.text);
        return;
    }
    if (rc == AM_OK)
        rc = chain_viewer_code(&a[1], v->o.entry_point, "ATTESTMESH_ENTRY_POINT", &err);
    if (rc == AM_OK)
        rc = chain_viewer_code(&a[2], v->o.multicall, "ATTESTMESH_MULTICALL3", &err);
    if (rc == AM_NOT_FOUND && a[1].code == AM_OK && a[2].code == AM_OK) {
        v->o.on_fatal(v->o.arg, AM_EXIT_NO_CODE, err.text);
    } else if (rc != AM_OK) {
        chain_viewer_failed(v, &err);
    } else {
        v->checked = true;
        chain_viewer_block(v);
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

    chain_viewer_ask(v, items, 3, on_check);
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
    if (!v->checked)
        ask_check(v);
    else if (v->whole || v->force || !chain_pace_glance(&v->pace, am_mono_ms()))
        chain_viewer_block(v);
    else
        chain_viewer_glance(v);
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
    v->whole = true;
    look(v);
}

void
chain_viewer_hurry(struct chain_viewer *v)
{
    chain_pace_hurry(&v->pace, am_mono_ms(), CHAIN_PACE_HURRY_MS);
    chain_viewer_poke(v);
}

void
chain_viewer_awaits(struct chain_viewer *v, bool settled, bool operation)
{
    v->pace.settled = settled;
    v->pace.operation = operation;
    if (!v->busy && v->failures == 0 && ev_is_active(&v->timer) &&
        !chain_pace_idle(&v->pace, am_mono_ms()) &&
        ev_timer_remaining(v->o.loop, &v->timer) * 1e3 > (double)v->o.poll_ms * 1.1)
        look_in(v, v->o.poll_ms);
}

bool
chain_viewer_fresh(struct chain_viewer *v)
{
    bool fresh = chain_pace_fresh(&v->pace, v->o.poll_ms, am_mono_ms());

    if (!fresh && v->failures == 0) {
        v->force = true; /* a view is given on even of the same block */
        chain_viewer_hurry(v);
    }
    return fresh;
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
