/*  test_doctor -- what each check of attestmesh doctor makes of what was seen: refusals first.  */
#include "../../cli/doctor_judge.h"
#include "../../common/eth/eth_op.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct doctor_report r;

static void
open_report(void)
{
    doctor_report_open(&r);
}

TestSuite(doctor, .init = open_report);

static const struct doctor_line *
line(enum doctor_check check)
{
    return &r.lines[check];
}

/* One line ended so, its words contain `says`, and no other line was written. */
static void
is(enum doctor_check check, enum doctor_outcome outcome, const char *says)
{
    cr_assert_eq(line(check)->outcome, outcome, "%s: %s", doctor_name(check), line(check)->seen);
    cr_assert_not_null(strstr(line(check)->seen, says), "%s", line(check)->seen);
    cr_assert_eq(line(check)->cause[0] != '\0', outcome >= DOCTOR_WARN);
    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        cr_assert(i == check || line(i)->outcome < DOCTOR_WARN, "%s too", doctor_name(i));
    open_report();
}

static struct am_error
failure(const char *text)
{
    struct am_error err = {0};

    (void)am_fail(&err, AM_UNAVAILABLE, "%s", text);
    return err;
}

/* ---- the report ---- */

Test(doctor, names_the_failed_check_that_stands_in_the_way)
{
    doctor_ok(&r.lines[DOCTOR_SETTINGS], "all of them");
    doctor_bad(&r, DOCTOR_RPC_CHAIN_ID, "another");
    cr_assert(!doctor_may_ask(&r, DOCTOR_FACETS));
    cr_assert_str_eq(line(DOCTOR_FACETS)->seen, "not asked: rpc.chain_id failed");
    cr_assert(!doctor_may_ask(&r, DOCTOR_ENTRY_POINT));
    cr_assert(doctor_may_ask(&r, DOCTOR_BUNDLER_ENTRY));
    doctor_skip(&r.lines[DOCTOR_GATEWAY_SNI], "no name");
    cr_assert(!doctor_may_ask(&r, DOCTOR_GATEWAY_ALPN));
    cr_assert_str_eq(line(DOCTOR_GATEWAY_ALPN)->seen, "not asked: gateway.sni was not asked");
}

Test(doctor, every_line_says_something_in_the_end)
{
    doctor_report_close(&r);
    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        if (i != DOCTOR_SETTINGS && i != DOCTOR_SHADOW_HEALTH) /* these need nothing */
            cr_assert_neq(line(i)->seen[0], '\0', "%s", doctor_name(i));
}

Test(doctor, exits_by_the_worst_line)
{
    cr_assert_eq(doctor_exit(&r), 0);
    doctor_ok(&r.lines[DOCTOR_SETTINGS], "all of them");
    cr_assert_eq(doctor_exit(&r), 0);
    doctor_bad(&r, DOCTOR_RPC_ARCHIVE, "none"); /* of severity warn */
    cr_assert_eq(doctor_exit(&r), 1);
    doctor_bad(&r, DOCTOR_RPC_HEAD, "old");
    cr_assert_eq(doctor_exit(&r), 2);
    cr_assert_eq(doctor_count(&r, DOCTOR_FAIL), 1);
    cr_assert_eq(doctor_count(&r, DOCTOR_WARN), 1);
}

Test(doctor, what_others_say_cannot_write_to_a_terminal)
{
    doctor_bad(&r, DOCTOR_SPONSOR, "got \"%s\"", "\033[2J\nok    settings\xc3\xa9");
    cr_assert_str_eq(line(DOCTOR_SPONSOR)->seen, "got \"?[2J?ok    settings??\"");
}

/* ---- the machine ---- */

Test(doctor, refuses_a_state_folder_that_is_not_ours_alone)
{
    const enum doctor_check id = DOCTOR_STATE_FOLDER;
    const struct doctor_seen_folder good = {.path = "/s",
                                            .there = true,
                                            .is_folder = true,
                                            .mode = 0700,
                                            .ours = true,
                                            .owner = 7001,
                                            .free_bytes = 1 << 30};
    struct doctor_seen_folder seen = good;

    seen.mode = 0750;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_FAIL, "mode 0750");
    seen = good;
    seen.ours = false;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_FAIL, "belongs to uid 7001");
    seen = good;
    seen.is_folder = false;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_FAIL, "no folder");
    seen = good;
    seen.trouble = EROFS;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_FAIL, "Read-only");
    seen = good;
    seen.free_bytes = (16u << 20) - 1;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_FAIL, "15 MiB free");
    seen = good;
    seen.there = false;
    seen.trouble = ENOENT;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_FAIL, "not ours to write");
    seen.parent_writable = true;
    doctor_judge_folder(&r, &seen);
    is(id, DOCTOR_OK, "made at the first start");
    doctor_judge_folder(&r, &good);
    is(id, DOCTOR_OK, "mode 0700");
}

