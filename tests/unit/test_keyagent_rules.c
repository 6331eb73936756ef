/*  test_keyagent_rules -- what may be proved, signed: each refusal once.  */
#include "guest_double.h"
#include "ka_fixture.h"
#include "ka_heartbeat.h"
#include "ka_proof.h"
#include "ka_userop.h"

#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_op.h"
#include "../../common/wire/am_heartbeat.h"
#include "../../common/wire/am_member.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* ---- view ---- */

static int
take(struct ka_fixture *f)
{
    struct ka_view before = f->view;
    int rc = ka_view_take(&f->view, &f->fact, &f->self, FIX_CHAIN_ID, NULL);

    if (rc != AM_OK)
        cr_assert_eq(memcmp((const uint8_t *)&before, (const uint8_t *)&f->view, sizeof before), 0,
                     "a refused view leaves a trace");
    return rc;
}

Test(keyagent_view, latches_the_cluster_and_refuses_what_is_not_its_own)
{
    uint8_t other[32];
    struct ka_fixture f;

    memset(other, 0xdd, sizeof other);
    ka_fixture_open(&f);
    cr_assert_eq(take(&f), AM_OK);
    f.fact.chain_id = 1;
    cr_assert_eq(take(&f), AM_PERMISSION_DENIED);
    f.fact.chain_id = FIX_CHAIN_ID;
    f.fact.member_contract = am_bin_of(other, 20);
    cr_assert_eq(take(&f), AM_PERMISSION_DENIED);
    f.fact.member_contract = AM_BIN(f.self.member);
    f.fact.member_id = am_bin_of(other, 32);
    cr_assert_eq(take(&f), AM_PERMISSION_DENIED);
    /* another cluster with the id that fits it is well formed, and still refused */
    am_member_id(other, other, f.self.member, am_attestor_dstack);
    f.fact.member_id = am_bin_of(other, 32);
    f.fact.cluster = am_bin_of((const uint8_t[20]){[0] = 0xdd}, 20);
    cr_assert_eq(take(&f), AM_PERMISSION_DENIED);
    f.fact.cluster = AM_BIN(f.cluster);
    f.fact.member_id = AM_BIN(f.member_id);
    cr_assert_eq(take(&f), AM_OK);
}

/* ---- proof ---- */

static int
prove(struct ka_fixture *f, struct eth_buf *out, struct am_error *err)
{
    return ka_proof_build(out, &f->self, &f->view, AM_BIN(f->cluster), AM_BIN(f->self.member),
                          f->keys.key[KA_KEY_OWNER], err);
}

Test(keyagent_view, knows_no_member_that_was_removed)
{
    struct ka_fixture f;

    ka_fixture_open(&f);
    cr_assert_not_null(ka_view_member(&f.view, AM_BIN(f.other_id)));
    f.fact.members[1].removed = true;
    ka_fixture_retake(&f);
    cr_assert_null(ka_view_member(&f.view, AM_BIN(f.other_id)));
    cr_assert_not_null(ka_view_member(&f.view, AM_BIN(f.member_id)));
}

Test(keyagent_proof, is_what_the_contract_recovers)
{
    uint8_t out[KA_PROOF_MAX], digest[32], signer[20], pub[33];
    struct eth_buf buf = ETH_BUF(out);
    struct am_error err = {0};
    struct eth_register r;
    struct ka_fixture f;

    ka_fixture_open(&f);
    cr_assert_eq(prove(&f, &buf, &err), AM_OK, "%s", err.text);
    cr_assert_eq(eth_parse_register(&r, eth_bin(&buf), &err), AM_OK, "%s", err.text);
    cr_assert_arr_eq(r.member, f.self.member, 20);
    cr_assert_arr_eq(r.proof.app_pub, f.guest.app_pub, 33);
    am_eip191_32(digest, r.proof.message_hash);
    cr_assert_eq(am_secp_recover_address(signer, digest, r.proof.message_sig, AM_V_ETH, NULL),
                 AM_OK);
    cr_assert_arr_eq(signer, f.self.owner, 20);
    cr_assert_eq(am_secp_pub(pub, f.keys.key[KA_KEY_OWNER], NULL), AM_OK);
    cr_assert_arr_eq(r.proof.derived_pub, pub, 33);
    cr_assert(r.proof.app_sig[64] >= 27 && r.proof.kms_sig[64] >= 27);
    cr_assert_eq(ka_proof_check(&f.self, &f.view, eth_bin(&buf), &err), AM_OK, "%s", err.text);
}

