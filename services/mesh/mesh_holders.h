/*  mesh_holders -- pure: which members are known to hold the CSK, and who is asked next
 *
 *  Heartbeats do not say it, so it is asked: while this node is healthy, each live member that is
 *  not known to hold the key gets v1's own RequestClusterSharedKey for our id, one after the other.
 *  Only a box that keyagent opened to the committed key counts.
 *
 *  A member counts until it has not been heard for MESH_HOLDERS_KEEP_MS: a restart is no loss, but
 *  of a member that stays away nobody knows whether it will come back, and what its TEE could still
 *  derive or its disk still has cannot be asked.  Back again, it is asked again.  What is known is
 *  forgotten with the commitment, and with a member's keys.
 *
 *  Trust:   a member that lies can pass on a box that another one sealed for us, so it counts
 *           honest holders: a number to be warned by, not a proof.
 *  Source:  ours; the call: protocol/attestmesh-v1.md 3.8
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_HOLDERS_H
#define MESH_HOLDERS_H

#include "mesh_view.h"

#define MESH_HOLDERS_KEEP_MS 60000
#define MESH_HOLDERS_NEXT_MS 2000   /* between questions while somebody was not asked yet */
#define MESH_HOLDERS_AGAIN_MS 30000 /* and when all have been: those who did not prove it */

struct mesh_holders {
    struct mesh_holder { /* at the member's index in the view */
        bool holds;
        bool asked;      /* since it came to live */
        int64_t seen_ms; /* live, the last time */
    } member[MESH_MEMBERS_MAX];
    size_t last; /* who was asked last */
    bool busy;   /* a question is out, until mesh_holders_ended */
    int64_t due_next_ms, due_again_ms;
    uint32_t era; /* grows when something is forgotten: older answers say nothing then */
};

/* A new view comes in place of another: what is known stays with the members whose id and keys
 * stay, under the same commitment. */
void mesh_holders_view(struct mesh_holders *h, const struct mesh_view *before,
                       const struct mesh_view *next);
/* Forget everybody; a call that is out must be cancelled by the caller. */
void mesh_holders_reset(struct mesh_holders *h);

/* Look at who is live; call often.
 * In:      live  members that are live, self or not
 *          ask   whether this node is healthy and holds the key
 * Returns: the member to ask now, marked busy; or MESH_NOBODY */
size_t mesh_holders_step(struct mesh_holders *h, const struct mesh_view *view,
                         const struct mesh_set *live, bool ask, int64_t now);

/* The question that was out is over, however it went.
 * In:  jitter  a random number of -200..200 thousandths */
void mesh_holders_ended(struct mesh_holders *h, int64_t now, int jitter);

/* Member i gave a box that keyagent took. */
void mesh_holders_proved(struct mesh_holders *h, size_t i, int64_t now);

/* How many members are known to hold the key, with ourselves when `own`. */
size_t mesh_holders_count(const struct mesh_holders *h, const struct mesh_view *view, bool own);

#endif
