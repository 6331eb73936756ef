/*  api_http -- the HTTP server of health, metrics and evidence, on the event loop.
 *
 *  Answers from the first second, whatever the rest of the suite does.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_HTTP_H
#define API_HTTP_H

#include "../../bus/bus.h"
#include "api_facts.h"

#include <ev.h>

struct api_http;

/* Listen.
 * In:      listen  "IPv4:port"
 *          bus     borrowed, for quotes
 *          facts   borrowed, read at each request
 * Returns: AM_OK, AM_INVALID_ARGUMENT (listen), AM_UNAVAILABLE (address in use or not ours) */
int api_http_open(struct api_http **http, struct ev_loop *loop, const char *listen, struct bus *bus,
                  const struct api_facts *facts, struct am_error *err) AM_MUST_CHECK;
/* After bus_close: what still waits for keyagent is answered by that.  NULL is accepted. */
void api_http_close(struct api_http **http);

#endif
