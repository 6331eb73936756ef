/*  mesh_plan -- pure: from what a WireGuard device has to what it should have, without a session
 * lost
 *
 *  Only what differs is said, so an adopted device keeps its sessions.  An endpoint that the device
 *  has learned is left alone while its tunnel lives: WireGuard follows the last authenticated
 *  source, and is right.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_PLAN_H
#define MESH_PLAN_H

#include "mesh_cmd.h"
#include "mesh_set.h"

#define MESH_PATH_S 180          /* a session older than this carries nothing */
#define MESH_PLAN_TRIES 4        /* handshake initiations of 148 bytes, 5 s apart: 15 s */
#define MESH_PLAN_PEERS 16       /* in one command */
#define MESH_TURN_MS 400         /* so long the second of a pair waits for the first one's call, */
#define MESH_CALL_MS 1500        /* and the first without a handshake before it calls again, */
#define MESH_CALLS 6             /* so often at most; then WireGuard's own 5 s do */
#define MESH_DEAF_MS 2500        /* a handshake, and no data for so long */
#define MESH_HANDSHAKE_BYTES 240 /* an initiation and a response */

struct mesh_wg_peer {
    uint8_t pub[32];
    uint32_t ip;                   /* its /32 */
    struct mesh_endpoint endpoint; /* from the endpoints file, 0 none */
    struct mesh_endpoint given;    /* what was last written to the device by this process */
    bool calls;       /* ours to call first: we come before it in the list of members */
    int64_t added_ms; /* when this process put it into the device, 0 never; monotonic */
    unsigned calls_again;
};

struct mesh_wg_found {
    uint8_t pub[32];
    bool exact;                    /* has one allowed ip, a /32 */
    uint32_t ip;                   /* when exact */
    bool placed;                   /* has an endpoint, of any family */
    struct mesh_endpoint endpoint; /* when IPv4 */
    uint64_t received, sent;       /* bytes since it is in the device */
    uint64_t handshake_s;          /* unix time, 0 never */
};

struct mesh_wg_device {
    size_t count;
    struct mesh_wg_found peer[2 * MESH_MEMBERS_MAX];
};

/* Read `wg show IF allowed-ips`, `endpoints`, `latest-handshakes`, `transfer`, in this order, each
 * one whole.
 * Returns: AM_OK, AM_DATA_LOSS (a line that wg does not write), AM_RESOURCE_EXHAUSTED (512 peers)
 */
int mesh_plan_allowed(struct mesh_wg_device *d, struct am_str out,
                      struct am_error *err) AM_MUST_CHECK;
int mesh_plan_endpoints(struct mesh_wg_device *d, struct am_str out,
                        struct am_error *err) AM_MUST_CHECK;
int mesh_plan_handshakes(struct mesh_wg_device *d, struct am_str out,
                         struct am_error *err) AM_MUST_CHECK;

int mesh_plan_transfer(struct mesh_wg_device *d, struct am_str out,
                       struct am_error *err) AM_MUST_CHECK;

/* Whether the device itself proves that a peer has not answered for 15 s: its session is dead, or
 * none ever stood although MESH_PLAN_TRIES initiations were sent.  This is how a mesh that was
 * restarted knows what its predecessor had waited for.  now_s: wall clock. */
bool mesh_plan_silent(const struct mesh_wg_found *f, uint64_t now_s);

const struct mesh_wg_found *mesh_plan_find(const struct mesh_wg_device *d,
                                           const uint8_t pub[static 32]);

struct mesh_plan {
    size_t argc;
    const char *argv[MESH_CMD_ARGS]; /* into text */
    char text[4096];
    bool more;      /* there is more to say than fits: run it, look again, plan again */
    size_t touched; /* peers spoken of */
};

/* Arguments of one `wg set`; argc 0 when nothing differs.  The struct may not be moved.
 * want[i].given is updated as if the command had succeeded.
 *
 * Two initiations that cross undo each other until WireGuard repeats them after 5 s; in
 * wireguard-go they may also leave one side deaf for 15 s (it gives the index away that the other
 * then uses). So of a pair only the first in the list of members calls: the second puts the peer in
 * without an endpoint, and with one when no call has come in MESH_TURN_MS (it may have come too
 * early). Who calls again takes the peer out and puts it in: that calls at once. In:  now_s   wall
 * clock, seconds, to judge handshakes now_ms  monotonic */
void mesh_plan_make(struct mesh_plan *plan, const char *name, struct mesh_wg_peer *want,
                    size_t want_count, const struct mesh_wg_device *have, uint64_t now_s,
                    int64_t now_ms);

/* Whether some peer may have to be called again: look at the device soon. */
bool mesh_plan_calling(const struct mesh_wg_peer *want, size_t want_count,
                       const struct mesh_wg_device *have);

#endif
