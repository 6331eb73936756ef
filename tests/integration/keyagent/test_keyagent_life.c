/*  test_keyagent_life -- the CSK over restarts, evidence, and other keys, through real processes.
 */
#include "ka_world.h"

#include "../../../common/base/am_exit.h"
#include "../../../common/base/am_file.h"
#include "../../../common/crypto/am_curve.h"
#include "../../../common/crypto/am_hkdf.h"
#include "../../../common/wire/am_member.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T .timeout = 90

static const uint8_t once[32] = {3};
static uint8_t once_pub[32];

static void
ready(struct ka_world *w)
{
    ka_world_open(w);
    ka_world_agent(w);
    ka_world_keyagent(w);
    ka_world_phase(w, "ready", 5000);
    cr_assert_eq(am_x25519_pub(once_pub, once, NULL), AM_OK);
}

/* A member that is not the first has pulled the key of 32 x 42. */
static void
pull(struct ka_world *w, uint8_t commitment[static 32])
{
    struct keyagent_csk_accept accept;
    uint8_t csk[32], sealed[80];
    struct ka_answer *a;
    size_t len;

    memset(csk, 0x42, sizeof csk);
    am_csk_commitment(commitment, csk);
    cr_assert_eq(am_box_seal(sealed, sizeof sealed, &len, csk, 32, w->x_pub, NULL), AM_OK);
    accept.sealed = AM_BIN(sealed);
    ka_world_view(w, false, commitment);
    a = ka_world_ask(w, w->mesh, BUS_METHOD_keyagent_csk_accept, &accept);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
}

static void
until_looked(struct ka_world *w)
{
    for (int i = 0; i < 100 && w->cache_pending; i++)
        ka_world_until(w, &w->csks, w->csks + 1, 50);
    cr_assert_not(w->cache_pending);
}

static void
has_the_pulled_key(struct ka_world *w)
{
    struct keyagent_csk_give give = {.reply_to = AM_BIN(once_pub)};
    uint8_t csk[32], want[32];
    struct ka_answer *a;
    size_t len;

    memset(want, 0x42, sizeof want);
    a = ka_world_ask(w, w->api, BUS_METHOD_keyagent_csk_give, &give);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(am_box_open(csk, sizeof csk, &len, am_bin_of(a->a, a->a_len), once, NULL), AM_OK);
    cr_assert_arr_eq(csk, want, 32);
}

Test(keyagent_life, a_restart_with_the_cache_costs_no_pull, T)
{
    uint8_t commitment[32];
    struct ka_world w;

    ready(&w);
    cr_assert(ka_world_until(&w, &w.csks, 1, 2000)); /* of another topic than "ready" */
    cr_assert(w.cache_pending, "before there is a view, nothing was looked at");
    pull(&w, commitment);
    for (int i = 0; i < 3; i++) {
        ka_world_restart(&w);
        ka_world_view(&w, false, commitment);
        until_looked(&w);
        cr_assert(w.csk_held);
        cr_assert_str_eq(w.source, "cached");
        cr_assert_arr_eq(w.commitment, commitment, 32);
        has_the_pulled_key(&w);
    }
    ka_world_close(&w);
}

Test(keyagent_life, the_originator_finds_its_cache_and_without_it_derives, T)
{
    uint8_t commitment[32];
    struct ka_answer *a;
    struct ka_world w;

    ready(&w);
    ka_world_view(&w, true, NULL);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_originate, NULL);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    memcpy(commitment, a->a, 32);
    ka_world_restart(&w);
    ka_world_view(&w, true, NULL); /* nothing is committed: a cache proves nothing yet */
    cr_assert_not(w.csk_held);
    ka_world_view(&w, true, commitment);
    until_looked(&w);
    cr_assert_str_eq(w.source, "cached");
    cr_assert_eq(am_file_remove(w.state, "csk.v1", NULL), AM_OK);
    ka_world_restart(&w);
    ka_world_view(&w, true, commitment);
    until_looked(&w);
    cr_assert_not(w.csk_held);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_originate, NULL);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_arr_eq(a->a, commitment, 32);
    ka_world_close(&w);
}

/* ---- caches that are ignored ---- */

