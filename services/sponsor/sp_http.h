/*  sp_http -- the sponsor's HTTP server, on the event loop.
 *
 *  Trust:   every client is a stranger: bodies, connections (in all) and times are bounded.
 *  Threads: the loop's; libmicrohttpd has none of its own.  A request that waits for the chain or
 *           for the disk has its connection suspended.  Before the loop pauses, grants are made
 *           durable and what was answered meanwhile is sent.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_HTTP_H
#define SP_HTTP_H

#include "sponsor.h"

struct sp_http;

/* In:      sponsor  borrowed for its life; everything but its server is open
 * Returns: AM_OK, AM_INVALID_ARGUMENT (address), AM_UNAVAILABLE (cannot listen) */
int sp_http_open(struct sp_http **http, struct sponsor *sponsor, const char *listen,
                 struct am_error *err) AM_MUST_CHECK;
/* Nothing may wait any more for the chain or the disk. */
void sp_http_close(struct sp_http **http);

#endif
