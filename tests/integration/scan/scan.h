/*  scan -- the secrets of a devnet node, and the search for them in any bytes.
 *
 *  The keys are those that the guest-agent double derives from its published root.  Each is sought
 *  without its first and last byte, which X25519 clamps, as raw bytes in both orders, as hex in
 *  both cases, and as base64 at each of the three alignments.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SCAN_H
#define SCAN_H

#include "../../../common/base/am_bytes.h"

#define SCAN_NODES 2
#define SCAN_FORM_MAX 64u /* bytes of the longest form of a key */

/* name, GetKey path; the app key has none: it is what the others are derived from */
#define SCAN_KEYS(X)                                                                               \
    X(APP, NULL, "app key")                                                                        \
    X(IDENTITY, "attestmesh.identity.v1", "identity seed")                                         \
    X(WIREGUARD, "attestmesh.wireguard.v1", "WireGuard key")                                       \
    X(OWNER, "attestmesh-binding-v1", "owner key")                                                 \
    X(CSK, "attestmesh.cluster-shared.v1", "Cluster Shared Key")

enum scan_key {
#define X(name, path, text) SCAN_##name,
    SCAN_KEYS(X)
#undef X
        SCAN_KEY_COUNT
};

struct scan_found {
    unsigned places;     /* where a key is that may not be there */
    unsigned looked;     /* files, or processes */
    unsigned refused;    /* memory that the kernel keeps even from us */
    uint64_t bytes;      /* looked at */
    unsigned allowed;    /* places that the table allows */
    char where[16][256]; /* the first places, in words */
};

/* Derive the keys of a node, and seek them from now on.  Once a node.
 * In:      node    0 .. SCAN_NODES - 1
 * Returns: AM_OK, or what the derivation says */
int scan_add(unsigned node, const uint8_t app_id[static 20], struct am_error *err) AM_MUST_CHECK;
const uint8_t *scan_key_of(unsigned node, enum scan_key key); /* 32 bytes */

/* Any bytes; may: bit 1 << (node * SCAN_KEY_COUNT + enum scan_key) of what may be there. */
void scan_bytes(struct scan_found *out, const char *where, const uint8_t *p, size_t len,
                uint32_t may);

/* The search itself: does it find each key in each form, at each alignment?  Else its silence
 * would say nothing.
 * Returns: how many were missed; *tried receives of how many */
unsigned scan_missed(unsigned nodes, unsigned *tried);

#endif