enum damage { ABSENT, TRUNCATED, EMPTY, FOREIGN, FLIPPED, LONG, FILE_MODE, FOLDER_MODE, DAMAGES };

static const char *const reasons[DAMAGES] = {
    "csk.v1: expected to open it, got No such file",
    "csk.v1: expected",
    "csk.v1: expected one more item at byte 0 of 0",
    "csk.v1 cluster: expected 0x",
    "csk.v1: expected a key that this TEE wrapped",
    "csk.v1: expected at most 4096 bytes, got more",
    "csk.v1: expected mode 0600, got 0640",
    "expected mode 0700, got 0750",
};

static void
damage(struct ka_world *w, enum damage how)
{
    static uint8_t file[8192];
    char path[128];
    size_t len;

    snprintf(path, sizeof path, "%s/csk.v1", w->state);
    cr_assert_eq(am_file_read(w->state, "csk.v1", file, sizeof file, &len, NULL), AM_OK);
    if (how == FILE_MODE)
        cr_assert_eq(chmod(path, 0640), 0);
    if (how == FOLDER_MODE)
        cr_assert_eq(chmod(w->state, 0750), 0);
    if (how == FILE_MODE || how == FOLDER_MODE)
        return;
    file[20] ^= how == FOREIGN; /* a byte of the cluster */
    file[len - 1] ^= how == FLIPPED;
    len = how == TRUNCATED ? len / 2 : how == EMPTY ? 0 : how == LONG ? 4097 : len;
    cr_assert_eq(how == ABSENT ? am_file_remove(w->state, "csk.v1", NULL)
                               : am_file_write(w->state, "csk.v1", am_bin_of(file, len), NULL),
                 AM_OK);
}

Test(keyagent_life, a_cache_that_is_no_good_is_ignored_and_the_log_says_why, T)
{
    uint8_t commitment[32];
    struct ka_world w;

    ready(&w);
    for (int how = 0; how < FOLDER_MODE; how++) {
        pull(&w, commitment); /* and so it is written anew */
        damage(&w, (enum damage)how);
        ka_world_restart(&w);
        ka_world_view(&w, false, commitment);
        until_looked(&w);
        cr_assert_not(w.csk_held, "%s", reasons[how]);
        cr_assert(ka_world_logged(&w, reasons[how]), "%s", reasons[how]);
        cr_assert(ka_world_logged(&w, "csk.cache_ignored"));
        cr_assert_eq(unlink(w.log), 0);
    }
    pull(&w, commitment);
    ka_world_restart(&w);
    ka_world_view(&w, false, commitment);
    until_looked(&w);
    cr_assert(w.csk_held);
    ka_world_close(&w);
}

/* A folder that others can reach: neither read nor written, the node waits until it is closed. */
Test(keyagent_life, an_open_state_folder_keeps_the_node_from_its_identity, T)
{
    uint8_t commitment[32];
    struct ka_world w;

    ready(&w);
    pull(&w, commitment);
    damage(&w, FOLDER_MODE);
    cr_assert_eq(ka_world_end(&w.keyagent, SIGKILL), -SIGKILL);
    w.phase[0] = '\0';
    ka_world_keyagent(&w);
    for (int i = 0; i < 50 && strstr(w.reason, reasons[FOLDER_MODE]) == NULL; i++)
        ka_world_until(&w, &w.identities, w.identities + 1, 100);
    cr_assert_not_null(strstr(w.reason, reasons[FOLDER_MODE]), "%s", w.reason);
    cr_assert_str_neq(w.phase, "ready");
    cr_assert_eq(chmod(w.state, 0700), 0);
    ka_world_phase(&w, "ready", 8000);
    ka_world_view(&w, false, commitment);
    until_looked(&w);
    cr_assert_str_eq(w.source, "cached");
    ka_world_close(&w);
}

