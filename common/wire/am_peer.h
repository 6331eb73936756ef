/*  am_peer -- PeerEndpoint: how to reach a member, sent to it in a sealed box on chain.
 *
 *  Source: protocol page 3.1
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_PEER_H
#define AM_PEER_H

#include "../base/am_bytes.h"

#define AM_PEER_MAX 8192     /* bytes of CBOR that are looked at */
#define AM_PEER_HOST_MAX 255 /* bytes of host */
#define AM_PEER_IP_MAX 45    /* bytes of udp_ip */

extern const uint8_t am_peer_kind[32]; /* keccak256("attestmesh.peer-endpoint.v1") */

struct am_peer_endpoint {
    uint8_t member_id[32], wg_pub[32], ed25519_pub[32];
    char host[AM_PEER_HOST_MAX + 1]; /* UTF-8 */
    uint16_t port;
    bool has_udp_ip, has_udp_port;   /* v1 sends both or none */
    char udp_ip[AM_PEER_IP_MAX + 1]; /* IPv4 or IPv6 text, unchecked */
    uint16_t udp_port;
};

/* Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (cap) */
int am_peer_encode(uint8_t *out, size_t cap, size_t *out_len, const struct am_peer_endpoint *e,
                   struct am_error *err) AM_MUST_CHECK;

/* Returns: AM_OK
 *          AM_NOT_FOUND         it decodes, but its kind is another: an application message
 *          AM_INVALID_ARGUMENT  anything else: an application message too, as v1 treats it
 * Bytes behind the map are ignored, as v1 does. */
int am_peer_decode(struct am_peer_endpoint *out, struct am_bin in,
                   struct am_error *err) AM_MUST_CHECK;

#endif
