/*  test_grpc_client -- gRPC calls that meet hostile answers, no answers, and no gRPC at all.  */
#include "../../common/net/am_grpc.h"
#include "net_raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct outcome {
    unsigned calls;
    int code;
    char text[AM_ERROR_TEXT];
};

static void
on_outcome(void *arg, int code, struct am_bin message, const struct am_error *err)
{
    struct outcome *o = arg;

    o->calls++;
    o->code = code;
    cr_assert_eq(message.len, code == AM_OK ? 2 : 0);
    snprintf(o->text, sizeof o->text, "%s", err->text);
}

/* Our client asks a server that says `answer` when it has been asked. */
static void
suffers(const struct raw_bytes *answer, int64_t deadline_ms, struct outcome *o, const char *then)
{
    static struct raw_peer peer;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct am_grpc_call *call;

    peer = (struct raw_peer){.out = *answer};
    raw_listen(&peer, loop);
    addr.sin_port = htons(peer.port);
    *o = (struct outcome){0};
    cr_assert_eq(am_grpc_ask(&call, loop, &addr, "/t.T/Ask", am_bin_of("x", 1), 2000, deadline_ms,
                             on_outcome, o, NULL),
                 AM_OK);
    cr_assert_eq(o->calls, 0, "never from inside the call");
    raw_until(loop, &o->calls, 1, 8000);
    if (then != NULL)
        raw_hears(&peer, then, 1000);
    raw_close(&peer);
    ev_loop_destroy(loop);
}

static void
answer_with(struct raw_bytes *b, const char *const *headers)
{
    b->len = 0;
    raw_hello(b, false);
    raw_headers(b, 0, 1, headers);
}

static const char *const ok[] = {":status", "200", "content-type", "application/grpc", NULL};
static const char *const done[] = {"grpc-status", "0", NULL};

Test(grpc_client, refuses_hostile_answers)
{
    static struct raw_bytes b;
    struct outcome o;

    answer_with(&b, ok);
    raw_message(&b, 0, 1, 0, 2, "hi", 2);
    raw_headers(&b, RAW_END_STREAM, 1, done);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_OK, "the good one first: %s", o.text);
    answer_with(&b, ok);
    raw_message(&b, 0, 1, 1, 2, "hi", 2);
    suffers(&b, 3000, &o, "RST 1 8\n");
    cr_assert_eq(o.code, AM_DATA_LOSS, "%s", o.text);
    cr_assert_not_null(strstr(o.text, "compressed"), "%s", o.text);
    answer_with(&b, ok);
    raw_message(&b, 0, 1, 0, (4u << 20) + 1, "hi", 2);
    suffers(&b, 3000, &o, "RST 1 8\n");
    cr_assert_eq(o.code, AM_RESOURCE_EXHAUSTED, "%s", o.text);
    answer_with(&b, ok);
    raw_message(&b, 0, 1, 0, 3, "hi", 2);
    raw_headers(&b, RAW_END_STREAM, 1, done);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_DATA_LOSS, "cut: %s", o.text);
    answer_with(&b, ok);
    raw_message(&b, RAW_END_STREAM, 1, 0, 2, "hi", 2);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_DATA_LOSS, "no grpc-status: %s", o.text);
    answer_with(&b, ok);
    raw_headers(&b, RAW_END_STREAM, 1, done);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_DATA_LOSS, "no message: %s", o.text);
    answer_with(&b, (const char *const[]){":status", "200", "content-type", "text/html", NULL});
    suffers(&b, 3000, &o, "RST 1 8\n");
    cr_assert_eq(o.code, AM_DATA_LOSS, "%s", o.text);
    answer_with(&b, (const char *const[]){":status", "503", "content-type", "text/html", NULL});
    suffers(&b, 3000, &o, "RST 1 8\n");
    cr_assert_eq(o.code, AM_UNAVAILABLE, "%s", o.text);
}

Test(grpc_client, reads_trailers_only_and_strange_statuses)
{
    static struct raw_bytes b;
    struct outcome o;

    b.len = 0;
    raw_hello(&b, false);
    raw_headers(&b, RAW_END_STREAM, 1,
                (const char *const[]){":status", "200", "content-type", "application/grpc",
                                      "grpc-status", "7", "grpc-message", "no%20%1bentry%", NULL});
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_PERMISSION_DENIED);
    cr_assert_str_eq(o.text, "no ?entry%");
    b.len = 0;
    raw_hello(&b, false);
    raw_headers(&b, RAW_END_STREAM, 1,
                (const char *const[]){":status", "200", "content-type", "application/grpc",
                                      "grpc-status", "77", NULL});
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_UNKNOWN);
    b.len = 0;
    raw_hello(&b, false);
    raw_frame(&b, RAW_RST, 0, 1, "\0\0\0\7", 4);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_UNAVAILABLE, "REFUSED_STREAM: %s", o.text);
}

Test(grpc_client, gives_up_what_is_not_http2_and_what_is_silent)
{
    static struct raw_bytes b;
    struct outcome o;

    raw_put(&b, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_DATA_LOSS, "%d %s", o.code, o.text);
    b.len = 0;
    raw_frame(&b, RAW_PING, 0, 0, "12345678", 8);
    suffers(&b, 3000, &o, NULL);
    cr_assert_eq(o.code, AM_DATA_LOSS, "no SETTINGS first: %d %s", o.code, o.text);
    b.len = 0;
    suffers(&b, 20000, &o, NULL);
    cr_assert_eq(o.code, AM_UNAVAILABLE, "%d %s", o.code, o.text);
    cr_assert_not_null(strstr(o.text, "SETTINGS within 5 s"), "%s", o.text);
    raw_hello(&b, false);
    suffers(&b, 200, &o, "RST 1 8\n");
    cr_assert_eq(o.code, AM_DEADLINE_EXCEEDED, "%s", o.text);
}
