/*  indexer -- the events of the cluster: read, kept, told.  */
#include "indexer.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"
#include "../../common/eth/rpc/eth_budget.h"
#include "../../common/eth/rpc/eth_pool.h"
#include "../../common/net/am_http.h"
#include "ix_file.h"
#include "ix_poll.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_EVENTS 64
#define PAGE_BYTES 40000 /* a bus message is at most 64 KiB */
#define DATA_MAX 32768   /* of one event, as bus/messages/indexer.def has it */

struct indexer {
    struct bus *bus;
    struct ev_loop *loop;
    const struct am_settings *settings;
    struct am_http *http;
    struct eth_rpc *rpc;
    struct ix_store *store;
    struct ix_poll poll;
    struct ix_file file;
    struct eth_budget budget;
    bool slowed;
    int64_t due_ms; /* by the budget no request before that; monotonic */
    ev_timer again; /* after a failure, and when the budget allows more */
    double pause;
};

static void
publish(struct indexer *ix, const char *phase, const char *reason)
{
    struct indexer_cursor fact = {.phase = am_str_of(phase),
                                  .reason = am_str_of(reason),
                                  .caught_up =
                                      ix->poll.cursor.set && ix->poll.cursor.block >= ix->poll.head,
                                  .block_number = ix->poll.cursor.block,
                                  .rpc_calls = ix->budget.seen,
                                  .rpc_today = ix->budget.spent,
                                  .rpc_budget = ix->budget.limit};
    struct am_error err = {0};

    if ((ix->store != NULL && ix_store_count(ix->store, &fact.events, &err) != AM_OK) ||
        bus_publish(ix->bus, BUS_TOPIC_indexer_cursor, &fact, &err) != AM_OK)
        am_log(AM_ERROR, "cursor.not_published", "reason=\"%s\"", err.text);
    bus_status(ix->bus, phase, reason);
}

static void
again_in(struct indexer *ix, double seconds)
{
    ev_timer_stop(ix->loop, &ix->again);
    ev_timer_set(&ix->again, seconds, 0);
    ev_timer_start(ix->loop, &ix->again);
}

/* Ask for more, when the budget allows it. */
static void
step(struct indexer *ix)
{
    int64_t now = am_mono_ms();

    if (now >= ix->due_ms)
        ix_poll_step(&ix->poll);
    else if (!ev_is_active(&ix->again))
        again_in(ix, (double)(ix->due_ms - now) / 1000);
}

/* What was asked is paid for; with little left the next request waits. */
static void
spend(struct indexer *ix, char why[static ETH_BUDGET_TEXT])
{
    int64_t wait;

    eth_budget_count(&ix->budget, eth_rpc_count(ix->rpc), am_wall_ms());
    wait = eth_budget_wait(&ix->budget, 0, 1, am_wall_ms(), &ix->slowed);
    ix->due_ms = am_mono_ms() + wait;
    why[0] = '\0';
    if (ix->slowed)
        eth_budget_text(why, &ix->budget, wait);
}

static void
on_moved(void *arg, int code, const struct am_error *err)
{
    struct indexer *ix = arg;
    double poll = (double)ix->settings->poll_ms / 1000;
    char spent[ETH_BUDGET_TEXT];
    const char *reason = ix->file.reason;

    spend(ix, spent);
    if (code == AM_OK)
        ix_file_moved(&ix->file, ix->poll.cursor.block, false);
    if (reason[0] == '\0')
        reason = spent;
    publish(ix, code == AM_OK ? "ready" : "failing", code == AM_OK ? reason : err->text);
    if (code == AM_OK) {
        ix->pause = poll;
        step(ix); /* at once, while there is more */
        return;
    }
    am_log(AM_WARN, "logs.not_read", "from=%llu reason=\"%s\"",
           (unsigned long long)ix->poll.asked.from, err->text);
    /* A refused range is halved by now, and asked for at once. */
    ix->pause = code == AM_OUT_OF_RANGE ? poll : ix->pause * 2 < 30 ? ix->pause * 2 : 30;
    again_in(ix, ix->pause);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int events)
{
    struct indexer *ix = w->data;

    (void)loop, (void)events;
    step(ix);
}

/* The first view names the cluster; only then can the store be opened. */
static int
begin(struct indexer *ix, const struct chain_view *view, struct am_error *err)
{
    int r;

    memcpy(ix->poll.cluster, view->cluster.p, 20);
    memcpy(ix->file.owner.cluster, view->cluster.p, 20);
    memcpy(ix->file.owner.member_id, view->member_id.p, 32);
    if ((r = ix_store_open(&ix->store, ix->settings->state_dir, ix->poll.cluster, err)) != AM_OK ||
        (r = ix_file_begin(&ix->file, &ix->poll.cursor, ix->store, ix->settings->start_block,
                           view->block_number, err)) != AM_OK)
        return r;
    ix->poll.store = ix->store;
    return AM_OK;
}

static void
on_view(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct chain_view *view = fact;
    struct indexer *ix = arg;
    struct am_error err = {0};

    (void)topic;
    if (change != BUS_VALUE || view->cluster.len != 20)
        return;
    if (ix->store == NULL && begin(ix, view, &err) != AM_OK) {
        ix_store_close(&ix->store);
        publish(ix, "failing", err.text);
        return;
    }
    ix->poll.head = view->block_number;
    ix->poll.glanced = false;
    step(ix);
}