/* protocol page 2.4, the worked proof: KMS root, app and derived key are 1, 2 and 3 */
Test(keyagent_proof, is_the_protocol_pages_byte_for_byte)
{
    static const uint8_t cluster[20] = {[19] = 0x0a}, secret[32] = {[31] = 3};
    uint8_t inner[KA_PROOF_MAX], call[KA_PROOF_MAX + 256], hash[32], want[32];
    struct eth_buf buf = ETH_BUF(inner), outer = ETH_BUF(call);
    struct am_error err = {0};
    struct ka_view view = {.known = true, .has_root = true, .cluster = {[19] = 0x0a}};
    struct ka_self self = {.app_id = {[19] = 0x0b}, .member = {[19] = 0x0b}, .has_kms = true};

    memset(self.x_pub, 0x11, 32);
    memset(self.wg_pub, 0x22, 32);
    unhex(self.owner_pub, 33, "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");
    unhex(self.app_pub, 33, "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");
    unhex(
        self.app_sig, 65,
        "b5ef87846022141bb1cde36160321d4a452165fae772aedcb25149af208799f409406ccf86061cd22e561bb28b"
        "e912867e3894bb7e4152d54108cb4f8f0af6a51b");
    unhex(
        self.kms_sig, 65,
        "70df49cf66df375c1ccbe33c9a0d4ac1a00111f0df580764e8fbb9cb514a90074f40cc902648a9b16d21cf7dcb"
        "8a3cd83d0aa6aca627d2956c7ffcf2d41488c81c");
    cr_assert_eq(
        ka_proof_build(&buf, &self, &view, AM_BIN(cluster), AM_BIN(self.member), secret, &err),
        AM_OK, "%s", err.text);
    cr_assert_eq(buf.len, 1028);
    cr_assert_eq(eth_call_execute(&outer, cluster, eth_bin(&buf), &err), AM_OK);
    am_keccak256(hash, outer.p, outer.len);
    unhex(want, 32, "6a19476ab6ee441b4190cd46b5e77a33272046e728eef36cf733b7983f054663");
    cr_assert_arr_eq(hash, want, 32);
}

Test(keyagent_proof, is_refused_until_everything_stands)
{
    uint8_t out[KA_PROOF_MAX], other[20] = {1};
    struct eth_buf buf = ETH_BUF(out);
    struct am_error err = {0};
    struct ka_fixture f;

    ka_fixture_open(&f);
    f.view.known = false;
    cr_assert_eq(prove(&f, &buf, &err), AM_UNAVAILABLE);
    ka_fixture_open(&f);
    f.self.has_kms = false;
    cr_assert_eq(prove(&f, &buf, &err), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, "KMS"));
    ka_fixture_open(&f);
    f.self.app_id[0] ^= 1;
    cr_assert_eq(prove(&f, &buf, &err), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, "MEMBER_CONTRACT"));
    ka_fixture_open(&f);
    f.view.has_root = false;
    cr_assert_eq(prove(&f, &buf, &err), AM_FAILED_PRECONDITION);
    ka_fixture_open(&f);
    f.view.kms_root[19] ^= 1;
    cr_assert_eq(prove(&f, &buf, &err), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, "kms_root"));
    ka_fixture_open(&f);
    cr_assert_eq(ka_proof_build(&buf, &f.self, &f.view, AM_BIN(other), AM_BIN(f.self.member),
                                f.keys.key[KA_KEY_OWNER], &err),
                 AM_PERMISSION_DENIED);
    cr_assert_eq(ka_proof_build(&buf, &f.self, &f.view, AM_BIN(f.cluster), AM_BIN(other),
                                f.keys.key[KA_KEY_OWNER], &err),
                 AM_PERMISSION_DENIED);
    cr_assert_eq(buf.len, 0);
}

/* ---- user operations ---- */

struct operation {
    uint8_t nonce[32], limits[32], pre[32], fees[32], paymaster[60], inner[KA_PROOF_MAX],
        call[KA_PROOF_MAX + 256];
    struct eth_buf inner_buf, call_buf;
    uint8_t hash[32];
    struct am_error err;
};

