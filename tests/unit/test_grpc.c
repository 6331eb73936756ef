/*  test_grpc -- gRPC calls and servers against each other, servers against hostile questions.  */
#include "../../common/net/am_grpc.h"
#include "net_raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS "CSK not held yet: 100% \xc3\xbcnready"

struct world {
    struct ev_loop *loop;
    struct am_grpc_server *server;
    struct sockaddr_in addr;
    struct am_grpc_request *held[128];
    unsigned asked, held_n;
};

struct outcome {
    unsigned calls;
    int code;
    size_t len;
    uint8_t first, last;
    char text[AM_ERROR_TEXT];
};

static void
serve_fn(void *arg, struct am_grpc_request *request, const char *path, struct am_bin message,
         const struct sockaddr_in *peer)
{
    struct world *w = arg;

    w->asked++;
    cr_assert_eq(peer->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    if (strcmp(path, "/t.T/Echo") == 0)
        am_grpc_reply(request, message);
    else if (strcmp(path, "/t.T/Refuse") == 0)
        am_grpc_refuse(request, AM_FAILED_PRECONDITION, WORDS);
    else if (strcmp(path, "/t.T/Hold") == 0)
        w->held[w->held_n++] = request;
    else if (strcmp(path, "/t.T/Close") == 0) {
        am_grpc_server_close(&w->server);
        am_grpc_reply(request, message);
        cr_assert_str_eq(path, "/t.T/Close", "stays readable for the call");
    } else
        am_grpc_refuse(request, AM_UNIMPLEMENTED, path);
}

static void
open_world(struct world *w)
{
    struct am_error err = {0};

    *w = (struct world){.loop = ev_loop_new(EVFLAG_AUTO)};
    w->addr.sin_family = AF_INET;
    w->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(am_grpc_serve(&w->server, w->loop, &w->addr, serve_fn, w, &err), AM_OK, "%s",
                 err.text);
    w->addr.sin_port = htons(am_grpc_server_port(w->server));
}

static void
close_world(struct world *w)
{
    am_grpc_server_close(&w->server);
    cr_assert_null(w->server);
    ev_loop_destroy(w->loop);
}

static void
on_outcome(void *arg, int code, struct am_bin message, const struct am_error *err)
{
    struct outcome *o = arg;

    o->calls++;
    o->code = code;
    o->len = message.len;
    if (message.len > 0) {
        o->first = message.p[0];
        o->last = message.p[message.len - 1];
    }
    snprintf(o->text, sizeof o->text, "%s", err->text);
}

static struct am_grpc_call *
ask(struct world *w, struct outcome *o, const char *path, struct am_bin message,
    int64_t deadline_ms)
{
    struct am_grpc_call *call;
    struct am_error err = {0};

    *o = (struct outcome){0};
    cr_assert_eq(am_grpc_ask(&call, w->loop, &w->addr, path, message, 2000, deadline_ms, on_outcome,
                             o, &err),
                 AM_OK, "%s", err.text);
    cr_assert_eq(o->calls, 0, "never from inside the call");
    return call;
}

static void
ask_and_wait(struct world *w, struct outcome *o, const char *path, const char *message)
{
    (void)ask(w, o, path, am_bin_of(message, strlen(message)), 5000);
    raw_until(w->loop, &o->calls, 1, 8000);
}

Test(grpc, brings_an_answer_of_any_size_it_allows)
{
    static uint8_t big[4u << 20];
    struct am_grpc_call *call;
    struct world w;
    struct outcome o;

    open_world(&w);
    ask_and_wait(&w, &o, "/t.T/Echo", "hello");
    cr_assert_eq(o.code, AM_OK, "%s", o.text);
    cr_assert_eq(o.len, 5);
    cr_assert_eq(o.last, 'o');
    ask_and_wait(&w, &o, "/t.T/Echo", "");
    cr_assert_eq(o.code, AM_OK, "%s", o.text);
    cr_assert_eq(o.len, 0);
    big[0] = 1;
    big[sizeof big - 1] = 2;
    (void)ask(&w, &o, "/t.T/Echo", AM_BIN(big), 9000);
    raw_until(w.loop, &o.calls, 1, 9500);
    cr_assert_eq(o.code, AM_OK, "%s", o.text);
    cr_assert_eq(o.len, sizeof big);
    cr_assert_eq(o.first, 1);
    cr_assert_eq(o.last, 2);
    cr_assert_eq(am_grpc_ask(&call, w.loop, &w.addr, "/x", am_bin_of(big, sizeof big + 1), 1, 1,
                             on_outcome, &o, NULL),
                 AM_RESOURCE_EXHAUSTED);
    cr_assert_null(call);
    cr_assert_eq(
        am_grpc_ask(&call, w.loop, &w.addr, "x", am_bin_of("", 0), 1, 1, on_outcome, &o, NULL),
        AM_INVALID_ARGUMENT);
    close_world(&w);
}

Test(grpc, brings_the_peers_status_with_its_words)
{
    struct world w;
    struct outcome o;

    open_world(&w);
    ask_and_wait(&w, &o, "/t.T/Refuse", "x");
    cr_assert_eq(o.code, AM_FAILED_PRECONDITION);
    cr_assert_str_eq(o.text, WORDS);
    cr_assert_eq(o.len, 0);
    ask_and_wait(&w, &o, "/t.T/Nothing", "x");
    cr_assert_eq(o.code, AM_UNIMPLEMENTED);
    cr_assert_str_eq(o.text, "/t.T/Nothing");
    close_world(&w);
}

Test(grpc, ends_calls_at_their_deadline_and_drops_late_answers)
{
    struct world w;
    struct outcome o;

    open_world(&w);
    (void)ask(&w, &o, "/t.T/Hold", am_bin_of("x", 1), 400);
    raw_until(w.loop, &o.calls, 1, 2000);
    cr_assert_eq(o.code, AM_DEADLINE_EXCEEDED, "%s", o.text);
    raw_for(w.loop, 50);
    cr_assert_eq(w.held_n, 1);
    am_grpc_reply(w.held[0], am_bin_of("late", 4));
    raw_for(w.loop, 20);
    cr_assert_eq(o.calls, 1);
    close_world(&w);
}

Test(grpc, enforces_a_callers_deadline_on_the_server)
{
    struct raw_peer peer = {0};
    struct world w;

    open_world(&w);
    raw_hello(&peer.out, true);
    raw_ask(&peer.out, 1, "/t.T/Hold", "grpc-timeout", "80m", "x");
    raw_ask(&peer.out, 3, "/t.T/Hold", "grpc-timeout", "80x", "x");
    raw_connect(&peer, w.loop, ntohs(w.addr.sin_port));
    raw_until(w.loop, &peer.ended, 2, 2000);
    cr_assert_not_null(strstr(peer.text, "HEADERS 1 END :status=200 "), "%s", peer.text);
    cr_assert_not_null(strstr(peer.text, "grpc-status=4 "), "%s", peer.text);
    cr_assert_not_null(strstr(peer.text, "grpc-status=3 "), "%s", peer.text);
    cr_assert_eq(w.held_n, 1, "the one with an unreadable time-out never came");
    am_grpc_refuse(w.held[0], AM_INTERNAL, "late");
    raw_close(&peer);
    close_world(&w);
}

/* One hostile question to our server; its answer must hold `expected`. */
static void
refuses(struct world *w, const struct raw_bytes *question, const char *expected)
{
    static struct raw_peer peer;
    unsigned before = w->asked;

    peer = (struct raw_peer){0};
    raw_hello(&peer.out, true);
    raw_put(&peer.out, question->p, question->len);
    raw_connect(&peer, w->loop, ntohs(w->addr.sin_port));
    raw_hears(&peer, expected, 2000);
    cr_assert_eq(w->asked, before, "the asker must not see it");
    raw_close(&peer);
}

static const char *const good[] = {":method", "POST",      ":scheme",      "http",
                                   ":path",   "/t.T/Echo", ":authority",   "t",
                                   "te",      "trailers",  "content-type", "application/grpc",
                                   NULL};

Test(grpc, refuses_hostile_questions)
{
    static struct raw_bytes q;
    struct world w;

    open_world(&w);
    q.len = 0;
    raw_headers(&q, 0, 1, good);
    raw_message(&q, RAW_END_STREAM, 1, 1, 1, "x", 1);
    refuses(&w, &q, "grpc-status=12 grpc-message=gRPC message: expected an uncompressed one");
    q.len = 0;
    raw_headers(&q, 0, 1, good);
    raw_message(&q, 0, 1, 0, (4u << 20) + 1, "x", 1);
    refuses(&w, &q, "grpc-status=8 ");
    refuses(&w, &q, "RST 1 0\n"); /* the rest of it is not wanted */
    q.len = 0;
    raw_headers(&q, 0, 1, good);
    raw_message(&q, RAW_END_STREAM, 1, 0, 2, "x", 1);
    refuses(&w, &q, "grpc-status=3 ");
    q.len = 0;
    raw_headers(&q, 0, 1, good);
    raw_message(&q, RAW_END_STREAM, 1, 0, 1, "xyz", 3);
    refuses(&w, &q, "grpc-status=3 ");
    q.len = 0;
    raw_headers(&q, RAW_END_STREAM, 1, good);
    refuses(&w, &q, "grpc-status=3 ");
    q.len = 0;
    raw_ask(&q, 1, "/t.T/Echo", "grpc-encoding", "gzip", "x");
    refuses(&w, &q, "grpc-status=12 ");
    q.len = 0;
    raw_headers(&q, RAW_END_STREAM, 1,
                (const char *const[]){":method", "GET", ":scheme", "http", ":path", "/",
                                      ":authority", "t", NULL});
    refuses(&w, &q, "HEADERS 1 END :status=405");
    q.len = 0;
    raw_headers(&q, RAW_END_STREAM, 1,
                (const char *const[]){":method", "POST", ":scheme", "http", ":path", "/",
                                      ":authority", "t", "content-type", "text/html", NULL});
    refuses(&w, &q, "HEADERS 1 END :status=415");
    q.len = 0;
    raw_frame(&q, RAW_DATA, 0, 0, "x", 1);
    refuses(&w, &q, "GOAWAY 1\n");
    refuses(&w, &q, "CLOSED\n");
    close_world(&w);
}

Test(grpc, refuses_what_is_not_http2_at_once)
{
    struct raw_peer peer = {0};
    struct world w;

    open_world(&w);
    raw_put(&peer.out, "GET / HTTP/1.1\r\nHost: x\r\n\r\n        ", 36);
    raw_connect(&peer, w.loop, ntohs(w.addr.sin_port));
    raw_hears(&peer, "CLOSED\n", 2000);
    raw_close(&peer);
    close_world(&w);
}

Test(grpc, answers_100_streams_at_once_and_refuses_one_more)
{
    static struct raw_peer peer;
    struct world w;
    char word[32];

    open_world(&w);
    raw_hello(&peer.out, true);
    for (uint32_t i = 0; i < 101; i++)
        raw_ask(&peer.out, 2 * i + 1, "/t.T/Hold", NULL, NULL, "x");
    raw_connect(&peer, w.loop, ntohs(w.addr.sin_port));
    raw_until(w.loop, &w.held_n, 100, 3000);
    raw_hears(&peer, "RST 201 7\n", 2000);
    cr_assert_eq(w.asked, 100);
    for (unsigned i = 0; i < 100; i++)
        am_grpc_reply(w.held[i], am_bin_of(&(uint8_t){(uint8_t)i}, 1));
    raw_until(w.loop, &peer.ended, 100, 3000);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(word, sizeof word, "DATA %u 0000000001%02x\n", 2 * i + 1, i);
        cr_assert_not_null(strstr(peer.text, word), "%s", word);
    }
    raw_close(&peer);
    close_world(&w);
}