/* While nothing is awaited chain sees that blocks came and reads no view of them. */
static void
on_status(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct chain_status *status = fact;
    struct indexer *ix = arg;

    (void)topic;
    if (change != BUS_VALUE || ix->store == NULL || status->head <= ix->poll.head)
        return;
    ix->poll.head = status->head;
    ix->poll.glanced = true;
    step(ix);
}

struct page {
    struct indexer_events_reply reply;
    uint8_t *bytes; /* the events' memory, until the reply is sent */
    size_t len;
    int code;
    struct am_error err; /* why the first event cannot be told */
};

static bool
add_event(void *arg, const struct ix_log *log)
{
    struct page *page = arg;
    struct indexer_event *e = &page->reply.events[page->reply.events_count];
    size_t need = 32 + 32 * log->topic_count + log->data_len;
    uint8_t *at = page->bytes + page->len;

    if (page->reply.events_count == 0 && log->data_len > DATA_MAX) {
        page->code = am_fail(&page->err, AM_OUT_OF_RANGE,
                             "indexer: event %llu/%llu has %zu bytes of data, at most %d can be "
                             "told: ask for what is after it",
                             (unsigned long long)log->block_number,
                             (unsigned long long)log->log_index, log->data_len, DATA_MAX);
        return false;
    }
    if (page->reply.events_count == PAGE_EVENTS || page->len + need > PAGE_BYTES ||
        log->data_len > DATA_MAX) {
        page->reply.more = true;
        return false;
    }
    memcpy(at, log->tx_hash, 32);
    memcpy(at + 32, log->topics, 32 * log->topic_count);
    if (log->data_len > 0)
        memcpy(at + 32 + 32 * log->topic_count, log->data, log->data_len);
    e->block_number = log->block_number;
    e->log_index = log->log_index;
    e->tx_hash = am_bin_of(at, 32);
    e->topics = am_bin_of(at + 32, 32 * log->topic_count);
    e->data = am_bin_of(at + 32 + 32 * log->topic_count, log->data_len);
    page->len += need;
    page->reply.events_count++;
    return true;
}

static void
on_events(void *arg, struct bus_request *request, const void *message)
{
    const struct indexer_events *asked = message;
    struct indexer *ix = arg;
    struct am_error err = {0};
    struct page *page = calloc(1, sizeof *page);
    int r = AM_OK;

    if (page == NULL || (page->bytes = malloc(PAGE_BYTES)) == NULL)
        r = am_fail(&err, AM_RESOURCE_EXHAUSTED, "indexer: no memory for a page");
    else if (ix->store == NULL)
        r = am_fail(&err, AM_UNAVAILABLE, "indexer: expected a view of the chain, none came yet");
    else
        r = ix_store_after(ix->store, asked->block_number, asked->log_index,
                           asked->topic0.len == 32 ? asked->topic0.p : NULL, add_event, page, &err);
    if (r == AM_OK && (r = page->code) != AM_OK)
        err = page->err;
    if (r == AM_OK)
        bus_reply(request, &page->reply);
    else
        bus_refuse(request, &err);
    if (page != NULL)
        free(page->bytes);
    free(page);
}

int
indexer_open(struct indexer **out, struct ev_loop *loop, struct bus *bus,
             const struct am_settings *settings, struct am_error *err)
{
    struct indexer *ix = calloc(1, sizeof *ix);
    int r;

    *out = NULL;
    if (ix == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "indexer: no memory");
    ix->loop = loop;
    ix->bus = bus;
    ix->settings = settings;
    ix->pause = (double)settings->poll_ms / 1000;
    ix->file.dir = settings->state_dir;
    ix->budget.limit = eth_budget_part(settings->rpc_budget, 100 - settings->rpc_chain_percent);
    ix->poll.batch = settings->batch_size;
    ix->poll.moved = on_moved;
    ix->poll.arg = ix;
    ev_init(&ix->again, on_again);
    ix->again.data = ix;
    if ((r = am_http_open(&ix->http, loop, err)) != AM_OK ||
        (r = eth_pool_open(&ix->rpc, ix->http, loop, "rpc", settings->rpc_url, settings->rpc_urls,
                           settings->chain_id, err)) != AM_OK ||
        (r = bus_serve(bus, BUS_METHOD_indexer_events, on_events, ix, err)) != AM_OK ||
        (r = bus_subscribe(bus, BUS_TOPIC_chain_view, on_view, ix, err)) != AM_OK ||
        (r = bus_subscribe(bus, BUS_TOPIC_chain_status, on_status, ix, err)) != AM_OK) {
        indexer_close(&ix);
        return r;
    }
    ix->poll.rpc = ix->rpc;
    publish(ix, "starting", "waiting for chain.view");
    *out = ix;
    return AM_OK;
}

void
indexer_close(struct indexer **ix)
{
    if (*ix == NULL)
        return;
    ev_timer_stop((*ix)->loop, &(*ix)->again);
    eth_rpc_close(&(*ix)->rpc);
    am_http_close(&(*ix)->http);
    if ((*ix)->store != NULL)
        ix_file_moved(&(*ix)->file, (*ix)->poll.cursor.block, true);
    ix_store_close(&(*ix)->store);
    free(*ix);
    *ix = NULL;
}
