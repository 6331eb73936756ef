/*  am_peer -- PeerEndpoint: how to reach a member, sent to it in a sealed box on chain.  */
#include "am_peer.h"

#include "am_cbor.h"

#include <string.h>

#define WHAT "PeerEndpoint"

const uint8_t am_peer_kind[32] = {0x35, 0x2c, 0xba, 0xaf, 0x2b, 0x42, 0xa8, 0xc3, 0x83, 0x51, 0x35,
                                  0xc3, 0x7c, 0x1f, 0x97, 0x0c, 0xdd, 0xfb, 0xee, 0x88, 0x73, 0x30,
                                  0xaa, 0x1d, 0x2f, 0x0d, 0xd2, 0xfa, 0x6b, 0x4f, 0x80, 0x59};

enum field { KIND, MEMBER_ID, HOST, PORT, WG_PUB, ED25519_PUB, UDP_IP, UDP_PORT, FIELDS };

static const char *const names[FIELDS] = {"kind",   "member_id",   "host",   "port",
                                          "wg_pub", "ed25519_pub", "udp_ip", "udp_port"};

#define REQUIRED ((1u << UDP_IP) - 1) /* the first six */

int
am_peer_encode(uint8_t *out, size_t cap, size_t *out_len, const struct am_peer_endpoint *e,
               struct am_error *err)
{
    struct am_cbor_out o = {.p = out, .cap = cap};

    *out_len = 0;
    am_cbor_map(&o, 6u + e->has_udp_ip + e->has_udp_port);
    am_cbor_key(&o, names[KIND]);
    am_cbor_ints(&o, am_peer_kind, 32);
    am_cbor_key(&o, names[MEMBER_ID]);
    am_cbor_ints(&o, e->member_id, 32);
    am_cbor_key(&o, names[HOST]);
    am_cbor_text(&o, (struct am_str){e->host, strnlen(e->host, AM_PEER_HOST_MAX)});
    am_cbor_key(&o, names[PORT]);
    am_cbor_uint(&o, e->port);
    am_cbor_key(&o, names[WG_PUB]);
    am_cbor_ints(&o, e->wg_pub, 32);
    am_cbor_key(&o, names[ED25519_PUB]);
    am_cbor_ints(&o, e->ed25519_pub, 32);
    if (e->has_udp_ip) {
        am_cbor_key(&o, names[UDP_IP]);
        am_cbor_text(&o, (struct am_str){e->udp_ip, strnlen(e->udp_ip, AM_PEER_IP_MAX)});
    }
    if (e->has_udp_port) {
        am_cbor_key(&o, names[UDP_PORT]);
        am_cbor_uint(&o, e->udp_port);
    }
    if (o.full)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, WHAT ": expected room for %zu bytes, got %zu",
                       o.len, cap);
    *out_len = o.len;
    return AM_OK;
}

static void
read_udp(struct am_peer_endpoint *out, struct am_cbor_in *in, unsigned field)
{
    uint64_t v;

    if (am_cbor_get_null(in))
        return;
    if (field == UDP_IP) {
        am_cbor_get_text_lax(in, out->udp_ip, sizeof out->udp_ip);
        out->has_udp_ip = out->udp_ip[0] != '\0';
    } else {
        am_cbor_get_uint(in, UINT16_MAX, &v);
        out->has_udp_port = true;
        out->udp_port = (uint16_t)v;
    }
}

static void
read_field(struct am_peer_endpoint *out, uint8_t kind[static 32], struct am_cbor_in *in,
           unsigned field)
{
    uint64_t v;

    if (field == KIND)
        am_cbor_get_ints(in, kind, 32);
    else if (field == MEMBER_ID)
        am_cbor_get_ints(in, out->member_id, 32);
    else if (field == HOST)
        am_cbor_get_text(in, out->host, sizeof out->host);
    else if (field == PORT) {
        am_cbor_get_uint(in, UINT16_MAX, &v);
        out->port = (uint16_t)v;
    } else if (field == WG_PUB)
        am_cbor_get_ints(in, out->wg_pub, 32);
    else if (field == ED25519_PUB)
        am_cbor_get_ints(in, out->ed25519_pub, 32);
    else if (field == UDP_IP || field == UDP_PORT)
        read_udp(out, in, field);
    else
        am_cbor_skip(in);
}

static unsigned
field_of(const char *key)
{
    for (unsigned i = 0; i < FIELDS; i++)
        if (strcmp(names[i], key) == 0)
            return i;
    return FIELDS;
}

int
am_peer_decode(struct am_peer_endpoint *out, struct am_bin b, struct am_error *err)
{
    struct am_cbor_in in;
    struct am_cbor_list map;
    uint8_t kind[32] = {0};
    unsigned seen = 0;

    memset(out, 0, sizeof *out);
    am_cbor_start(&in, b, WHAT, err);
    if (b.len > AM_PEER_MAX)
        (void)am_cbor_fail(&in, "at most 8192 bytes");
    am_cbor_enter_map(&in, &map);
    while (am_cbor_more(&in, &map)) {
        char key[16];
        unsigned field;

        am_cbor_get_key(&in, key, sizeof key);
        field = field_of(key);
        if (field < FIELDS && (seen & 1u << field) != 0)
            (void)am_cbor_fail(&in, "each key once");
        seen |= 1u << field;
        read_field(out, kind, &in, field);
    }
    if ((seen & REQUIRED) != REQUIRED)
        (void)am_cbor_fail(&in, "kind, member_id, host, port, wg_pub and ed25519_pub");
    if (in.rc == AM_OK && memcmp(kind, am_peer_kind, 32) != 0)
        in.rc = am_fail(err, AM_NOT_FOUND, WHAT ": expected its own kind, got another");
    if (in.rc != AM_OK)
        memset(out, 0, sizeof *out);
    return in.rc;
}
