/*  mesh_member -- pure: from nothing to a healthy member, by what the chain's newest view says
 *
 *  One table, [state][event] -> (state, actions); the phase that people read is v1's word for the
 *  first thing that is still missing.
 *
 *  Source:  design/architecture.md, How a node comes up; protocol/attestmesh-v1.md 6.1, 6.2
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_MEMBER_H
#define MESH_MEMBER_H

#include "mesh_ask.h"

#include <stddef.h>

enum mesh_state {
    MESH_BOOTING = 1, /* no identity or no view yet */
    MESH_ABSENT,      /* no record of the own member */
    MESH_MEMBER,      /* the record carries our keys */
    MESH_STRANGER,    /* the record carries other keys, or was removed: somebody must look */
    MESH_STATES
};

enum mesh_event {
    MESH_EV_BLIND = 1, /* nothing can be concluded: something is missing, or the view is too old */
    MESH_EV_NONE,      /* no record */
    MESH_EV_OURS,      /* record with our keys */
    MESH_EV_OTHER,     /* record with other keys, or with a tombstone */
    MESH_EV_UNSAID,    /* our record stands, but a commitment that stood is gone or another */
    MESH_EVENTS
};

enum mesh_act {
    MESH_DO_REGISTER = 1, /* ask chain.register */
    MESH_DO_PUBLISH = 2,  /* ask chain.publish_ed25519 */
    MESH_DO_RESET = 4,    /* close the gate, forget the CSK, begin again */
    MESH_DO_SHOUT = 8,    /* the record carries other keys, or was removed */
};

enum mesh_record { MESH_RECORD_NONE, MESH_RECORD_OURS, MESH_RECORD_OTHER, MESH_RECORD_REMOVED };
enum mesh_key { MESH_KEY_X25519 = 1, MESH_KEY_WIREGUARD, MESH_KEY_ED25519 };

struct mesh_facts { /* what the edges know, whole, each time */
    bool identity;  /* keyagent.identity is ready */
    bool view;      /* chain.view was received */
    uint64_t block; /* the view's */
    enum mesh_record record;
    enum mesh_key other;    /* when record is OTHER: which key */
    uint64_t registered_at; /* block in which the own registration was included, 0 unknown */
    bool facet;             /* the cluster takes heartbeat keys on chain */
    bool published;         /* ours is there */
    bool committed;
    uint8_t commitment[32];
};

struct mesh_progress {
    bool device; /* WireGuard, address and sockets stand */
    bool alone;  /* nobody else in listMembers */
    bool csk;    /* held, and it matches the commitment */
    bool gate;
};

struct mesh_member {
    enum mesh_state state;
    enum mesh_key other;
    uint64_t record_block; /* where the own record was first seen */
    bool committed;        /* a commitment was seen, first at commit_block */
    uint64_t commit_block;
    uint8_t commitment[32];
    struct mesh_ask enrol, publish; /* answers: mesh_ask_end */
};

/* What the facts mean for m. */
enum mesh_event mesh_member_event(const struct mesh_member *m, const struct mesh_facts *f);

/* Take the newest facts; call as often as wanted.
 * Returns: a set of enum mesh_act.  A question that is returned is marked busy in m until
 *          mesh_ask_end; a question in flight or not yet due is not returned. */
unsigned mesh_member_step(struct mesh_member *m, const struct mesh_facts *f, int64_t now);

/* v1's phase name. */
const char *mesh_member_phase(const struct mesh_member *m, const struct mesh_facts *f,
                              const struct mesh_progress *p);
const char *mesh_key_name(enum mesh_key key);

/* One cell of the table, for the test that walks all of it. */
void mesh_member_cell(enum mesh_state state, enum mesh_event event, enum mesh_state *next,
                      unsigned *actions);

#endif