Test(doctor, refuses_a_machine_without_wireguard)
{
    struct doctor_seen_wireguard seen = {.device = "wg9", .expected_port = 51821};

    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_FAIL, "no kernel module, no wireguard-go");
    seen.go = true;
    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_OK, "wireguard-go can make it");
    seen.mesh_runs = true;
    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_FAIL, "mesh runs");
    seen.there = true;
    seen.port = 40000;
    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_FAIL, "UDP 40000");
    seen.err = failure("wg show: no answer");
    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_FAIL, "no answer");
    (void)am_fail(&seen.err, AM_PERMISSION_DENIED, "wg show: not permitted");
    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_OK, "root alone");
    seen.err = (struct am_error){0};
    seen.port = 51821;
    doctor_judge_wireguard(&r, &seen);
    is(DOCTOR_WIREGUARD, DOCTOR_OK, "UDP 51821");
}

/* ---- guest agent ---- */

Test(doctor, tells_which_method_of_the_guest_agent_fails)
{
    struct doctor_seen_agent seen = {.version = "0.5.11", .quote_len = 5010};
    struct doctor_seen_chain chain = {.root = {0x52}};

    seen.version_err = failure("expected 0.5.7 or newer, got 0.5.5");
    doctor_judge_agent_version(&r, &seen);
    is(DOCTOR_AGENT_VERSION, DOCTOR_FAIL, "got 0.5.5");
    seen.quote_err = failure("guest agent /GetQuote: 500");
    doctor_judge_agent_methods(&r, &seen);
    is(DOCTOR_AGENT_METHODS, DOCTOR_FAIL, "/GetQuote");
    seen.key_err = failure("guest agent /GetKey: 500");
    doctor_judge_agent_methods(&r, &seen);
    is(DOCTOR_AGENT_METHODS, DOCTOR_FAIL, "/GetKey");
    chain.err = failure("signature_chain[1]: empty");
    doctor_judge_agent_chain(&r, &chain);
    is(DOCTOR_AGENT_CHAIN, DOCTOR_FAIL, "empty");
    chain.err = (struct am_error){0};
    doctor_judge_agent_chain(&r, &chain);
    is(DOCTOR_AGENT_CHAIN, DOCTOR_OK, "root 0x52");
    doctor_judge_root(&r, &(struct am_error){0}, chain.root, false);
    is(DOCTOR_KMS_ROOT, DOCTOR_FAIL, "is false");
    doctor_judge_root(&r, &(struct am_error){0}, chain.root, true);
    is(DOCTOR_KMS_ROOT, DOCTOR_OK, "is allowed");
}

/* ---- chain ---- */

Test(doctor, refuses_another_chain)
{
    struct am_error err = failure("rpc@h eth_chainId: HTTP 401");

    doctor_judge_chain_id(&r, &err, 0, 8453);
    is(DOCTOR_RPC_CHAIN_ID, DOCTOR_FAIL, "401");
    doctor_judge_chain_id(&r, &(struct am_error){0}, 1, 8453);
    is(DOCTOR_RPC_CHAIN_ID, DOCTOR_FAIL, "chain id 1");
    doctor_judge_chain_id(&r, &(struct am_error){0}, 8453, 8453);
    is(DOCTOR_RPC_CHAIN_ID, DOCTOR_OK, "8453");
}

Test(doctor, tells_a_stale_head_from_a_wrong_clock)
{
    const int64_t now = 1790000000;
    struct doctor_seen_head seen = {.number = 100, .later_number = 100, .now_s = now};

    seen.time_s = (uint64_t)now - 61;
    doctor_judge_head(&r, &seen);
    cr_assert_eq(line(DOCTOR_CLOCK)->outcome, DOCTOR_SKIP);
    is(DOCTOR_RPC_HEAD, DOCTOR_FAIL, "61 s old and does not move");
    seen.later_number = 101; /* it moves: then 61 s are our clock's */
    doctor_judge_head(&r, &seen);
    cr_assert_eq(line(DOCTOR_RPC_HEAD)->outcome, DOCTOR_OK);
    is(DOCTOR_CLOCK, DOCTOR_FAIL, "our clock is ahead");
    seen.later_number = 99;
    doctor_judge_head(&r, &seen);
    is(DOCTOR_RPC_HEAD, DOCTOR_FAIL, "went back");
    seen.later_number = 100;
    seen.time_s = (uint64_t)now + 11;
    doctor_judge_head(&r, &seen);
    is(DOCTOR_CLOCK, DOCTOR_FAIL, "11 s in our future");
    seen.time_s = UINT64_MAX; /* a provider's nonsense is no overflow of ours */
    doctor_judge_head(&r, &seen);
    is(DOCTOR_CLOCK, DOCTOR_FAIL, "in our future");
    seen.time_s = (uint64_t)now + 10;
    doctor_judge_head(&r, &seen);
    cr_assert_eq(line(DOCTOR_CLOCK)->outcome, DOCTOR_OK);
    is(DOCTOR_RPC_HEAD, DOCTOR_OK, "block 100, 0 s old");
    seen.time_s = (uint64_t)now - 60;
    doctor_judge_head(&r, &seen);
    is(DOCTOR_RPC_HEAD, DOCTOR_OK, "60 s old");
    seen.err = failure("rpc@h eth_getBlockByNumber: null");
    doctor_judge_head(&r, &seen);
    cr_assert_eq(line(DOCTOR_CLOCK)->outcome, DOCTOR_SKIP);
    is(DOCTOR_RPC_HEAD, DOCTOR_FAIL, "null");
}

