/*  api_health -- pure: what /healthz and /metrics say, from the facts that are known.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "../../common/base/am_bytes.h"

#define API_PEERS_MAX 256

struct api_peer {
    uint8_t member_id[32];
};

/* Everything that is known of this node; zero is the state of the first second. */
struct api_facts {
    bool mesh_answers;
    char phase[33], reason[385];
    bool first_converged, csk_acquired, healthy, live;
    uint64_t live_peers, members;
    bool indexer_connected, indexer_caught_up;
    uint64_t indexer_cursor_block;
    struct api_peer peers[API_PEERS_MAX];
    size_t peer_count;
    uint64_t rpc_calls, head;
};

/* v1's JSON, then `live` and `reason`.  What latches is told for as long as we run; what mesh has
 * to repeat (live, live_peers) only while it answers.
 * Out:     status  200 while healthy and mesh answers, else 503
 * Returns: text to be freed by the caller; NULL when memory ran out
 * Source:  protocol page 6.3 */
char *api_healthz(const struct api_facts *facts, unsigned *status) AM_MUST_CHECK;

/* Prometheus text, v1's names among them.  To be freed by the caller; NULL when memory ran out. */
char *api_metrics(const struct api_facts *facts) AM_MUST_CHECK;

#endif