static int
judge(struct ka_fixture *f, struct operation *o, const uint8_t *commitment)
{
    struct keyagent_sign_operation m = {.nonce = AM_BIN(o->nonce),
                                        .call_data = eth_bin(&o->call_buf),
                                        .account_gas_limits = AM_BIN(o->limits),
                                        .pre_verification_gas = AM_BIN(o->pre),
                                        .gas_fees = AM_BIN(o->fees),
                                        .paymaster_and_data = AM_BIN(o->paymaster)};
    struct ka_userop_rules rules = {.self = &f->self,
                                    .view = &f->view,
                                    .chain_id = FIX_CHAIN_ID,
                                    .entry_point = eth_entry_point_v07,
                                    .csk_held = commitment != NULL,
                                    .commitment = commitment};

    return ka_userop_judge(o->hash, &rules, &m, &o->err);
}

static struct eth_buf *
fresh(struct operation *o)
{
    o->err = (struct am_error){0};
    o->inner_buf = ETH_BUF(o->inner);
    o->call_buf = ETH_BUF(o->call);
    return &o->inner_buf;
}

static int
execute(struct ka_fixture *f, struct operation *o, const uint8_t *commitment)
{
    cr_assert_eq(eth_call_execute(&o->call_buf, f->cluster, eth_bin(&o->inner_buf), NULL), AM_OK);
    return judge(f, o, commitment);
}

Test(keyagent_userop, hash_is_rebuilt_from_the_fields)
{
    struct operation o = {.nonce = {7}, .limits = {1}, .pre = {2}, .fees = {3}, .paymaster = {4}};
    struct ka_fixture f;
    struct eth_op op = {0};
    uint8_t want[32];

    ka_fixture_open(&f);
    cr_assert_eq(eth_call_publish_ed25519(fresh(&o), f.self.ed25519_pub, NULL), AM_OK);
    cr_assert_eq(execute(&f, &o, NULL), AM_OK, "%s", o.err.text);
    memcpy(op.sender, f.self.member, 20);
    memcpy(op.nonce, o.nonce, 32);
    memcpy(op.account_gas_limits, o.limits, 32);
    memcpy(op.pre_verification_gas, o.pre, 32);
    memcpy(op.gas_fees, o.fees, 32);
    op.call_data = eth_bin(&o.call_buf);
    op.paymaster_and_data = AM_BIN(o.paymaster);
    eth_op_hash(want, &op, eth_entry_point_v07, FIX_CHAIN_ID);
    cr_assert_arr_eq(o.hash, want, 32);
}

/* protocol page 2.6, the worked example */
Test(keyagent_userop, hash_is_the_protocol_pages)
{
    struct operation o = {0};
    struct ka_fixture f;
    struct ka_userop_rules rules = {
        .self = &f.self, .view = &f.view, .chain_id = 8453, .entry_point = eth_entry_point_v07};
    struct keyagent_sign_operation m;
    uint8_t paymaster[56], want[32];

    ka_fixture_open(&f);
    memset(f.self.member, 0, 20);
    f.self.member[19] = 0x0b;
    memset(f.view.cluster, 0, 20);
    f.view.cluster[19] = 0x0a;
    memset(f.self.ed25519_pub, 0x33, 32);
    cr_assert_eq(eth_call_publish_ed25519(fresh(&o), f.self.ed25519_pub, NULL), AM_OK);
    cr_assert_eq(eth_call_execute(&o.call_buf, f.view.cluster, eth_bin(&o.inner_buf), NULL), AM_OK);
    o.nonce[31] = 7;
    am_be32(o.limits + 12, 100000);
    am_be32(o.limits + 28, 50000);
    am_be32(o.pre + 28, 50000);
    am_be32(o.fees + 12, 1000000);
    am_be32(o.fees + 28, 2000000);
    memset(paymaster, 0, sizeof paymaster);
    memset(paymaster, 0x44, 20);
    am_be32(paymaster + 32, 65536);
    am_be32(paymaster + 48, 32768);
    am_be32(paymaster + 52, 0xdeadbeef);
    m = (struct keyagent_sign_operation){.nonce = AM_BIN(o.nonce),
                                         .call_data = eth_bin(&o.call_buf),
                                         .account_gas_limits = AM_BIN(o.limits),
                                         .pre_verification_gas = AM_BIN(o.pre),
                                         .gas_fees = AM_BIN(o.fees),
                                         .paymaster_and_data = AM_BIN(paymaster)};
    cr_assert_eq(ka_userop_judge(o.hash, &rules, &m, &o.err), AM_OK, "%s", o.err.text);
    cr_assert_eq(
        am_unhex(want, 32,
                 am_str_of("6fa347fd3b8311a8f583c17bf84165e9a2a5ad8c1ecb7aa8c91c167c20bed2b5"),
                 "test", NULL),
        AM_OK);
    cr_assert_arr_eq(o.hash, want, 32);
}

