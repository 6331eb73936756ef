/*  test_keyagent_bus -- a node's whole use of keyagent, through two real processes and the bus.  */
#include "ka_world.h"

#include "../../../common/crypto/am_curve.h"
#include "../../../common/crypto/am_keccak.h"
#include "../../../common/crypto/am_secp.h"
#include "../../../common/eth/eth_call.h"
#include "../../../common/wire/am_dstack.h"
#include "../../../common/wire/am_heartbeat.h"
#include "../../../common/wire/am_member.h"
#include "dn_guest.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define T .timeout = 60

static void
ready(struct ka_world *w)
{
    ka_world_open(w);
    ka_world_agent(w);
    ka_world_keyagent(w);
    ka_world_phase(w, "ready", 5000);
}

Test(keyagent_bus, proves_and_signs_what_the_contract_will_recover, T)
{
    struct keyagent_prove prove;
    struct keyagent_sign_operation op;
    uint8_t call[8192], digest[32], signer[20];
    struct eth_buf buf = ETH_BUF(call);
    struct eth_register r;
    struct ka_answer *a;
    struct ka_world w;

    ready(&w);
    prove = (struct keyagent_prove){AM_BIN(w.cluster), AM_BIN(w.app_id), 0};
    a = ka_world_ask(&w, w.chain, BUS_METHOD_keyagent_prove, &prove);
    cr_assert_eq(a->code, AM_UNAVAILABLE, "%s", a->text);
    ka_world_view(&w, true, NULL);
    a = ka_world_ask(&w, w.chain, BUS_METHOD_keyagent_prove, &prove);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(eth_parse_register(&r, am_bin_of(a->a, a->a_len), NULL), AM_OK);
    am_eip191_32(digest, r.proof.message_hash);
    cr_assert_eq(am_secp_recover_address(signer, digest, r.proof.message_sig, AM_V_ETH, NULL),
                 AM_OK);
    cr_assert_arr_eq(signer, w.owner, 20);

    cr_assert_eq(eth_call_execute(&buf, w.cluster, am_bin_of(a->a, a->a_len), NULL), AM_OK);
    op = (struct keyagent_sign_operation){.nonce = AM_BIN(w.zero),
                                          .call_data = eth_bin(&buf),
                                          .account_gas_limits = AM_BIN(w.zero),
                                          .pre_verification_gas = AM_BIN(w.zero),
                                          .gas_fees = AM_BIN(w.zero)};
    a = ka_world_ask(&w, w.chain, BUS_METHOD_keyagent_sign_operation, &op);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    am_eip191_32(digest, a->a);
    cr_assert_eq(am_secp_recover_address(signer, digest, a->b, AM_V_ETH, NULL), AM_OK);
    cr_assert_arr_eq(signer, w.owner, 20);
    call[10] ^= 1;
    a = ka_world_ask(&w, w.chain, BUS_METHOD_keyagent_sign_operation, &op);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED);
    /* the right question from the wrong service */
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_sign_operation, &op);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED);
    ka_world_close(&w);
}

Test(keyagent_bus, signs_heartbeats_and_opens_boxes_to_a_one_time_key, T)
{
    uint8_t box[64 + 48], once[32] = {3}, once_pub[32], plain[64], wg_pub[32];
    struct am_heartbeat h = {.version = 1, .timestamp_ms = 5, .id_count = 1};
    struct keyagent_sign_heartbeat beat = {.timestamp_ms = 5};
    struct keyagent_wg_key key;
    struct keyagent_open_box open;
    struct ka_answer *a;
    struct ka_world w;
    size_t len;

    ready(&w);
    ka_world_view(&w, true, NULL);
    memcpy(h.sender, w.member_id, 32);
    memcpy(h.ids[0], w.member_id, 32);
    beat.connected = AM_BIN(w.member_id);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_sign_heartbeat, &beat);
    memcpy(h.signature, a->a, 64);
    cr_assert_eq(am_heartbeat_verify(&h, w.ed25519_pub, NULL), AM_OK);

    cr_assert_eq(am_x25519_pub(once_pub, once, NULL), AM_OK);
    key.reply_to = AM_BIN(once_pub);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_wg_key, &key);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(am_box_open(plain, sizeof plain, &len, am_bin_of(a->a, a->a_len), once, NULL),
                 AM_OK);
    cr_assert_eq(am_x25519_pub(wg_pub, plain, NULL), AM_OK);
    cr_assert_arr_eq(wg_pub, w.wg_pub, 32);

    cr_assert_eq(am_box_seal(box, sizeof box, &len, "hello", 5, w.x_pub, NULL), AM_OK);
    open = (struct keyagent_open_box){am_bin_of(box, len), AM_BIN(once_pub), 0};
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_open_box, &open);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(am_box_open(plain, sizeof plain, &len, am_bin_of(a->a, a->a_len), once, NULL),
                 AM_OK);
    cr_assert_eq(len, 5);
    cr_assert_arr_eq(plain, "hello", 5);
    box[40] ^= 1;
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_open_box, &open);
    cr_assert_eq(a->code, AM_UNAUTHENTICATED);
    box[40] ^= 1;
    open.reply_to = AM_BIN(w.zero); /* a key of small order */
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_open_box, &open);
    cr_assert_eq(a->code, AM_INVALID_ARGUMENT);
    ka_world_close(&w);
}

