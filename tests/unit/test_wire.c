/*  test_wire -- v1's formats: refusals and tolerance first, then the worked examples.  */
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

/* The heartbeat of the protocol page, entry by entry, with room for what a test wants changed. */
static size_t
beat(uint8_t *out, const char *extra_before, const char *sender_head, const char *tail)
{
    struct am_bin parts[] = {
        hex("a2677061796c6f6164"),
        hex(extra_before), /* map head and entries in front */
        hex("6776657273696f6e01"),
        hex("7073656e6465725f6d656d6265725f6964"),
        hex(sender_head), /* the sender's 32 bytes in some form */
        hex("6c74696d657374616d705f6d731b0000018bcfe56800"),
        hex("74636f6e6e65637465645f6d656d6265725f69647380"),
        hex(tail), /* entries behind */
        hex("697369676e61747572655840"),
    };
    size_t len = 0;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        memcpy(out + len, parts[i].p, parts[i].len);
        len += parts[i].len;
    }
    memset(out + len, 0x11, 64); /* the signature as a byte string */
    return len + 64;
}

static int
decode(const char *map, const char *sender, const char *tail)
{
    static uint8_t bytes[4096];
    static struct am_heartbeat h;
    size_t len = beat(bytes, map, sender, tail);
    int rc = am_heartbeat_decode(&h, am_bin_of(bytes, len), NULL);
    struct am_heartbeat zero;

    memset(&zero, 0, sizeof zero);
    if (rc == AM_OK)
        cr_assert(h.sender[0] == 7 && h.sender[31] == 7 && h.timestamp_ms == 1700000000000);
    else
        cr_assert(memcmp((const uint8_t *)&h, (const uint8_t *)&zero, sizeof h) == 0);
    return rc;
}

#define B8 "0707070707070707"
#define B32 B8 B8 B8 B8
#define BYTES "5820" B32
#define INTS "9820" B32

Test(cbor, takes_what_v1_peers_take)
{
    cr_assert_eq(decode("a4", BYTES, ""), AM_OK);
    cr_assert_eq(decode("a4", INTS, ""), AM_OK);
    cr_assert_eq(decode("bf", INTS, "ff"), AM_OK, "indefinite map");
    cr_assert_eq(decode("a4", "9f" B32 "ff", ""), AM_OK, "indefinite array");
    cr_assert_eq(decode("a4", "5f50" B8 B8 "50" B8 B8 "ff", ""), AM_OK, "chunked bytes");
    cr_assert_eq(decode("a4", "d818c1" INTS, ""), AM_OK, "tags");
    cr_assert_eq(decode("a4",
                        "99002018071900071a000000071b0000000000000007"
                        "07070707070707070707070707070707070707070707070707070707",
                        ""),
                 AM_OK, "longer integers");
    cr_assert_eq(decode("a5617801", BYTES, ""), AM_OK, "unknown key");
    cr_assert_eq(decode("a5617882a16178f59fff", BYTES, ""), AM_OK, "unknown nested value");
    cr_assert_eq(decode("a5421234f6", BYTES, ""), AM_OK, "byte string as key");
    cr_assert_eq(decode("a5617bfb3ff0000000000000", BYTES, ""), AM_OK, "a float is skipped");
}

Test(cbor, refuses_what_v1_peers_refuse)
{
    cr_assert_eq(decode("a46776657273696f6e01", BYTES, ""), AM_INVALID_ARGUMENT, "one too many");
    cr_assert_eq(decode("a56776657273696f6e01", BYTES, ""), AM_INVALID_ARGUMENT, "duplicate key");
    cr_assert_eq(decode("a3", BYTES, ""), AM_INVALID_ARGUMENT, "missing key");
    cr_assert_eq(decode("a4", "581f" B32, ""), AM_INVALID_ARGUMENT, "31 bytes");
    cr_assert_eq(decode("a4", "5821" B32 "07", ""), AM_INVALID_ARGUMENT, "33 bytes");
    cr_assert_eq(decode("a4", "9821" B32 "07", ""), AM_INVALID_ARGUMENT, "33 integers");
    cr_assert_eq(decode("a4", "981f" B8 B8 B8 "07070707070707", ""), AM_INVALID_ARGUMENT,
                 "31 integers");
    cr_assert_eq(decode("a4", "9820190100" B8 B8 B8 "07070707070707", ""), AM_INVALID_ARGUMENT,
                 "256");
    cr_assert_eq(decode("a4", "982020" B8 B8 B8 "07070707070707", ""), AM_INVALID_ARGUMENT,
                 "negative");
    cr_assert_eq(decode("a4", "7820" B32, ""), AM_INVALID_ARGUMENT, "text for bytes");
    cr_assert_eq(decode("a4", "5f5f50" B8 B8 "ff50" B8 B8 "ff", ""), AM_INVALID_ARGUMENT,
                 "nested chunks");
    cr_assert_eq(decode("a4", "f6", ""), AM_INVALID_ARGUMENT, "null");
    cr_assert_eq(decode("a561781c", BYTES, ""), AM_INVALID_ARGUMENT, "reserved head");
    cr_assert_eq(decode("a56178ff", BYTES, ""), AM_INVALID_ARGUMENT, "a break without a list");
    cr_assert_eq(decode("a561789bffffffffffffffff", BYTES, ""), AM_INVALID_ARGUMENT,
                 "2^64 - 1 items");
    cr_assert_eq(decode("a561785bffffffffffffffff", BYTES, ""), AM_INVALID_ARGUMENT,
                 "2^64 - 1 bytes");
}