Test(keyagent_userop, signs_the_five_calls_with_the_own_values)
{
    uint8_t commitment[32] = {5}, text[64] = {0};
    struct operation o = {0};
    struct ka_fixture f;

    ka_fixture_open(&f);
    cr_assert_eq(prove(&f, fresh(&o), NULL), AM_OK);
    cr_assert_eq(execute(&f, &o, NULL), AM_OK, "%s", o.err.text);
    cr_assert_eq(eth_call_set_csk_commitment(fresh(&o), commitment, NULL), AM_OK);
    cr_assert_eq(execute(&f, &o, commitment), AM_OK, "%s", o.err.text);
    cr_assert_eq(eth_call_publish_ed25519(fresh(&o), f.self.ed25519_pub, NULL), AM_OK);
    cr_assert_eq(execute(&f, &o, NULL), AM_OK, "%s", o.err.text);
    cr_assert_eq(eth_call_publish_wg(fresh(&o), f.self.wg_pub, NULL), AM_OK);
    cr_assert_eq(execute(&f, &o, NULL), AM_OK, "%s", o.err.text);
    cr_assert_eq(eth_call_send(fresh(&o), f.other_id, f.other_x, AM_BIN(text), NULL), AM_OK);
    cr_assert_eq(execute(&f, &o, NULL), AM_OK, "%s", o.err.text);
}

static void
expect_denied(struct ka_fixture *f, struct operation *o, const uint8_t *commitment, const char *why)
{
    cr_assert_eq(judge(f, o, commitment), AM_PERMISSION_DENIED, "%s", why);
    cr_assert_eq(o->err.code, AM_PERMISSION_DENIED);
    cr_assert_not_null(strstr(o->err.text, why), "expected \"%s\" in \"%s\"", why, o->err.text);
    cr_assert(am_is_zero(o->hash, 32));
}

static void
wrap(struct ka_fixture *f, struct operation *o)
{
    cr_assert_eq(eth_call_execute(&o->call_buf, f->cluster, eth_bin(&o->inner_buf), NULL), AM_OK);
}

Test(keyagent_userop, refuses_foreign_values_by_name)
{
    uint8_t commitment[32] = {5}, other[32] = {6};
    struct operation o = {0};
    struct ka_fixture f;

    ka_fixture_open(&f);
    cr_assert_eq(eth_call_set_csk_commitment(fresh(&o), other, NULL), AM_OK);
    wrap(&f, &o);
    expect_denied(&f, &o, commitment, "setCskCommitment");
    expect_denied(&f, &o, NULL, "held");
    cr_assert_eq(eth_call_publish_ed25519(fresh(&o), f.self.wg_pub, NULL), AM_OK);
    wrap(&f, &o);
    expect_denied(&f, &o, NULL, "publishEd25519Key");
    cr_assert_eq(eth_call_publish_wg(fresh(&o), f.self.ed25519_pub, NULL), AM_OK);
    wrap(&f, &o);
    expect_denied(&f, &o, NULL, "publishWgKey");
    cr_assert_eq(eth_call_address(fresh(&o), ETH_FN_transferClusterOwnership, f.cluster, NULL),
                 AM_OK);
    wrap(&f, &o);
    expect_denied(&f, &o, NULL, "transferClusterOwnership");
    fresh(&o);
    wrap(&f, &o);
    expect_denied(&f, &o, NULL, "list");
}

