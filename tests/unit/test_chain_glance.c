/*  test_chain_glance -- an idle node looks with one call, and misses nothing by it.  */
#include "../../services/chain/chain_pace.h"
#include "../../services/chain/chain_viewer.h"
#include "chain_fake.h"

#include <criterion/criterion.h>
#include <sodium.h>

#define IDLE_MS 20 /* so that its timer can be awaited */

static const uint8_t entry_point[20] = {0xee}, root[20] = {0x40};

static struct ev_loop *loop;
static struct am_http *http;
static struct dn_rpc_double *server;
static struct eth_rpc *rpc;
static struct chain_viewer *viewer;
static unsigned views;
static char phase[33], reason[400];
static int64_t wanted_ms; /* by the pace, when it asked the budget */

static void
on_view(void *arg, const struct chain_snapshot *s)
{
    (void)arg, (void)s;
    views++;
}

static void
on_status(void *arg, const char *p, const char *r)
{
    (void)arg;
    snprintf(phase, sizeof phase, "%s", p);
    snprintf(reason, sizeof reason, "%s", r);
    ev_break(loop, EVBREAK_ALL);
}

static int64_t
on_wait(void *arg, int64_t ms)
{
    (void)arg;
    wanted_ms = ms;
    return ms;
}

static void
on_fatal(void *arg, int code, const char *r)
{
    (void)arg, (void)code;
    cr_assert_fail("fatal: %s", r);
}

static void
start(void)
{
    struct dn_rpc_options o = {.answer = fake_answer};
    struct chain_viewer_options v = {.chain_id = 31337,
                                     .poll_ms = 60000, /* never by itself */
                                     .idle_ms = IDLE_MS,
                                     .on_view = on_view,
                                     .on_status = on_status,
                                     .wait = on_wait,
                                     .on_fatal = on_fatal};
    struct am_error err = {0};
    char url[64];

    chain = (struct chain_fake){
        .chain_id = 31337, .number = 100, .fork = 1, .count = 3, .code = true, .member_code = true};
    cr_assert(sodium_init() >= 0);
    loop = ev_loop_new(EVFLAG_AUTO);
    o.loop = v.loop = loop;
    cr_assert(dn_rpc_open(&server, &o, &err) == AM_OK, "%s", err.text);
    cr_assert(am_http_open(&http, loop, &err) == AM_OK, "%s", err.text);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", dn_rpc_port(server));
    cr_assert(eth_rpc_open(&rpc, http, loop, "rpc", url, &err) == AM_OK, "%s", err.text);
    v.rpc = rpc;
    memcpy(v.entry_point, entry_point, 20);
    memcpy(v.multicall, fake_multicall, 20);
    cr_assert(chain_viewer_open(&viewer, &v, &err) == AM_OK);
}

static void
stop(void)
{
    eth_rpc_close(&rpc);
    chain_viewer_close(&viewer);
    am_http_close(&http);
    dn_rpc_close(&server);
    ev_loop_destroy(loop);
}

TestSuite(chain_glance, .init = start, .fini = stop, .timeout = 60);

/* Settled, with a view, and nothing awaited. */
static void
idle(void)
{
    chain_viewer_awaits(viewer, true, false);
    chain_viewer_member(viewer, fake_member);
    ev_run(loop, 0);
    cr_assert(views == 1, "%s", reason);
}

/* The next look by itself: how many elements did it ask? */
static unsigned
elements(void)
{
    uint64_t before = eth_rpc_count(rpc);

    ev_run(loop, 0);
    return (unsigned)(eth_rpc_count(rpc) - before);
}

Test(chain_glance, is_one_element_and_sees_the_head)
{
    idle();
    for (unsigned i = 1; i < 4; i++) {
        chain.number += 10;
        cr_assert_eq(elements(), 1);
        cr_assert_eq(chain_viewer_head(viewer), 100 + 10 * i);
        cr_assert_str_eq(phase, "ready");
    }
    cr_assert_eq(views, 1, "nothing changed: no view");
    cr_assert_eq(chain_viewer_latest(viewer)->number, 100);
}

static void
is_news(const char *what)
{
    const struct chain_snapshot *s;

    chain.number++;
    cr_assert_gt(elements(), 1, "%s", what);
    s = chain_viewer_latest(viewer);
    cr_assert(views == 2 && s->number == chain.number && s->hash[0] == chain.fork, "%s: %s", what,
              reason);
}

Test(chain_glance, the_budget_is_asked_how_long_to_wait)
{
    idle();
    cr_assert(wanted_ms >= IDLE_MS * 9 / 10 && wanted_ms <= IDLE_MS * 11 / 10);
    chain_viewer_awaits(viewer, true, true);
    chain_viewer_poke(viewer);
    ev_run(loop, 0);
    cr_assert(wanted_ms >= 54000 && wanted_ms <= 66000, "an operation: the active interval");
}

