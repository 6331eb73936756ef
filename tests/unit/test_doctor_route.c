/*  test_doctor_route -- what doctor makes of bundler, sponsor, gateway, indexer and a v1 node.  */
#include "../../cli/doctor_judge.h"

#include <criterion/criterion.h>
#include <string.h>

static struct doctor_report r;

static void
open_report(void)
{
    doctor_report_open(&r);
}

TestSuite(doctor_route, .init = open_report);

static void
is(enum doctor_check check, enum doctor_outcome outcome, const char *says)
{
    cr_assert_eq(r.lines[check].outcome, outcome, "%s: %s", doctor_name(check),
                 r.lines[check].seen);
    cr_assert_not_null(strstr(r.lines[check].seen, says), "%s", r.lines[check].seen);
    cr_assert_eq(r.lines[check].cause[0] != '\0', outcome >= DOCTOR_WARN);
    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        cr_assert(i == check || r.lines[i].outcome == DOCTOR_SKIP, "%s too", doctor_name(i));
    open_report();
}

static struct am_error
failure(const char *text)
{
    struct am_error err = {0};

    (void)am_fail(&err, AM_FAILED_PRECONDITION, "%s", text);
    return err;
}

Test(doctor_route, refuses_a_bundler_of_another_entry_point)
{
    struct doctor_seen_entries seen = {.entries = {{1}, {2}}, .count = 0, .expected = {2}};

    doctor_judge_entries(&r, &seen);
    is(DOCTOR_BUNDLER_ENTRY, DOCTOR_FAIL, "0 entry points");
    seen.count = 1;
    doctor_judge_entries(&r, &seen);
    is(DOCTOR_BUNDLER_ENTRY, DOCTOR_FAIL, "the first is 0x01");
    seen.count = 2;
    doctor_judge_entries(&r, &seen);
    is(DOCTOR_BUNDLER_ENTRY, DOCTOR_OK, "among 2");
    seen.chain_id = 1;
    seen.expected_chain_id = 8453;
    doctor_judge_entries(&r, &seen);
    is(DOCTOR_BUNDLER_ENTRY, DOCTOR_FAIL, "a bundler of chain 1");
    seen.chain_id = 8453;
    doctor_judge_entries(&r, &seen);
    is(DOCTOR_BUNDLER_ENTRY, DOCTOR_OK, "among 2");
    seen.err = failure("bundler@h: -32601");
    doctor_judge_entries(&r, &seen);
    is(DOCTOR_BUNDLER_ENTRY, DOCTOR_FAIL, "-32601");
}

Test(doctor_route, refuses_a_bundler_that_refuses_the_dummy)
{
    struct doctor_seen_estimate seen = {.registered = true};
    static const char *const words[] = {"AA23 reverted 0xf645eedf", "AA25 invalid account nonce",
                                        "AA20 account not deployed"};

    for (size_t i = 0; i < 3; i++) {
        seen.err = failure(words[i]);
        doctor_judge_estimate(&r, &seen);
        is(DOCTOR_BUNDLER_ESTIMATE, DOCTOR_FAIL, words[i]);
    }
    seen.err = failure("AA21 didn't pay prefund"); /* looked at behind the validation */
    doctor_judge_estimate(&r, &seen);
    is(DOCTOR_BUNDLER_ESTIMATE, DOCTOR_OK, "AA21");
    seen.err = (struct am_error){0};
    seen.registered = false;
    doctor_judge_estimate(&r, &seen);
    is(DOCTOR_BUNDLER_ESTIMATE, DOCTOR_SKIP, "not registered");
}

Test(doctor_route, refuses_a_paymaster_that_names_nobody)
{
    struct doctor_seen_paymaster seen = {.method = "pm_getPaymasterStubData"};

    doctor_judge_paymaster(&r, &seen);
    is(DOCTOR_PAYMASTER, DOCTOR_FAIL, "zero address");
    seen.paymaster[0] = 7;
    doctor_judge_paymaster(&r, &seen);
    is(DOCTOR_PAYMASTER, DOCTOR_OK, "pm_getPaymasterStubData");
    seen.err = failure("not on the list");
    doctor_judge_paymaster(&r, &seen);
    is(DOCTOR_PAYMASTER, DOCTOR_FAIL, "not on the list");
}

