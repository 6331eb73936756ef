/*  am_grpc -- unary gRPC over HTTP/2 (h2c, prior knowledge): client and server on one event loop.
 *
 *  Trust:   both ends are hostile: AM_GRPC_MESSAGE_MAX (4 MiB) a message, 100 streams a connection,
 *           compressed messages refused, deadlines enforced.  A peer that sends no SETTINGS within
 *           5 s, that leaves a PING (every 2 min of silence) 20 s unanswered or does not read for
 *           20 s is given up.
 *  Clock:   monotonic.
 *  Source:  https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md; RFC 9113;
 *           protocol page 3.8
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_H
#define AM_GRPC_H

#include "../base/am_bytes.h"

#include <ev.h>
#include <netinet/in.h>

#define AM_GRPC_CONNECTIONS 64            /* per server; one more is closed at once */
#define AM_GRPC_CONNECTIONS_PER_SOURCE 32 /* so that one address, or uid, cannot take them all */
#define AM_GRPC_SECRET_MAX 256            /* bytes of a secret answer */
#define AM_GRPC_NO_UID UINT32_MAX         /* (uid_t)-1 is nobody's */

struct am_grpc_server;
struct am_grpc_request;
struct am_grpc_call;

/* A question came.  Answer exactly once, now or later, with am_grpc_reply or am_grpc_refuse, even
 * after the asker has gone, its deadline has passed or the server is closed: the answer is dropped
 * then, and the request freed.  Called from the loop with nothing of ours below: it may close the
 * server.
 *
 * In:      path     "/package.Service/Method", shorter than 128 bytes; borrowed for the call
 *          message  borrowed for the call
 *          peer     where it came from; borrowed for the call
 *                   (over a Unix socket all zero: see am_grpc_request_uid)
 */
typedef void am_grpc_serve_fn(void *arg, struct am_grpc_request *request, const char *path,
                              struct am_bin message, const struct sockaddr_in *peer);

/* Listen on addr (IPv4; port 0 takes a free one).
 *
 * Returns: AM_OK, AM_ALREADY_EXISTS (in use), AM_UNAVAILABLE (no such address yet), AM_INTERNAL;
 *          *server is NULL then
 *
 * A request is refused by itself, without fn: not POST (HTTP 405), not gRPC (HTTP 415), compressed
 * (UNIMPLEMENTED), too large (RESOURCE_EXHAUSTED), cut or doubled message (INVALID_ARGUMENT), past
 * its grpc-timeout, at most 5 minutes (DEADLINE_EXCEEDED).  A connection without a request for
 * 5 minutes is closed.
 */
int am_grpc_serve(struct am_grpc_server **server, struct ev_loop *loop,
                  const struct sockaddr_in *addr, am_grpc_serve_fn *fn, void *arg,
                  struct am_error *err) AM_MUST_CHECK;

/* The same on a stream socket that listens already, of any family, and does not block.
 * Owns:    fd, also on failure
 * Returns: AM_OK, AM_INTERNAL; *server is NULL then */
int am_grpc_serve_fd(struct am_grpc_server **server, struct ev_loop *loop, int fd,
                     am_grpc_serve_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

/* The port it listens on, in host order; 0 after am_grpc_serve_fd. */
uint16_t am_grpc_server_port(const struct am_grpc_server *server);

/* Who asks over a Unix socket: the uid that the kernel noted when the peer connected (unix(7),
 * SO_PEERCRED); AM_GRPC_NO_UID over TCP. */
uint32_t am_grpc_request_uid(const struct am_grpc_request *request);

/* Ends every connection.  Requests that fn still holds stay valid until answered.  Leaves *server
 * NULL; NULL is accepted. */
void am_grpc_server_close(struct am_grpc_server **server);

/* message: copied; a message above 4 MiB becomes RESOURCE_EXHAUSTED.  Frees request. */
void am_grpc_reply(struct am_grpc_request *request, struct am_bin message);

/* The same for a key: our copies of it, down to the bytes given to the kernel, are in locked memory
 * and wiped as soon as they are sent or dropped.  message: 1..AM_GRPC_SECRET_MAX bytes; the caller
 * wipes its own.  RESOURCE_EXHAUSTED when no memory could be locked. */
void am_grpc_reply_secret(struct am_grpc_request *request, struct am_bin message);

/* code: a negative enum am_err.  text: copied, percent-encoded, cut near 256 bytes; it goes to the
 * peer.  Frees request. */
void am_grpc_refuse(struct am_grpc_request *request, int code, const char *text);

/* How a call ended; called once, from the loop, never from inside am_grpc_ask.  The call is gone.
 *
 * In:      code     AM_OK                 message is the answer
 *                   AM_UNAVAILABLE        no connection within connect_ms, no HTTP/2 on it, lost
 *                                         before the answer: the server may or may not have acted
 *                   AM_DEADLINE_EXCEEDED  sent as grpc-timeout; ended in RST_STREAM CANCEL
 *                   AM_RESOURCE_EXHAUSTED answer above 4 MiB, or out of memory
 *                   AM_DATA_LOSS          not HTTP/2, not gRPC, compressed, or no whole message
 *                   or what the peer said: its status (or, without one, what its HTTP status or
 *                   RST_STREAM stands for) as a negative enum am_err
 *          message  borrowed for the call; empty unless AM_OK
 *          err      never NULL; text is the peer's own words exactly (control bytes blanked) for
 *                   its status, else "gRPC <ip>:<port> <path>: expected ..., got ..."
 */
typedef void am_grpc_fn(void *arg, int code, struct am_bin message, const struct am_error *err);

/* One unary call on a connection of its own.
 *
 * Out:     *call        to cancel it; dead once fn has been called
 * In:      path         "/package.Service/Method", shorter than 128 bytes
 *          message      copied
 *          connect_ms   for TCP to stand
 *          deadline_ms  for everything, from now
 * Returns: AM_OK, AM_INVALID_ARGUMENT (path), AM_RESOURCE_EXHAUSTED (message above 4 MiB,
 *          descriptors, memory); *call is NULL and fn is not called then
 */
int am_grpc_ask(struct am_grpc_call **call, struct ev_loop *loop, const struct sockaddr_in *addr,
                const char *path, struct am_bin message, int64_t connect_ms, int64_t deadline_ms,
                am_grpc_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

/* Ends in RST_STREAM CANCEL; fn is not called any more.  Leaves *call NULL; NULL is accepted; only
 * before fn has been called, or from inside it, where it does nothing else. */
void am_grpc_cancel(struct am_grpc_call **call);

#endif
