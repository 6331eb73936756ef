/*  watch -- what one node says on its bus, kept: for a screen, for status, for tests.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef WATCH_H
#define WATCH_H

#include "../bus/bus.h"

#define WATCH_OPS 16
#define WATCH_PEERS 64

struct watch_op {
    uint8_t key[24], user_op_hash[32], tx_hash[32];
    uint64_t sequence, gas_used, block_number;
    char purpose[17], state[17], reason[257];
};

struct watch_peer {
    uint8_t member_id[32];
    uint32_t mesh_ip;
    char state[17], reason[129];
};

struct watch {
    struct bus *bus;
    /* mesh.node */
    bool heard; /* mesh answers */
    char phase[33], reason[385];
    bool registered, originator, converged, csk, healthy, live;
    uint32_t mesh_ip;
    uint64_t members, live_peers, csk_holders, csk_members, healthy_ms, block_number;
    /* keyagent.csk */
    uint8_t commitment[32];
    bool csk_held;
    char csk_source[17];
    /* chain.status */
    char chain_phase[33], chain_reason[385];
    uint64_t head, rpc_calls;
    struct watch_op ops[WATCH_OPS];
    size_t op_count;
    struct watch_peer peers[WATCH_PEERS];
    size_t peer_count;
    uint64_t changes;                                       /* grows with each fact that came */
    void (*changed)(struct watch *w, enum bus_topic topic); /* may be NULL */
    void *arg;
    const char *uids; /* ATTESTMESH_UIDS of the node; NULL: it has one uid, ours */
};

/* Follow a node.
 * In:      w     zero but for changed, arg and uids; owned by the caller, stays where it is
 *          run   the node's ATTESTMESH_RUN
 * Returns: AM_OK, or what bus_open and bus_subscribe say */
int watch_open(struct watch *w, struct ev_loop *loop, const char *run,
               struct am_error *err) AM_MUST_CHECK;
void watch_close(struct watch *w);

#endif
