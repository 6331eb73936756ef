/*  am_heartbeat -- the signed datagram by which members know each other alive.  */
#include "am_heartbeat.h"

#include "../crypto/am_curve.h"
#include "../crypto/am_keccak.h"
#include "am_cbor.h"

#include <string.h>

#define WHAT "heartbeat"

enum field { VERSION, SENDER, TIMESTAMP, IDS, FIELDS };

static const char *const names[FIELDS] = {"version", "sender_member_id", "timestamp_ms",
                                          "connected_member_ids"};

void
am_heartbeat_digest(uint8_t out[static 32], uint8_t version, const uint8_t sender[static 32],
                    uint64_t timestamp_ms, const uint8_t *ids, size_t id_count)
{
    uint8_t time[8];
    struct am_bin parts[] = {{&version, 1}, {sender, 32}, {time, 8}, {ids, 32 * id_count}};

    am_be64(time, timestamp_ms);
    am_keccak256_parts(out, parts, 4);
}

int
am_heartbeat_encode(uint8_t *out, size_t cap, size_t *out_len, const struct am_heartbeat *h,
                    struct am_error *err)
{
    struct am_cbor_out o = {.p = out, .cap = cap < AM_HEARTBEAT_MAX ? cap : AM_HEARTBEAT_MAX};

    *out_len = 0;
    if (h->id_count > AM_HEARTBEAT_IDS)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, WHAT ": expected at most %d ids, got %zu",
                       AM_HEARTBEAT_IDS, h->id_count);
    am_cbor_map(&o, 2);
    am_cbor_key(&o, "payload");
    am_cbor_map(&o, FIELDS);
    am_cbor_key(&o, names[VERSION]);
    am_cbor_uint(&o, h->version);
    am_cbor_key(&o, names[SENDER]);
    am_cbor_ints(&o, h->sender, 32);
    am_cbor_key(&o, names[TIMESTAMP]);
    am_cbor_uint(&o, h->timestamp_ms);
    am_cbor_key(&o, names[IDS]);
    am_cbor_array(&o, h->id_count);
    for (size_t i = 0; i < h->id_count; i++)
        am_cbor_ints(&o, h->ids[i], 32);
    am_cbor_key(&o, "signature");
    am_cbor_ints(&o, h->signature, 64);
    if (o.full)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, WHAT ": expected at most %zu bytes, got %zu",
                       o.cap, o.len);
    *out_len = o.len;
    return AM_OK;
}

static void
read_ids(struct am_heartbeat *out, struct am_cbor_in *in)
{
    struct am_cbor_list list;

    am_cbor_enter_array(in, &list);
    while (am_cbor_more(in, &list)) {
        if (out->id_count == AM_HEARTBEAT_IDS) {
            (void)am_cbor_fail(in, "at most 240 connected ids");
            return;
        }
        am_cbor_get_ints(in, out->ids[out->id_count++], 32);
    }
}

static void
read_payload(struct am_heartbeat *out, struct am_cbor_in *in)
{
    struct am_cbor_list map;
    unsigned seen = 0;
    uint64_t v;

    am_cbor_enter_map(in, &map);
    while (am_cbor_more(in, &map)) {
        char key[32];
        unsigned field = 0;

        am_cbor_get_key(in, key, sizeof key);
        while (field < FIELDS && strcmp(names[field], key) != 0)
            field++;
        if (field < FIELDS && (seen & 1u << field) != 0)
            (void)am_cbor_fail(in, "each key once");
        seen |= 1u << field;
        if (field == VERSION) {
            am_cbor_get_uint(in, UINT8_MAX, &v);
            out->version = (uint8_t)v;
        } else if (field == SENDER)
            am_cbor_get_ints(in, out->sender, 32);
        else if (field == TIMESTAMP)
            am_cbor_get_uint(in, UINT64_MAX, &out->timestamp_ms);
        else if (field == IDS)
            read_ids(out, in);
        else
            am_cbor_skip(in);
    }
    if ((seen & ((1u << FIELDS) - 1)) != (1u << FIELDS) - 1)
        (void)am_cbor_fail(in, "all four keys of payload");
}

int
am_heartbeat_decode(struct am_heartbeat *out, struct am_bin b, struct am_error *err)
{
    struct am_cbor_in in;
    struct am_cbor_list map;
    bool payload = false, signature = false;

    memset(out, 0, sizeof *out);
    am_cbor_start(&in, b, WHAT, err);
    if (b.len > AM_HEARTBEAT_MAX)
        (void)am_cbor_fail(&in, "at most 8192 bytes");
    am_cbor_enter_map(&in, &map);
    while (am_cbor_more(&in, &map)) {
        char key[16];

        am_cbor_get_key(&in, key, sizeof key);
        if (strcmp(key, "payload") == 0 && !payload) {
            payload = true;
            read_payload(out, &in);
        } else if (strcmp(key, "signature") == 0 && !signature) {
            signature = true;
            am_cbor_get_ints(&in, out->signature, 64);
        } else if (strcmp(key, "payload") == 0 || strcmp(key, "signature") == 0)
            (void)am_cbor_fail(&in, "each key once");
        else
            am_cbor_skip(&in);
    }
    if (!payload || !signature)
        (void)am_cbor_fail(&in, "payload and signature");
    if (in.rc != AM_OK)
        memset(out, 0, sizeof *out);
    return in.rc;
}

int
am_heartbeat_verify(const struct am_heartbeat *h, const uint8_t ed25519_pub[static 32],
                    struct am_error *err)
{
    uint8_t digest[32];

    if (h->version != 1)
        return am_fail(err, AM_UNIMPLEMENTED, WHAT ": expected version 1, got %u", h->version);
    am_heartbeat_digest(digest, h->version, h->sender, h->timestamp_ms, h->ids[0], h->id_count);
    return am_ed25519_verify(h->signature, digest, sizeof digest, ed25519_pub, err);
}
