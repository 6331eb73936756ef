/*  am_http_request -- one request of am_http: what of its answer is accepted, what its end means.
 *
 *  Trust:   every byte of the answer is hostile.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_HTTP_REQUEST_H
#define AM_HTTP_REQUEST_H

#include "am_http.h"

#include <curl/curl.h>

#define AM_HTTP_WHERE_BYTES 272 /* "host:port", a host name has 255 bytes at most */

struct am_http_request {
    struct am_http *http;
    struct am_http_request *next, **link;
    CURL *easy;
    am_http_fn *fn;
    void *arg;
    char where[AM_HTTP_WHERE_BYTES];
    int64_t deadline_ms;
    uint8_t *body;
    size_t len, cap, max;
    size_t header_bytes;
    bool headers_whole;
    int64_t retry_after_ms;
    struct am_error why; /* set when we, not curl, ended it */
};

/* libcurl's CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION; arg is the request.  They end the
 * transfer, with the reason in why, on the first byte too many and on any encoding. */
size_t am_http_on_body(char *p, size_t size, size_t n, void *arg);
size_t am_http_on_header(char *p, size_t size, size_t n, void *arg);

/* What a curl result means to somebody who must decide whether the server can have acted.
 * Returns: AM_OK, or the code of am_http_fn, recorded in err */
int am_http_judge(const struct am_http_request *r, CURLcode cc, struct am_error *err);

#endif
