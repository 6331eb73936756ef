/*  mesh_csk -- pure: who derives the Cluster Shared Key, who commits it, who is asked for it
 *
 *  Index 0 originates: it derives, and commits once its own registration is deep enough.  All
 *  others pull: the originator first, then live peers, then the rest, each by member id; eight at
 *  once; the first key that keyagent takes ends the round.
 *
 *  Source:  protocol/attestmesh-v1.md 6.8, 4.2; design/traps.md, Chain (reorg)
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_CSK_H
#define MESH_CSK_H

#include "mesh_ask.h"
#include "mesh_set.h"

#define MESH_CSK_PARALLEL 8
#define MESH_CSK_CONNECT_MS 1000
#define MESH_CSK_RPC_MS 2000

struct mesh_csk_facts {
    size_t count, self;       /* of listMembers; self is an index or MESH_NOBODY */
    const uint8_t (*ids)[32]; /* borrowed */
    bool member;              /* the own record carries our keys */
    bool confirmed;           /* chain.view.originator_confirmed */
    bool committed;
    uint8_t commitment[32];
    bool held;                   /* keyagent.csk */
    uint8_t held_commitment[32]; /* when held */
    bool cache_pending;          /* keyagent has not looked at csk.v1 yet */
    struct mesh_set configured;  /* peers with a tunnel */
    struct mesh_set live;
};

enum mesh_csk_why {
    MESH_CSK_DONE,
    MESH_CSK_NOT_MEMBER,
    MESH_CSK_DERIVES,  /* keyagent is asked to derive */
    MESH_CSK_MISMATCH, /* the derived key is not the committed one */
    MESH_CSK_SHALLOW,  /* derived; the own registration is not deep enough yet */
    MESH_CSK_COMMITS,  /* derived; chain is asked to commit */
    MESH_CSK_AWAITS,   /* nothing committed yet: the originator must */
    MESH_CSK_CACHE,    /* keyagent looks at its cache first */
    MESH_CSK_PULLS,
    MESH_CSK_NO_PEER, /* nobody can be asked */
};

struct mesh_csk {
    struct mesh_ask derive, commit, round; /* round: of the pull */
    bool pulling;                          /* a round is on */
    bool taking;                           /* an answer is with keyagent */
    struct mesh_set offered;               /* configured peers when the round was planned */
    uint8_t order[MESH_MEMBERS_MAX];
    size_t order_count, next, in_flight;
};

struct mesh_csk_plan {
    bool done; /* held, and it is the committed one */
    bool derive,
        commit; /* ask keyagent.csk_originate, chain.commit: marked busy until mesh_ask_end */
    uint8_t dial[MESH_CSK_PARALLEL];
    size_t dial_count; /* indices to ask now; each ends in mesh_csk_answer */
    enum mesh_csk_why why;
};

struct mesh_csk_plan mesh_csk_step(struct mesh_csk *c, const struct mesh_csk_facts *f, int64_t now,
                                   int jitter);

/* A dialled peer answered (its box then goes to keyagent.csk_accept) or failed.
 * Returns: whether to offer this box to keyagent now; false while another one is with it */
bool mesh_csk_answer(struct mesh_csk *c, bool box);

/* keyagent took the offered box or refused it. */
void mesh_csk_accepted(struct mesh_csk *c);

/* Forget everything; calls still in flight must be cancelled by the caller. */
void mesh_csk_reset(struct mesh_csk *c);

#endif
