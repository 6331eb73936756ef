/*  vec_wire -- golden data of member ids, heartbeats, peer endpoints and indexer envelopes.  */
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/wire/am_envelope.h"
#include "../../common/wire/am_heartbeat.h"
#include "../../common/wire/am_member.h"
#include "../../common/wire/am_peer.h"
#include "vec.h"

#include <string.h>

void
vec_member(const json_t *c)
{
    uint8_t cluster[20], member[20], attestor[32], id[32], other[32];
    uint32_t ip;
    uint32_t cidr = (uint32_t)vec_u64(c, "cidr_ip");
    uint8_t prefix = (uint8_t)vec_u64(c, "cidr_prefix");

    vec_fixed(c, "cluster", cluster, 20);
    vec_fixed(c, "member_contract", member, 20);
    vec_fixed(c, "attestor_id", attestor, 32);
    CHECK(memcmp(attestor, am_attestor_dstack, 32) == 0 ||
          memcmp(attestor, am_attestor_operator, 32) == 0);
    am_member_id(id, cluster, member, attestor);
    vec_same(c, "member_id", id, 32);
    CHECK(am_mesh_ip(&ip, id, cidr, prefix, NULL) == AM_OK && ip == vec_u64(c, "mesh_ip"));
    CHECK(am_mesh_ip(&ip, id, cidr, 31, NULL) == AM_OUT_OF_RANGE && ip == 0);
    CHECK(am_mesh_ip(&ip, id, cidr, 32, NULL) == AM_OUT_OF_RANGE);
    am_member_id(other, member, cluster, attestor);
    CHECK(memcmp(other, id, 32) != 0);
}

static void
damage_heartbeat(struct am_bin cbor, const struct am_heartbeat *want, const uint8_t pub[static 32])
{
    static struct am_heartbeat got;
    static uint8_t copy[AM_HEARTBEAT_MAX + 1];

    for (size_t cut = 0; cut < cbor.len; cut++)
        CHECK(am_heartbeat_decode(&got, am_bin_of(cbor.p, cut), NULL) == AM_INVALID_ARGUMENT);
    memcpy(copy, cbor.p, cbor.len);
    if (cbor.len < AM_HEARTBEAT_MAX) { /* v1 ignores what follows */
        copy[cbor.len] = 0;
        CHECK(am_heartbeat_decode(&got, am_bin_of(copy, cbor.len + 1), NULL) == AM_OK);
        CHECK(memcmp((const uint8_t *)&got, (const uint8_t *)want, sizeof got) == 0);
    }
    got = *want;
    got.timestamp_ms ^= 1;
    CHECK(am_heartbeat_verify(&got, pub, NULL) == AM_UNAUTHENTICATED);
    got = *want;
    got.signature[63] ^= 0x10;
    CHECK(am_heartbeat_verify(&got, pub, NULL) == AM_UNAUTHENTICATED);
    got = *want;
    got.sender[0] ^= 1;
    CHECK(am_heartbeat_verify(&got, pub, NULL) == AM_UNAUTHENTICATED);
    got = *want;
    got.version = 2;
    CHECK(am_heartbeat_verify(&got, pub, NULL) == AM_UNIMPLEMENTED);
    if (want->id_count > 0) {
        got = *want;
        got.id_count--;
        CHECK(am_heartbeat_verify(&got, pub, NULL) == AM_UNAUTHENTICATED);
    }
}

