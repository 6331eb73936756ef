/*  test_indexer_serve -- indexer.events over the real bus: pages by count and by bytes.  */
#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"
#include "../../services/indexer/indexer.h"
#include "../../services/indexer/ix_store.h"
#include "dn_rpcdouble.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 5000

static struct ev_loop *loop;
static struct bus *chain, *self, *cli;
static struct indexer *indexer;
static struct dn_rpc_double *server;
static struct am_settings settings;
static char dir[64];
static uint8_t cluster[20], data[40000];
static struct am_error err;

static struct {
    int calls, code;
    size_t count, bytes;
    uint64_t first_block, last_block, last_index;
    bool more, whole; /* whole: every byte of every event is the one that was stored */
    char text[AM_ERROR_TEXT];
} got;

static struct {
    int facts;
    bool caught_up;
    uint64_t block, events, today, budget;
    char phase[33], reason[385];
} cursor;

/* The provider knows no more than the store: no events after it. */
static json_t *
answer(void *arg, const char *method, const json_t *params)
{
    (void)arg, (void)params;
    if (strcmp(method, "eth_getLogs") == 0)
        return json_pack("{s:[]}", "result");
    return json_pack("{s:{s:s}}", "result", "hash",
                     "0x0101010101010101010101010101010101010101010101010101010101010101");
}

static struct bus *
open_bus(enum bus_service who)
{
    const struct bus_options options = {.run = dir, .self = who, .loop = loop};
    struct bus *bus;

    cr_assert_eq(bus_open(&bus, &options, &err), AM_OK, "%s", err.text);
    return bus;
}

static void
on_cursor(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct indexer_cursor *c = fact;

    (void)arg, (void)topic;
    if (change != BUS_VALUE)
        return;
    cursor.facts++;
    cursor.caught_up = c->caught_up;
    cursor.block = c->block_number;
    cursor.events = c->events;
    cursor.today = c->rpc_today;
    cursor.budget = c->rpc_budget;
    am_str_copy(cursor.phase, sizeof cursor.phase, c->phase);
    am_str_copy(cursor.reason, sizeof cursor.reason, c->reason);
}

static void
on_tick(struct ev_loop *l, ev_timer *w, int events)
{
    (void)l, (void)w, (void)events;
}

/* Turn the loop until it is so, at most 10 s. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t end = am_mono_ms() + 10000;                                                        \
        while (!(condition) && am_mono_ms() < end)                                                 \
            ev_run(loop, EVRUN_ONCE);                                                              \
        cr_assert(condition, "not within 10 s: %s: %s", #condition, cursor.reason);                \
    } while (0)

static void
start(void)
{
    static ev_timer tick;
    struct dn_rpc_options o = {.answer = answer};

    am_log_open("test", NULL, "error");
    cr_assert(sodium_init() >= 0);
    strcpy(dir, "/tmp/am-serve-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    memset(cluster, 0xc1, 20);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer_init(&tick, on_tick, 0.01, 0.01);
    ev_timer_start(loop, &tick);
    o.loop = loop;
    cr_assert_eq(dn_rpc_open(&server, &o, &err), AM_OK, "%s", err.text);
    snprintf(settings.rpc_url, sizeof settings.rpc_url, "http://127.0.0.1:%u", dn_rpc_port(server));
    snprintf(settings.state_dir, sizeof settings.state_dir, "%s", dir);
    settings.batch_size = 2000;
    settings.poll_ms = 100;
    chain = open_bus(BUS_CHAIN);
    self = open_bus(BUS_INDEXER);
    cli = open_bus(BUS_CLI);
    cr_assert_eq(bus_subscribe(cli, BUS_TOPIC_indexer_cursor, on_cursor, NULL, &err), AM_OK);
}

static void
stop(void)
{
    char command[96];

    indexer_close(&indexer);
    cr_assert_null(indexer);
    bus_close(&cli);
    bus_close(&self);
    bus_close(&chain);
    dn_rpc_close(&server);
    ev_loop_destroy(loop);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(indexer_serve, .init = start, .fini = stop, .timeout = 60);

/* Events 1.. of these sizes, one a block, are in the store before the indexer starts. */
static void
stored(const size_t *sizes, size_t count)
{
    struct ix_cursor c = {.set = true, .block = HEAD};
    struct ix_store *store;

    memset(c.hash, 0x01, 32);
    cr_assert_eq(ix_store_open(&store, dir, cluster, &err), AM_OK, "%s", err.text);
    for (size_t i = 0; i < count; i++) {
        struct ix_log log = {.block_number = i + 1, .topic_count = 4, .data = data};

        log.data_len = sizes[i];
        memset(log.topics[0], i % 2 == 0 ? 0xaa : 0xbb, 32);
        cr_assert_eq(ix_store_append(store, &log, 1, &c, &err), AM_OK, "%s", err.text);
    }
    ix_store_close(&store);
}