Test(chain_glance, a_new_member_is_news)
{
    idle();
    chain.count = 4;
    is_news("a member");
    cr_assert_eq(chain_viewer_latest(viewer)->count, 4);
}

Test(chain_glance, a_member_that_is_gone_is_news)
{
    idle();
    chain.count = 2;
    is_news("a member less");
}

Test(chain_glance, the_first_member_is_news)
{
    chain.count = 0;
    idle();
    chain.count = 1;
    is_news("the first");
}

Test(chain_glance, a_tombstone_is_news)
{
    idle();
    chain.removed = 1;
    is_news("a tombstone");
    cr_assert(chain_viewer_latest(viewer)->peers[2].removed);
}

Test(chain_glance, a_commitment_is_news)
{
    idle();
    chain.commitment = 7;
    is_news("the commitment");
}

Test(chain_glance, a_key_of_a_member_is_news)
{
    idle();
    chain.ed25519 = 7;
    is_news("a key");
}

Test(chain_glance, another_block_in_the_views_place_is_news)
{
    idle();
    chain.fork = 2; /* the hash of 100, which a glance at 101 is told */
    is_news("a reorg");
}

Test(chain_glance, a_key_in_any_chunk_is_found_in_turn)
{
    unsigned looks = 0;

    chain.count = CHAIN_MEMBERS;
    idle();
    chain.ed25519 = 9;
    while (views == 1 && looks < CHAIN_MEMBERS / CHAIN_CHUNK) {
        chain.number++;
        (void)elements();
        looks++;
    }
    cr_assert_eq(views, 2, "%s", reason);
}

Test(chain_glance, an_older_block_is_no_news_and_moves_nothing)
{
    idle();
    chain.number = 99;
    (void)elements();
    cr_assert_eq(views, 1);
    cr_assert_eq(chain_viewer_head(viewer), 100);
    cr_assert_not_null(strstr(reason, "older than 100"), "%s", reason);
}

Test(chain_glance, what_reverts_in_one_call_is_read_in_several)
{
    idle();
    chain.multicall_reverts = true;
    chain.number++;
    (void)elements();
    cr_assert_str_eq(phase, "failing");
    cr_assert_not_null(strstr(reason, "glance"), "%s", reason);
    ev_run(loop, 0);
    cr_assert_str_eq(phase, "ready");
    cr_assert(views == 2, "whole");
}

Test(chain_glance, is_whole_once_in_a_while)
{
    idle();
    for (int i = 0; i < CHAIN_PACE_WHOLE; i++) {
        chain.number++;
        cr_assert_eq(elements(), 1);
    }
    is_news("the view is old");
    chain.number++;
    cr_assert_eq(elements(), 1);
}

Test(chain_glance, a_new_question_is_asked_whole)
{
    idle();
    chain_viewer_root(viewer, root);
    ev_run(loop, 0);
    cr_assert(views == 2 && memcmp(chain_viewer_latest(viewer)->kms_root, root, 20) == 0);
    chain.number++;
    cr_assert_eq(elements(), 1, "and then glanced at");
}

Test(chain_glance, who_asks_for_a_look_gets_a_whole_one)
{
    idle();
    chain.number++;
    chain_viewer_hurry(viewer);
    ev_run(loop, 0);
    cr_assert_eq(views, 2);
}

static const struct chain_pace settled = {.settled = true, .viewed = true, .deep = true};

Test(chain_pace, is_slow_only_while_nothing_at_all_is_awaited)
{
    struct chain_pace p = settled;

    cr_assert(chain_pace_idle(&p, 5000));
    p.settled = false;
    cr_assert_not(chain_pace_idle(&p, 5000), "not healthy, or not live");
    p = settled;
    p.operation = true;
    cr_assert_not(chain_pace_idle(&p, 5000), "an operation");
    p = settled;
    p.viewed = false;
    cr_assert_not(chain_pace_idle(&p, 5000), "no view");
    p = settled;
    p.deep = false;
    cr_assert_not(chain_pace_idle(&p, 5000), "confirmations");
}

Test(chain_pace, hurries_for_its_time_and_no_longer)
{
    struct chain_pace p = settled;

    chain_pace_hurry(&p, 1000, 500);
    chain_pace_hurry(&p, 1000, 100);
    cr_assert_not(chain_pace_idle(&p, 1499), "the longer of two");
    cr_assert(chain_pace_idle(&p, 1500));
}

Test(chain_pace, a_view_is_fresh_for_three_intervals_or_ten_seconds)
{
    struct chain_pace p = {.view_ms = 1000};

    cr_assert(chain_pace_fresh(&p, 250, 1000 + CHAIN_PACE_FRESH_MS));
    cr_assert_not(chain_pace_fresh(&p, 250, 1001 + CHAIN_PACE_FRESH_MS));
    cr_assert(chain_pace_fresh(&p, 60000, 181000));
    cr_assert_not(chain_pace_fresh(&p, 60000, 181001));
}
