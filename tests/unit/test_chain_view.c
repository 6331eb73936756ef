/*  test_chain_view -- what makes a view and what does not, on a chain of the test's own making.  */
#include "../../services/chain/chain_viewer.h"
#include "chain_fake.h"

#include <criterion/criterion.h>
#include <sodium.h>

static const uint8_t entry_point[20] = {0xee}, root[20] = {0x40};

static struct ev_loop *loop;
static struct am_http *http;
static struct dn_rpc_double *server;
static struct eth_rpc *rpc;
static struct chain_viewer *viewer;
static unsigned views;
static int fatal;
static char phase[33], reason[400];

static void
on_view(void *arg, const struct chain_snapshot *s)
{
    (void)arg;
    cr_assert(s == chain_viewer_latest(viewer));
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

static void
on_fatal(void *arg, int code, const char *r)
{
    (void)arg;
    fatal = code;
    snprintf(reason, sizeof reason, "%s", r);
    ev_break(loop, EVBREAK_ALL);
}

/* One look, to its end. */
static void
look(void)
{
    chain_viewer_poke(viewer);
    ev_run(loop, 0);
}

static void
open_with(uint64_t confirmations)
{
    struct dn_rpc_options o = {.answer = fake_answer};
    struct chain_viewer_options v = {.confirmations = confirmations,
                                     .chain_id = 31337,
                                     .poll_ms = 60000, /* only when poked */
                                     .on_view = on_view,
                                     .on_status = on_status,
                                     .on_fatal = on_fatal};
    struct am_error err = {0};
    char url[64];

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
start(void)
{
    chain.chain_id = 31337;
    chain.number = 100;
    chain.fork = 1;
    chain.count = 3;
    chain.code = chain.member_code = true;
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

TestSuite(chain_view, .init = start, .fini = stop, .timeout = 60);

static const struct chain_snapshot *
first_view(void)
{
    open_with(0);
    chain_viewer_member(viewer, fake_member);
    ev_run(loop, 0);
    return chain_viewer_latest(viewer);
}

Test(chain_view, whole)
{
    const struct chain_snapshot *s = first_view();
    uint8_t id[32];

    cr_assert(s != NULL && views == 1, "%s", reason);
    cr_assert(s->number == 100 && s->time == 1700000100 && s->hash[0] == 1);
    cr_assert(s->count == 3 && s->registered && s->ed25519_on_chain && s->originator_confirmed);
    cr_assert(s->cidr_ip == 0x0a120000 && s->cidr_prefix == 16);
    cr_assert(am_is_zero(s->commitment, 32) && am_is_zero(s->kms_root, 20));
    fake_id(id, 2);
    cr_assert(memcmp(s->peers[2].id, id, 32) == 0 && s->peers[2].mesh_ip == 0x0a120003);
    cr_assert(s->peers[2].x_pub[0] == 3 && am_is_zero(s->peers[2].ed25519_pub, 32));
    cr_assert_str_eq(phase, "ready");
    look();
    cr_assert(views == 1, "the same block is not read twice");
    chain_viewer_root(viewer, root);
    ev_run(loop, 0);
    s = chain_viewer_latest(viewer);
    cr_assert(views == 2 && memcmp(s->kms_root, root, 20) == 0, "but for a new question");
}

Test(chain_view, nobody_is_registered)
{
    const struct chain_snapshot *s;

    chain.count = 0;
    s = first_view();
    cr_assert(s != NULL && s->count == 0 && !s->registered && !s->originator_confirmed);
    cr_assert(!am_is_zero(s->member_id, 32), "the own id is known all the same");
}

Test(chain_view, many_members)
{
    const struct chain_snapshot *s;

    chain.count = CHAIN_MEMBERS;
    s = first_view();
    cr_assert(s != NULL && s->count == CHAIN_MEMBERS, "%s", reason);
    cr_assert(s->peers[CHAIN_MEMBERS - 1].mesh_ip == 0x0a120000 + CHAIN_MEMBERS);
    chain.count++;
    chain.number++;
    look();
    cr_assert(views == 1 && strstr(reason, "at most 256 members") != NULL, "%s", reason);
    cr_assert_str_eq(phase, "failing");
}

Test(chain_view, a_revert_is_named_and_no_view)
{
    chain.cidr_reverts = true;
    cr_assert(first_view() == NULL && views == 0);
    cr_assert(strstr(reason, "meshCidr()") != NULL, "%s", reason);
}

Test(chain_view, a_tombstone_marks_its_member_and_no_other)
{
    const struct chain_snapshot *s;

    chain.removed = 1;
    s = first_view();
    cr_assert_eq(views, 1u, "%s", reason);
    cr_assert_eq(s->count, 3u);
    cr_assert(s->peers[2].removed);
    cr_assert_not(s->peers[0].removed || s->peers[1].removed);
}

Test(chain_view, a_cluster_without_the_facet_has_no_tombstones)
{
    chain.removed = 1;
    chain.no_removal = true;
    (void)first_view();
    cr_assert_eq(views, 1u, "%s", reason);
    cr_assert_not(chain_viewer_latest(viewer)->peers[2].removed);
}

Test(chain_view, a_facet_that_reverts_is_named_and_no_view)
{
    chain.removal_fails = true;
    (void)first_view();
    cr_assert_eq(views, 0u);
    cr_assert(strstr(reason, "removedMembers") != NULL, "%s", reason);
}

Test(chain_view, a_tombstone_of_nobody_is_no_view)
{
    chain.removed_stray = true;
    (void)first_view();
    cr_assert_eq(views, 0u);
    cr_assert(strstr(reason, "removedMembers") != NULL, "%s", reason);
}

Test(chain_view, a_record_that_memberof_denies)
{
    chain.own_hidden = true;
    cr_assert(first_view() == NULL);
    cr_assert(strstr(reason, "agree") != NULL, "%s", reason);
}

Test(chain_view, waits_for_the_member)
{
    chain.member_code = false;
    cr_assert(first_view() == NULL);
    cr_assert_str_eq(phase, "starting");
    cr_assert(strstr(reason, "waiting for member 0x3e") != NULL ||
                  strstr(reason, "waiting for member 0x3E") != NULL,
              "%s", reason);
    chain.member_code = true;
    look();
    cr_assert(views == 1, "%s", reason);
}

Test(chain_view, a_member_without_code_is_final_some_blocks_later)
{
    chain.member_code = false;
    cr_assert(first_view() == NULL);
    chain.number += CHAIN_BARE_BLOCKS - 1;
    look();
    cr_assert(fatal == 0 && strstr(reason, "finds no code") != NULL, "%s", reason);
    chain.number++;
    look();
    cr_assert_eq(fatal, AM_EXIT_NO_CODE);
    cr_assert(strstr(reason, "MEMBER_CONTRACT 0x3") != NULL, "%s", reason);
}

Test(chain_view, a_provider_that_has_not_seen_the_member_yet_is_waited_for)
{
    chain.member_code = false;
    cr_assert(first_view() == NULL);
    chain.number += CHAIN_BARE_BLOCKS;
    chain.member_mute = true; /* it is there after all: the count begins again */
    look();
    cr_assert(strstr(reason, "answers nothing") != NULL, "%s", reason);
    chain.member_mute = false;
    chain.number++;
    look();
    cr_assert(fatal == 0, "%s", reason);
}

Test(chain_view, a_provider_that_fails_is_not_final)
{
    chain.member_code = false;
    cr_assert(first_view() == NULL);
    chain.number += CHAIN_BARE_BLOCKS;
    chain.code_fails = true;
    look();
    cr_assert(fatal == 0 && strcmp(phase, "failing") == 0, "%s", reason);
}

Test(chain_view, another_chain_or_no_code_is_final)
{
    chain.chain_id = 1;
    cr_assert(first_view() == NULL && fatal == AM_EXIT_WRONG_CHAIN);
    cr_assert(strstr(reason, "31337") != NULL, "%s", reason);
}

Test(chain_view, no_code_is_final)
{
    chain.code = false;
    cr_assert(first_view() == NULL && fatal == AM_EXIT_NO_CODE);
    cr_assert(strstr(reason, "no code") != NULL, "%s", reason);
}

Test(chain_view, behind_waits_and_a_reorg_does_not)
{
    cr_assert(first_view() != NULL);
    chain.number = 101;
    look();
    cr_assert(views == 2);
    chain.number = 100;
    look();
    cr_assert(views == 2 && strstr(reason, "older than 101") != NULL, "%s", reason);
    chain.number = 99; /* below all that is known: still no reorg */
    look();
    cr_assert(views == 2);
    chain.number = 100;
    chain.fork = 2;
    chain.count = 1;
    look();
    cr_assert(views == 3 && chain_viewer_latest(viewer)->number == 100);
    cr_assert(chain_viewer_latest(viewer)->count == 1);
}

Test(chain_view, a_height_that_was_skipped_is_asked_for)
{
    cr_assert(first_view() != NULL);
    chain.number = 110;
    look();
    chain.number = 105; /* the chain of 100 and 110: behind */
    look();
    cr_assert(views == 2);
    chain.fork = 2;
    look();
    cr_assert(views == 3 && chain_viewer_latest(viewer)->number == 105);
}

Test(chain_view, the_originator_must_be_deep)
{
    open_with(3);
    chain.listed_at = 98;
    chain_viewer_member(viewer, fake_member);
    ev_run(loop, 0);
    cr_assert(views == 1, "%s", reason);
    cr_assert(!chain_viewer_latest(viewer)->originator_confirmed, "97 did not list it");
    chain.number = 101;
    look();
    cr_assert(views == 2 && chain_viewer_latest(viewer)->originator_confirmed);
}

Test(chain_view, odd_hex_is_no_view)
{
    struct am_error err = {0};

    cr_assert(first_view() != NULL);
    chain.number++;
    cr_assert(dn_rpc_fault(server, "odd-hex", &err) == AM_OK);
    look();
    cr_assert(views == 1 && strcmp(phase, "failing") == 0, "%s", reason);
    cr_assert(dn_rpc_fault(server, "none", &err) == AM_OK);
    look();
    cr_assert(views == 2 && strcmp(phase, "ready") == 0);
}
