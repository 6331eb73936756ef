/*  dn_quote -- a TDX quote of the recorded shape, with registers that replay.  */
#include "../../common/crypto/am_hkdf.h"
#include "dn_guest.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#define RTMR3_EVENT 0x08000001u /* type of a runtime event */
#define SIGNATURE_LEN 4304u

/* Registers of the upstream simulator's recording, dstack page 2.2. */
const uint8_t dn_mrtd[48] = {
    0xe5, 0x32, 0x36, 0xd4, 0x4a, 0x07, 0x4b, 0xc7, 0x8e, 0x78, 0x4c, 0xdf, 0xa1, 0xa2, 0xc8, 0x58,
    0xa5, 0xf6, 0xb5, 0x3a, 0xfc, 0x1b, 0x60, 0xd8, 0xf0, 0x79, 0x66, 0x23, 0x14, 0x97, 0x8b, 0x64,
    0x24, 0x1b, 0x64, 0x6d, 0x84, 0x98, 0xdd, 0x76, 0x7d, 0x5e, 0xa4, 0x8e, 0x1e, 0x11, 0x58, 0x22,
};
const uint8_t dn_rtmr[3][48] = {
    {
        0x62, 0x03, 0x94, 0x8b, 0x7c, 0x12, 0xa0, 0xc2, 0xe1, 0x4e, 0xd9, 0xb1,
        0x11, 0x70, 0xd7, 0xb8, 0x53, 0x45, 0x87, 0x0a, 0x30, 0x4b, 0xb0, 0x95,
        0x9d, 0x6c, 0x19, 0x82, 0x24, 0xce, 0x62, 0x1f, 0xe9, 0x44, 0xe4, 0x62,
        0x3a, 0xf9, 0x63, 0x1c, 0xd6, 0x4e, 0xef, 0xfd, 0xc0, 0xd7, 0xfa, 0x94,
    },
    {
        0x0e, 0xa1, 0xad, 0x39, 0x91, 0x14, 0xc5, 0x90, 0x9c, 0x52, 0xc8, 0xb8,
        0xc0, 0x73, 0xf0, 0xc4, 0xe0, 0x76, 0xb6, 0x91, 0x49, 0x5c, 0xa7, 0xd4,
        0x1f, 0x88, 0xc5, 0xbb, 0xa6, 0x85, 0x9e, 0x39, 0x11, 0x97, 0x3e, 0xc9,
        0x5a, 0xdc, 0xe1, 0x50, 0x3e, 0xb4, 0x3f, 0x46, 0x70, 0xa2, 0xc3, 0x06,
    },
    {
        0x1c, 0x98, 0x54, 0x08, 0x8a, 0x35, 0xa1, 0xc4, 0x44, 0x83, 0xd6, 0xba,
        0x5e, 0x88, 0x33, 0x3c, 0xf6, 0xa7, 0xf5, 0xb5, 0xec, 0x26, 0x71, 0x3f,
        0x72, 0x2c, 0x80, 0xdf, 0xc2, 0xd2, 0xb3, 0x37, 0x34, 0x6d, 0x7f, 0xb5,
        0x24, 0x52, 0xea, 0xcd, 0xa0, 0xa8, 0xa8, 0xfb, 0x6f, 0xd3, 0x06, 0xf1,
    },
};
const uint8_t dn_os_image_hash[32] = {
    0xe6, 0x1b, 0xe4, 0x3d, 0xd1, 0xcc, 0x6a, 0x6f, 0x5e, 0xde, 0xfd, 0x7c, 0x51, 0xb6, 0x08, 0x98,
    0x37, 0x80, 0x83, 0x9b, 0x00, 0x00, 0xce, 0x60, 0xdd, 0x99, 0x73, 0x7d, 0xcf, 0xfe, 0x09, 0xb9,
};

static int
sha384(uint8_t out[48], const void *p, size_t len, struct am_error *err)
{
    if (EVP_Digest(p, len, out, NULL, EVP_sha384(), NULL) == 1)
        return AM_OK;
    return am_fail(err, AM_INTERNAL, "SHA-384: libcrypto refused");
}

/* Extend rtmr3 by one event and put it on the list.
 * digest = SHA-384(type u32 little-endian ":" name ":" payload), dstack page 6.2 */