/* open_box is no way round to the CSK. */
static void
open_the_csk(struct ka_world *w, const uint8_t csk[static 32], const uint8_t once_pub[static 32])
{
    struct keyagent_open_box open;
    uint8_t sealed[80];
    size_t len;

    cr_assert_eq(am_box_seal(sealed, sizeof sealed, &len, csk, 32, w->x_pub, NULL), AM_OK);
    open = (struct keyagent_open_box){AM_BIN(sealed), am_bin_of(once_pub, 32), 0};
    cr_assert_eq(ka_world_ask(w, w->mesh, BUS_METHOD_keyagent_open_box, &open)->code,
                 AM_PERMISSION_DENIED);
}

Test(keyagent_bus, originates_seals_gives_and_wipes_the_csk, T)
{
    uint8_t commitment[32], csk[32], once[32] = {3}, once_pub[32], again[32];
    struct keyagent_csk_seal_for seal;
    struct keyagent_csk_give give;
    struct ka_answer *a;
    struct ka_world w;
    size_t len;
    int seen;

    ready(&w);
    ka_world_view(&w, false, NULL);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_originate, NULL);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED, "%s", a->text);
    ka_world_view(&w, true, NULL);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_originate, NULL);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    memcpy(commitment, a->a, 32);

    cr_assert_eq(am_x25519_pub(once_pub, once, NULL), AM_OK);
    give.reply_to = AM_BIN(once_pub);
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_csk_give, &give);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_eq(am_box_open(csk, sizeof csk, &len, am_bin_of(a->a, a->a_len), once, NULL), AM_OK);
    am_keccak256(again, csk, 32);
    cr_assert_arr_eq(again, commitment, 32);

    ka_world_view(&w, true, commitment);
    cr_assert(w.csk_held);
    cr_assert_arr_eq(w.commitment, commitment, 32);
    seal = (struct keyagent_csk_seal_for){AM_BIN(w.other_id), 0};
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_seal_for, &seal);
    cr_assert_eq(am_box_open(again, 32, &len, am_bin_of(a->a, a->a_len), w.other_secret, NULL),
                 AM_OK);
    cr_assert_arr_eq(again, csk, 32);
    seal.member_id = AM_BIN(w.zero);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_seal_for, &seal);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED);

    open_the_csk(&w, csk, once_pub);
    seen = w.csks;
    ka_world_view(&w, true, NULL); /* a reorg */
    cr_assert(ka_world_until(&w, &w.csks, seen + 1, 2000));
    cr_assert_not(w.csk_held);
    a = ka_world_ask(&w, w.api, BUS_METHOD_keyagent_csk_give, &give);
    cr_assert_eq(a->code, AM_FAILED_PRECONDITION);
    ka_world_close(&w);
}