Test(doctor_route, believes_a_sponsor_only_by_its_paymasters_signer)
{
    const struct doctor_seen_sponsor good = {.host = "s.example:443",
                                             .chain_id = 8453,
                                             .expected_chain_id = 8453,
                                             .entry_point = {1},
                                             .expected_entry_point = {1},
                                             .paymaster = {2},
                                             .address = {3},
                                             .recovered = {3},
                                             .signer = {3}};
    struct doctor_seen_sponsor seen = good;

    seen.err = failure("sponsor s.example: expected 200 and JSON, got status 401: \"nope\"");
    doctor_judge_sponsor(&r, &seen);
    is(DOCTOR_SPONSOR, DOCTOR_FAIL, "\"nope\"");
    seen = good;
    seen.chain_id = 1;
    doctor_judge_sponsor(&r, &seen);
    is(DOCTOR_SPONSOR, DOCTOR_FAIL, "sponsors chain 1, ours is 8453");
    seen = good;
    seen.entry_point[19] = 9;
    doctor_judge_sponsor(&r, &seen);
    is(DOCTOR_SPONSOR, DOCTOR_FAIL, "EntryPoint");
    seen = good;
    memset(seen.recovered, 0, 20);
    doctor_judge_sponsor(&r, &seen);
    is(DOCTOR_SPONSOR, DOCTOR_FAIL, "did not sign");
    seen = good;
    seen.signer[0] = 4;
    doctor_judge_sponsor(&r, &seen);
    is(DOCTOR_SPONSOR, DOCTOR_FAIL, "verifyingSigner is");
    seen = good;
    seen.signer_err = failure("verifyingSigner(): no code");
    doctor_judge_sponsor(&r, &seen);
    is(DOCTOR_SPONSOR, DOCTOR_FAIL, "no code");
    doctor_judge_sponsor(&r, &good);
    is(DOCTOR_SPONSOR, DOCTOR_OK, "s.example:443");
}

#define ID "00112233445566778899aabbccddeeff00112233"

Test(doctor_route, knows_the_forms_of_a_gateways_names)
{
    cr_assert_eq(doctor_name_form(ID "-51900s.gw.example"), DOCTOR_FORM_PASS);
    cr_assert_eq(doctor_name_form(ID "-50051.gw.example"), DOCTOR_FORM_ENDED);
    cr_assert_eq(doctor_name_form(ID "-50051g.gw.example"), DOCTOR_FORM_GRPC);
    cr_assert_eq(doctor_name_form(ID "-s.gw.example"), DOCTOR_FORM_OTHER);
    cr_assert_eq(doctor_name_form(ID "-519000s.gw.example"), DOCTOR_FORM_OTHER);
    cr_assert_eq(doctor_name_form("-51900s.gw.example"), DOCTOR_FORM_OTHER);
    cr_assert_eq(doctor_name_form("51900s"), DOCTOR_FORM_OTHER);
    cr_assert_eq(doctor_name_form("s.gw"), DOCTOR_FORM_OTHER);
    cr_assert_eq(doctor_name_form("."), DOCTOR_FORM_OTHER);
    cr_assert_eq(doctor_name_form(""), DOCTOR_FORM_OTHER);
}

static void
alpn(const char *host, const char *answer, enum doctor_outcome outcome, const char *says)
{
    struct doctor_seen_tls seen = {0};

    strcpy(seen.host, host);
    strcpy(seen.alpn, answer);
    doctor_judge_alpn(&r, &seen);
    is(DOCTOR_GATEWAY_ALPN, outcome, says);
}

Test(doctor_route, judges_an_alpn_answer_by_the_form_of_the_name)
{
    struct doctor_seen_tls seen = {.err = failure("h: connected, and closed at the ClientHello")};

    alpn(ID "-51900s.gw", "http/1.1", DOCTOR_FAIL, "ends before the node");
    alpn(ID "-51900s.gw", "h2", DOCTOR_FAIL, "ends before the node");
    alpn(ID "-50051.gw", "attestmesh/1", DOCTOR_FAIL, "a node's own TLS");
    alpn(ID "-50051g.gw", "http/1.1", DOCTOR_FAIL, "http/1.1");
    alpn(ID "-50051.gw", "http/1.1", DOCTOR_WARN, "http/1.1");
    alpn(ID "-50051.gw", "", DOCTOR_WARN, "none");
    alpn(ID "-51900s.gw", "attestmesh/1", DOCTOR_OK, "attestmesh/1");
    alpn(ID "-51900s.gw", "", DOCTOR_OK, "none");
    alpn(ID "-50051g.gw", "h2", DOCTOR_OK, "h2");
    alpn("plain.example", "h2", DOCTOR_OK, "none of a dstack gateway");
    doctor_judge_sni(&r, &seen);
    is(DOCTOR_GATEWAY_SNI, DOCTOR_FAIL, "closed at the ClientHello");
}