Test(keyagent_life, a_wiped_key_leaves_no_file, T)
{
    uint8_t commitment[32], nothing[8];
    struct ka_world w;
    size_t len;
    int seen;

    ready(&w);
    pull(&w, commitment);
    ka_world_until(&w, &w.csks, w.csks + 1, 300);
    cr_assert(w.csk_held);
    seen = w.csks;
    ka_world_view(&w, false, NULL); /* a reorg */
    cr_assert(ka_world_until(&w, &w.csks, seen + 1, 2000));
    cr_assert_not(w.csk_held);
    cr_assert_eq(am_file_read(w.state, "csk.v1", nothing, sizeof nothing, &len, NULL),
                 AM_NOT_FOUND);
    ka_world_close(&w);
}

/* ---- other keys ---- */

Test(keyagent_life, other_keys_than_recorded_end_it_with_85, T)
{
    struct ka_world w;

    ready(&w);
    cr_assert_eq(ka_world_end(&w.keyagent, SIGTERM), 0);
    cr_assert_eq(ka_world_end(&w.agent, SIGTERM), 0);
    w.other_agent = true;
    ka_world_agent(&w);
    ka_world_keyagent(&w);
    cr_assert_eq(ka_world_end(&w.keyagent, 0), AM_EXIT_KEY_MIGRATION);
    cr_assert(ka_world_logged(&w, "key migration: identity.v1 records app_id a1a1"));
    cr_assert_eq(am_file_write(w.state, "identity.v1", am_bin_of("{}", 2), NULL), AM_OK);
    ka_world_keyagent(&w);
    cr_assert_eq(ka_world_end(&w.keyagent, 0), AM_EXIT_KEY_MIGRATION, "a broken one too");
    cr_assert_eq(am_file_remove(w.state, "identity.v1", NULL), AM_OK);
    ka_world_keyagent(&w);
    ka_world_phase(&w, "ready", 8000);
    ka_world_close(&w);
}

/* ---- what the application and an operator ask ---- */

Test(keyagent_life, derives_for_the_application_alone, T)
{
    static const char info[] = "attestmesh.csk.derive.v1:db";
    struct keyagent_derive derive = {.label = am_str_of("db"), .reply_to = AM_BIN(once_pub)};
    uint8_t commitment[32], csk[32], want[32], got[32];
    struct ka_answer *a;
    struct ka_world w;
    size_t len;

    ready(&w);
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_derive, &derive);
    cr_assert_eq(a->code, AM_FAILED_PRECONDITION, "%s", a->text);
    pull(&w, commitment);
    memset(csk, 0x42, sizeof csk);
    cr_assert_eq(am_hkdf_sha256(want, 32, (struct am_bin){NULL, 0}, AM_BIN(csk),
                                am_bin_of(info, sizeof info - 1), NULL),
                 AM_OK);
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_derive, &derive);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(am_box_open(got, sizeof got, &len, am_bin_of(a->a, a->a_len), once, NULL), AM_OK);
    cr_assert_arr_eq(got, want, 32);
    derive.label = am_str_of("");
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_derive, &derive);
    cr_assert_eq(a->code, AM_INVALID_ARGUMENT, "%s", a->text);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_derive, &derive);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED, "%s", a->text);
    ka_world_close(&w);
}

Test(keyagent_life, quotes_the_own_keys_and_nothing_else, T)
{
    uint8_t nonce[1] = {1}, want[64];
    struct keyagent_quote quote = {.nonce = AM_BIN(nonce)};
    struct ka_answer *a;
    struct ka_world w;

    ready(&w);
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_quote, &quote);
    cr_assert_eq(a->code, AM_FAILED_PRECONDITION, "%s", a->text);
    ka_world_view(&w, true, NULL);
    for (int with = 1; with >= 0; with--) {
        quote.nonce.len = (size_t)with;
        am_report_data_node(want, w.cluster, w.app_id, w.x_pub, w.wg_pub, w.ed25519_pub,
                            quote.nonce);
        cr_assert_eq(am_is_zero(want + 32, 32), with == 0);
        a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_quote, &quote);
        cr_assert_eq(a->code, AM_OK, "%s", a->text);
        cr_assert_arr_eq(a->a, want, 64);
        cr_assert_eq(a->b_len, 5010);
        cr_assert_arr_eq(a->b + 568, want, 64);
    }
    ka_world_fault(&w, "wrong-report-data");
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_quote, &quote);
    cr_assert_eq(a->code, AM_UNAUTHENTICATED, "%s", a->text);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_quote, &quote);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED, "%s", a->text);
    ka_world_close(&w);
}

