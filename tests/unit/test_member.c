/*  test_member -- ids, registration, KMS chains and envelopes: the worked examples.  */
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/eth/eth_call.h"
#include "../../common/wire/am_cbor.h"
#include "../../common/wire/am_dstack.h"
#include "../../common/wire/am_envelope.h"
#include "../../common/wire/am_heartbeat.h"
#include "../../common/wire/am_member.h"
#include "../../common/wire/am_peer.h"
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
same(const void *got, size_t len, const char *want)
{
    cr_assert(am_bin_eq(am_bin_of(got, len), hex(want)), "expected %s", want);
}

Test(member, ids_and_addresses_of_the_live_cluster)
{
    static const uint8_t low[20] = {[19] = 0x0a}, high[20] = {[19] = 0x0b};
    uint8_t id[32], hash[32];
    uint32_t ip;

    am_keccak256(hash, "attestmesh.attestor.dstack", 26);
    cr_assert_arr_eq(hash, am_attestor_dstack, 32);
    am_keccak256(hash, "attestmesh.attestor.operator", 28);
    cr_assert_arr_eq(hash, am_attestor_operator, 32);
    am_keccak256(hash, "attestmesh.peer-endpoint.v1", 27);
    cr_assert_arr_eq(hash, am_peer_kind, 32);
    am_member_id(id, hex("A46273adC86c772C7D8daE896a5fbfdDA2B6ccFA").p,
                 hex("54e63929b4d8d09d3c9e3019d54bd20e289ed985").p, am_attestor_dstack);
    same(id, 32, "6c576be9dd0cbeef6fbcbda1325682c6da90c507e49f14f4c52addb19cee5ea6");
    cr_assert_eq(am_mesh_ip(&ip, id, 168624128, 16, NULL), AM_OK);
    cr_assert_eq(ip, 10u << 24 | 13u << 16 | 46u << 8 | 241u);
    am_member_id(id, low, high, am_attestor_dstack);
    same(id, 32, "996da70098511dba14f5ee13814851bc5bbbad55a781b28ac648c625d2a5e1b3");
    cr_assert_eq(am_mesh_ip(&ip, id, 168624128, 16, NULL), AM_OK);
    cr_assert_eq(ip, 10u << 24 | 13u << 16 | 121u << 8 | 162u);
    for (uint8_t prefix = 31; prefix < 40; prefix++)
        cr_assert_eq(am_mesh_ip(&ip, id, 168624128, prefix, NULL), AM_OUT_OF_RANGE);
    cr_assert_eq(am_mesh_ip(&ip, id, 0, 0, NULL), AM_OK);
}

