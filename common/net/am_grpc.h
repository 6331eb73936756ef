/*  am_grpc -- unary gRPC over HTTP/2 (h2c, prior knowledge): client and server on one event loop.
 *
 *  Trust:   both ends are hostile: 4 MiB a message, 100 streams a connection, compressed messages
 *           refused, deadlines enforced, PING both ways.
 *  Source:  https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md; RFC 9113
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_H
#define AM_GRPC_H

#include "../base/am_bytes.h"

#include <ev.h>
#include <netinet/in.h>

struct am_grpc_server;
struct am_grpc_request;
struct am_grpc_call;

/* A question came.  Answer once, now or later, with am_grpc_reply or am_grpc_refuse.
 * path: "/package.Service/Method".  message: borrowed for the call.  peer: where it came from. */
typedef void am_grpc_serve_fn(void *arg, struct am_grpc_request *request, const char *path,
                              struct am_bin message, const struct sockaddr_in *peer);

/* Listen on addr (IPv4).  Returns AM_OK, AM_ALREADY_EXISTS (in use), AM_UNAVAILABLE (no such
 * address yet), AM_INTERNAL. */
int am_grpc_serve(struct am_grpc_server **server, struct ev_loop *loop,
                  const struct sockaddr_in *addr, am_grpc_serve_fn *fn, void *arg,
                  struct am_error *err) AM_MUST_CHECK;
void am_grpc_server_close(struct am_grpc_server **server);

void am_grpc_reply(struct am_grpc_request *request, struct am_bin message);
void am_grpc_refuse(struct am_grpc_request *request, int code,
                    const char *text); /* code: negative enum am_err; text is percent-encoded */

/* One unary call on a connection of its own.  fn is called once, from the loop, never from inside:
 * AM_OK with the message (borrowed), or the peer's status as a negative enum am_err with its words,
 * or AM_UNAVAILABLE (connect failed within connect_ms), AM_DEADLINE_EXCEEDED (sent as grpc-timeout;
 * ends in RST_STREAM CANCEL), AM_DATA_LOSS. */
typedef void am_grpc_fn(void *arg, int code, struct am_bin message, const struct am_error *err);
int am_grpc_ask(struct am_grpc_call **call, struct ev_loop *loop, const struct sockaddr_in *addr,
                const char *path, struct am_bin message, int64_t connect_ms, int64_t deadline_ms,
                am_grpc_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;
void am_grpc_cancel(struct am_grpc_call **call); /* fn is not called any more; NULL is accepted;
                                                    only before fn has been called */

#endif
