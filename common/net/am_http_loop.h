/*  am_http_loop -- libcurl's multi interface driven by libev: sockets, one timer, nothing else.
 *
 *  Source:  https://curl.se/libcurl/c/libcurl-multi.html "multi_socket"
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_HTTP_LOOP_H
#define AM_HTTP_LOOP_H

#include "../base/am_err.h"

#include <curl/curl.h>
#include <ev.h>

struct am_http_socket;

struct am_http_loop {
    struct ev_loop *ev;
    CURLM *multi;
    ev_timer timer;
    struct am_http_socket *sockets;
    void (*progress)(void *owner); /* curl has worked: look for finished requests */
    void *owner;
};

/* Returns: AM_OK, AM_RESOURCE_EXHAUSTED.  On failure there is nothing to shut. */
int am_http_loop_open(struct am_http_loop *l, struct ev_loop *ev, void (*progress)(void *owner),
                      void *owner, struct am_error *err) AM_MUST_CHECK;

/* Every easy handle must have been removed from l->multi. */
void am_http_loop_shut(struct am_http_loop *l);

#endif
