/*  am_http_request -- what of an answer is accepted, and what its end means.  */
#include "am_http_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t
am_http_on_body(char *p, size_t size, size_t n, void *arg)
{
    struct am_http_request *r = arg;
    size_t len = size * n;

    if (len > r->max - r->len) {
        (void)am_fail(&r->why, AM_OUT_OF_RANGE, "%s: expected at most %zu bytes of body, got more",
                      r->where, r->max);
        return 0;
    }
    if (r->len + len > r->cap) {
        size_t cap = r->cap == 0 ? 1024 : r->cap;
        uint8_t *grown;

        while (cap < r->len + len)
            cap *= 2;
        cap = cap > r->max ? r->max : cap;
        grown = realloc(r->body, cap);
        if (grown == NULL) {
            (void)am_fail(&r->why, AM_RESOURCE_EXHAUSTED,
                          "%s: expected memory for %zu bytes, got none", r->where, cap);
            return 0;
        }
        r->body = grown;
        r->cap = cap;
    }
    memcpy(r->body + r->len, p, len);
    r->len += len;
    return len;
}

/* The value of header `name`, trimmed, or p = NULL when the line is another one. */
static struct am_str
value_of(struct am_str line, const char *name)
{
    size_t n = strlen(name);

    if (line.len <= n || strncasecmp(line.p, name, n) != 0 || line.p[n] != ':')
        return (struct am_str){NULL, 0};
    line.p += n + 1;
    line.len -= n + 1;
    while (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        line.p++, line.len--;
    while (line.len > 0 && strchr(" \t\r\n", line.p[line.len - 1]) != NULL)
        line.len--;
    return line;
}

static int64_t
retry_after(struct am_str v)
{
    int64_t s = 0;

    for (size_t i = 0; i < v.len; i++) {
        if (v.p[i] < '0' || v.p[i] > '9' || s > AM_HTTP_RETRY_AFTER_S)
            return -1;
        s = s * 10 + (v.p[i] - '0');
    }
    return v.len == 0 || s > AM_HTTP_RETRY_AFTER_S ? -1 : s * 1000;
}

static bool
is_word(struct am_str v, const char *word)
{
    return v.len == strlen(word) && strncasecmp(v.p, word, v.len) == 0;
}

size_t
am_http_on_header(char *p, size_t size, size_t n, void *arg)
{
    struct am_http_request *r = arg;
    struct am_str line = {p, size * n}, v;

    r->header_bytes += line.len;
    if (r->header_bytes > AM_HTTP_HEADER_BYTES) {
        (void)am_fail(&r->why, AM_DATA_LOSS, "%s: expected at most %d bytes of headers, got more",
                      r->where, AM_HTTP_HEADER_BYTES);
        return 0;
    }
    if (line.len >= 5 && memcmp(line.p, "HTTP/", 5) == 0)
        r->headers_whole = false;
    else if (line.len > 0 && (line.p[0] == '\r' || line.p[0] == '\n'))
        r->headers_whole = true;
    v = value_of(line, "Content-Encoding");
    if (v.p != NULL && !is_word(v, "identity")) {
        (void)am_fail(&r->why, AM_DATA_LOSS,
                      "%s: expected a body as it is, got Content-Encoding %.*s", r->where,
                      (int)(v.len > 40 ? 40 : v.len), v.p);
        return 0;
    }
    /* curl would unpack this one unasked. */
    v = value_of(line, "Transfer-Encoding");
    if (v.p != NULL && !is_word(v, "chunked") && !is_word(v, "identity")) {
        (void)am_fail(&r->why, AM_DATA_LOSS,
                      "%s: expected a body as it is, got Transfer-Encoding %.*s", r->where,
                      (int)(v.len > 40 ? 40 : v.len), v.p);
        return 0;
    }
    v = value_of(line, "Retry-After");
    if (v.p != NULL)
        r->retry_after_ms = retry_after(v);
    return line.len;
}

int
am_http_judge(const struct am_http_request *r, CURLcode cc, struct am_error *err)
{
    long status = 0;

    if (r->why.code != AM_OK) {
        *err = r->why;
        return err->code;
    }
    switch (cc) {
    case CURLE_OK:
        /* curl is content when the connection ends amid the headers, or after a 100 Continue. */
        if (r->headers_whole &&
            curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
            status >= 200)
            return AM_OK;
        return am_fail(err, AM_DATA_LOSS, "%s: expected a whole answer, got a part of its headers",
                       r->where);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return am_fail(err, AM_UNAVAILABLE, "%s: expected a connection, got \"%s\"", r->where,
                       curl_easy_strerror(cc));
    case CURLE_OPERATION_TIMEDOUT:
        return am_fail(err, AM_DEADLINE_EXCEEDED, "%s: expected an answer within %lld ms, got none",
                       r->where, (long long)r->deadline_ms);
    case CURLE_FILESIZE_EXCEEDED:
        return am_fail(err, AM_OUT_OF_RANGE, "%s: expected at most %zu bytes of body, got more",
                       r->where, r->max);
    case CURLE_OUT_OF_MEMORY:
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", r->where);
    default:
        return am_fail(err, AM_DATA_LOSS, "%s: expected a whole answer, got \"%s\"", r->where,
                       curl_easy_strerror(cc));
    }
}