static int
extend(struct dn_quote *q, json_t *events, const char *name, struct am_bin payload,
       struct am_error *err)
{
    uint8_t text[256] = {RTMR3_EVENT & 0xff, RTMR3_EVENT >> 8 & 0xff, RTMR3_EVENT >> 16 & 0xff,
                         RTMR3_EVENT >> 24, ':'};
    uint8_t both[96];
    char digest_hex[97], payload_hex[2 * 128 + 1];
    size_t n = 5, name_len = strlen(name);
    int rc;

    AM_ASSERT(payload.len <= 128 && n + name_len + 1 + payload.len <= sizeof text);
    memcpy(text + n, name, name_len);
    n += name_len;
    text[n++] = ':';
    if (payload.len > 0)
        memcpy(text + n, payload.p, payload.len);
    memcpy(both, q->rtmr3, 48);
    if ((rc = sha384(both + 48, text, n + payload.len, err)) != 0 ||
        (rc = sha384(q->rtmr3, both, sizeof both, err)) != 0)
        return rc;
    am_hex(digest_hex, both + 48, 48);
    am_hex(payload_hex, payload.p, payload.len);
    if (json_array_append_new(events, json_pack("{s:i, s:I, s:s, s:s, s:s}", "imr", 3, "event_type",
                                                (json_int_t)RTMR3_EVENT, "digest", digest_hex,
                                                "event", name, "event_payload", payload_hex)) != 0)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "no memory for the event log");
    return AM_OK;
}

static void
put_u32le(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* Offsets: dstack page 6.1. */
static void
lay_out(struct dn_quote *q, const struct dn_guest *g, const uint8_t report_data[static 64])
{
    uint8_t *b = q->bytes;

    memset(b, 0, sizeof q->bytes);
    b[0] = 4;
    b[2] = 2;
    put_u32le(b + 4, 0x81);
    memcpy(b + 184, dn_mrtd, 48);
    b[232] = 1; /* mr_config_id, version 1: the compose hash */
    memcpy(b + 233, g->compose_hash, 32);
    for (size_t i = 0; i < 3; i++)
        memcpy(b + 376 + 48 * i, dn_rtmr[i], 48);
    memcpy(b + 520, q->rtmr3, 48);
    memcpy(b + 568, report_data, 64);
    put_u32le(b + 632, SIGNATURE_LEN);
}

/* mr_config_id is not zero, so the three configuration registers count: dstack page 6.2. */
static void
aggregate(struct dn_quote *q)
{
    uint8_t all[8 * 48];

    memcpy(all, q->bytes + 184, 48);
    memcpy(all + 48, q->bytes + 376, 4 * 48);
    memcpy(all + 5 * 48, q->bytes + 232, 3 * 48);
    am_sha256(q->mr_aggregated, all, sizeof all);
}

int
dn_quote_make(struct dn_quote *q, const struct dn_guest *g, const uint8_t report_data[static 64],
              struct am_error *err)
{
    static const char kms[] = "{\"name\":\"kms\",\"id\":\"\"}",
                      none[] = "{\"name\":\"none\",\"id\":\"\"}";
    const char *provider = g->kms_signature_len > 0 ? kms : none;
    const struct am_bin nothing = {NULL, 0};
    json_t *events = json_array();
    int rc;

    memset(q, 0, sizeof *q);
    if ((rc = extend(q, events, "system-preparing", nothing, err)) != 0 ||
        (rc = extend(q, events, "app-id", AM_BIN(g->app_id), err)) != 0 ||
        (rc = extend(q, events, "compose-hash", AM_BIN(g->compose_hash), err)) != 0 ||
        (rc = extend(q, events, "instance-id", AM_BIN(g->instance_id), err)) != 0 ||
        (rc = extend(q, events, "boot-mr-done", nothing, err)) != 0 ||
        (rc = extend(q, events, "os-image-hash", AM_BIN(dn_os_image_hash), err)) != 0 ||
        (rc = extend(q, events, "key-provider", am_bin_of(provider, strlen(provider)), err)) != 0 ||
        (rc = extend(q, events, "storage-fs", am_bin_of("zfs", 3), err)) != 0 ||
        (rc = extend(q, events, "system-ready", nothing, err)) != 0)
        goto out;
    lay_out(q, g, report_data);
    aggregate(q);
    if ((q->events = json_dumps(events, JSON_COMPACT)) == NULL)
        rc = am_fail(err, AM_RESOURCE_EXHAUSTED, "no memory for the event log");
out:
    json_decref(events);
    return rc;
}