Test(doctor_route, refuses_a_record_that_is_not_the_indexers)
{
    struct doctor_seen_registry record = {0};
    struct doctor_seen_indexer seen = {.chain_id = 8453, .expected_chain_id = 8453};

    doctor_judge_registry(&r, &record);
    is(DOCTOR_REGISTRY, DOCTOR_FAIL, "empty record");
    strcpy(record.endpoint, "ftp://x");
    doctor_judge_registry(&r, &record);
    is(DOCTOR_REGISTRY, DOCTOR_FAIL, "no http or https URL");
    strcpy(record.endpoint, "https://x");
    doctor_judge_registry(&r, &record);
    is(DOCTOR_REGISTRY, DOCTOR_FAIL, "no key");
    memset(record.pub_key, 5, 32);
    doctor_judge_registry(&r, &record);
    is(DOCTOR_REGISTRY, DOCTOR_OK, "https://x");
    doctor_judge_indexer(&r, &seen, &record);
    is(DOCTOR_INDEXER, DOCTOR_FAIL, "key 0x0000");
    memset(seen.pub_key, 5, 32);
    seen.code_id[0] = 1;
    doctor_judge_indexer(&r, &seen, &record);
    is(DOCTOR_INDEXER, DOCTOR_FAIL, "another code id");
    seen.code_id[0] = 0;
    doctor_judge_indexer(&r, &seen, &record);
    is(DOCTOR_INDEXER, DOCTOR_OK, "the record's");
    seen.chain_id = 1;
    doctor_judge_indexer(&r, &seen, &record);
    is(DOCTOR_INDEXER, DOCTOR_FAIL, "chain 1");
}

Test(doctor_route, holds_a_v1_node_against_the_chain)
{
    static const struct doctor_seen_shadow good = {.phase = "healthy",
                                                   .csk_acquired = true,
                                                   .live_peers = 1,
                                                   .cursor_block = 90,
                                                   .transports = 1,
                                                   .transport_ids = {{2}},
                                                   .registered = true,
                                                   .committed = true,
                                                   .members = 2,
                                                   .head = 100,
                                                   .own_id = {1},
                                                   .member_ids = {{1}, {2}}};
    static struct doctor_seen_shadow seen;

    seen = good;
    seen.registered = false;
    doctor_judge_shadow_record(&r, &seen);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_FAIL, "not registered");
    seen = good;
    seen.transport_ids[0][0] = 1;
    doctor_judge_shadow_record(&r, &seen);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_FAIL, "another node");
    seen.transport_ids[0][0] = 3;
    doctor_judge_shadow_record(&r, &seen);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_FAIL, "no member of the cluster");
    seen = good;
    seen.live_peers = 2;
    doctor_judge_shadow_record(&r, &seen);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_FAIL, "2 live peers in a cluster of 2");
    seen = good;
    seen.committed = false;
    doctor_judge_shadow_record(&r, &seen);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_FAIL, "no commitment");
    seen = good;
    seen.cursor_block = 101;
    doctor_judge_shadow_record(&r, &seen);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_FAIL, "beyond our head");
    doctor_judge_shadow_record(&r, &good);
    is(DOCTOR_SHADOW_RECORD, DOCTOR_OK, "1 peers all members of 2");
    seen = good;
    strcpy(seen.phase, "heartbeating");
    doctor_judge_shadow_health(&r, &seen);
    is(DOCTOR_SHADOW_HEALTH, DOCTOR_WARN, "heartbeating");
    doctor_judge_shadow_health(&r, &good);
    is(DOCTOR_SHADOW_HEALTH, DOCTOR_OK, "healthy");
}
