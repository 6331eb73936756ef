/*  mesh_gate -- pure: who is connected, and when the mesh may be called whole
 *
 *  connected  self, and every peer heard within 6 s whose path is up: what our heartbeats say.
 *  agreed     the view of every awaited connected node contains all of them.  Equality would never
 *             hold beside a dead member: a v1 view lists every configured one.
 *  live       agreed for two intervals, and every other member has been heard once, is ignored,
 *             or has not answered for 15 s with its tunnel attempted.  A node that hears nobody
 *             is live only where there is nobody to hear.
 *  opened     live once; latches until mesh_gate_close.
 *
 *  Clock:   now is milliseconds of one monotonic clock, handed in.
 *  Source:  design/traps.md, Mesh
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_GATE_H
#define MESH_GATE_H

#include "mesh_set.h"

#define MESH_INTERVAL_MS 2000                /* between heartbeats */
#define MESH_WINDOW_MS 6000                  /* heard within: strictly less */
#define MESH_SILENT_MS 15000                 /* unanswered for: no longer awaited */
#define MESH_AGREE_MS (2 * MESH_INTERVAL_MS) /* agreement must hold for */

struct mesh_gate_peer {
    uint8_t id[32];
    bool ignored, removed, attempted, heard, path_up;
    int64_t attempted_ms, heard_ms;
    struct mesh_set view;
};

struct mesh_gate {
    size_t count, self;
    struct mesh_gate_peer peer[MESH_MEMBERS_MAX];
    bool agreed, opened;
    int64_t agreed_ms;
};

enum mesh_gate_why {
    MESH_GATE_LIVE,
    MESH_GATE_NOT_MEMBER, /* self is not in the list */
    MESH_GATE_ALONE,      /* nobody heard, and somebody there to be heard */
    MESH_GATE_VIEW_LACKS, /* the view of a does not contain b */
    MESH_GATE_AWAITED,    /* a was never heard and still may answer */
    MESH_GATE_SETTLING,   /* agreed, but not yet for two intervals */
};

struct mesh_gate_verdict {
    bool live, opened;
    enum mesh_gate_why why;
    size_t a, b; /* indices, MESH_NOBODY where they mean nothing */
};

/* Take a new list of members; what is known of an id stays with it, wherever it moves.
 * In:  ids    32 bytes each, registration order, at most MESH_MEMBERS_MAX
 *      self   index of the own id, or MESH_NOBODY: the gate cannot be live then */
void mesh_gate_members(struct mesh_gate *g, const uint8_t (*ids)[32], size_t count, size_t self);
void mesh_gate_ignore(struct mesh_gate *g, size_t i);
/* A removed member is neither awaited nor connected, whatever it says. */
void mesh_gate_remove(struct mesh_gate *g, size_t i, bool removed);

/* The tunnel to i was configured; only the first time counts. */
void mesh_gate_attempted(struct mesh_gate *g, size_t i, int64_t now);
/* The device proves that i has not answered for MESH_SILENT_MS already. */
void mesh_gate_silent(struct mesh_gate *g, size_t i, int64_t now);
void mesh_gate_path(struct mesh_gate *g, size_t i, bool up);

/* An accepted heartbeat of i: its view, ids unknown here already dropped. */
void mesh_gate_heard(struct mesh_gate *g, size_t i, const struct mesh_set *view, int64_t now);

struct mesh_set mesh_gate_connected(const struct mesh_gate *g, int64_t now);
struct mesh_gate_verdict mesh_gate_step(struct mesh_gate *g, int64_t now);

/* The own record or the commitment is gone: forget agreement and the latch. */
void mesh_gate_close(struct mesh_gate *g);

#endif
