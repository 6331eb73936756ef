/*  v1_peer -- the v1 node of tests/v1peer on a machine of the devnet, in place of the suite.
 *
 *  Its process is node->up, so that whatever stops a node of the devnet stops it too.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef V1_PEER_H
#define V1_PEER_H

#include "../../e2e/e2e.h"

#include <jansson.h>

#define V1_ID_TEXT 67 /* "0x", 64 digits, NUL */

struct v1_peer {
    struct dn_node *node; /* owned by the world */
    uint8_t id[32];
    char log[600]; /* one JSON object a line */
};

/* A member's id as the peer's log writes it. */
void v1_id_text(char out[static V1_ID_TEXT], const uint8_t id[static 32]);

/* Add a member to the world and start the peer as it: machine, guest agent, WireGuard, node.  It
 * knows the endpoints of those members that exist now.  Ends the program on failure. */
void v1_peer_start(struct e2e *t, struct v1_peer *peer);

/* Start its process again on the same machine, where it or the suite has ended: the state folder
 * is the one of both. */
void v1_peer_again(struct e2e *t, struct v1_peer *peer);

/* Whether its process runs. */
bool v1_peer_runs(struct v1_peer *peer);

/* How many lines of its log have this step and, unless field is NULL, this text in this field. */
unsigned v1_peer_count(const struct v1_peer *peer, const char *step, const char *field,
                       const char *value);

/* All lines of one step, as an array that the caller frees; empty when there is none. */
json_t *v1_peer_lines(const struct v1_peer *peer, const char *step);

/* The first line with which it refused a heartbeat, but for those that v1 refuses before it has
 * read the sender's key.  The peer says each reason of a sender once.
 * Returns: text to be freed, or NULL when there is none */
char *v1_peer_refusal(const struct v1_peer *peer);

/* Ask its /healthz from inside its machine.
 * Out:     body    owned by the caller; the answer's object and its HTTP status as "http"
 * Returns: AM_OK, AM_INTERNAL (no answer), AM_DATA_LOSS (no JSON) */
int v1_peer_health(struct v1_peer *peer, json_t **body, struct am_error *err) AM_MUST_CHECK;

/* SIGTERM, and wait.
 * Returns: its wait status, or -1 when it still runs after wait_ms */
int v1_peer_end(struct v1_peer *peer, int wait_ms);

#endif
