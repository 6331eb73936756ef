/*  chain_calls -- the view functions that make up one view of a cluster: call data out, view in.
 *
 *  Two rounds of Multicall3.aggregate3 at one block.  The first reads the cluster and the list of
 *  ids, the second each member.  Every element must answer: a revert or an odd byte is an error
 *  that names the function, never a zero.
 *
 *  Pure.  Source: protocol page 1.2, 1.4; Multicall3
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_CALLS_H
#define CHAIN_CALLS_H

#include "eth_call.h"
#include "eth_ret.h"

#define CHAIN_MEMBERS 256
#define CHAIN_CHUNK 64 /* members in one aggregate3 */

struct chain_peer {
    uint8_t id[32], contract[20], x_pub[32], wg_pub[32], ed25519_pub[32]; /* zero: none on chain */
    uint32_t mesh_ip;
    bool removed; /* a tombstone stands on it */
};

/* The cluster at one block. */
struct chain_snapshot {
    uint64_t number, time; /* block, seconds of the chain's clock */
    uint8_t hash[32];
    uint8_t cluster[20], member[20], member_id[32];
    uint32_t cidr_ip;
    uint8_t cidr_prefix;
    uint8_t commitment[32]; /* zero while unset */
    uint8_t kms_root[20];   /* zero until the cluster allows it */
    bool ed25519_on_chain, originator_confirmed, registered;
    struct eth_member own; /* when registered */
    size_t count;
    struct chain_peer peers[CHAIN_MEMBERS];
};

/* The own record, or NULL. */
const struct chain_peer *chain_snapshot_find(const struct chain_snapshot *s,
                                             const uint8_t id[static 32]);

/* First round.  s: cluster and member are set.  kms_root: NULL, or the root to ask about.
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (out->cap; 4096 bytes are enough) */
int chain_calls_cluster(struct eth_buf *out, const struct chain_snapshot *s,
                        const uint8_t *kms_root, struct am_error *err) AM_MUST_CHECK;

/* Read it: fills everything but the peers' records; peers[].id are set.
 * Returns: AM_OK
 *          AM_FAILED_PRECONDITION  a function reverted, or the member belongs to another cluster
 *          AM_RESOURCE_EXHAUSTED   more than CHAIN_MEMBERS members
 *          AM_INVALID_ARGUMENT     bytes that are not that function's answer, or that contradict */
int chain_calls_cluster_read(struct chain_snapshot *s, const uint8_t *kms_root, struct am_bin data,
                             struct am_error *err) AM_MUST_CHECK;

/* Second round, for members first .. first + count - 1, at most CHAIN_CHUNK. 64 KiB are enough. */
int chain_calls_peers(struct eth_buf *out, const struct chain_snapshot *s, size_t first,
                      size_t count, struct am_error *err) AM_MUST_CHECK;
int chain_calls_peers_read(struct chain_snapshot *s, size_t first, size_t count, struct am_bin data,
                           struct am_error *err) AM_MUST_CHECK;

/* The list alone, of an older block: is the own id first there?  No bytes at all: there was no
 * cluster yet, which is a no. */
int chain_calls_first_read(bool *own_first, const struct chain_snapshot *s, struct am_bin data,
                           struct am_error *err) AM_MUST_CHECK;

#endif
