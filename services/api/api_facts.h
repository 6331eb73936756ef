/*  api_facts -- everything that is known of this node; zero is the state of the first second.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_FACTS_H
#define API_FACTS_H

#include "../../common/base/am_bytes.h"

#define API_PEERS_MAX 256

struct api_peer {
    uint8_t member_id[32];
    uint32_t mesh_ip; /* host order */
    bool live, removed;
};

struct api_bytes { /* len 0: not known */
    uint8_t p[32];
    size_t len;
};

struct api_identity { /* keyagent.identity, then chain.view */
    bool ready;
    char reason[257], attestor[17];
    struct api_bytes x_pub, ed25519_pub, wg_pub, app_id, compose_hash, instance_id, device_id;
    struct api_bytes cluster, member_contract, member_id;
};

struct api_rpc { /* JSON-RPC elements: since the start, today, and how many may be today */
    uint64_t calls, today, budget;
};

struct api_facts {
    bool mesh_answers, peers_known;
    char phase[33], reason[385];
    bool first_converged, csk_acquired, healthy, live;
    uint64_t live_peers, members;
    uint64_t csk_holders, csk_members; /* "held by k of n"; n 0: nothing is known of it */
    uint32_t mesh_ip;                  /* own, host order; 0: not known */
    bool indexer_connected, indexer_caught_up;
    uint64_t indexer_cursor_block;
    struct api_peer peers[API_PEERS_MAX];
    size_t peer_count;
    struct api_rpc rpc_chain, rpc_indexer;
    uint64_t head;
    struct api_identity id;
};

#endif
