/*  am_grpc_watch -- when a connection is silent, dead or idle: the decision, without the clock.
 *
 *  Pure: (state, now) -> what to do.
 *  Source:  the gateway in front of dstack drops what is silent for 10 minutes; numbers are ours
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_WATCH_H
#define AM_GRPC_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define AM_GRPC_SETTINGS_MS 5000     /* a peer that has not sent SETTINGS by then is none */
#define AM_GRPC_PING_MS 120000       /* of silence */
#define AM_GRPC_PING_ANSWER_MS 20000 /* from PING to its answer */
#define AM_GRPC_STUCK_MS 20000       /* our bytes wait and none is taken */
#define AM_GRPC_IDLE_MS 300000       /* without a request: the server closes */

enum am_grpc_watch_do {
    AM_GRPC_WAIT = 1,    /* look again at *next_ms */
    AM_GRPC_PING,        /* send one, tell am_grpc_watch.pinged_ms, look again at *next_ms */
    AM_GRPC_NO_SETTINGS, /* give up */
    AM_GRPC_NO_ANSWER,   /* give up: PING unanswered */
    AM_GRPC_STUCK,       /* give up: the peer does not read */
    AM_GRPC_IDLE,        /* close politely */
};

struct am_grpc_watch {       /* all in ms of one monotonic clock */
    int64_t opened_ms;       /* TCP stood */
    bool settings;           /* the peer's SETTINGS have come */
    int64_t heard_ms;        /* last byte from the peer */
    int64_t pinged_ms;       /* our PING without an answer, 0 when there is none */
    bool may_idle;           /* server, and no request is open */
    int64_t last_request_ms; /* when the last one ended, or opened_ms */
    int64_t stuck_ms;        /* since when our bytes wait for the peer to read, 0 when none do */
};

/* Out: *next_ms, when to ask again, for WAIT and PING; later than now_ms. */
enum am_grpc_watch_do am_grpc_watch_look(const struct am_grpc_watch *w, int64_t now_ms,
                                         int64_t *next_ms);

#endif
