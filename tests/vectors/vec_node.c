/*  vec_node -- golden data of registration and of user operations.  */
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_op.h"
#include "../../common/wire/am_dstack.h"
#include "../../common/wire/am_member.h"
#include "vec.h"

#include <string.h>

static void
address(const json_t *c, const char *key, uint8_t out[static 20])
{
    CHECK(eth_address_read(out, am_str_of(vec_text(c, key)), key, NULL) == AM_OK);
}

/* s becomes the group order less s: the same signature in its refused form. */
static void
high_s(uint8_t sig[static 65])
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                      0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                      0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    int borrow = 0;

    for (size_t i = 32; i-- > 0;) {
        int v = order[i] - sig[32 + i] - borrow;

        borrow = v < 0;
        sig[32 + i] = (uint8_t)(v + 256 * borrow);
    }
    sig[64] ^= 1;
}

/* One link of the chain, put in place of chain[i]; everything but the real one is refused, or
 * leads to another root. */
static void
damage_chain(const json_t *c, const uint8_t pub[static 33], const uint8_t app_id[static 20],
             const uint8_t good_root[static 20], size_t i)
{
    const json_t *chain = vec_field(c, "agent_signature_chain");
    struct am_bin link[2] = {vec_hex(json_array_get(chain, 0)), vec_hex(json_array_get(chain, 1))};
    uint8_t sig[66], app[33], root[20], a[65], k[65];
    struct am_str purpose = am_str_of("ethereum");

    if (link[i].len != 65)
        return;
    memcpy(sig, link[i].p, 65);
    sig[65] = 0;
    for (size_t len = 0; len <= 66; len++) {
        link[i] = am_bin_of(sig, len);
        if (len != 65)
            CHECK(am_dstack_chain(app, root, a, k, purpose, pub, app_id, link[0], link[1], NULL) ==
                  (len == 0 ? AM_FAILED_PRECONDITION : AM_INVALID_ARGUMENT));
    }
    link[i] = am_bin_of(sig, 65);
    high_s(sig);
    CHECK(am_dstack_chain(app, root, a, k, purpose, pub, app_id, link[0], link[1], NULL) ==
          AM_INVALID_ARGUMENT);
    CHECK(am_is_zero(root, 20) && am_is_zero(a, 65) && am_is_zero(k, 65));
    high_s(sig);
    sig[64] ^= 1; /* the other key that fits */
    CHECK(am_dstack_chain(app, root, a, k, purpose, pub, app_id, link[0], link[1], NULL) != AM_OK ||
          memcmp(root, good_root, 20) != 0);
    sig[64] = 2;
    CHECK(am_dstack_chain(app, root, a, k, purpose, pub, app_id, link[0], link[1], NULL) ==
          AM_INVALID_ARGUMENT);
}

static void
check_calls(const json_t *c, const struct eth_register *r, const uint8_t cluster[static 20])
{
    static uint8_t reg[4096], exe[4096];
    struct eth_buf rb = ETH_BUF(reg), eb = ETH_BUF(exe), tight = {exe, 0, 0};
    struct eth_register back;
    struct eth_execute x;

    CHECK(eth_call_register(&rb, r, NULL) == AM_OK);
    vec_same(c, "register_calldata", reg, rb.len);
    CHECK(eth_call_execute(&eb, cluster, eth_bin(&rb), NULL) == AM_OK);
    vec_same(c, "execute_calldata", exe, eb.len);
    CHECK(eth_parse_execute(&x, eth_bin(&eb), NULL) == AM_OK);
    CHECK(memcmp(x.target, cluster, 20) == 0 && am_is_zero(x.value, 32));
    CHECK(am_bin_eq(x.inner, eth_bin(&rb)));
    CHECK(eth_parse_register(&back, x.inner, NULL) == AM_OK);
    CHECK(memcmp(&back, r, offsetof(struct eth_register, proof.purpose)) == 0);
    CHECK(am_str_eq(back.proof.purpose, "ethereum"));
    CHECK(memcmp(back.member, r->member, 20) == 0 && memcmp(back.x_pub, r->x_pub, 32) == 0 &&
          memcmp(back.wg_pub, r->wg_pub, 32) == 0);
    for (size_t cut = 0; cut < rb.len; cut++)
        CHECK(eth_parse_register(&back, am_bin_of(reg, cut), NULL) != AM_OK);
    for (size_t cut = 0; cut < eb.len; cut++)
        CHECK(eth_parse_execute(&x, am_bin_of(exe, cut), NULL) != AM_OK);
    reg[rb.len] = 0;
    CHECK(eth_parse_register(&back, am_bin_of(reg, rb.len + 1), NULL) == AM_INVALID_ARGUMENT);
    tight.cap = eb.len - 1;
    CHECK(eth_call_execute(&tight, cluster, eth_bin(&rb), NULL) == AM_RESOURCE_EXHAUSTED);
    CHECK(tight.len == 0);
}

