/*  mesh_beat -- pure: may this heartbeat be believed?  v1's checks in v1's order
 *
 *  Source:  protocol/attestmesh-v1.md 3.5, Acceptance
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_BEAT_H
#define MESH_BEAT_H

#include "../../common/wire/am_heartbeat.h"

#define MESH_BEAT_SKEW_MS 10000

enum mesh_beat_why {
    MESH_BEAT_ACCEPTED,
    MESH_BEAT_UNKNOWN,   /* no such member */
    MESH_BEAT_NO_KEY,    /* its Ed25519 key is not known yet */
    MESH_BEAT_SOURCE,    /* does not come from its mesh IP */
    MESH_BEAT_SKEW,      /* more than 10 s from our clock */
    MESH_BEAT_REPLAY,    /* not newer than the last one */
    MESH_BEAT_SIGNATURE, /* or version */
};

struct mesh_beat_peer {
    uint32_t ip;
    bool has_key;
    uint8_t ed25519_pub[32];
    uint64_t last_ms;       /* timestamp of the last accepted one */
    uint64_t refused;       /* since start */
    enum mesh_beat_why why; /* the last refusal; ACCEPTED when the last one was accepted */
};

/* Judge a decoded heartbeat.  Only an accepted one moves last_ms; a refused one is counted.
 * In:  peer      who it says it is from; NULL when no member has that id
 *      source    IPv4 address it came from, host order
 *      wall_ms   own wall clock */
enum mesh_beat_why mesh_beat_judge(struct mesh_beat_peer *peer, const struct am_heartbeat *h,
                                   uint32_t source, uint64_t wall_ms);

/* In words, for status. */
const char *mesh_beat_text(enum mesh_beat_why why);

/* The timestamp of the next own heartbeat. */
uint64_t mesh_beat_stamp(uint64_t wall_ms, uint64_t last_ms);

#endif
