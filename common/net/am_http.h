/*  am_http -- an HTTP client on one event loop: libcurl multi under libev.
 *
 *  Trust:   what comes back is hostile: bounded in size and time, never decompressed.
 *  Threads: none of ours.  Several requests may be in flight; connections are kept and reused.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_HTTP_H
#define AM_HTTP_H

#include "../base/am_bytes.h"

#include <ev.h>

struct am_http;

struct am_http_answer {
    int status;         /* HTTP status, 0 when no answer came */
    struct am_bin body; /* borrowed for the call; complete or absent, never cut */
    const char *content_type;  /* "" when none */
    int64_t retry_after_ms;    /* Retry-After in seconds form, else -1 */
};

/* Called once, from the loop, never from inside am_http_post.
 * code: AM_OK when an HTTP answer of any status came whole; else AM_UNAVAILABLE (no connection),
 * AM_DEADLINE_EXCEEDED, AM_OUT_OF_RANGE (body larger than max), AM_DATA_LOSS (truncated), AM_CANCELLED
 * (client destroyed).  err.text shows host and port at most: never path, query or credentials. */
typedef void am_http_fn(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err);

int am_http_open(struct am_http **http, struct ev_loop *loop, struct am_error *err) AM_MUST_CHECK;
void am_http_close(struct am_http **http); /* every request in flight ends with AM_CANCELLED first */

/* POST a JSON body.
 * In:      url          http:// or https://, checked
 *          body         copied
 *          deadline_ms  for everything, from now
 *          max          largest accepted body in bytes
 * Returns: AM_OK, AM_INVALID_ARGUMENT (url), AM_RESOURCE_EXHAUSTED; fn is not called then */
int am_http_post(struct am_http *http, const char *url, struct am_bin body, int64_t deadline_ms, size_t max, am_http_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

/* GET, the same otherwise. */
int am_http_get(struct am_http *http, const char *url, int64_t deadline_ms, size_t max, am_http_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

#endif
