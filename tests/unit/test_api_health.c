/*  test_api_health -- the pages that facts make.  */
#include "../../services/api/api_health.h"
#include "api_page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The page that facts make, parsed; status by the way. */
static json_t *
page(const struct api_facts *f, unsigned *status)
{
    char *text = api_healthz(f, status);
    json_t *root;

    cr_assert_not_null(text);
    root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(root, "%s", text);
    free(text);
    return root;
}

static struct api_facts
healthy(void)
{
    struct api_facts f = {.mesh_answers = true,
                          .phase = "ready",
                          .first_converged = true,
                          .csk_acquired = true,
                          .healthy = true,
                          .live = true,
                          .live_peers = 2,
                          .members = 3,
                          .indexer_caught_up = true,
                          .indexer_cursor_block = 77,
                          .peer_count = 2,
                          .rpc_chain = {11, 7, 500},
                          .rpc_indexer = {13, 5, 1500},
                          .head = 78};

    memset(f.peers[0].member_id, 0xab, 32);
    memset(f.peers[1].member_id, 0xcd, 32);
    return f;
}

Test(api_health, before_anything_is_known)
{
    static const struct api_facts nothing;
    unsigned status;
    json_t *root = page(&nothing, &status);

    cr_assert_eq(status, 503);
    has_the_shape(root);
    cr_assert_str_eq(json_string_value(json_object_get(root, "phase")), "booting");
    cr_assert_neq(*json_string_value(json_object_get(root, "reason")), '\0');
    cr_assert(json_is_false(json_object_get(root, "live")));
    json_decref(root);
}

Test(api_health, healthy_needs_mesh_to_answer)
{
    struct api_facts f = healthy();
    unsigned status;
    json_t *root = page(&f, &status);

    cr_assert_eq(status, 200);
    has_the_shape(root);
    cr_assert_eq(json_integer_value(json_object_get(root, "live_peers")), 2);
    cr_assert_eq(json_object_size(json_object_get(root, "transports")), 2);
    cr_assert_str_eq(json_string_value(json_object_get(
                         json_object_get(root, "transports"),
                         "abababababababababababababababababababababababababababababababab")),
                     "udp");
    json_decref(root);
    f.mesh_answers = false;
    root = page(&f, &status);
    cr_assert_eq(status, 503);
    cr_assert(json_is_false(json_object_get(root, "live")));
    cr_assert_eq(json_integer_value(json_object_get(root, "live_peers")), 0);
    cr_assert(json_is_true(json_object_get(root, "first_converged")), "the gate latches");
    cr_assert_not_null(strstr(json_string_value(json_object_get(root, "reason")), "mesh"));
    json_decref(root);
    f = healthy();
    f.healthy = false;
    json_decref(page(&f, &status));
    cr_assert_eq(status, 503);
    f = healthy();
    f.live = false; /* v1's health latches; live does not */
    root = page(&f, &status);
    cr_assert_eq(status, 200);
    cr_assert(json_is_false(json_object_get(root, "live")));
    json_decref(root);
}

Test(api_health, a_reason_that_is_no_utf8_is_still_told)
{
    static const char *const reasons[] = {"cut in a letter: \xc3", "\xff\xfe raw", "\xe2\x82",
                                          "quote \" and \\ and \x01"};
    struct api_facts f = healthy();
    unsigned status;

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        json_t *root;

        f.healthy = false;
        snprintf(f.reason, sizeof f.reason, "%s", reasons[i]);
        snprintf(f.phase, sizeof f.phase, "%s", reasons[i]);
        root = page(&f, &status);
        has_the_shape(root);
        cr_expect_eq(strlen(json_string_value(json_object_get(root, "reason"))),
                     strlen(reasons[i]));
        json_decref(root);
    }
    memset(f.reason, 0xe9, sizeof f.reason - 1);
    json_decref(page(&f, &status));
}

Test(api_health, metrics)
{
    struct api_facts f = healthy();
    char *text = api_metrics(&f);

    cr_assert_not_null(strstr(text, "\nattestmesh_healthy 1\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_members 3\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_rpc_requests_total{service=\"chain\"} 11\n"
                                    "attestmesh_rpc_requests_total{service=\"indexer\"} 13\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_rpc_day_requests{service=\"chain\"} 7\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_rpc_day_budget{service=\"indexer\"} 1500\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_head_block 78\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_punch_attempts_total 0\n"));
    cr_assert_not_null(strstr(
        text, "\nattestmesh_peer_transport{member_id=\"ababababababababababababababababababab"
              "ababababababababababababab\",transport=\"udp\"} 1\n"));
    check_metrics(text);
    free(text);
    f.mesh_answers = false;
    text = api_metrics(&f);
    cr_assert_not_null(strstr(text, "\nattestmesh_healthy 0\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_live 0\n"));
    cr_assert_not_null(strstr(text, "\nattestmesh_live_peers 0\n"));
    free(text);
}

/* The page's reason and the three numbers, with k of n. */
static void
holders(uint64_t k, uint64_t n, const char *reason, const char *expected, int warned)
{
    struct api_facts f = healthy();
    char words[80];
    unsigned status;
    json_t *root;
    char *text;

    f.csk_holders = k;
    f.csk_members = n;
    snprintf(f.reason, sizeof f.reason, "%s", reason);
    root = page(&f, &status);
    cr_expect_eq(status, 200, "a warning is no failure");
    cr_expect_str_eq(json_string_value(json_object_get(root, "reason")), expected);
    json_decref(root);
    text = api_metrics(&f);
    snprintf(words, sizeof words, "\nattestmesh_csk_holders %d\n# HELP attestmesh_csk_members",
             (int)k);
    cr_expect_not_null(strstr(text, words), "%s", words);
    snprintf(words, sizeof words, "\nattestmesh_csk_members %d\n", (int)n);
    cr_expect_not_null(strstr(text, words), "%s", words);
    snprintf(words, sizeof words, "\nattestmesh_csk_single_holder %d\n", warned);
    cr_expect_not_null(strstr(text, words), "%s", words);
    check_metrics(text);
    free(text);
}

Test(api_health, a_single_holder_is_warned_of)
{
    holders(3, 3, "", "", 0);
    holders(2, 3, "", "", 0);
    holders(1, 3, "", "warning: the CSK is held by 1 of 3 members: lose it and it is gone", 1);
    holders(1, 1, "", "warning: the CSK is held by 1 of 1 members: lose it and it is gone", 1);
    holders(1, 3, "waiting for 0xab", "waiting for 0xab", 1);
    holders(0, 0, "", "", 0); /* mesh does not say */
    holders(0, 3, "", "", 0);
}

Test(api_health, names_who_was_removed_and_gives_it_no_transport)
{
    struct api_facts f = {.mesh_answers = true, .peer_count = 2};
    unsigned status;
    char *text;

    memset(f.peers[0].member_id, 0xaa, 32);
    memset(f.peers[1].member_id, 0xbb, 32);
    f.peers[1].removed = true;
    text = api_healthz(&f, &status);
    cr_assert_not_null(text);
    cr_assert_not_null(strstr(text, "\"removed_members\":[\"bbbb"), "%s", text);
    cr_assert_not_null(strstr(text, "aaaa\":\"udp\""), "%s", text);
    cr_assert_null(strstr(text, "bbbb\":\"udp\""), "%s", text);
    free(text);
    text = api_metrics(&f);
    cr_assert_not_null(strstr(text, "member_id=\"aaaa"));
    cr_assert_null(strstr(text, "member_id=\"bbbb"));
    free(text);
}