Test(doctor, tells_the_limits_of_a_provider)
{
    struct doctor_seen_range range = {failure("range exceeds 500"), 2000, 500};
    struct doctor_seen_archive archive = {failure("missing trie node"), 13, 90000, 89872};

    doctor_judge_range(&r, &range);
    is(DOCTOR_RPC_RANGE, DOCTOR_WARN, "500 blocks are taken");
    range.took = 0;
    doctor_judge_range(&r, &range);
    is(DOCTOR_RPC_RANGE, DOCTOR_WARN, "not even one block");
    range.err = (struct am_error){0};
    doctor_judge_range(&r, &range);
    is(DOCTOR_RPC_RANGE, DOCTOR_OK, "taken");
    doctor_judge_archive(&r, &archive);
    is(DOCTOR_RPC_ARCHIVE, DOCTOR_WARN, "back to block 89872");
    archive.reached = 0;
    doctor_judge_archive(&r, &archive);
    is(DOCTOR_RPC_ARCHIVE, DOCTOR_WARN, "no state but the newest");
    archive.err = (struct am_error){0};
    doctor_judge_archive(&r, &archive);
    is(DOCTOR_RPC_ARCHIVE, DOCTOR_OK, "89987 blocks back");
}

Test(doctor, refuses_code_that_is_not_entry_point_v07)
{
    struct doctor_seen_code seen = {.len = 16035};

    doctor_judge_entry_point(&r, &seen);
    is(DOCTOR_ENTRY_POINT, DOCTOR_FAIL, "code hash 0x0000");
    memcpy(seen.hash, eth_entry_point_v07_code_hash, 32);
    doctor_judge_entry_point(&r, &seen);
    is(DOCTOR_ENTRY_POINT, DOCTOR_OK, "0x8db5ff69");
    seen.len = 0;
    doctor_judge_entry_point(&r, &seen);
    is(DOCTOR_ENTRY_POINT, DOCTOR_FAIL, "no code at");
    doctor_judge_multicall(&r, &seen);
    is(DOCTOR_MULTICALL, DOCTOR_FAIL, "no code at");
    seen.len = 1;
    doctor_judge_multicall(&r, &seen);
    is(DOCTOR_MULTICALL, DOCTOR_OK, "1 bytes");
}

Test(doctor, names_the_facets_that_a_cluster_lacks)
{
    static struct doctor_seen_facets seen;
    struct doctor_seen_member member = {.known = true, .member = {1}};

    doctor_judge_member(&r, &member);
    is(DOCTOR_MEMBER, DOCTOR_FAIL, "cluster() is zero");
    member.known = false;
    doctor_judge_member(&r, &member);
    is(DOCTOR_MEMBER, DOCTOR_SKIP, "no MEMBER_CONTRACT");
    doctor_judge_facets(&r, &seen);
    is(DOCTOR_FACETS, DOCTOR_FAIL, "42 of 44 absent: isClusterMember");
    memset(seen.facet, 1, sizeof seen.facet);
    doctor_judge_facets(&r, &seen);
    is(DOCTOR_FACETS, DOCTOR_OK, "all 44");
    memset(seen.facet[23], 0, 20);
    memset(seen.facet[24], 0, 20);
    doctor_judge_facets(&r, &seen);
    is(DOCTOR_FACETS, DOCTOR_WARN, "Ed25519 cut is absent: publishEd25519Key, ed25519KeyOf");
    memset(seen.facet[19], 0, 20);
    doctor_judge_facets(&r, &seen);
    is(DOCTOR_FACETS, DOCTOR_FAIL, "1 of 44 absent: send; and the Ed25519 cut");
}