void
vec_registration(const json_t *c)
{
    const json_t *p = vec_field(c, "proof"), *chain = vec_field(c, "agent_signature_chain");
    uint8_t cluster[20], want_root[20], root[20], secret[32], digest[32], signer[20], own[20];
    uint8_t app_id[20];
    struct eth_register r;

    memset(&r, 0, sizeof r);
    r.proof.purpose = am_str_of("ethereum");
    address(c, "cluster", cluster);
    address(c, "member_contract", r.member);
    address(c, "kms_root_address", want_root);
    vec_fixed(c, "app_id", app_id, 20);
    CHECK(memcmp(app_id, r.member, 20) == 0);
    vec_fixed(c, "derived_private_key", secret, 32);
    vec_fixed(c, "x_pub", r.x_pub, 32);
    vec_fixed(c, "wg_pub", r.wg_pub, 32);
    vec_same_text(p, "purpose", "ethereum");

    am_code_id(r.proof.code_id, r.member);
    vec_same(p, "codeId", r.proof.code_id, 32);
    am_bind_hash(r.proof.message_hash, cluster, r.member, r.x_pub, r.wg_pub);
    vec_same(c, "bind_hash", r.proof.message_hash, 32);
    vec_same(p, "messageHash", r.proof.message_hash, 32);
    CHECK(am_secp_pub(r.proof.derived_pub, secret, NULL) == AM_OK);
    vec_same(p, "derivedCompressedPubkey", r.proof.derived_pub, 33);
    am_eip191_32(digest, r.proof.message_hash);
    CHECK(am_secp_sign(r.proof.message_sig, digest, secret, AM_V_ETH, NULL) == AM_OK);
    vec_same(p, "messageSignature", r.proof.message_sig, 65);
    CHECK(am_secp_recover_address(signer, digest, r.proof.message_sig, AM_V_ETH, NULL) == AM_OK);
    CHECK(am_address_of_secret(own, secret, NULL) == AM_OK && memcmp(own, signer, 20) == 0);
    CHECK(am_dstack_chain(r.proof.app_pub, root, r.proof.app_sig, r.proof.kms_sig, r.proof.purpose,
                          r.proof.derived_pub, app_id, vec_hex(json_array_get(chain, 0)),
                          vec_hex(json_array_get(chain, 1)), NULL) == AM_OK);
    CHECK(memcmp(root, want_root, 20) == 0);
    vec_same(p, "appSignature", r.proof.app_sig, 65);
    vec_same(p, "kmsSignature", r.proof.kms_sig, 65);
    vec_same(p, "appCompressedPubkey", r.proof.app_pub, 33);
    check_calls(c, &r, cluster);
    damage_chain(c, r.proof.derived_pub, app_id, want_root, 0);
    damage_chain(c, r.proof.derived_pub, app_id, want_root, 1);
}

