/*  am_http -- an HTTP client on one event loop: libcurl multi under libev.
 *
 *  Trust:   what comes back is hostile: bounded in size and time, never decompressed.  No redirect
 *           is followed, no proxy, cookie or .netrc is read from anywhere; http and https only,
 *           TLS 1.2 at least and verified.
 *  Threads: none of ours (libcurl looks names up in one).  Several requests may be in flight;
 *           connections are kept and reused.
 *  Clock:   monotonic.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_HTTP_H
#define AM_HTTP_H

#include "../base/am_bytes.h"

#include <ev.h>

#define AM_HTTP_IN_FLIGHT 256          /* requests, in all */
#define AM_HTTP_HEADER_BYTES 65536     /* accepted, per answer */
#define AM_HTTP_LONGEST_MS 86400000    /* a longer deadline is cut to this */
#define AM_HTTP_RETRY_AFTER_S 86400000 /* a longer Retry-After is ignored */

struct am_http;

struct am_http_answer {
    int status;               /* HTTP status, 0 when no answer came */
    struct am_bin body;       /* borrowed for the call; complete or absent, never cut */
    const char *content_type; /* "" when none; borrowed for the call */
    int64_t retry_after_ms;   /* Retry-After in seconds form, else -1 */
};

/* Called once, from the loop, never from inside am_http_post.  It may post, and may close the
 * client.
 *
 * In:      code     AM_OK when an HTTP answer of any status came whole; else
 *                   AM_UNAVAILABLE        no connection, or no TLS: the server has seen nothing
 *                   AM_DEADLINE_EXCEEDED  the server may or may not have acted
 *                   AM_OUT_OF_RANGE       body larger than max
 *                   AM_DATA_LOSS          connected, but no whole answer; or it is encoded (gzip);
 *                                         the server may or may not have acted
 *                   AM_RESOURCE_EXHAUSTED out of memory
 *                   AM_CANCELLED          client closed
 *          answer   never NULL; on failure status is what is known, body is empty
 *          err      never NULL; text shows host and port at most: never path, query or credentials
 *
 * A body with neither Content-Length nor chunks ends where the connection ends (HTTP/1.0): only its
 * own syntax can show that it was cut there.
 */
typedef void am_http_fn(void *arg, int code, const struct am_http_answer *answer,
                        const struct am_error *err);

/* Owns:    *http, to be closed with am_http_close.  loop is borrowed for as long.
 *          SIGPIPE is set to be ignored in the process, if nobody handles it: TLS writes raise it.
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED; *http is NULL then
 */
int am_http_open(struct am_http **http, struct ev_loop *loop, struct am_error *err) AM_MUST_CHECK;

/* Every request in flight ends with AM_CANCELLED first, from inside this call; a post from there is
 * refused.  Leaves *http NULL; NULL is accepted.
 */
void am_http_close(struct am_http **http);

/* POST a JSON body.
 *
 * In:      url          http:// or https://, checked; credentials in it are sent as Basic
 *          body         copied
 *          deadline_ms  for everything, name look-up included, from now
 *          max          largest accepted body in bytes
 * Returns: AM_OK, AM_INVALID_ARGUMENT (url), AM_RESOURCE_EXHAUSTED (AM_HTTP_IN_FLIGHT, memory),
 *          AM_CANCELLED (closing); fn is not called then
 *
 * As HTTP allows (RFC 9112 9.3.1), libcurl sends a request once more on a new connection when a
 * kept one turns out closed before the first byte of an answer: a POST must be safe to repeat.
 */
int am_http_post(struct am_http *http, const char *url, struct am_bin body, int64_t deadline_ms,
                 size_t max, am_http_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

/* GET, the same otherwise. */
int am_http_get(struct am_http *http, const char *url, int64_t deadline_ms, size_t max,
                am_http_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

#endif
