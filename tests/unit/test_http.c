/*  test_http -- the HTTP client against a server of one script, over real loopback sockets.  */
#include "../../common/net/am_http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers what `script` says to whatever comes, then closes or goes silent. */
struct server {
    int fd;
    uint16_t port;
    const char *script; /* NULL: never answers */
    bool stays_open;
    int connections, requests;
    char heard[2048];
    size_t heard_len;
    ev_io io;
    ev_io peers[8];
};

struct seen {
    int calls, code, status;
    char body[256];
    size_t len;
    char type[64];
    int64_t retry_after_ms;
    char text[AM_ERROR_TEXT];
    struct ev_loop *loop;
    struct am_http **close_in_fn;
};

static void
on_peer(struct ev_loop *loop, ev_io *w, int revents)
{
    struct server *s = w->data;
    ssize_t n = recv(w->fd, s->heard + s->heard_len, sizeof s->heard - 1 - s->heard_len, 0);

    (void)revents;
    if (n <= 0) {
        ev_io_stop(loop, w);
        close(w->fd);
        return;
    }
    s->heard_len += (size_t)n;
    s->heard[s->heard_len] = '\0';
    if (strstr(s->heard, "\r\n\r\n") == NULL)
        return;
    s->requests++;
    if (s->script == NULL)
        return;
    s->heard_len = 0;
    cr_assert_eq(send(w->fd, s->script, strlen(s->script), MSG_NOSIGNAL),
                 (ssize_t)strlen(s->script));
    if (!s->stays_open) {
        ev_io_stop(loop, w);
        close(w->fd);
    }
}

static void
on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
    struct server *s = w->data;
    int fd = accept(s->fd, NULL, NULL);

    (void)revents;
    cr_assert(fd >= 0 && s->connections < 8);
    ev_io_init(&s->peers[s->connections], on_peer, fd, EV_READ);
    s->peers[s->connections].data = s;
    ev_io_start(loop, &s->peers[s->connections]);
    s->connections++;
}

static void
serve(struct server *s, struct ev_loop *loop, const char *script)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;

    *s = (struct server){.script = script};
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(s->fd, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(s->fd, 8), 0);
    cr_assert_eq(getsockname(s->fd, (struct sockaddr *)&addr, &len), 0);
    s->port = ntohs(addr.sin_port);
    ev_io_init(&s->io, on_accept, s->fd, EV_READ);
    s->io.data = s;
    ev_io_start(loop, &s->io);
}

static void
on_answer(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct seen *seen = arg;

    seen->calls++;
    seen->code = code;
    seen->status = answer->status;
    seen->len = answer->body.len;
    cr_assert(answer->body.len < sizeof seen->body);
    if (answer->body.len > 0)
        memcpy(seen->body, answer->body.p, answer->body.len);
    snprintf(seen->type, sizeof seen->type, "%s", answer->content_type);
    seen->retry_after_ms = answer->retry_after_ms;
    snprintf(seen->text, sizeof seen->text, "%s", err->text);
    if (seen->close_in_fn != NULL)
        am_http_close(seen->close_in_fn);
    if (seen->loop != NULL)
        ev_break(seen->loop, EVBREAK_ALL);
}

/* One POST to a server with this script; what came of it is in seen. */
static void
ask(struct server *s, struct seen *seen, const char *script, bool stays_open, int64_t deadline_ms,
    size_t max)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct am_error err = {0};
    struct am_http *http;
    char url[96];

    *seen = (struct seen){.loop = loop};
    serve(s, loop, script);
    s->stays_open = stays_open;
    snprintf(url, sizeof url, "http://user:pw@127.0.0.1:%u/secretpath?k=secretkey", s->port);
    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK);
    cr_assert_eq(
        am_http_post(http, url, am_bin_of("{}", 2), deadline_ms, max, on_answer, seen, &err),
        AM_OK);
    cr_assert_eq(seen->calls, 0, "never from inside the call");
    ev_run(loop, 0);
    am_http_close(&http);
    cr_assert_null(http);
    cr_assert_eq(seen->calls, 1);
    cr_assert_null(strstr(seen->text, "secret"), "%s", seen->text);
    cr_assert_null(strstr(seen->text, "pw"), "%s", seen->text);
    close(s->fd);
    ev_loop_destroy(loop);
}