void
vec_heartbeat(const json_t *c)
{
    static struct am_heartbeat h, got;
    static uint8_t out[AM_HEARTBEAT_MAX];
    const json_t *ids = vec_field(c, "connected_member_ids"), *id;
    struct am_bin cbor;
    uint8_t seed[32], pub[32], digest[32];
    struct am_error err = {0};
    size_t i, len;

    memset(&h, 0, sizeof h);
    h.version = (uint8_t)vec_u64(c, "version");
    vec_fixed(c, "sender_member_id", h.sender, 32);
    h.timestamp_ms = vec_u64(c, "timestamp_ms");
    CHECK(json_array_size(ids) <= AM_HEARTBEAT_IDS);
    json_array_foreach(ids, i, id)
    {
        struct am_bin b = vec_hex(id);

        CHECK(b.len == 32);
        if (b.len == 32 && h.id_count < AM_HEARTBEAT_IDS)
            memcpy(h.ids[h.id_count++], b.p, 32);
    }
    am_heartbeat_digest(digest, h.version, h.sender, h.timestamp_ms, h.ids[0], h.id_count);
    vec_same(c, "digest", digest, 32);
    vec_fixed(c, "ed25519_seed", seed, 32);
    CHECK(am_ed25519_pub(pub, seed, NULL) == AM_OK);
    vec_same(c, "ed25519_pub", pub, 32);
    CHECK(am_ed25519_sign(h.signature, digest, 32, seed, NULL) == AM_OK);
    vec_same(c, "signature", h.signature, 64);
    CHECK(am_heartbeat_encode(out, sizeof out, &len, &h, NULL) == AM_OK);
    vec_same(c, "cbor", out, len);
    cbor = vec_bin(c, "cbor"); /* only now: the ids went through the same ring of buffers */
    CHECK(am_heartbeat_encode(out, len - 1, &len, &h, NULL) == AM_RESOURCE_EXHAUSTED && len == 0);
    vec_check(am_heartbeat_decode(&got, cbor, &err) == AM_OK, err.text);
    CHECK(memcmp((const uint8_t *)&got, (const uint8_t *)&h, sizeof h) == 0);
    CHECK(am_heartbeat_verify(&got, pub, NULL) == AM_OK);
    damage_heartbeat(cbor, &h, pub);
}

static void
damage_peer(struct am_bin cbor, const struct am_peer_endpoint *want)
{
    struct am_peer_endpoint got;
    static uint8_t copy[VEC_MAX];

    for (size_t cut = 0; cut < cbor.len; cut++)
        CHECK(am_peer_decode(&got, am_bin_of(cbor.p, cut), NULL) == AM_INVALID_ARGUMENT);
    memcpy(copy, cbor.p, cbor.len);
    copy[cbor.len] = 0xff;
    CHECK(am_peer_decode(&got, am_bin_of(copy, cbor.len + 1), NULL) == AM_OK);
    CHECK(memcmp((const uint8_t *)&got, (const uint8_t *)want, sizeof got) == 0);
    copy[9] ^= 1; /* the first value of `kind`, behind 18 */
    CHECK(am_peer_decode(&got, am_bin_of(copy, cbor.len), NULL) == AM_NOT_FOUND);
}

void
vec_peer_endpoint(const json_t *c)
{
    struct am_peer_endpoint e, got;
    struct am_bin cbor = vec_bin(c, "cbor");
    uint8_t out[AM_PEER_MAX], kind[32];
    size_t len;

    memset(&e, 0, sizeof e);
    am_keccak256(kind, "attestmesh.peer-endpoint.v1", 27);
    vec_same(c, "kind", kind, 32);
    CHECK(memcmp(kind, am_peer_kind, 32) == 0);
    vec_fixed(c, "member_id", e.member_id, 32);
    vec_fixed(c, "wg_pub", e.wg_pub, 32);
    vec_fixed(c, "ed25519_pub", e.ed25519_pub, 32);
    CHECK(strlen(vec_text(c, "host")) < sizeof e.host);
    strncpy(e.host, vec_text(c, "host"), sizeof e.host - 1);
    e.port = (uint16_t)vec_u64(c, "port");
    if ((e.has_udp_ip = !vec_null(c, "udp_ip")))
        strncpy(e.udp_ip, vec_text(c, "udp_ip"), sizeof e.udp_ip - 1);
    if ((e.has_udp_port = !vec_null(c, "udp_port")))
        e.udp_port = (uint16_t)vec_u64(c, "udp_port");
    CHECK(am_peer_encode(out, sizeof out, &len, &e, NULL) == AM_OK);
    vec_same(c, "cbor", out, len);
    CHECK(am_peer_encode(out, len - 1, &len, &e, NULL) == AM_RESOURCE_EXHAUSTED && len == 0);
    CHECK(am_peer_decode(&got, cbor, NULL) == AM_OK && memcmp(&got, &e, sizeof e) == 0);
    damage_peer(cbor, &e);
}

