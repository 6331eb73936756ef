/*  mesh_edkeys -- pure: peers' Ed25519 keys that outlive a restart (peer-ed25519.v1), and when one
 *  is used
 *
 *  The chain is the truth: where a member's key is on chain, that one is taken and kept here.  A
 *  kept key is used only for a member whose key the chain does not carry: on a cluster that does
 *  not take these keys on chain, a v1 node learnt them from messages that are not sent again.
 *
 *  Source:  protocol/attestmesh-v1.md 3.4, 6.6 step 4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_EDKEYS_H
#define MESH_EDKEYS_H

#include "mesh_view.h"

#define MESH_EDKEYS_FILE "peer-ed25519.v1"
#define MESH_EDKEYS_BYTES 1048576 /* v1's limit */
#define MESH_EDKEYS_MAX (MESH_EDKEYS_BYTES / 64)

struct mesh_edkeys {
    size_t count;
    struct mesh_edkey {
        uint8_t id[32], key[32];
    } row[MESH_EDKEYS_MAX]; /* by id; as it stands, this is the file */
};

/* Read a file.  What is behind the last whole record is dropped; the order does not matter.
 * Out:     k  empty on failure
 * Returns: AM_OK; AM_OUT_OF_RANGE (more than 1 MiB); AM_INVALID_ARGUMENT (a member comes twice:
 *          which key is its own nobody can say) */
int mesh_edkeys_read(struct mesh_edkeys *k, struct am_bin file, struct am_error *err) AM_MUST_CHECK;

/* The file's bytes; borrowed from k. */
struct am_bin mesh_edkeys_bytes(const struct mesh_edkeys *k);

/* Keep the keys that the chain carries, all but the own.
 * Returns: whether k changed.  A member for whom there is no room is not kept. */
bool mesh_edkeys_learn(struct mesh_edkeys *k, const struct mesh_view *view);

/* The key that a member's heartbeats are held against: the chain's, else the kept one, else NULL.
 */
const uint8_t *mesh_edkeys_of(const struct mesh_edkeys *k, const struct mesh_known *member);

#endif