Test(keyagent_bus, accepts_a_pulled_csk_only_against_the_commitment, T)
{
    uint8_t csk[32], sealed[80], commitment[32], wrong[32] = {9};
    struct keyagent_csk_accept accept;
    struct ka_answer *a;
    struct ka_world w;
    size_t len;

    ready(&w);
    memset(csk, 0x42, sizeof csk);
    am_csk_commitment(commitment, csk);
    cr_assert_eq(am_box_seal(sealed, sizeof sealed, &len, csk, 32, w.x_pub, NULL), AM_OK);
    accept.sealed = AM_BIN(sealed);
    ka_world_view(&w, false, NULL);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_accept, &accept);
    cr_assert_eq(a->code, AM_FAILED_PRECONDITION, "%s", a->text);
    ka_world_view(&w, false, commitment);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_accept, &accept);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert(ka_world_until(&w, &w.csks, 2, 2000));
    cr_assert(w.csk_held);
    cr_assert_eq(am_box_seal(sealed, sizeof sealed, &len, wrong, 32, w.x_pub, NULL), AM_OK);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_accept, &accept);
    cr_assert_eq(a->code, AM_UNAUTHENTICATED, "%s", a->text);
    cr_assert(w.csk_held);
    ka_world_close(&w);
}

static char said[385]; /* the reason in the newest hello */

static void
on_hello(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct bus_hello *h = reply;

    (void)err;
    *(int *)arg = code == AM_OK ? 1 : 2;
    if (code == AM_OK)
        snprintf(said, sizeof said, "%.*s", (int)h->reason.len, h->reason.p);
}

Test(keyagent_bus, answers_hello_and_a_reason_at_once_and_heals_without_a_restart, T)
{
    struct keyagent_wg_key key;
    struct am_error err = {0};
    struct ka_answer *a;
    struct ka_world w;
    int hello = 0;

    ka_world_open(&w);
    key.reply_to = AM_BIN(w.other_pub);
    ka_world_keyagent(&w);
    cr_assert(ka_world_until(&w, &w.identities, 1, 2000));
    cr_assert_str_eq(w.phase, "starting");
    cr_assert_not_null(strstr(w.reason, "cannot connect"), "%s", w.reason);
    cr_assert_eq(bus_call_hello(w.cli, BUS_KEYAGENT, 2000, on_hello, &hello, &err), AM_OK);
    cr_assert(ka_world_until(&w, &hello, 1, 2500));
    cr_assert_eq(hello, 1);
    a = ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_wg_key, &key);
    cr_assert_eq(a->code, AM_UNAVAILABLE);
    cr_assert_not_null(strstr(a->text, "starting"), "%s", a->text);
    ka_world_fault(&w, "stall");
    ka_world_agent(&w);
    for (int i = 0; i < 40 && strstr(w.reason, "no answer yet") == NULL; i++)
        ka_world_until(&w, &w.identities, w.identities + 1, 100);
    ka_world_end(&w.agent, SIGKILL);
    ka_world_fault(&w, "");
    ka_world_agent(&w);
    ka_world_phase(&w, "ready", 8000);
    hello = 0;
    cr_assert_eq(bus_call_hello(w.cli, BUS_KEYAGENT, 2000, on_hello, &hello, &err), AM_OK);
    cr_assert(ka_world_until(&w, &hello, 1, 2500));
    cr_assert_str_eq(said, "runs on dstack 0.5.11; its derivations are proved; no view of the "
                           "cluster yet");
    ka_world_close(&w);
}

Test(keyagent_bus, a_second_one_leaves_with_75_and_a_restart_has_the_same_keys, T)
{
    uint8_t owner[20];
    struct ka_world w;
    pid_t first;

    ready(&w);
    memcpy(owner, w.owner, 20);
    first = w.keyagent;
    ka_world_keyagent(&w);
    cr_assert_eq(ka_world_end(&w.keyagent, 0), 75);
    w.keyagent = first;
    cr_assert_eq(ka_world_end(&w.keyagent, SIGKILL), -SIGKILL);
    memset(w.owner, 0, 20);
    w.phase[0] = '\0';
    ka_world_keyagent(&w);
    ka_world_phase(&w, "ready", 8000);
    cr_assert_arr_eq(w.owner, owner, 20);
    ka_world_close(&w);
}

