/*  am_grpc_server -- what am_grpc_server and am_grpc_request share: who holds what.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_SERVER_H
#define AM_GRPC_SERVER_H

#include "am_grpc.h"
#include "am_grpc_conn.h"
#include "am_grpc_frame.h"

#include <sys/queue.h>

#define AM_GRPC_PATH_BYTES 128

LIST_HEAD(am_grpc_requests, am_grpc_request);
TAILQ_HEAD(am_grpc_queue, am_grpc_request);

struct am_grpc_peer { /* a connection of a server */
    struct am_grpc_server *server;
    struct am_grpc_conn conn;
    struct sockaddr_in from;          /* zero over a Unix socket */
    uint32_t uid;                     /* AM_GRPC_NO_UID over TCP */
    struct am_grpc_requests requests; /* whose stream is open */
    LIST_ENTRY(am_grpc_peer) entry;
};
LIST_HEAD(am_grpc_peers, am_grpc_peer);

/* Lives while its stream is open or its asker has not answered, whichever is longer. */
struct am_grpc_request {
    struct am_grpc_peer *peer; /* NULL once the stream is closed */
    LIST_ENTRY(am_grpc_request) entry;
    TAILQ_ENTRY(am_grpc_request) ready;
    int32_t stream_id;
    uint32_t uid;   /* of the peer */
    bool queued;    /* whole, not given out yet */
    bool with_user; /* given out, not answered yet */
    bool answered;  /* something is on its way to the peer */
    bool is_post, is_grpc, path_too_long, encoded, timeout_bad;
    int64_t timeout_ms; /* -1: the peer set none */
    ev_timer deadline;
    char path[AM_GRPC_PATH_BYTES];
    struct am_grpc_reader reader;
    bool secret;  /* out is locked memory */
    uint8_t *out; /* the framed answer */
    size_t out_len, out_sent;
    size_t held; /* counted in server->held */
};

struct am_grpc_server {
    struct ev_loop *loop;
    int fd;
    uint16_t port;
    ev_io accept;
    ev_timer pause;    /* out of descriptors: listen again later */
    ev_timer dispatch; /* never started, only fed: gives requests out with nothing of ours below */
    am_grpc_serve_fn *fn;
    void *arg;
    struct am_grpc_peers peers;
    struct am_grpc_queue ready;
    size_t held; /* bytes of messages in memory */
};

/* The hooks of a server's connection, except lost. */
int am_grpc_request_begin(struct am_grpc_conn *c, const nghttp2_frame *frame);
int am_grpc_request_header(struct am_grpc_conn *c, const nghttp2_frame *frame, struct am_str name,
                           struct am_str value);
bool am_grpc_request_data(struct am_grpc_conn *c, int32_t stream_id, const uint8_t *p, size_t len);
void am_grpc_request_frame(struct am_grpc_conn *c, const nghttp2_frame *frame);
void am_grpc_request_sent(struct am_grpc_conn *c, const nghttp2_frame *frame);
void am_grpc_request_closed(struct am_grpc_conn *c, int32_t stream_id, uint32_t h2_error);
void am_grpc_request_secret(const void *request, uint8_t *out, size_t len);

/* The stream is gone: drop what is ours, leave what the asker still holds. */
void am_grpc_request_detach(struct am_grpc_request *q);

#endif