Test(grpc, keeps_its_connection_caps)
{
    static struct outcome o[AM_GRPC_CONNECTIONS_PER_SOURCE + 1];
    struct sockaddr_in from = {.sin_family = AF_INET};
    int extra[AM_GRPC_CONNECTIONS_PER_SOURCE + 1];
    struct world w;
    char c;

    open_world(&w);
    for (unsigned i = 0; i < AM_GRPC_CONNECTIONS_PER_SOURCE; i++)
        (void)ask(&w, &o[i], "/t.T/Hold", am_bin_of("x", 1), 20000);
    raw_until(w.loop, &w.held_n, AM_GRPC_CONNECTIONS_PER_SOURCE, 3000);
    ask_and_wait(&w, &o[AM_GRPC_CONNECTIONS_PER_SOURCE], "/t.T/Echo", "x");
    cr_assert_eq(o[AM_GRPC_CONNECTIONS_PER_SOURCE].code, AM_UNAVAILABLE);
    for (int i = 0; i <= AM_GRPC_CONNECTIONS_PER_SOURCE; i++) { /* 127.0.0.2, .3: other sources */
        extra[i] = socket(AF_INET, SOCK_STREAM, 0);
        from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)i % 2);
        cr_assert_eq(bind(extra[i], (struct sockaddr *)&from, sizeof from), 0);
        cr_assert_eq(connect(extra[i], (struct sockaddr *)&w.addr, sizeof w.addr), 0);
        raw_for(w.loop, 5);
    }
    cr_assert_eq(recv(extra[0], &c, 1, MSG_DONTWAIT), 1, "SETTINGS: this one is in");
    cr_assert_eq(recv(extra[AM_GRPC_CONNECTIONS_PER_SOURCE], &c, 1, MSG_DONTWAIT), 0,
                 "one too many");
    for (int i = 0; i <= AM_GRPC_CONNECTIONS_PER_SOURCE; i++)
        close(extra[i]);
    for (unsigned i = 0; i < AM_GRPC_CONNECTIONS_PER_SOURCE; i++)
        am_grpc_reply(w.held[i], am_bin_of("", 0));
    for (unsigned i = 0; i < AM_GRPC_CONNECTIONS_PER_SOURCE; i++)
        raw_until(w.loop, &o[i].calls, 1, 3000);
    close_world(&w);
}