Test(http, gives_every_status_with_its_body)
{
    struct server s;
    struct seen seen;

    ask(&s, &seen,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue", true,
        5000, 100);
    cr_assert_eq(seen.code, AM_OK);
    cr_assert_eq(seen.status, 200);
    cr_assert_eq(seen.len, 4);
    cr_assert_arr_eq(seen.body, "true", 4);
    cr_assert_str_eq(seen.type, "application/json");
    cr_assert_eq(seen.retry_after_ms, -1);
    cr_assert_not_null(strstr(s.heard, "POST /secretpath?k=secretkey HTTP/1.1\r\n"));
    cr_assert_not_null(strstr(s.heard, "Content-Type: application/json\r\n"));
    cr_assert_null(strstr(s.heard, "Accept-Encoding"));
    ask(&s, &seen, "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", true, 5000,
        100);
    cr_assert_eq(seen.code, AM_OK);
    cr_assert_eq(seen.status, 429);
    cr_assert_eq(seen.len, 0);
    cr_assert_eq(seen.retry_after_ms, 7000);
    cr_assert_str_eq(seen.type, "");
    ask(&s, &seen,
        "HTTP/1.1 503 No\r\nRetry-After: Wed, 21 Oct 2065 07:28:00 GMT\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        true, 5000, 100);
    cr_assert_eq(seen.status, 503);
    cr_assert_eq(seen.retry_after_ms, -1);
    cr_assert_eq(seen.len, 3);
}

Test(http, does_not_follow_redirects)
{
    struct server s;
    struct seen seen;

    ask(&s, &seen,
        "HTTP/1.1 302 Away\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", true,
        5000, 100);
    cr_assert_eq(seen.code, AM_OK);
    cr_assert_eq(seen.status, 302);
    cr_assert_eq(s.requests, 1);
}

Test(http, refuses_one_byte_too_many)
{
    struct server s;
    struct seen seen;

    ask(&s, &seen, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue", true, 5000, 4);
    cr_assert_eq(seen.code, AM_OK);
    ask(&s, &seen, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse", true, 5000, 4);
    cr_assert_eq(seen.code, AM_OUT_OF_RANGE);
    cr_assert_eq(seen.len, 0);
    ask(&s, &seen, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfalse\r\n0\r\n\r\n",
        true, 5000, 4);
    cr_assert_eq(seen.code, AM_OUT_OF_RANGE);
    cr_assert_eq(seen.len, 0);
    ask(&s, &seen, "HTTP/1.0 200 OK\r\n\r\nx", false, 5000, 0);
    cr_assert_eq(seen.code, AM_OUT_OF_RANGE);
}

Test(http, refuses_endless_headers)
{
    static char script[AM_HTTP_HEADER_BYTES + 4096];
    struct server s;
    struct seen seen;
    size_t n = (size_t)snprintf(script, sizeof script, "HTTP/1.1 200 OK\r\n");

    while (n < AM_HTTP_HEADER_BYTES + 1024)
        n += (size_t)snprintf(script + n, sizeof script - n, "X-Pad: %064d\r\n", 0);
    ask(&s, &seen, script, true, 5000, 100);
    cr_assert_eq(seen.code, AM_DATA_LOSS);
    cr_assert_not_null(strstr(seen.text, "65536"), "%s", seen.text);
}

Test(http, never_gives_a_cut_body)
{
    static const char *const cut[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntrue",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntrue\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
    };

    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        struct server s;
        struct seen seen;

        ask(&s, &seen, cut[i], false, 5000, 100);
        cr_assert_eq(seen.code, AM_DATA_LOSS, "%zu: %d %s", i, seen.code, seen.text);
        cr_assert_eq(seen.len, 0);
    }
}

Test(http, ends_at_the_deadline_whatever_stalls)
{
    static const char *const stalls[] = {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntrue"};

    for (size_t i = 0; i < 2; i++) {
        struct server s;
        struct seen seen;

        ask(&s, &seen, stalls[i], true, 150, 100);
        cr_assert_eq(seen.code, AM_DEADLINE_EXCEEDED, "%s", seen.text);
        cr_assert_not_null(strstr(seen.text, "150 ms"));
        cr_assert_eq(seen.len, 0);
    }
}

/* Offered by ALPN on every https connection; what a provider takes is its own matter. */
Test(http, speaks_http_2)
{
    cr_assert((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2) != 0);
}

Test(http, refuses_encoded_bodies_by_name)
{
    struct server s;
    struct seen seen;

    ask(&s, &seen, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        true, 5000, 100);
    cr_assert_eq(seen.code, AM_DATA_LOSS);
    cr_assert_not_null(strstr(seen.text, "gzip"), "%s", seen.text);
    ask(&s, &seen,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true,
        5000, 100);
    cr_assert_eq(seen.code, AM_DATA_LOSS);
    cr_assert_not_null(strstr(seen.text, "gzip"), "%s", seen.text);
    ask(&s, &seen, "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
        true, 5000, 100);
    cr_assert_eq(seen.code, AM_OK);
}

Test(http, says_unavailable_when_nobody_listens)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct seen seen = {.loop = loop};
    struct am_error err = {0};
    struct am_http *http;
    struct server s;
    char url[64], where[32];

    serve(&s, loop, NULL);
    ev_io_stop(loop, &s.io);
    close(s.fd);
    snprintf(where, sizeof where, "127.0.0.1:%u: ", s.port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/secret", s.port);
    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK);
    cr_assert_eq(am_http_get(http, url, 5000, 100, on_answer, &seen, &err), AM_OK);
    ev_run(loop, 0);
    cr_assert_eq(seen.code, AM_UNAVAILABLE);
    cr_assert_eq(seen.status, 0);
    cr_assert_eq(strncmp(seen.text, where, strlen(where)), 0, "%s", seen.text);
    am_http_close(&http);
    ev_loop_destroy(loop);
}

Test(http, reads_no_proxy_from_the_environment)
{
    struct server s;
    struct seen seen;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    ask(&s, &seen, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue", true, 5000, 100);
    cr_assert_eq(seen.code, AM_OK, "%s", seen.text);
}

Test(http, refuses_urls_at_once)
{
    static const char *const bad[] = {"",        "ftp://h/", "file:///etc/passwd", "127.0.0.1:80",
                                      "http://", "://x",     "http://h:99999/"};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct seen seen = {0};
    struct am_error err = {0};
    struct am_http *http;

    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(am_http_get(http, bad[i], 1000, 10, on_answer, &seen, &err),
                     AM_INVALID_ARGUMENT, "%s", bad[i]);
    am_http_close(&http);
    cr_assert_eq(seen.calls, 0);
    ev_loop_destroy(loop);
}

Test(http, takes_so_many_requests_and_no_more_and_cancels_them_all)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct seen seen = {0};
    struct am_error err = {0};
    struct am_http *http;

    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK);
    for (int i = 0; i < AM_HTTP_IN_FLIGHT; i++)
        cr_assert_eq(am_http_get(http, "http://127.0.0.1:9/", 1000, 10, on_answer, &seen, &err),
                     AM_OK);
    cr_assert_eq(am_http_get(http, "http://127.0.0.1:9/", 1000, 10, on_answer, &seen, &err),
                 AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(seen.calls, 0);
    am_http_close(&http);
    cr_assert_eq(seen.calls, AM_HTTP_IN_FLIGHT);
    cr_assert_eq(seen.code, AM_CANCELLED);
    am_http_close(&http);
    ev_loop_destroy(loop);
}

Test(http, may_be_closed_by_the_one_it_answers)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct am_error err = {0};
    struct am_http *http;
    struct seen first = {.loop = loop, .close_in_fn = &http}, other = {0};
    struct server quick, silent;
    char url[64];

    serve(&quick, loop, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue");
    serve(&silent, loop, NULL);
    cr_assert_eq(am_http_open(&http, loop, &err), AM_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", silent.port);
    cr_assert_eq(am_http_get(http, url, 9000, 10, on_answer, &other, &err), AM_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", quick.port);
    cr_assert_eq(am_http_get(http, url, 9000, 10, on_answer, &first, &err), AM_OK);
    ev_run(loop, 0);
    cr_assert_null(http);
    cr_assert_eq(first.calls, 1);
    cr_assert_eq(first.code, AM_OK);
    cr_assert_eq(other.calls, 1);
    cr_assert_eq(other.code, AM_CANCELLED);
    close(quick.fd);
    close(silent.fd);
    ev_loop_destroy(loop);
}
