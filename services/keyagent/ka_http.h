/*  ka_http -- the head of an HTTP/1.1 answer, read strictly and in place.
 *
 *  Pure.  Source: RFC 9112; dstack page 1.2
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_HTTP_H
#define KA_HTTP_H

#include "../../common/base/am_bytes.h"

struct ka_http_head {
    int status;      /* 100..599 */
    size_t head_len; /* bytes up to and including the blank line */
    size_t body_len; /* Content-Length */
};

/* Read the head at the front of what has arrived.
 *
 * Out:     complete  false: the blank line is not there yet, read on
 * In:      what      names the boundary in errors
 * Returns: AM_OK, AM_INVALID_ARGUMENT: no HTTP/1.x status line, no Content-Length, two that differ,
 *          one that is no number, or a transfer coding
 */
int ka_http_read(struct ka_http_head *head, bool *complete, struct am_str in, const char *what,
                 struct am_error *err) AM_MUST_CHECK;

/* The words of a failed answer: `error` of its JSON, or "" when it has none; borrowed from body. */
struct am_str ka_http_words(struct am_str body);

/* Whether a failed answer says that the agent has no such method: 400 up to 0.5.11, 404 after. */
bool ka_http_no_method(int status, struct am_str words);

#endif