/* The event's own bytes both ways, and the text that reproduces it. */
static void
check_event(const json_t *c, struct am_envelope *e)
{
    static uint8_t out[VEC_MAX];
    static char params[AM_REPRO_MAX];
    struct eth_buf buf = ETH_BUF(out);
    const json_t *topics = vec_field(c, "topics"), *t;
    struct eth_log log = {.data = vec_bin(c, "data")}, back;
    size_t i;

    memcpy(log.address, e->cluster.p, 20);
    json_array_foreach(topics, i, t)
    {
        struct am_bin b = vec_hex(t);

        CHECK(i < ETH_TOPICS_MAX && b.len == 32);
        if (i < ETH_TOPICS_MAX && b.len == 32)
            memcpy(log.topics[log.topic_count++], b.p, 32);
    }
    CHECK(eth_log_rlp(&buf, &log, NULL) == AM_OK);
    vec_same(c, "event_data", out, buf.len);
    CHECK(eth_log_unrlp(&back, e->event_data, NULL) == AM_OK);
    CHECK(memcmp(back.address, log.address, 20) == 0 && back.topic_count == log.topic_count);
    CHECK(memcmp(back.topics, log.topics, sizeof log.topics) == 0 &&
          am_bin_eq(back.data, log.data));
    for (size_t cut = 0; cut < e->event_data.len; cut++)
        CHECK(eth_log_unrlp(&back, am_bin_of(e->event_data.p, cut), NULL) == AM_INVALID_ARGUMENT);
    out[buf.len] = 0;
    CHECK(eth_log_unrlp(&back, am_bin_of(out, buf.len + 1), NULL) == AM_INVALID_ARGUMENT);
    CHECK(am_repro_params(params, sizeof params, &log, e->block_number, NULL) == AM_OK);
    vec_same_text(c, "rpc_repro_params_json", params);
    vec_same_text(c, "rpc_repro_method", AM_REPRO_METHOD);
    CHECK(am_repro_params(params, strlen(params), &log, e->block_number, NULL) ==
          AM_RESOURCE_EXHAUSTED);
}

void
vec_indexer_envelope(const json_t *c)
{
    static uint8_t cbor[VEC_MAX];
    struct am_envelope e = {.event_data = vec_bin(c, "event_data"),
                            .cluster = vec_bin(c, "cluster_addr"),
                            .tx_hash = vec_bin(c, "tx_hash"),
                            .block_number = vec_u64(c, "block_number"),
                            .log_index = vec_u64(c, "log_index"),
                            .repro_method = am_str_of(vec_text(c, "rpc_repro_method")),
                            .repro_params = am_str_of(vec_text(c, "rpc_repro_params_json"))};
    uint8_t digest[32], seed[32], pub[32], sig[64];
    size_t len, need;

    CHECK(e.cluster.len == 20);
    CHECK(am_envelope_is_checkpoint(&e) == vec_true(c, "checkpoint"));
    if (!vec_true(c, "checkpoint") && e.cluster.len == 20)
        check_event(c, &e);
    CHECK(am_envelope_cbor(NULL, 0, &need, &e, NULL) == AM_OK);
    CHECK(am_envelope_cbor(cbor, sizeof cbor, &len, &e, NULL) == AM_OK && len == need);
    vec_same(c, "signing_cbor", cbor, len);
    CHECK(am_envelope_cbor(cbor, len - 1, &len, &e, NULL) == AM_RESOURCE_EXHAUSTED);
    am_envelope_digest(digest, &e);
    vec_same(c, "signing_input", digest, 32);
    vec_fixed(c, "ed25519_seed", seed, 32);
    CHECK(am_ed25519_pub(pub, seed, NULL) == AM_OK);
    vec_same(c, "ed25519_pub", pub, 32);
    CHECK(am_ed25519_sign(sig, digest, 32, seed, NULL) == AM_OK);
    vec_same(c, "signature", sig, 64);
    CHECK(am_ed25519_verify(sig, digest, 32, pub, NULL) == AM_OK);
    e.block_number++;
    am_envelope_digest(digest, &e);
    CHECK(am_ed25519_verify(sig, digest, 32, pub, NULL) == AM_UNAUTHENTICATED);
}