/* A map {"x": [[[...]]]}, depth arrays deep. */
static int
nested(size_t depth)
{
    static uint8_t bytes[600];
    struct am_cbor_in in;

    memset(bytes, 0x81, depth);
    bytes[depth] = 0x00;
    am_cbor_start(&in, am_bin_of(bytes, depth + 1), "test", NULL);
    am_cbor_skip(&in);
    return in.rc;
}

Test(cbor, nesting_has_a_limit)
{
    cr_assert_eq(nested(AM_CBOR_DEPTH), AM_OK);
    cr_assert_eq(nested(AM_CBOR_DEPTH + 1), AM_INVALID_ARGUMENT);
}

static int
text(const char *cbor, size_t cap)
{
    char out[16];
    struct am_cbor_in in;

    am_cbor_start(&in, hex(cbor), "test", NULL);
    am_cbor_get_text(&in, out, cap);
    cr_assert(in.rc == AM_OK || out[0] == '\0');
    return in.rc;
}

Test(cbor, text_is_utf8_and_bounded)
{
    static const char *const bad[] = {
        "61ff", "62c080", "63eda080", "64f4908080",   "62c3", "63e08080", "64f0808080",
        "6100", "61c3",   "626180",   "65f888808080", "6261", "41ff",     "01"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(text(bad[i], 16), AM_INVALID_ARGUMENT, "%s", bad[i]);
    cr_assert_eq(text("62c3a9", 16), AM_OK);
    cr_assert_eq(text("64f48fbfbf", 16), AM_OK);
    cr_assert_eq(text("7f61c361a9ff", 16), AM_OK);
    cr_assert_eq(text("63616263", 4), AM_OK);
    cr_assert_eq(text("63616263", 3), AM_INVALID_ARGUMENT);
}

static struct am_heartbeat example;

static void
load_example(void)
{
    memset(&example, 0, sizeof example);
    example.version = 1;
    memset(example.sender, 1, 32);
    example.timestamp_ms = 1700000000000;
    memset(example.ids[0], 2, 32);
    memset(example.ids[1], 1, 32);
    example.id_count = 2;
}

Test(heartbeat, worked_example)
{
    uint8_t seed[32], pub[32], digest[32], out[400];
    static struct am_heartbeat got;
    size_t len;

    load_example();
    memset(seed, 7, 32);
    am_heartbeat_digest(digest, 1, example.sender, example.timestamp_ms, example.ids[0], 2);
    same(digest, 32, "f8ca1cdeedae3ad180cc511273b6be15bf497bb2f8767b3e063d965f9ba08c01");
    cr_assert_eq(am_ed25519_pub(pub, seed, NULL), AM_OK);
    cr_assert_eq(am_ed25519_sign(example.signature, digest, 32, seed, NULL), AM_OK);
    cr_assert_eq(am_heartbeat_encode(out, sizeof out, &len, &example, NULL), AM_OK);
    same(out, len, EX_HEARTBEAT);
    cr_assert_eq(am_heartbeat_decode(&got, hex(EX_HEARTBEAT), NULL), AM_OK);
    cr_assert(memcmp((const uint8_t *)&got, (const uint8_t *)&example, sizeof got) == 0);
    cr_assert_eq(am_heartbeat_verify(&got, pub, NULL), AM_OK);
    pub[0] ^= 1;
    cr_assert_eq(am_heartbeat_verify(&got, pub, NULL), AM_UNAUTHENTICATED);
}

Test(heartbeat, limits_and_one_past_them)
{
    static struct am_heartbeat h, got;
    static uint8_t out[9000];
    size_t len, most = 0;

    memset(&h, 0, sizeof h);
    h.version = 1;
    h.id_count = AM_HEARTBEAT_IDS + 1;
    cr_assert_eq(am_heartbeat_encode(out, sizeof out, &len, &h, NULL), AM_RESOURCE_EXHAUSTED);
    memset(h.ids, 0xee, sizeof h.ids); /* two bytes for each byte: v1's practical ceiling */
    for (h.id_count = 0; h.id_count <= AM_HEARTBEAT_IDS; h.id_count++) {
        int rc = am_heartbeat_encode(out, sizeof out, &len, &h, NULL);

        cr_assert(rc == AM_OK ? len <= AM_HEARTBEAT_MAX : rc == AM_RESOURCE_EXHAUSTED && len == 0);
        if (rc == AM_OK)
            most = h.id_count;
    }
    cr_assert_eq(most, 121); /* 66 bytes each, 183 around them */
    h.id_count = most;
    cr_assert_eq(am_heartbeat_encode(out, sizeof out, &len, &h, NULL), AM_OK);
    memset(out + len, 0, sizeof out - len);
    cr_assert_eq(am_heartbeat_decode(&got, am_bin_of(out, AM_HEARTBEAT_MAX), NULL), AM_OK);
    cr_assert_eq(am_heartbeat_decode(&got, am_bin_of(out, AM_HEARTBEAT_MAX + 1), NULL),
                 AM_INVALID_ARGUMENT);
}

Test(peer, worked_examples_and_other_kinds)
{
    struct am_peer_endpoint e, got;
    uint8_t out[400], copy[400];
    struct am_bin b = hex(EX_PEER);
    size_t len;

    memset(&e, 0, sizeof e);
    memset(e.member_id, 1, 32);
    memset(e.wg_pub, 9, 32);
    memset(e.ed25519_pub, 0xff, 32);
    strcpy(e.host, "h-51900s.gw");
    e.port = 443;
    cr_assert_eq(am_peer_encode(out, sizeof out, &len, &e, NULL), AM_OK);
    same(out, len, EX_PEER);
    cr_assert_eq(len, 258);
    memcpy(copy, b.p, b.len);
    copy[9] ^= 1;
    cr_assert_eq(am_peer_decode(&got, am_bin_of(copy, b.len), NULL), AM_NOT_FOUND);
    cr_assert(am_is_zero(got.member_id, 32));
    cr_assert_eq(am_peer_decode(&got, hex(""), NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(am_peer_decode(&got, hex("6568656c6c6f"), NULL), AM_INVALID_ARGUMENT);
    e.has_udp_ip = e.has_udp_port = true;
    strcpy(e.udp_ip, "203.0.113.7");
    e.udp_port = 51821;
    cr_assert_eq(am_peer_encode(out, sizeof out, &len, &e, NULL), AM_OK);
    same(out, len, EX_PEER_UDP);
    cr_assert_eq(len, 289);
    cr_assert_eq(am_peer_decode(&got, hex(EX_PEER_UDP), NULL), AM_OK);
    cr_assert(memcmp(&got, &e, sizeof e) == 0);
}

Test(peer, an_odd_candidate_is_no_reason_to_refuse)
{
    struct am_peer_endpoint got;
    uint8_t bytes[512];
    struct am_bin b = hex(EX_PEER), more = hex("667564705f6970782e" /* 46 bytes of text */);

    memcpy(bytes, b.p, b.len);
    bytes[0] = 0xa7;
    memcpy(bytes + b.len, more.p, more.len);
    memset(bytes + b.len + more.len, 'x', 46);
    cr_assert_eq(am_peer_decode(&got, am_bin_of(bytes, b.len + more.len + 46), NULL), AM_OK);
    cr_assert(!got.has_udp_ip && got.udp_ip[0] == '\0');
    more = hex("687564705f706f72741a00010000"); /* 65536: one past u16 */
    memcpy(bytes + b.len, more.p, more.len);
    more = hex("687564705f706f7274"); /* then a port that is 65536 */
    memcpy(bytes + b.len, more.p, more.len);
    memcpy(bytes + b.len + more.len, hex("1a00010000").p, 5);
    cr_assert_eq(am_peer_decode(&got, am_bin_of(bytes, b.len + more.len + 5), NULL),
                 AM_INVALID_ARGUMENT);
    bytes[b.len + more.len] = 0xf6; /* null: the candidate is absent */
    cr_assert_eq(am_peer_decode(&got, am_bin_of(bytes, b.len + more.len + 1), NULL), AM_OK);
    cr_assert(!got.has_udp_port);
}

Test(heartbeat, top_level_keys_come_once_and_all)
{
    static struct am_heartbeat got;
    uint8_t bytes[1024];
    struct am_bin whole = hex(EX_HEARTBEAT);
    size_t sig = 10 + 116; /* key, then the array: as the first check below confirms */
    size_t payload = whole.len - sig;

    cr_assert(memcmp(whole.p + payload, hex("697369676e6174757265").p, 10) == 0);
    memcpy(bytes, whole.p, whole.len);
    bytes[0] = 0xa1;
    cr_assert_eq(am_heartbeat_decode(&got, am_bin_of(bytes, payload), NULL), AM_INVALID_ARGUMENT);
    bytes[0] = 0xa3;
    memcpy(bytes + whole.len, whole.p + payload, sig);
    cr_assert_eq(am_heartbeat_decode(&got, am_bin_of(bytes, whole.len + sig), NULL),
                 AM_INVALID_ARGUMENT);
    memcpy(bytes + whole.len, whole.p + 1, payload - 1);
    cr_assert_eq(am_heartbeat_decode(&got, am_bin_of(bytes, whole.len + payload - 1), NULL),
                 AM_INVALID_ARGUMENT);
    memcpy(bytes + whole.len, hex("617800").p, 3); /* an unknown third is no reason */
    cr_assert_eq(am_heartbeat_decode(&got, am_bin_of(bytes, whole.len + 3), NULL), AM_OK);
}
