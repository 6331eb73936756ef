/*  dn_http -- a small HTTP/1.1 server on a Unix socket, exact about keep-alive and half-close.
 *
 *  It answers as hyper does behind the real guest agent: names of headers in lower case, always a
 *  content-length, the connection kept unless `Connection: close`, the answer still sent to a
 *  client that has half-closed, 15 s of patience between requests.
 *
 *  Source: dstack page 1.2
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_HTTP_H
#define DN_HTTP_H

#include "dn_fault.h"

#include <ev.h>

#define DN_HTTP_BODY_MAX (10u << 20) /* bytes of a request */

struct dn_request { /* borrowed for the call */
    char verb[16];
    char path[512]; /* without query; double slashes made one */
    char query[4096];
    bool json_type;   /* content-type: application/json */
    bool accept_json; /* accept names application/json first */
    bool too_large;   /* content-length above DN_HTTP_BODY_MAX; body is empty */
    struct am_bin body;
};

struct dn_answer {
    int status;
    const char *type; /* static */
    char *body;       /* malloc; the server frees it */
    size_t len;
    enum dn_fault fault; /* of the transport; the others are the handler's own affair */
};

typedef void dn_handler_fn(void *arg, const struct dn_request *request, struct dn_answer *answer);

struct dn_http;

/* Bind and listen; an old socket file at path is replaced; mode 0777, as the real one.
 * Returns: AM_OK, AM_FAILED_PRECONDITION (bind, listen), AM_INVALID_ARGUMENT (path too long) */
int dn_http_open(struct dn_http **http, struct ev_loop *loop, const char *path, const char *server,
                 dn_handler_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;
void dn_http_close(struct dn_http **http);

#endif