/* A PackedUserOperation out of the JSON-RPC form. */
static void
pack(const json_t *u, struct eth_op *op, struct eth_buf *init, struct eth_buf *paymaster)
{
    uint8_t a[32], b[32], who[20];
    struct eth_enc e;

    memset(op, 0, sizeof *op);
    address(u, "sender", op->sender);
    vec_word(u, "nonce", op->nonce);
    op->call_data = vec_bin(u, "callData");
    vec_word(u, "verificationGasLimit", a);
    vec_word(u, "callGasLimit", b);
    CHECK(eth_op_pair(op->account_gas_limits, a, b, "gas", NULL) == AM_OK);
    vec_word(u, "maxPriorityFeePerGas", a);
    vec_word(u, "maxFeePerGas", b);
    CHECK(eth_op_pair(op->gas_fees, a, b, "fees", NULL) == AM_OK);
    vec_word(u, "preVerificationGas", op->pre_verification_gas);
    if (!vec_null(u, "factory")) {
        struct am_bin data = vec_bin(u, "factoryData");

        address(u, "factory", who);
        eth_enc_start(&e, init);
        eth_enc_bin(&e, who, 20);
        eth_enc_bin(&e, data.p, data.len);
        CHECK(eth_enc_end(&e, 0, "initCode", NULL) == AM_OK);
    }
    op->init_code = eth_bin(init);
    if (!vec_null(u, "paymaster")) {
        address(u, "paymaster", who);
        vec_word(u, "paymasterVerificationGasLimit", a);
        vec_word(u, "paymasterPostOpGasLimit", b);
        CHECK(eth_op_paymaster(paymaster, who, a, b, vec_bin(u, "paymasterData"), NULL) == AM_OK);
    }
    op->paymaster_and_data = eth_bin(paymaster);
}

static void
check_split(const json_t *u, const struct eth_op *op)
{
    uint8_t who[20], want[20], v[32], p[32], word[32];
    struct am_bin data;
    int rc = eth_op_paymaster_split(who, v, p, &data, op->paymaster_and_data, NULL);

    if (vec_null(u, "paymaster")) {
        CHECK(rc == AM_NOT_FOUND);
        return;
    }
    CHECK(rc == AM_OK);
    address(u, "paymaster", want);
    CHECK(memcmp(who, want, 20) == 0);
    vec_word(u, "paymasterVerificationGasLimit", word);
    CHECK(memcmp(v, word, 32) == 0);
    vec_word(u, "paymasterPostOpGasLimit", word);
    CHECK(memcmp(p, word, 32) == 0);
    CHECK(am_bin_eq(data, vec_bin(u, "paymasterData")));
    CHECK(eth_op_paymaster_split(who, v, p, &data, am_bin_of(op->paymaster_and_data.p, 51), NULL) ==
          AM_INVALID_ARGUMENT);
}

void
vec_userop(const json_t *c)
{
    static uint8_t init_bytes[VEC_MAX], paymaster_bytes[VEC_MAX];
    struct eth_buf init = ETH_BUF(init_bytes), paymaster = ETH_BUF(paymaster_bytes);
    const json_t *u = vec_field(c, "user_operation");
    uint64_t chain_id = vec_u64(c, "chain_id");
    uint8_t hash[32], other[32], digest[32], secret[32], sig[65], owner[20], who[20];
    struct eth_op op;

    pack(u, &op, &init, &paymaster);
    eth_op_hash(hash, &op, eth_entry_point_v07, chain_id);
    vec_same(c, "user_op_hash", hash, 32);
    vec_fixed(c, "owner_private_key", secret, 32);
    am_eip191_32(digest, hash);
    CHECK(am_secp_sign(sig, digest, secret, AM_V_ETH, NULL) == AM_OK);
    vec_same(c, "signature", sig, 65);
    address(c, "owner_address", owner);
    CHECK(am_secp_recover_address(who, digest, sig, AM_V_ETH, NULL) == AM_OK);
    CHECK(memcmp(who, owner, 20) == 0);
    check_split(u, &op);
    /* Damaged: another chain, nonce or call is another operation. */
    eth_op_hash(other, &op, eth_entry_point_v07, chain_id + 1);
    CHECK(memcmp(other, hash, 32) != 0);
    op.nonce[31] ^= 1;
    eth_op_hash(other, &op, eth_entry_point_v07, chain_id);
    CHECK(memcmp(other, hash, 32) != 0);
    high_s(sig);
    CHECK(am_secp_recover_address(who, digest, sig, AM_V_ETH, NULL) == AM_INVALID_ARGUMENT);
}
