/*  am_http -- an HTTP client on one event loop: requests, what is accepted, how they end.  */
#include "am_http.h"
#include "am_http_loop.h"
#include "am_http_request.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct am_http {
    struct am_http_loop l;
    struct curl_slist *post_headers, *get_headers;
    struct am_http_request *requests;
    unsigned in_flight;
    bool calling; /* a request's fn is on the stack */
    bool closing;
};

static void
request_free(struct am_http_request *r)
{
    if (r->link != NULL) {
        *r->link = r->next;
        if (r->next != NULL)
            r->next->link = r->link;
        r->http->in_flight--;
        curl_multi_remove_handle(r->http->l.multi, r->easy);
    }
    curl_easy_cleanup(r->easy);
    free(r->body);
    free(r);
}

static void
request_end(struct am_http_request *r, int code, const struct am_error *err)
{
    am_http_fn *fn = r->fn;
    struct am_http_answer answer = {.content_type = "", .retry_after_ms = r->retry_after_ms};
    const char *type = NULL;
    long status = 0;

    if (curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        answer.status = (int)status;
    if (curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != NULL)
        answer.content_type = type;
    if (code == AM_OK)
        answer.body = (struct am_bin){r->body, r->len};
    r->fn = NULL; /* ended once, also when fn closes the client */
    fn(r->arg, code, &answer, err);
    request_free(r);
}

static void
client_free(struct am_http *http)
{
    if (http->l.multi != NULL)
        am_http_loop_shut(&http->l);
    curl_slist_free_all(http->post_headers);
    curl_slist_free_all(http->get_headers);
    free(http);
    curl_global_cleanup();
}

static void
end_finished(void *arg)
{
    struct am_http *http = arg;
    CURLMsg *msg;
    int left;

    http->calling = true;
    while (!http->closing && (msg = curl_multi_info_read(http->l.multi, &left)) != NULL) {
        struct am_error err = {0};
        char *private = NULL;
        struct am_http_request *r;
        int code;

        if (msg->msg != CURLMSG_DONE ||
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
            continue;
        r = (struct am_http_request *)(void *)private;
        code = am_http_judge(r, msg->data.result, &err);
        request_end(r, code, &err);
    }
    http->calling = false;
    if (http->closing)
        client_free(http);
}

static struct curl_slist *
headers_of(bool post)
{
    /* "Expect:" switches off a second's wait for 100 Continue before large bodies. */
    static const char *const lines[] = {"Accept: application/json",
                                        "Expect:", "Content-Type: application/json"};
    struct curl_slist *list = NULL;

    for (size_t i = 0; i < (post ? 3u : 1u); i++) {
        struct curl_slist *longer = curl_slist_append(list, lines[i]);

        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void
ignore_sigpipe(void)
{
    struct sigaction now;

    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
}

int
am_http_open(struct am_http **out, struct ev_loop *loop, struct am_error *err)
{
    struct am_http *http;
    int r;

    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "http: expected a usable libcurl, got none");
    ignore_sigpipe();
    http = calloc(1, sizeof *http);
    if (http == NULL) {
        curl_global_cleanup();
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "http: expected memory, got none");
    }
    http->post_headers = headers_of(true);
    http->get_headers = headers_of(false);
    if (http->post_headers == NULL || http->get_headers == NULL)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "http: expected memory, got none");
    else
        r = am_http_loop_open(&http->l, loop, end_finished, http, err);
    if (r == AM_OK)
        *out = http;
    else
        client_free(http);
    return r;
}

void
am_http_close(struct am_http **p)
{
    struct am_http *http = *p;
    struct am_http_request *r, *next;

    if (http == NULL || http->closing)
        return;
    http->closing = true;
    for (r = http->requests; r != NULL; r = next) {
        struct am_error err = {0};

        next = r->next;
        if (r->fn == NULL) /* its fn is on the stack, calling us */
            continue;
        request_end(r, am_fail(&err, AM_CANCELLED, "%s: client closed", r->where), &err);
    }
    *p = NULL;
    if (!http->calling)
        client_free(http);
}

/* "host:port" for errors; refuses what is not http(s). */
static int
check_url(char where[static AM_HTTP_WHERE_BYTES], const char *url, struct am_error *err)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    int r = AM_OK;

    if (u == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "http: expected memory, got none");
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        r = am_fail(err, AM_INVALID_ARGUMENT,
                    "http: expected a URL http(s)://host[:port]/..., got something else");
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        r = am_fail(err, AM_INVALID_ARGUMENT, "http: expected scheme http or https, got %.20s",
                    scheme);
    else
        (void)snprintf(where, AM_HTTP_WHERE_BYTES, "%.255s:%.8s", host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return r;
}

/* Local to the next function: one option, true when curl took it. */
#define SET(option, value) (curl_easy_setopt(e, (option), (value)) == CURLE_OK)

static bool
set_options(struct am_http_request *r, const char *url, const struct am_bin *body)
{
    CURL *e = r->easy;
    bool ok =
        SET(CURLOPT_URL, url) && SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
        SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") &&
        SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
        SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
        SET(CURLOPT_HTTP_CONTENT_DECODING, 0L) && SET(CURLOPT_USERAGENT, "attestmesh") &&
        SET(CURLOPT_WRITEFUNCTION, am_http_on_body) && SET(CURLOPT_WRITEDATA, (void *)r) &&
        SET(CURLOPT_HEADERFUNCTION, am_http_on_header) && SET(CURLOPT_HEADERDATA, (void *)r) &&
        SET(CURLOPT_PRIVATE, (void *)r) && SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->max) &&
        SET(CURLOPT_TIMEOUT_MS, (long)r->deadline_ms) &&
        /* Else a deadline waits, with the loop, until the name look-up has given up. */
        SET(CURLOPT_QUICK_EXIT, 1L);

    if (body == NULL)
        return ok && SET(CURLOPT_HTTPGET, 1L) && SET(CURLOPT_HTTPHEADER, r->http->get_headers);
    return ok && SET(CURLOPT_POST, 1L) && SET(CURLOPT_HTTPHEADER, r->http->post_headers) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len) &&
           SET(CURLOPT_COPYPOSTFIELDS, body->len == 0 ? "" : (const char *)body->p);
}
#undef SET

