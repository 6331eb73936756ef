/*  scan -- look for known secrets wherever bytes stay: files, argv, environments, memory.
 *
 *  The keys are those that the guest-agent double derives from its published root.  Each is sought
 *  without its first and last byte, which X25519 clamps, as raw bytes in both orders, as hex in
 *  both cases, and as base64 at each of the three alignments.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORY_SCAN_H
#define STORY_SCAN_H

#include "../../e2e/e2e.h"

#define SCAN_NODES 2

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

/* Derive the keys of the first SCAN_NODES nodes.
 * In: originator  index of the node whose CSK is the cluster's; the other's would be nobody's */
void scan_open(struct e2e *t, unsigned originator);

/* Every regular file below dir. */
void scan_files(struct scan_found *out, const char *dir);
/* argv, environment and memory of every process in these namespaces but this one. */
void scan_processes(struct scan_found *out, const struct e2e *t);
/* Any bytes; may: bit 1 << (node * SCAN_KEY_COUNT + enum scan_key) of what may be there. */
void scan_bytes(struct scan_found *out, const char *where, const uint8_t *p, size_t len,
                uint32_t may);
/* A key, for a test of the search itself; 32 bytes. */
const uint8_t *scan_key_of(unsigned node, enum scan_key key);
/* The forms that are sought: how many, and which bytes. */
size_t scan_forms(void);
struct am_bin scan_form(size_t i);

#endif