static void
publish_view(uint64_t block)
{
    static const uint8_t id[32] = {1};
    const struct chain_view view = {.chain_id = 31337,
                                    .block_number = block,
                                    .block_hash = AM_BIN(id),
                                    .cluster = AM_BIN(cluster),
                                    .member_contract = AM_BIN(cluster),
                                    .member_id = AM_BIN(id)};

    cr_assert_eq(bus_publish(chain, BUS_TOPIC_chain_view, &view, &err), AM_OK, "%s", err.text);
}

static void
open_indexer(void)
{
    cr_assert_eq(indexer_open(&indexer, loop, self, &settings, &err), AM_OK, "%s", err.text);
}

static void
serve(const size_t *sizes, size_t count)
{
    stored(sizes, count);
    open_indexer();
    publish_view(HEAD + 1);
    UNTIL(cursor.caught_up);
    cr_assert_eq(cursor.events, count);
}

static void
on_reply(void *arg, int code, const void *message, const struct am_error *why)
{
    const struct indexer_events_reply *reply = message;

    (void)arg;
    memset(&got, 0, sizeof got);
    got.calls = 1;
    got.code = code;
    if (code != AM_OK) {
        snprintf(got.text, sizeof got.text, "%s", why->text);
        return;
    }
    got.more = reply->more;
    got.count = reply->events_count;
    got.whole = true;
    for (size_t i = 0; i < got.count; i++) {
        const struct indexer_event *e = &reply->events[i];

        if (i == 0)
            got.first_block = e->block_number;
        got.last_block = e->block_number;
        got.last_index = e->log_index;
        got.bytes += e->data.len;
        got.whole = got.whole && e->topics.len == 128 && e->tx_hash.len == 32 &&
                    (e->data.len == 0 || memcmp(e->data.p, data, e->data.len) == 0);
    }
}

static void
ask(uint64_t block, uint64_t index, const uint8_t *topic0)
{
    const struct indexer_events q = {.block_number = block,
                                     .log_index = index,
                                     .topic0 = am_bin_of(topic0, topic0 != NULL ? 32 : 0)};

    memset(&got, 0, sizeof got);
    cr_assert_eq(bus_call(cli, BUS_METHOD_indexer_events, &q, 5000, "", on_reply, NULL, &err),
                 AM_OK, "%s", err.text);
    UNTIL(got.calls == 1);
}

Test(indexer_serve, before_the_first_view_nothing_is_known)
{
    open_indexer();
    UNTIL(cursor.facts > 0);
    ask(0, 0, NULL);
    cr_assert_eq(got.code, AM_UNAVAILABLE);
    cr_assert_not_null(strstr(got.text, "view of the chain"), "%s", got.text);
    cr_assert(strcmp(cursor.phase, "starting") == 0 && !cursor.caught_up);
}

Test(indexer_serve, pages_of_64)
{
    static const size_t none[130];
    size_t seen = 0;

    serve(none, 64);
    ask(0, 0, NULL);
    cr_assert_eq(got.code, AM_OK, "%s", got.text);
    cr_assert(got.count == 64 && !got.more, "exactly a page has no second one");
    ask(1, 0, NULL);
    cr_assert(got.count == 63 && got.first_block == 2);
    indexer_close(&indexer);
    bus_close(&self);
    self = open_bus(BUS_INDEXER);
    cursor.caught_up = false;
    serve(none, 130);
    for (ask(0, 0, NULL); got.more; ask(got.last_block, got.last_index, NULL)) {
        cr_assert_eq(got.count, 64);
        cr_assert_eq(got.first_block, seen + 1, "no gap, nothing twice");
        seen += got.count;
    }
    cr_assert_eq(seen + got.count, 130);
    cr_assert_eq(got.last_block, 130);
}

Test(indexer_serve, one_topic)
{
    static const size_t none[10];
    uint8_t topic[32];

    serve(none, 10);
    memset(topic, 0xbb, 32);
    ask(0, 0, topic);
    cr_assert(got.code == AM_OK && got.count == 5 && got.first_block == 2 && !got.more);
    memset(topic, 0xcc, 32);
    ask(0, 0, topic);
    cr_assert(got.code == AM_OK && got.count == 0 && !got.more);
}

/* An event takes 160 bytes beside its data. */
Test(indexer_serve, pages_of_40000_bytes)
{
    static const size_t fits[] = {20000, 40000 - 160 - 20160, 0};
    static const size_t over[] = {20000, 40000 - 160 - 20160 + 1, 0};

    serve(fits, 3);
    ask(0, 0, NULL);
    cr_assert_eq(got.code, AM_OK, "%s", got.text);
    cr_assert(got.count == 2 && got.bytes == 39680 && got.more && got.whole);
    ask(got.last_block, got.last_index, NULL);
    cr_assert(got.count == 1 && !got.more);
    indexer_close(&indexer);
    bus_close(&self);
    self = open_bus(BUS_INDEXER);
    cr_assert_eq(remove(strcat(strcpy((char[96]){0}, dir), "/events.sqlite")), 0);
    cursor.caught_up = false;
    serve(over, 3);
    ask(0, 0, NULL);
    cr_assert(got.code == AM_OK && got.count == 1 && got.more);
    ask(got.last_block, got.last_index, NULL);
    cr_assert(got.code == AM_OK && got.count == 2 && !got.more);
}

