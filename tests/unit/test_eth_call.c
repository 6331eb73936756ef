/*  test_eth_call -- what is sent to the contracts and what comes back: calls, operations, logs.  */
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_log.h"
#include "../../common/eth/eth_op.h"
#include "../../common/eth/eth_ret.h"
#include "../../common/eth/eth_rlp.h"
#include "examples.h"

#include <criterion/criterion.h>
#include <string.h>

static struct am_bin
hex(const char *text)
{
    static uint8_t ring[16][4096];
    static size_t next;
    uint8_t *out = ring[next++ % 16];
    size_t len;

    cr_assert_eq(am_unhex_some(out, 4096, &len, am_str_of(text), "test", NULL), AM_OK);
    return (struct am_bin){out, len};
}

static void
same(struct am_bin got, const char *want)
{
    cr_assert(am_bin_eq(got, hex(want)));
}

Test(ret, refuses_nothing_short_and_long)
{
    uint8_t zeros[224] = {0}, ids[2][32], word[32], prefix;
    struct eth_member m;
    struct eth_indexer ix;
    uint64_t v;
    uint32_t ip;
    size_t n;
    bool b;

    for (size_t len = 0; len <= sizeof zeros; len++) {
        struct am_bin d = am_bin_of(zeros, len);

        cr_assert_eq(eth_ret_word(word, d, "t", NULL) == AM_OK, len == 32);
        cr_assert_eq(eth_ret_u64(&v, d, "t", NULL) == AM_OK, len == 32);
        cr_assert_eq(eth_ret_bool(&b, d, "t", NULL) == AM_OK, len == 32);
        cr_assert_eq(eth_ret_member(&m, d, "t", NULL) == AM_OK, len == 160);
        cr_assert_eq(eth_ret_cidr(&ip, &prefix, d, "t", NULL) == AM_OK, len == 64);
        cr_assert_neq(eth_ret_indexer(&ix, d, "t", NULL), AM_OK);
        cr_assert_neq(eth_ret_words(ids, 2, &n, d, "t", NULL), AM_OK);
    }
    zeros[31] = 2;
    cr_assert_eq(eth_ret_bool(&b, am_bin_of(zeros, 32), "t", NULL), AM_INVALID_ARGUMENT);
    zeros[31] = 0x20;
    zeros[63] = 3;
    cr_assert_eq(eth_ret_words(ids, 2, &n, am_bin_of(zeros, 160), "t", NULL),
                 AM_RESOURCE_EXHAUSTED);
    zeros[63] = 2;
    cr_assert_eq(eth_ret_words(ids, 2, &n, am_bin_of(zeros, 128), "t", NULL), AM_OK);
    cr_assert_eq(n, 2);
    zeros[63] = 0;
    cr_assert_eq(eth_ret_words(ids, 2, &n, am_bin_of(zeros, 64), "t", NULL), AM_OK);
    cr_assert_eq(n, 0);
}

Test(ret, nonce_of_another_key_is_refused)
{
    uint8_t key[24] = {9}, word[32];
    uint64_t sequence = 7;

    eth_op_nonce(word, key, 5);
    cr_assert_eq(eth_ret_nonce(&sequence, key, AM_BIN(word), "getNonce", NULL), AM_OK);
    cr_assert_eq(sequence, 5);
    key[23] = 1;
    cr_assert_eq(eth_ret_nonce(&sequence, key, AM_BIN(word), "getNonce", NULL),
                 AM_INVALID_ARGUMENT);
    cr_assert_eq(sequence, 0);
    cr_assert_eq(eth_ret_nonce(&sequence, key, am_bin_of(NULL, 0), "getNonce", NULL),
                 AM_INVALID_ARGUMENT);
}