Test(member, registration_of_the_protocol_page)
{
    static const uint8_t cluster[20] = {[19] = 0x0a};
    uint8_t root[20], secret[32] = {0}, digest[32], out[1100], app_pub[33], sig[65];
    struct eth_buf b = ETH_BUF(out);
    struct eth_register r = {.member = {[19] = 0x0b}};

    r.proof.purpose = am_str_of("ethereum");
    memset(r.x_pub, 0x11, 32);
    memset(r.wg_pub, 0x22, 32);
    am_code_id(r.proof.code_id, r.member);
    am_bind_hash(r.proof.message_hash, cluster, r.member, r.x_pub, r.wg_pub);
    same(r.proof.message_hash, 32,
         "2de4c55a4fed77e1a8b1423735d699b594f71eca394ed97a14293b0a61b37d84");
    secret[31] = 3;
    cr_assert_eq(am_secp_pub(r.proof.derived_pub, secret, NULL), AM_OK);
    am_eip191_32(digest, r.proof.message_hash);
    same(digest, 32, "aae970bd94404a8bbf23bd015d4ffdc6dacd9b2ec51f97c95b5fda782ce496c7");
    cr_assert_eq(am_secp_sign(r.proof.message_sig, digest, secret, AM_V_ETH, NULL), AM_OK);
    secret[31] = 2; /* the app key signs, the agent gives v 0/1 */
    cr_assert_eq(am_dstack_app_digest(digest, r.proof.purpose, AM_BIN(r.proof.derived_pub), NULL),
                 AM_OK);
    same(digest, 32, "40056784f2805198c5a94eb28b83854c874601493ce4b528617b5e1c39390667");
    cr_assert_eq(am_secp_sign(r.proof.app_sig, digest, secret, AM_V_RECID, NULL), AM_OK);
    cr_assert_eq(am_secp_pub(app_pub, secret, NULL), AM_OK);
    secret[31] = 1; /* the KMS root */
    am_dstack_kms_digest(digest, r.member, app_pub);
    same(digest, 32, "9ea02cd7af9730c9a22b495172dca5bc265750566941a5c1555aa5a539830b62");
    cr_assert_eq(am_secp_sign(sig, digest, secret, AM_V_RECID, NULL), AM_OK);
    memcpy(out, r.proof.app_sig, 65);
    cr_assert_eq(am_dstack_chain(r.proof.app_pub, root, r.proof.app_sig, r.proof.kms_sig,
                                 r.proof.purpose, r.proof.derived_pub, r.member, am_bin_of(out, 65),
                                 AM_BIN(sig), NULL),
                 AM_OK);
    same(root, 20, "7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
    cr_assert_eq(eth_call_register(&b, &r, NULL), AM_OK);
    same(out, b.len, EX_REGISTER);
}

Test(member, indexer_identity_report_data_and_ids)
{
    uint8_t csk[32], seed[32], pub[32], report[64], id[32], cluster[20], member[20], keys[3][32];
    static const uint8_t one = 1;

    memset(csk, 0x42, 32);
    am_csk_commitment(id, csk);
    same(id, 32, "1874b9acfaca383a76e8f7253bdb183902f36254b1e5e452ac78228db63e93f3");
    cr_assert_eq(am_indexer_seed(seed, csk, NULL), AM_OK);
    same(seed, 32, "02912771d9c974f4e9b1869f2c1dac643a49a7d4d3a0226086370bbbc35d5ead");
    cr_assert_eq(am_ed25519_pub(pub, seed, NULL), AM_OK);
    same(pub, 32, "a65105b676c6ff97f046e8b23b86df52a41693be5f754d12c023de20765dbcfc");
    memset(cluster, 0x11, 20);
    memset(member, 0x22, 20);
    for (size_t i = 0; i < 3; i++)
        memset(keys[i], (int)(0x33 + 0x11 * i), 32);
    am_report_data_node(report, cluster, member, keys[0], keys[1], keys[2], am_bin_of(&one, 1));
    same(report, 64,
         "e51f5fe8d07d2dae4dc58fb1e7beb30b9db6e4b6d8dbdf9ae19174cd7fc5ec15"
         "5fe7f977e71dba2ea1a68e21057beebb9be2ac30c6410aa38d4f3fbe41dcffd2");
    am_report_data_node(report, cluster, member, keys[0], keys[1], keys[2], am_bin_of(NULL, 0));
    cr_assert(am_is_zero(report + 32, 32));
    memset(pub, 0x11, 32);
    am_report_data_indexer(report, pub, false);
    same(report, 32, "38aca63844c19abfd5f213690cc917033d9bcd61bd5c669cda4ca856df048cce");
    am_report_data_indexer(report, pub, true);
    same(report, 32, "77f30fe1f5c318ecbc3a3deb9ddffda7b342d00ac20338d7f2f1ce12dda5dd5e");
    memset(id, 1, 32);
    am_envelope_id_peer(seed, id, 1700000000000);
    same(seed, 32, "db6081e47dd96e2a608428b5332db3a65c8806b135d656e0c0e60e91bfe1bbbd");
    am_owner_sender_id(seed, member);
    same(seed, 32, "7cd32d0746775971dab50c2bf8be576ebee0e064d587552c58479e7132c9c1d3");
}

Test(member, send_and_message_of_the_protocol_page)
{
    uint8_t out[300], to[32], id[32];
    struct eth_buf b = ETH_BUF(out);
    struct am_bin sealed =
        hex("50a61409b1ddd0325e9b16b700e719e9772c07000b1bd7786e907c653d20495db81e"
            "26eaaea60c6f7bf85c589d59ad59b9a9fdd481");
    struct eth_log log = {.topic_count = 4, .data = hex(EX_MESSAGE_SENT)};
    struct eth_event e;

    memset(to, 1, 32);
    am_envelope_id_peer(id, to, 1700000000000);
    cr_assert_eq(eth_call_send(&b, to, id, sealed, NULL), AM_OK);
    same(out, b.len, EX_SEND);
    eth_topic(log.topics[0], ETH_EVENT_MessageSent);
    cr_assert_eq(eth_log_decode(&e, &log, NULL), AM_OK);
    cr_assert(am_bin_eq(e.u.message_sent.ciphertext, sealed));
}

/* dstack page 7, V-B, from the KMS root down, and V-C. */
Test(dstack, chains_of_the_dstack_page)
{
    struct am_bin root = hex("4b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212101");
    struct am_bin app_id = hex("a9019d1b2c3d4e5f60718293a4b5c6d7e8f90a1b"), none = {NULL, 0};
    struct am_bin chain0 =
        hex("77ae5ea476f00df11938fd1df3a65a4fbd9f92b64c816b9f29ee79a1e4ae74ed43269a36"
            "376b4ed838460ef3b56ba553cefa6e63def4a4487386f783f14295a001");
    struct am_bin chain1 =
        hex("00ac321fbbe6817c5de0720644e936b20046ff1c9226e0558a9c86856e8a1dd06bb7a7ef"
            "ae1cf3ec522553c28627ea96c139d5dc9cdd5a1898c2406c074438d800");
    uint8_t app[32], key[32], pub[33], app_pub[33], signer[20], want[20], digest[32], sig[65];
    uint8_t a[65], k[65];
    struct am_str purpose = am_str_of("signing");

    cr_assert_eq(am_dstack_app_key(app, root.p, app_id.p, NULL), AM_OK);
    same(app, 32, "2ae51b5c23b22c9b9dc0b8263a8b0b5f003e6d6fbc60c7ebb88696136a4dac0b");
    cr_assert_eq(am_dstack_key(key, app, am_str_of("vms"), NULL), AM_OK);
    same(key, 32, "95c8e9f38d09b353ae49b806a17a0a72d5f96d208d5e0fec93e4b391a01c078b");
    cr_assert_eq(am_secp_pub(pub, key, NULL), AM_OK);
    cr_assert_eq(am_dstack_app_digest(digest, purpose, AM_BIN(pub), NULL), AM_OK);
    cr_assert_eq(am_secp_sign(sig, digest, app, AM_V_RECID, NULL), AM_OK);
    cr_assert(am_bin_eq(AM_BIN(sig), chain0));
    cr_assert_eq(am_secp_pub(app_pub, app, NULL), AM_OK);
    am_dstack_kms_digest(digest, app_id.p, app_pub);
    cr_assert_eq(am_secp_sign(sig, digest, root.p, AM_V_RECID, NULL), AM_OK);
    cr_assert(am_bin_eq(AM_BIN(sig), chain1));
    cr_assert_eq(am_address_of_secret(want, root.p, NULL), AM_OK);
    cr_assert_eq(
        am_dstack_chain(app_pub, signer, a, k, purpose, pub, app_id.p, chain0, chain1, NULL),
        AM_OK);
    cr_assert_arr_eq(signer, want, 20);
    same(app_pub, 33, "03f8669c2bf08c4deeb712b81d456cd1eadbf97872dfc5d5ca916edf605fc5b6fe");
    cr_assert(a[64] == 28 && k[64] == 27);
    cr_assert_eq(am_dstack_chain(app_pub, signer, a, k, purpose, pub, app_id.p, chain0, none, NULL),
                 AM_FAILED_PRECONDITION);
    cr_assert(am_is_zero(a, 65) && am_is_zero(app_pub, 33));
    cr_assert_eq(am_dstack_chain(app_pub, signer, a, k, am_str_of("other"), pub, app_id.p, chain0,
                                 chain1, NULL) == AM_OK &&
                     memcmp(signer, want, 20) == 0,
                 0);
    cr_assert_eq(am_dstack_app_digest(digest, purpose, am_bin_of(pub, 31), NULL),
                 AM_INVALID_ARGUMENT);

    cr_assert_eq(am_dstack_key(
                     key, hex("1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b").p,
                     am_str_of("test"), NULL),
                 AM_OK);
    same(key, 32, "52786aa123b0971e283af97f32e25767483d099d66e6c40afeb3a49046b5379e");
}

/* dstack page 7, V-A, first row; the ed25519 row signs a 32-byte public key. */
Test(dstack, links_of_the_simulator_fixture)
{
    uint8_t pub[33], key[33], digest[32], address[20], sig[65];

    cr_assert_eq(
        am_secp_pub(pub, hex("b9fbb7171185c421c58610a2acba8ceae93623ae47815618cbad1e98fc042cb7").p,
                    NULL),
        AM_OK);
    same(pub, 33, "02c1082e78670feed1c847db81dbd71be37e4d53200a746c0a89f0afa8173cf566");
    cr_assert_eq(am_address_of_pub(address, AM_BIN(pub), NULL), AM_OK);
    same(address, 20, "57F8f3FEDCa49083aa3185d681B646BB215E63d7");
    cr_assert_eq(am_dstack_app_digest(digest, am_str_of("test-purpose"), AM_BIN(pub), NULL), AM_OK);
    same(digest, 32, "4603d281e7a23e79c1291881909fad310d0a86c87756fb98f1d6a3f3cc18dccc");
    cr_assert_eq(
        am_secp_recover(pub, digest,
                        hex("f50c51735a97072f0c98125ed61fc84e2fdb36e95990b9e57337dadc0e2a971222"
                            "7f04e07209faecb8891d59ec144a6c13e411dc90b3423f28071bd3fe11978d01")
                            .p,
                        AM_V_RECID, NULL),
        AM_OK);
    cr_assert_eq(am_dstack_app_digest(
                     digest, am_str_of("test"),
                     hex("50c1bfb9452a56317338272a252bd7430b38843d10fa4d491351a434a13bdc21"), NULL),
                 AM_OK);
    memcpy(sig,
           hex("7752352aa2ad8b337a3845661073fb42ef1b1d3313d8ce0b8976ccc21505e0c62e79eb7aaf9b51768b0"
               "f9762e6"
               "2098710ce4e8cabd450670b2fb0040e8551cb300")
               .p,
           65);
    cr_assert_eq(am_secp_recover(key, digest, sig, AM_V_RECID, NULL), AM_OK);
    cr_assert_arr_eq(key, pub, 33, "both rows are signed by the one app key");
}

Test(envelope, worked_examples)
{
    uint8_t digest[32], seed[32], sig[64], out[700], cluster[20], tx[32], wrong[1] = {0};
    char params[AM_REPRO_MAX];
    struct am_envelope e = {.event_data = hex(EX_EVENT_DATA),
                            .cluster = AM_BIN(cluster),
                            .tx_hash = AM_BIN(tx),
                            .block_number = 4242,
                            .log_index = 3,
                            .repro_method = am_str_of(AM_REPRO_METHOD)};
    struct eth_log log;
    size_t len;

    memset(cluster, 0xc1, 20);
    memset(tx, 0xbb, 32);
    memset(seed, 7, 32);
    cr_assert_eq(eth_log_unrlp(&log, e.event_data, NULL), AM_OK);
    cr_assert_eq(am_repro_params(params, sizeof params, &log, 4242, NULL), AM_OK);
    e.repro_params = am_str_of(params);
    cr_assert_eq(am_envelope_cbor(out, sizeof out, &len, &e, NULL), AM_OK);
    same(out, len, EX_ENVELOPE_CBOR);
    am_envelope_digest(digest, &e);
    same(digest, 32, "62ef3720e793c383d749910a376905bb868ef5c137dd1f61a1a148d293709ba2");
    cr_assert_eq(am_ed25519_sign(sig, digest, 32, seed, NULL), AM_OK);
    same(sig, 64,
         "74cbd3fb7ea6ee9789bb30bd0acafcaccb7266012607f344d91891ffe39dd2708528c0a60e293705bdc0"
         "c681bfd703c8c13fa788daff8000517169eef298ee0a");
    cr_assert(!am_envelope_is_checkpoint(&e));
    e = (struct am_envelope){
        .cluster = AM_BIN(cluster), .block_number = 1234, .log_index = AM_CHECKPOINT_INDEX};
    cr_assert(am_envelope_is_checkpoint(&e));
    cr_assert_eq(am_envelope_cbor(out, sizeof out, &len, &e, NULL), AM_OK);
    same(out, len, EX_CHECKPOINT_CBOR);
    am_envelope_digest(digest, &e);
    same(digest, 32, "67b6e1952d14471c920923d2259742b8d6ebee06b96d272b1b544d60475f9bf8");
    e.log_index--;
    cr_assert(!am_envelope_is_checkpoint(&e));
    e.log_index++;
    e.tx_hash = AM_BIN(wrong);
    cr_assert(!am_envelope_is_checkpoint(&e));
}