Test(indexer_serve, the_largest_event_that_can_be_told)
{
    static const size_t sizes[] = {0, 32768, 0};

    serve(sizes, 3);
    ask(0, 0, NULL);
    cr_assert_eq(got.code, AM_OK, "%s", got.text);
    cr_assert(got.count == 3 && got.bytes == 32768 && got.whole);
}

Test(indexer_serve, a_larger_event_is_refused_by_name_and_can_be_passed)
{
    static const size_t sizes[] = {0, 32769, 0, 39999};

    serve(sizes, 4);
    ask(0, 0, NULL);
    cr_assert(got.code == AM_OK && got.count == 1 && got.more, "what lies before it comes");
    ask(1, 0, NULL);
    cr_assert_eq(got.code, AM_OUT_OF_RANGE);
    cr_assert_not_null(strstr(got.text, "2/0"), "%s", got.text);
    cr_assert_not_null(strstr(got.text, "32769"), "%s", got.text);
    ask(2, 0, NULL);
    cr_assert(got.code == AM_OK && got.count == 1 && got.first_block == 3 && got.more);
    ask(3, 0, NULL);
    cr_assert_eq(got.code, AM_OUT_OF_RANGE);
    ask(4, 0, NULL);
    cr_assert(got.code == AM_OK && got.count == 0 && !got.more);
}

Test(indexer_serve, starts_with_the_block_it_was_told)
{
    settings.start_block = 3;
    open_indexer();
    publish_view(9);
    UNTIL(cursor.caught_up);
    cr_assert(cursor.block == 9 && strcmp(cursor.phase, "ready") == 0);
    publish_view(8); /* chain may go back a block; what is read is read */
    publish_view(12);
    UNTIL(cursor.block == 12 && cursor.caught_up);
}

Test(indexer_serve, a_failing_provider_is_told_and_got_over)
{
    open_indexer();
    cr_assert_eq(dn_rpc_fault(server, "html", &err), AM_OK);
    publish_view(9);
    UNTIL(strcmp(cursor.phase, "failing") == 0 && !cursor.caught_up);
    cr_assert_not_null(strstr(cursor.reason, "502 Bad Gateway"), "%s", cursor.reason);
    cr_assert_eq(dn_rpc_fault(server, "none", &err), AM_OK);
    UNTIL(cursor.caught_up); /* by its own timer: no new block came */
    cr_assert(strcmp(cursor.phase, "ready") == 0 && cursor.reason[0] == '\0');
}

Test(indexer_serve, a_folder_that_is_gone_is_told)
{
    snprintf(settings.state_dir, sizeof settings.state_dir, "/proc/nowhere");
    open_indexer();
    publish_view(9);
    UNTIL(strcmp(cursor.phase, "failing") == 0);
    cr_assert_not_null(strstr(cursor.reason, "SIDECAR_STATE_DIR"), "%s", cursor.reason);
    ask(0, 0, NULL);
    cr_assert_eq(got.code, AM_UNAVAILABLE);
}

Test(indexer_serve, a_head_that_chain_glanced_at_is_read_with_one_element)
{
    const struct chain_status status = {.phase = am_str_of("ready"), .head = 20};
    uint64_t before;

    open_indexer();
    publish_view(9);
    UNTIL(cursor.block == 9 && cursor.caught_up);
    before = cursor.today;
    cr_assert_eq(bus_publish(chain, BUS_TOPIC_chain_status, &status, &err), AM_OK);
    UNTIL(cursor.block == 20 && cursor.caught_up);
    cr_assert_eq(cursor.today, before + 1);
}

Test(indexer_serve, a_spent_budget_slows_and_says_so)
{
    int64_t until;

    settings.rpc_budget = 4;
    settings.rpc_chain_percent = 25;
    open_indexer();
    publish_view(9);
    UNTIL(cursor.block == 9 && cursor.caught_up);
    cr_assert(cursor.today == 2 && cursor.budget == 3);
    publish_view(10);
    UNTIL(cursor.block == 10);
    cr_assert_not_null(strstr(cursor.reason, "RPC budget: 5 of 3"), "%s", cursor.reason);
    publish_view(12);
    until = am_mono_ms() + 300;
    while (am_mono_ms() < until)
        ev_run(loop, EVRUN_ONCE);
    cr_assert_eq(cursor.block, 10, "not before its time");
}
