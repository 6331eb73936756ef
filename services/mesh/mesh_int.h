/*  mesh_int -- the one state of the mesh service, and which file moves which part of it
 *
 *  Threads: one, the loop's.  Facts come in from the bus, from peers and from the device; each
 * marks the state dirty; before the loop sleeps mesh_step runs the pure machines once and does what
 * they say.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_INT_H
#define MESH_INT_H

#include "../../common/base/am_settings.h"
#include "../../common/net/am_grpc.h"
#include "mesh_beat.h"
#include "mesh_csk.h"
#include "mesh_edkeys.h"
#include "mesh_endpoints.h"
#include "mesh_gate.h"
#include "mesh_holders.h"
#include "mesh_news.h"
#include "mesh_view.h"
#include "mesh_wg.h"

#include <time.h>

#define MESH_TICK_MS 100
#define MESH_BEAT_PORT 51820
#define MESH_RPC_PORT 50051
#define MESH_UNKNOWN_MAX 16 /* unknown senders that are remembered */
#define MESH_SKEW_SHOWN_S 5 /* own clock against block time */
#define MESH_REASON 384
#define MESH_STRANGER_BLOCKS 3 /* so long the record must carry other keys before we give up */

struct mesh_peer_state { /* at the member's index in the view */
    struct mesh_beat_peer beat;
    uint64_t heard_wall_ms;
};

struct mesh_beats { /* mesh_heartbeat.c */
    int fd;         /* -1 until the mesh IP is ours */
    ev_io io;
    bool signing, wanted; /* wanted: one more, at once */
    int64_t due_ms, sent_ms;
    uint64_t last_ms;
    struct mesh_set said;
    struct am_heartbeat out;
    uint8_t unknown[MESH_UNKNOWN_MAX][32];
    size_t unknown_count;
    uint64_t unreadable, unknown_refused;
};

struct mesh_call { /* one RequestClusterSharedKey */
    struct mesh *mesh;
    struct am_grpc_call *call; /* NULL: free */
    uint8_t id[32];
    bool holder; /* to learn whether it holds the key; else to pull it */
};

struct mesh_rpc { /* mesh_peer_rpc.c */
    struct am_grpc_server *server;
    uint32_t server_ip;
    int64_t retry_ms;
    struct mesh_call call[MESH_CSK_PARALLEL + 1]; /* the last one is the holder question */
    char last[AM_ERROR_TEXT];                     /* how the last pull failed */
};

struct mesh {
    struct ev_loop *loop;
    struct bus *bus;
    const struct am_settings *settings;
    struct mesh_helper *helper;
    bool dirty, helper_dead;
    int exit_code;           /* of am_exit.h */
    uint64_t stranger_block; /* where the own record was first seen with other keys */
    uint32_t life;           /* of the membership: answers to an earlier one are dropped */

    struct mesh_identity identity; /* keyagent.identity */
    bool keyagent_lost, chain_lost;
    bool held, cache_pending; /* keyagent.csk */
    uint8_t held_commitment[32];
    struct mesh_view view, next; /* chain.view; next: scratch */
    uint64_t registered_at;      /* block of the own registration operation */
    char operation[MESH_REASON]; /* what the newest operation says */
    int64_t skew_s;              /* own clock minus block time, when a new block came */

    struct mesh_member member;
    struct mesh_facts facts;
    struct mesh_gate gate;
    struct mesh_gate_verdict verdict, verdict_told;
    int64_t verdict_told_ms;
    struct mesh_csk csk;
    enum mesh_csk_why csk_why;
    bool csk_done, csk_ever, healthy;
    uint64_t healthy_ms;
    struct mesh_holders holders;
    size_t holders_said;
    char ask_reason[MESH_REASON]; /* why the last question of ours was refused */

    struct mesh_peer_state peer[MESH_MEMBERS_MAX];
    struct mesh_set rivals, ignored;
    struct mesh_edkeys edkeys;
    bool edkeys_changed; /* since they were written */
    int64_t edkeys_due_ms;
    struct mesh_endpoints endpoints;
    struct timespec endpoints_time;
    int64_t endpoints_size, endpoints_due_ms;
    char endpoints_reason[MESH_REASON];
    struct mesh_wg wg;
    uint64_t applied; /* mesh_wg round that the gate knows of */
    struct mesh_beats beats;
    struct mesh_news news;
    struct mesh_rpc rpc;
    int64_t publish_due_ms;
};

/* mesh.c */
void mesh_wake(struct mesh *m);
int mesh_jitter(void); /* -200..200 */

/* mesh_step.c: run the machines, do what they say */
void mesh_step(struct mesh *m);
void mesh_take_view(struct mesh *m, const struct chain_view *fact);

/* mesh_status.c: mesh.node, mesh.peer and their reasons */
void mesh_publish(struct mesh *m);

/* mesh_heartbeat.c */
void mesh_beats_run(struct mesh *m);
void mesh_beats_close(struct mesh *m);

/* mesh_peer_rpc.c */
void mesh_rpc_run(struct mesh *m); /* serve, once the mesh IP is ours */
void mesh_rpc_dial(struct mesh *m, size_t i, bool holder);
void mesh_rpc_cancel(struct mesh *m);
void mesh_rpc_close(struct mesh *m);

/* mesh_file.c: the endpoints file and the ignore list */
void mesh_file_run(struct mesh *m);
int mesh_ignore_check(const char *list, struct am_error *err) AM_MUST_CHECK;
bool mesh_ignore_has(const char *list, const struct mesh_known *member);

/* mesh_cache.c: peer-ed25519.v1 */
void mesh_cache_read(struct mesh *m);
void mesh_cache_learn(struct mesh *m, const struct mesh_view *view);
void mesh_cache_run(struct mesh *m, bool now);

#endif
