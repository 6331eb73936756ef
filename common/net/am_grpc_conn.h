/*  am_grpc_conn -- one HTTP/2 connection under libev: bytes, keep-alive, and how it is lost.
 *
 *  Shared by am_grpc_client and am_grpc_server.  nghttp2's callbacks run below us, so a hook may
 *  submit but never close the connection; only lost, called last of all, may (and must).
 *
 *  Trust:   the peer is hostile.
 *  Clock:   monotonic.
 *  Source:  RFC 9113; https://nghttp2.org/documentation/nghttp2.h.html
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_CONN_H
#define AM_GRPC_CONN_H

#include "am_grpc_watch.h"

#include "../base/am_bytes.h"

#include <ev.h>
#include <nghttp2/nghttp2.h>

#define AM_GRPC_STREAMS 100 /* at once, on one connection */
#define AM_GRPC_WHY_BYTES 160

struct am_grpc_conn;

/* nghttp2's callbacks with our types; each returns 0 or an nghttp2 error. */
struct am_grpc_hooks {
    int (*begin)(struct am_grpc_conn *c, const nghttp2_frame *frame); /* may be NULL */
    int (*header)(struct am_grpc_conn *c, const nghttp2_frame *frame, struct am_str name,
                  struct am_str value);
    /* Returns true when the bytes were taken: only then the stream's window opens again. */
    bool (*data)(struct am_grpc_conn *c, int32_t stream_id, const uint8_t *p, size_t len);
    void (*frame)(struct am_grpc_conn *c, const nghttp2_frame *frame);
    void (*sent)(struct am_grpc_conn *c, const nghttp2_frame *frame); /* may be NULL */
    void (*closed)(struct am_grpc_conn *c, int32_t stream_id, uint32_t h2_error);
    /* The bytes of a data provider that said NGHTTP2_DATA_FLAG_NO_COPY; may be NULL when none
     * does.  source: its pointer. */
    void (*secret)(const void *source, uint8_t *out, size_t len);
    /* The connection is of no use any more: call am_grpc_conn_shut.  why is ours or blanked. */
    void (*lost)(struct am_grpc_conn *c, int code, const char *why);
};

struct am_grpc_conn {
    struct ev_loop *loop;
    int fd; /* -1 when shut */
    nghttp2_session *session;
    const struct am_grpc_hooks *hooks;
    void *owner;
    ev_io rd, wr;
    ev_timer look;
    struct am_grpc_watch watch;
    uint8_t *secret; /* a frame in locked memory, or NULL */
    size_t secret_len;
    const uint8_t *out; /* inside session or secret, not sent yet */
    size_t out_len;
    char why[AM_GRPC_WHY_BYTES]; /* nghttp2's words on what the peer did wrong */
};

/* Speak HTTP/2 on a connected, non-blocking stream socket.
 *
 * Owns:    fd, also on failure
 * In:      server  whether we are that side; only a server's connection idles out
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED; c->fd is -1 then
 */
int am_grpc_conn_open(struct am_grpc_conn *c, struct ev_loop *loop, int fd, bool server,
                      const struct am_grpc_hooks *hooks, void *owner,
                      struct am_error *err) AM_MUST_CHECK;

/* Something was submitted: send it from the loop. */
void am_grpc_conn_kick(struct am_grpc_conn *c);

/* Whether a request is open; none of them for AM_GRPC_IDLE_MS ends a server's connection. */
void am_grpc_conn_busy(struct am_grpc_conn *c, bool busy);

/* Say GOAWAY, send what can be sent without waiting, and close.  Never from inside a hook other
 * than lost.  Repeating it is harmless. */
void am_grpc_conn_shut(struct am_grpc_conn *c);

#endif