Test(keyagent_bus, another_cluster_is_refused_loudly_and_the_first_one_stays, T)
{
    struct keyagent_prove prove;
    struct ka_answer *a;
    struct ka_world w;
    uint8_t first[20];
    char log[65536] = "";
    FILE *f;

    ready(&w);
    ka_world_view(&w, true, NULL);
    memcpy(first, w.cluster, 20);
    memset(w.cluster, 0xc2, 20);
    ka_world_view(&w, true, NULL);
    prove = (struct keyagent_prove){AM_BIN(w.cluster), AM_BIN(w.app_id), 0};
    a = ka_world_ask(&w, w.chain, BUS_METHOD_keyagent_prove, &prove);
    cr_assert_eq(a->code, AM_PERMISSION_DENIED);
    prove.cluster = AM_BIN(first);
    a = ka_world_ask(&w, w.chain, BUS_METHOD_keyagent_prove, &prove);
    cr_assert_eq(a->code, AM_OK, "%s", a->text);
    cr_assert_not_null(f = fopen(w.log, "r"));
    cr_assert_gt(fread(log, 1, sizeof log - 1, f), 0);
    fclose(f);
    cr_assert_not_null(strstr(log, "view.refused"));
    ka_world_close(&w);
}

/* ---- where key bytes are ---- */

static bool
contains(const uint8_t *p, size_t len, const uint8_t *key, const char *hex)
{
    return memmem(p, len, key, 32) != NULL || memmem(p, len, hex, 64) != NULL;
}

/* How many mappings of the process hold the key, raw or in hex, outside am_secret memory, which is
 * known by its dd flag (left out of cores). */
static int
strays(pid_t pid, const uint8_t key[32], int *kept)
{
    static uint8_t block[1 << 20];
    char path[64], line[512], hex[65];
    unsigned long from = 0, to = 0;
    bool hit = false;
    FILE *smaps, *mem;
    int found = 0;

    am_hex(hex, key, 32);
    *kept = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps", (int)pid);
    cr_assert_not_null(smaps = fopen(path, "r"));
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    cr_assert_not_null(mem = fopen(path, "r"), "this test reads another process: run it as root");
    while (fgets(line, sizeof line, smaps) != NULL) {
        char mode[8];

        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3) {
            hit = false;
            if (strncmp(mode, "rw", 2) != 0 || to - from > 1ul << 32)
                continue;
            for (unsigned long at = from; at < to && !hit; at += sizeof block - 128) {
                size_t n = to - at < sizeof block ? to - at : sizeof block;

                if (fseeko(mem, (off_t)at, SEEK_SET) == 0 && (n = fread(block, 1, n, mem)) > 0)
                    hit = contains(block, n, key, hex);
            }
        } else if (hit && strncmp(line, "VmFlags:", 8) == 0) {
            if (strstr(line, " dd") != NULL)
                ++*kept;
            else
                found++;
        }
    }
    fclose(mem);
    fclose(smaps);
    return found;
}

Test(keyagent_bus, keys_are_in_no_memory_but_the_locked_and_in_no_log, T)
{
    static const char *const paths[] = {"attestmesh.identity.v1", "attestmesh.wireguard.v1",
                                        "attestmesh-binding-v1", "attestmesh.csk-cache.v1",
                                        "attestmesh.cluster-shared.v1"};
    struct keyagent_wg_key wg;
    struct dn_guest g = {0};
    uint8_t key[32], log[65536];
    struct ka_world w;
    size_t len;
    int kept;
    FILE *f;

    ready(&w);
    ka_world_view(&w, true, NULL);
    ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_csk_originate, NULL);
    wg.reply_to = AM_BIN(w.other_pub);
    ka_world_ask(&w, w.mesh, BUS_METHOD_keyagent_wg_key, &wg);
    ka_world_ask(&w, w.api, BUS_METHOD_keyagent_csk_give, &wg);
    memset(g.app_id, 0xa1, 20);
    cr_assert_eq(dn_guest_issue(&g, dn_fixture_root, NULL), AM_OK);
    cr_assert_not_null(f = fopen(w.log, "r"));
    len = fread(log, 1, sizeof log, f);
    fclose(f);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char hex[65];

        cr_assert_eq(am_dstack_key(key, g.app_key, am_str_of(paths[i]), NULL), AM_OK);
        cr_assert_eq(strays(w.keyagent, key, &kept), 0, "%s", paths[i]);
        cr_assert_gt(kept, 0, "%s: not found where it must be, so this test sees nothing",
                     paths[i]);
        am_hex(hex, key, 32);
        cr_assert_not(contains(log, len, key, hex));
    }
    ka_world_close(&w);
}
