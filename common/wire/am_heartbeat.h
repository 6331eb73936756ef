/*  am_heartbeat -- the signed datagram by which members know each other alive.
 *
 *  Source: protocol page 3.5
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_HEARTBEAT_H
#define AM_HEARTBEAT_H

#include "../base/am_bytes.h"

#define AM_HEARTBEAT_MAX 8192 /* bytes of a datagram: v1's receive buffer */
#define AM_HEARTBEAT_IDS 240  /* more ids never fit: one takes at least 34 bytes */

struct am_heartbeat {
    uint8_t version; /* 1 */
    uint8_t sender[32];
    uint64_t timestamp_ms;
    uint8_t ids[AM_HEARTBEAT_IDS][32]; /* connected members, order is part of the digest */
    size_t id_count;
    uint8_t signature[64];
};

/* What is signed with Ed25519: keccak256(version, sender, timestamp big-endian, ids).
 * ids: id_count * 32 bytes. */
void am_heartbeat_digest(uint8_t out[static 32], uint8_t version, const uint8_t sender[static 32],
                         uint64_t timestamp_ms, const uint8_t *ids, size_t id_count);

/* Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (cap, 8,192 bytes, or more than AM_HEARTBEAT_IDS ids) */
int am_heartbeat_encode(uint8_t *out, size_t cap, size_t *out_len, const struct am_heartbeat *h,
                        struct am_error *err) AM_MUST_CHECK;

/* Take a datagram apart; the signature is not checked here (am_heartbeat_verify).
 * Bytes behind the map are ignored, as v1 does.
 * Returns: AM_OK, AM_INVALID_ARGUMENT (shape, more than 8,192 bytes or AM_HEARTBEAT_IDS ids) */
int am_heartbeat_decode(struct am_heartbeat *out, struct am_bin in,
                        struct am_error *err) AM_MUST_CHECK;

/* Returns: AM_OK, AM_UNIMPLEMENTED (version), or AM_UNAUTHENTICATED */
int am_heartbeat_verify(const struct am_heartbeat *h, const uint8_t ed25519_pub[static 32],
                        struct am_error *err) AM_MUST_CHECK;

#endif