/* Every byte of the registration is the own one. */
Test(keyagent_userop, refuses_a_registration_with_any_byte_changed)
{
    struct operation o = {0};
    struct ka_fixture f;
    size_t len;

    ka_fixture_open(&f);
    cr_assert_eq(prove(&f, fresh(&o), NULL), AM_OK);
    wrap(&f, &o);
    len = o.call_buf.len;
    for (size_t i = 0; i < len; i++) {
        o.call[i] ^= 1;
        cr_assert_eq(judge(&f, &o, NULL), AM_PERMISSION_DENIED, "byte %zu: %s", i, o.err.text);
        o.call[i] ^= 1;
    }
    cr_assert_eq(judge(&f, &o, NULL), AM_OK);
    for (o.call_buf.len = 0; o.call_buf.len < len; o.call_buf.len += 3)
        cr_assert_eq(judge(&f, &o, NULL), AM_PERMISSION_DENIED, "cut at %zu", o.call_buf.len);
    f.view.has_root = false;
    o.call_buf.len = len;
    cr_assert_eq(judge(&f, &o, NULL), AM_FAILED_PRECONDITION);
}

Test(keyagent_userop, refuses_another_target_value_or_outer_call)
{
    struct operation o = {0};
    struct ka_fixture f;

    ka_fixture_open(&f);
    cr_assert_eq(eth_call_publish_wg(fresh(&o), f.self.wg_pub, NULL), AM_OK);
    cr_assert_eq(eth_call_execute(&o.call_buf, f.self.member, eth_bin(&o.inner_buf), NULL), AM_OK);
    expect_denied(&f, &o, NULL, "execute target");
    cr_assert_eq(eth_call_publish_wg(fresh(&o), f.self.wg_pub, NULL), AM_OK);
    wrap(&f, &o);
    o.call[4 + 32 + 31] = 1; /* one wei */
    expect_denied(&f, &o, NULL, "execute value");
    o.call[4 + 32 + 31] = 0;
    o.call[0] ^= 1;
    cr_assert_eq(judge(&f, &o, NULL), AM_PERMISSION_DENIED);
    o.call[0] ^= 1;
    cr_assert_eq(judge(&f, &o, NULL), AM_OK);
    f.view.known = false;
    cr_assert_eq(judge(&f, &o, NULL), AM_UNAVAILABLE);
}

/* ---- heartbeat ---- */

Test(keyagent_heartbeat, verifies_as_the_own_members_and_bounds_the_ids)
{
    static uint8_t ids[(AM_HEARTBEAT_IDS + 1) * 32];
    struct am_heartbeat h = {.version = 1, .timestamp_ms = 1700000000000, .id_count = 2};
    struct ka_fixture f;

    ka_fixture_open(&f);
    memcpy(h.sender, f.member_id, 32);
    memset(h.ids[0], 0x02, 32);
    memcpy(h.ids[1], f.member_id, 32);
    cr_assert_eq(ka_heartbeat_sign(h.signature, &f.view, h.timestamp_ms, am_bin_of(h.ids, 64),
                                   f.keys.key[KA_KEY_IDENTITY], f.self.ed25519_pub, NULL),
                 AM_OK);
    cr_assert_eq(am_heartbeat_verify(&h, f.self.ed25519_pub, NULL), AM_OK);
    h.timestamp_ms++;
    cr_assert_eq(am_heartbeat_verify(&h, f.self.ed25519_pub, NULL), AM_UNAUTHENTICATED);
    cr_assert_eq(ka_heartbeat_sign(h.signature, &f.view, 1, am_bin_of(ids, sizeof ids - 32),
                                   f.keys.key[KA_KEY_IDENTITY], f.self.ed25519_pub, NULL),
                 AM_OK);
    cr_assert_eq(ka_heartbeat_sign(h.signature, &f.view, 1, AM_BIN(ids),
                                   f.keys.key[KA_KEY_IDENTITY], f.self.ed25519_pub, NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(ka_heartbeat_sign(h.signature, &f.view, 1, am_bin_of(ids, 33),
                                   f.keys.key[KA_KEY_IDENTITY], f.self.ed25519_pub, NULL),
                 AM_INVALID_ARGUMENT);
    f.view.known = false;
    cr_assert_eq(ka_heartbeat_sign(h.signature, &f.view, 1, am_bin_of(ids, 0),
                                   f.keys.key[KA_KEY_IDENTITY], f.self.ed25519_pub, NULL),
                 AM_FAILED_PRECONDITION);
}