/* What Multicall3 would answer: (true, 3 bytes), (false, nothing). */
Test(multicall, results_come_back_whole_or_not_at_all)
{
    static const char reply[] = "0000000000000000000000000000000000000000000000000000000000000020"
                                "0000000000000000000000000000000000000000000000000000000000000002"
                                "0000000000000000000000000000000000000000000000000000000000000040"
                                "00000000000000000000000000000000000000000000000000000000000000c0"
                                "0000000000000000000000000000000000000000000000000000000000000001"
                                "0000000000000000000000000000000000000000000000000000000000000040"
                                "0000000000000000000000000000000000000000000000000000000000000003"
                                "aabbcc0000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000040"
                                "0000000000000000000000000000000000000000000000000000000000000000";
    struct eth_result r[3];
    struct am_bin b = hex(reply);

    cr_assert_eq(eth_ret_aggregate3(r, 2, b, "aggregate3", NULL), AM_OK);
    cr_assert(r[0].success && !r[1].success && r[1].data.len == 0);
    same(r[0].data, "aabbcc");
    cr_assert_eq(eth_ret_aggregate3(r, 3, b, "aggregate3", NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(eth_ret_aggregate3(r, 1, b, "aggregate3", NULL), AM_INVALID_ARGUMENT);
    for (size_t cut = 0; cut < b.len; cut++)
        cr_assert_eq(eth_ret_aggregate3(r, 2, am_bin_of(b.p, cut), "aggregate3", NULL),
                     AM_INVALID_ARGUMENT);
}

Test(multicall, call_is_what_solidity_expects)
{
    uint8_t bytes[1024];
    struct eth_buf out = ETH_BUF(bytes);
    struct eth_call3 calls[2] = {{.allow_failure = true, .call_data = hex("11aee380")},
                                 {.call_data = hex("")}};

    calls[0].target[19] = 0x0a;
    calls[1].target[19] = 0x0b;
    cr_assert_eq(eth_call_aggregate3(&out, calls, 2, NULL), AM_OK);
    same(eth_bin(&out), "82ad56cb"
                        "0000000000000000000000000000000000000000000000000000000000000020"
                        "0000000000000000000000000000000000000000000000000000000000000002"
                        "0000000000000000000000000000000000000000000000000000000000000040"
                        "00000000000000000000000000000000000000000000000000000000000000e0"
                        "000000000000000000000000000000000000000000000000000000000000000a"
                        "0000000000000000000000000000000000000000000000000000000000000001"
                        "0000000000000000000000000000000000000000000000000000000000000060"
                        "0000000000000000000000000000000000000000000000000000000000000004"
                        "11aee38000000000000000000000000000000000000000000000000000000000"
                        "000000000000000000000000000000000000000000000000000000000000000b"
                        "0000000000000000000000000000000000000000000000000000000000000000"
                        "0000000000000000000000000000000000000000000000000000000000000060"
                        "0000000000000000000000000000000000000000000000000000000000000000");
    cr_assert_eq(eth_call_aggregate3(&out, calls, ETH_CALLS_MAX + 1, NULL), AM_RESOURCE_EXHAUSTED);
}

Test(op, gas_above_128_bits_is_refused)
{
    uint8_t big[32] = {0}, one[32] = {0}, out[32];

    big[15] = 1;
    one[31] = 1;
    cr_assert_eq(eth_op_pair(out, big, one, "gas", NULL), AM_OUT_OF_RANGE);
    cr_assert_eq(eth_op_pair(out, one, big, "gas", NULL), AM_OUT_OF_RANGE);
    memset(big, 0, 16);
    memset(big + 16, 0xff, 16);
    cr_assert_eq(eth_op_pair(out, big, one, "gas", NULL), AM_OK);
    eth_op_unpair(big, one, out);
    cr_assert(big[16] == 0xff && one[31] == 1 && am_is_zero(big, 16));
}

Test(op, worked_example_of_the_protocol_page)
{
    uint8_t call[256], paymaster[128], inner[64], cluster[20] = {0}, key[32], pm[20], a[32], b[32];
    uint8_t hash[32], digest[32], secret[32] = {0}, sig[65], zero_key[24] = {0};
    struct eth_buf cb = ETH_BUF(call), pb = ETH_BUF(paymaster), ib = ETH_BUF(inner);
    struct eth_op op = {.sender = {0}};

    cluster[19] = 0x0a;
    op.sender[19] = 0x0b;
    secret[31] = 3;
    memset(key, 0x33, 32);
    memset(pm, 0x44, 20);
    cr_assert_eq(eth_call_publish_ed25519(&ib, key, NULL), AM_OK);
    cr_assert_eq(eth_call_execute(&cb, cluster, eth_bin(&ib), NULL), AM_OK);
    same(eth_bin(&cb), EX_OP_CALL);
    eth_op_nonce(op.nonce, zero_key, 7);
    op.call_data = eth_bin(&cb);
    eth_word_u64(a, 100000);
    eth_word_u64(b, 50000);
    cr_assert_eq(eth_op_pair(op.account_gas_limits, a, b, "gas", NULL), AM_OK);
    same(AM_BIN(op.account_gas_limits),
         "000000000000000000000000000186a00000000000000000000000000000c350");
    eth_word_u64(op.pre_verification_gas, 50000);
    eth_word_u64(a, 1000000);
    eth_word_u64(b, 2000000);
    cr_assert_eq(eth_op_pair(op.gas_fees, a, b, "fees", NULL), AM_OK);
    eth_word_u64(a, 65536);
    eth_word_u64(b, 32768);
    cr_assert_eq(eth_op_paymaster(&pb, pm, a, b, hex("deadbeef"), NULL), AM_OK);
    op.paymaster_and_data = eth_bin(&pb);
    eth_op_hash(hash, &op, eth_entry_point_v07, 8453);
    same(AM_BIN(hash), "6fa347fd3b8311a8f583c17bf84165e9a2a5ad8c1ecb7aa8c91c167c20bed2b5");
    am_eip191_32(digest, hash);
    cr_assert_eq(am_secp_sign(sig, digest, secret, AM_V_ETH, NULL), AM_OK);
    same(AM_BIN(sig), "26bcaa288852a9bf3ef78c7b7894b7b7840cd203ce7fc21f2b64f8b3f35e9c2c084f146ce40"
                      "6c7b7df6ea4ec6061d3a9276518b06758b58453446d7eee22d5ed1b");
}

Test(log, op_event_and_revert_reason)
{
    struct eth_log log = {.topic_count = 4};
    struct eth_event e;
    uint8_t data[160] = {0};

    eth_topic(log.topics[0], ETH_EVENT_UserOperationEvent);
    log.topics[2][31] = 0x0b;
    data[31] = 7;
    data[63] = 1;
    data[127] = 9;
    log.data = am_bin_of(data, 128);
    cr_assert_eq(eth_log_decode(&e, &log, NULL), AM_OK);
    cr_assert(e.u.user_operation.success && e.u.user_operation.sender[19] == 0x0b);
    cr_assert(e.u.user_operation.nonce[31] == 7 && e.u.user_operation.gas_used[31] == 9);
    data[63] = 2; /* neither true nor false */
    cr_assert_eq(eth_log_decode(&e, &log, NULL), AM_INVALID_ARGUMENT);
    log.topics[2][0] = 1; /* no address */
    data[63] = 0;
    cr_assert_eq(eth_log_decode(&e, &log, NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(e.id, ETH_EVENT_none);

    log = (struct eth_log){.topic_count = 3};
    eth_topic(log.topics[0], ETH_EVENT_UserOperationRevertReason);
    memset(data, 0, sizeof data);
    data[63] = 0x40;
    data[95] = 4;
    memcpy(data + 96, hex("3d30ea79").p, 4);
    log.data = am_bin_of(data, 128);
    cr_assert_eq(eth_log_decode(&e, &log, NULL), AM_OK);
    cr_assert_eq(eth_error_of(e.u.user_operation_reverted.reason), ETH_ERROR_NotOurMember);
}

Test(call, cluster_and_member_deployment_shapes)
{
    uint8_t bytes[1024], salt[32] = {5}, hashes[1][32] = {{7}}, who[20] = {3};
    struct eth_buf out = ETH_BUF(bytes);
    struct eth_cluster_init init = {.compose_hashes = (const uint8_t(*)[32])hashes,
                                    .compose_count = 1,
                                    .allow_any_device = true,
                                    .cidr_ip = 0x0a0d0000,
                                    .cidr_prefix = 16};
    struct eth_dec d, tuple, list;
    uint64_t ip;
    uint8_t word[32];
    bool b;
    size_t n;

    cr_assert_eq(eth_call_cluster(&out, ETH_FN_deployCluster, &init, salt, NULL), AM_OK);
    cr_assert_eq(eth_fn_of(eth_bin(&out)), ETH_FN_deployCluster);
    eth_dec_start(&d, am_bin_of(bytes + 4, out.len - 4), 2, "deployCluster", NULL);
    eth_dec_enter(&tuple, &d, 9);
    eth_dec_word(&tuple, word);
    eth_dec_word(&tuple, word);
    eth_dec_array(&list, &tuple, 1, 8, &n);
    cr_assert_eq(n, 1);
    eth_dec_word(&list, word);
    cr_assert_eq(word[0], 7);
    eth_dec_leave(&tuple, &list);
    eth_dec_array(&list, &tuple, 1, 8, &n);
    eth_dec_leave(&tuple, &list);
    eth_dec_bool(&tuple, &b);
    cr_assert(b);
    eth_dec_bool(&tuple, &b);
    eth_dec_u64(&tuple, UINT32_MAX, &ip);
    cr_assert_eq(ip, 0x0a0d0000);
    eth_dec_u64(&tuple, 32, &ip);
    eth_dec_word(&tuple, word);
    eth_dec_leave(&d, &tuple);
    eth_dec_word(&d, word);
    cr_assert_arr_eq(word, salt, 32);
    cr_assert_eq(eth_dec_end(&d), AM_OK);

    out.len = 0;
    cr_assert_eq(eth_call_member(&out, ETH_FN_deployMember, who, salt, NULL), AM_OK);
    cr_assert_eq(out.len, 68);
    out.len = 0;
    cr_assert_eq(eth_call_upgrade(&out, who, am_bin_of(salt, 4), NULL), AM_OK);
    cr_assert_eq(out.len, 4 + 4 * 32);
    out.len = 0;
    cr_assert_eq(eth_call_facet_address(&out, ETH_FN_publishEd25519Key, NULL), AM_OK);
    same(eth_bin(&out), "cdffacc6cedc29c200000000000000000000000000000000000000000000000000000000");
}

Test(call, parsers_name_another_function)
{
    struct eth_execute x;
    struct am_error err = {0};
    uint8_t word[32];

    cr_assert_eq(eth_parse_execute(&x, hex(EX_SEND), &err), AM_NOT_FOUND);
    cr_assert(strstr(err.text, "got send") != NULL);
    cr_assert_eq(eth_parse_execute(&x, hex(""), NULL), AM_NOT_FOUND);
    cr_assert_eq(eth_parse_word(word, ETH_FN_setCskCommitment, hex("3eeb8ee8"), NULL),
                 AM_INVALID_ARGUMENT);
}

Test(ret, indexer_and_boot_gate_answers)
{
    uint8_t bytes[512];
    struct eth_buf out = ETH_BUF(bytes);
    struct eth_enc e;
    struct eth_indexer ix;
    struct am_str reason;
    bool allowed = true;
    size_t hole;

    eth_enc_start(&e, &out);
    hole = eth_enc_hole(&e);
    eth_enc_u64(&e, 1);
    eth_enc_u64(&e, 2);
    eth_enc_u64(&e, 3);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, am_bin_of("https://i", 9));
    cr_assert_eq(eth_enc_end(&e, 0, "t", NULL), AM_OK);
    cr_assert_eq(eth_ret_indexer(&ix, eth_bin(&out), "current", NULL), AM_OK);
    cr_assert(am_str_eq(ix.endpoint, "https://i") && ix.updated_at == 3);
    for (size_t cut = 0; cut < out.len; cut++)
        cr_assert_neq(eth_ret_indexer(&ix, am_bin_of(bytes, cut), "current", NULL), AM_OK);

    out.len = 0;
    eth_enc_start(&e, &out);
    eth_enc_bool(&e, false);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, am_bin_of("device not allowed", 18));
    cr_assert_eq(eth_ret_app_allowed(&allowed, &reason, eth_bin(&out), "isAppAllowed", NULL),
                 AM_OK);
    cr_assert(!allowed && am_str_eq(reason, "device not allowed"));
    bytes[out.len - 1] = 1; /* padding */
    cr_assert_eq(eth_ret_app_allowed(&allowed, &reason, eth_bin(&out), "isAppAllowed", NULL),
                 AM_INVALID_ARGUMENT);
}
