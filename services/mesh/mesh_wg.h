/*  mesh_wg -- the WireGuard device: made or adopted, addressed, and kept as the view has it
 *
 *  The device outlives mesh.  Whatever stands there is looked at first and only the difference is
 *  written, so a restart costs no session.  Where the kernel has no WireGuard, wireguard-go is a
 * unit of its own, and its device is awaited.  The private key is asked for only when the device
 * does not have it, passes through locked memory, and goes to `wg` by pipe.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_WG_H
#define MESH_WG_H

#include "../../bus/bus.h"
#include "../../common/crypto/am_once.h"
#include "mesh_helper.h"
#include "mesh_plan.h"

#define MESH_WG_RETRY_MS 100
#define MESH_WG_LOOK_MS 15000 /* between looks at the whole device */

enum mesh_wg_step {
    MESH_WG_IDLE, /* not wanted yet, or nothing to do */
    MESH_WG_CREATE,
    MESH_WG_LOOK_KEY,
    MESH_WG_LOOK_PORT,
    MESH_WG_ASK_KEY,
    MESH_WG_SET_KEY,
    MESH_WG_ADDRESS,
    MESH_WG_LINK,
    MESH_WG_LOOK_PEERS,
    MESH_WG_LOOK_ENDPOINTS,
    MESH_WG_LOOK_HANDSHAKES,
    MESH_WG_LOOK_TRANSFER,
    MESH_WG_APPLY,
};

struct mesh_wg {
    struct mesh_helper *helper;
    struct bus *bus;
    const char *name;
    uint16_t port;
    void (*changed)(void *arg); /* up, applied or reason changed */
    void *arg;

    bool wanted;
    uint8_t own_pub[32];
    uint32_t ip;
    uint8_t prefix;
    size_t want_count;
    struct mesh_wg_peer want[MESH_MEMBERS_MAX];

    enum mesh_wg_step step;
    bool busy, again; /* again: look at the peers once more after this round */
    bool keyed;       /* the device had our key at the last look */
    bool written;     /* our key was written just now */
    unsigned ifindex; /* that was configured; another one starts from the beginning */
    int64_t due_ms, look_ms, create_ms;
    struct am_once *once; /* while keyagent is asked for the key */
    char *key_text;       /* locked; until wg has read it */
    struct mesh_plan plan;
    char create_reason[AM_ERROR_TEXT];

    bool up;                    /* key, port, address and link stand */
    uint64_t applied;           /* rounds that ended with nothing left to write */
    struct mesh_wg_device have; /* as last seen */
    char reason[AM_ERROR_TEXT]; /* why it is not up, "" when it is */
};

/* Say what the device should be.  peers: copied; what was done to those that stay is kept. */
void mesh_wg_want(struct mesh_wg *wg, const uint8_t own_pub[static 32], uint32_t ip, uint8_t prefix,
                  const struct mesh_wg_peer *peers, size_t count);

/* Do the next thing, if one is due.  Call on every tick and after mesh_wg_want. */
void mesh_wg_run(struct mesh_wg *wg);
void mesh_wg_close(struct mesh_wg *wg);

#endif