static void
count_answer(void *arg, int code, const void *reply, const struct am_error *err)
{
    int *codes = arg;

    (void)reply;
    (void)err;
    codes[codes[0] + 1] = code;
    codes[0]++;
}

/* Quotes are made one at a time; a few wait, more are sent away. */
Test(keyagent_life, quotes_wait_in_a_short_queue, T)
{
    struct keyagent_quote quote = {0};
    struct am_error err = {0};
    int codes[8] = {0};
    struct ka_world w;

    ready(&w);
    ka_world_view(&w, true, NULL);
    ka_world_fault(&w, "stall@GetQuote");
    for (int i = 0; i < 6; i++)
        cr_assert_eq(bus_call(w.api, BUS_METHOD_keyagent_quote, &quote, 20000, "", count_answer,
                              codes, &err),
                     AM_OK, "%s", err.text);
    cr_assert(ka_world_until(&w, codes, 2, 3000));
    cr_assert_not(ka_world_until(&w, codes, 3, 200));
    cr_assert_eq(codes[1], AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(codes[2], AM_RESOURCE_EXHAUSTED);
    ka_world_end(&w.agent, SIGKILL); /* the first ends in mid-answer, the others find nobody */
    cr_assert(ka_world_until(&w, codes, 6, 3000));
    for (int i = 3; i <= 6; i++)
        cr_assert_eq(codes[i], AM_UNAVAILABLE, "%d", i);
    ka_world_fault(&w, "");
    ka_world_agent(&w);
    for (int i = 0; i < 20 && codes[0] < 7; i++)
        ka_world_until(&w, codes, 7, 50);
    cr_assert_eq(
        bus_call(w.api, BUS_METHOD_keyagent_quote, &quote, 5000, "", count_answer, codes, &err),
        AM_OK);
    cr_assert(ka_world_until(&w, codes, 7, 6000));
    cr_assert_eq(codes[7], AM_OK);
    ka_world_close(&w);
}

static void
expect_proof(struct ka_world *w, const char *proof, const char *reason)
{
    struct ka_answer *a = ka_world_ask(w, w->cli, BUS_METHOD_keyagent_self_check, NULL);

    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(a->a_len, strlen(proof), "%s: %.*s", proof, (int)a->b_len, a->b);
    cr_assert_arr_eq(a->a, proof, a->a_len);
    cr_assert(strlen(reason) == 0 ? a->b_len == 0
                                  : memmem(a->b, a->b_len, reason, strlen(reason)) != NULL,
              "%.*s", (int)a->b_len, a->b);
    for (int i = 0; i < 20 && strcmp(w->proof, proof) != 0; i++)
        ka_world_until(w, &w->identities, w->identities + 1, 100);
    cr_assert_str_eq(w->proof, proof);
}

Test(keyagent_life, proves_its_derivations_and_says_what_it_runs_on, T)
{
    struct ka_answer *a;
    struct ka_world w;

    ready(&w);
    cr_assert_str_eq(w.attestor, "dstack");
    cr_assert_str_eq(w.proof, "derived");
    cr_assert_str_eq(w.proof_reason, "no view of the cluster yet");
    expect_proof(&w, "derived", "no view");
    ka_world_view(&w, true, NULL);
    cr_assert_str_eq(w.proof, "allowed");
    expect_proof(&w, "allowed", "");
    ka_world_fault(&w, "wander@GetKey");
    expect_proof(&w, "failed", "attestmesh.identity.v1: expected the key of the first answer");
    ka_world_fault(&w, "error-500");
    a = ka_world_ask(&w, w.cli, BUS_METHOD_keyagent_self_check, NULL);
    cr_assert_eq(a->code, AM_FAILED_PRECONDITION, "not asked, not proved: %s", a->text);
    cr_assert_str_eq(w.proof, "failed");
    ka_world_fault(&w, "");
    expect_proof(&w, "allowed", "");
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_self_check, NULL);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED, "%s", a->text);
    ka_world_close(&w);
}