static void
link_request(struct am_http *http, struct am_http_request *r)
{
    r->next = http->requests;
    r->link = &http->requests;
    if (r->next != NULL)
        r->next->link = &r->next;
    http->requests = r;
    http->in_flight++;
}

static int
send_request(struct am_http *http, const struct am_http_request *like, const char *url,
             const struct am_bin *body, struct am_error *err)
{
    struct am_http_request *r;

    if (http->closing)
        return am_fail(err, AM_CANCELLED, "%s: client is closing", like->where);
    if (http->in_flight >= AM_HTTP_IN_FLIGHT)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "%s: expected at most %d requests in flight, got one more", like->where,
                       AM_HTTP_IN_FLIGHT);
    r = malloc(sizeof *r);
    if (r == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", like->where);
    *r = *like;
    r->http = http;
    r->easy = curl_easy_init();
    if (r->easy == NULL || !set_options(r, url, body)) {
        request_free(r);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", like->where);
    }
    link_request(http, r);
    if (curl_multi_add_handle(http->l.multi, r->easy) != CURLM_OK) {
        request_free(r);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", like->where);
    }
    return AM_OK;
}

static int
start(struct am_http *http, const char *url, const struct am_bin *body, int64_t deadline_ms,
      size_t max, am_http_fn *fn, void *arg, struct am_error *err)
{
    struct am_http_request like = {.fn = fn, .arg = arg, .max = max, .retry_after_ms = -1};
    int r = check_url(like.where, url, err);

    if (r != AM_OK)
        return r;
    like.deadline_ms = deadline_ms < 1 ? 1 : deadline_ms; /* curl takes 0 for "no limit" */
    if (like.deadline_ms > AM_HTTP_LONGEST_MS)
        like.deadline_ms = AM_HTTP_LONGEST_MS;
    return send_request(http, &like, url, body, err);
}

int
am_http_post(struct am_http *http, const char *url, struct am_bin body, int64_t deadline_ms,
             size_t max, am_http_fn *fn, void *arg, struct am_error *err)
{
    return start(http, url, &body, deadline_ms, max, fn, arg, err);
}

int
am_http_get(struct am_http *http, const char *url, int64_t deadline_ms, size_t max, am_http_fn *fn,
            void *arg, struct am_error *err)
{
    return start(http, url, NULL, deadline_ms, max, fn, arg, err);
}