Test(grpc, cancels_without_a_word_to_the_caller)
{
    struct am_grpc_call *call = NULL;
    struct world w;
    struct outcome o;

    open_world(&w);
    am_grpc_cancel(&call);
    call = ask(&w, &o, "/t.T/Echo", am_bin_of("x", 1), 5000);
    am_grpc_cancel(&call); /* before it has connected */
    cr_assert_null(call);
    call = ask(&w, &o, "/t.T/Hold", am_bin_of("x", 1), 5000);
    raw_until(w.loop, &w.held_n, 1, 2000);
    am_grpc_cancel(&call);
    raw_for(w.loop, 50);
    cr_assert_eq(o.calls, 0);
    am_grpc_refuse(w.held[0], AM_INTERNAL, "nobody listens");
    close_world(&w);
}

Test(grpc, survives_a_server_that_closes_with_requests_open)
{
    struct world w;
    struct outcome held, o;

    open_world(&w);
    (void)ask(&w, &held, "/t.T/Hold", am_bin_of("x", 1), 5000);
    raw_until(w.loop, &w.held_n, 1, 2000);
    ask_and_wait(&w, &o, "/t.T/Close", "x");
    cr_assert_eq(o.code, AM_UNAVAILABLE, "%d %s", o.code, o.text);
    raw_until(w.loop, &held.calls, 1, 2000);
    cr_assert_eq(held.code, AM_UNAVAILABLE, "%d %s", held.code, held.text);
    am_grpc_reply(w.held[0], am_bin_of("late", 4));
    ask_and_wait(&w, &o, "/t.T/Echo", "x");
    cr_assert_eq(o.code, AM_UNAVAILABLE, "%d %s", o.code, o.text);
    cr_assert_not_null(strstr(o.text, "127.0.0.1:"), "%s", o.text);
    close_world(&w);
}

Test(grpc, says_why_it_cannot_listen)
{
    struct am_grpc_server *second;
    struct am_error err = {0};
    struct sockaddr_in elsewhere;
    struct world w;

    open_world(&w);
    cr_assert_eq(am_grpc_serve(&second, w.loop, &w.addr, serve_fn, &w, &err), AM_ALREADY_EXISTS);
    cr_assert_null(second);
    elsewhere = w.addr;
    elsewhere.sin_addr.s_addr = htonl(0xc6336401u); /* 198.51.100.1: nobody's */
    cr_assert_eq(am_grpc_serve(&second, w.loop, &elsewhere, serve_fn, &w, &err), AM_UNAVAILABLE);
    close_world(&w);
}
