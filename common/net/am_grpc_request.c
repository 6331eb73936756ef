/*  am_grpc_request -- a server's side of one stream: from its headers to its trailers.  */
#include "am_grpc_nv.h"
#include "am_grpc_server.h"

#include "../base/am_secret.h"

#include <stdio.h>
#include <stdlib.h>

#define HELD_BYTES (32u << 20)    /* of messages in memory, per server */
#define LONGEST_MS 300000         /* a request without, or with a longer, grpc-timeout */
#define TAKING_MS 20000           /* for the peer to read our answer, once it is late */
#define STATUS_BYTES 4            /* "16" */
#define WORDS_BYTES (3 * 256 + 1) /* grpc-message, encoded */

static struct am_grpc_request *
find(struct am_grpc_conn *c, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(c->session, stream_id);
}

static void
count_held(struct am_grpc_request *q)
{
    size_t now = q->reader.cap + q->out_len;

    if (q->peer != NULL)
        q->peer->server->held += now - q->held; /* modulo arithmetic: may also shrink */
    q->held = now;
}

static void
clear_bytes(struct am_grpc_request *q)
{
    am_grpc_reader_clear(&q->reader);
    if (q->secret)
        am_secret_free((void **)&q->out);
    else
        free(q->out);
    q->out = NULL;
    q->out_len = 0;
    count_held(q);
}

static void
unqueue(struct am_grpc_request *q)
{
    if (q->queued)
        TAILQ_REMOVE(&q->peer->server->ready, q, ready);
    q->queued = false;
}

void
am_grpc_request_detach(struct am_grpc_request *q)
{
    struct am_grpc_peer *peer = q->peer;

    unqueue(q);
    clear_bytes(q);
    ev_timer_stop(peer->server->loop, &q->deadline);
    LIST_REMOVE(q, entry);
    if (LIST_EMPTY(&peer->requests))
        am_grpc_conn_busy(&peer->conn, false);
    q->peer = NULL;
    if (!q->with_user)
        free(q);
}

static void
reset(struct am_grpc_request *q, uint32_t h2_error)
{
    q->answered = true;
    /* Only memory can be missing here; the connection's own watch ends it then. */
    (void)nghttp2_submit_rst_stream(q->peer->conn.session, NGHTTP2_FLAG_NONE, q->stream_id,
                                    h2_error);
    am_grpc_conn_kick(&q->peer->conn);
}

static void
submit_headers(struct am_grpc_request *q, const nghttp2_nv *nv, size_t n,
               const nghttp2_data_provider *data)
{
    unqueue(q);
    q->answered = true;
    if (nghttp2_submit_response(q->peer->conn.session, q->stream_id, nv, n, data) != 0)
        reset(q, NGHTTP2_INTERNAL_ERROR);
    am_grpc_conn_kick(&q->peer->conn);
}

/* Trailers-only: one HEADERS frame that ends the stream. */
static void
submit_refusal(struct am_grpc_request *q, int code, const char *text)
{
    char status[STATUS_BYTES], words[WORDS_BYTES];

    (void)snprintf(status, sizeof status, "%u", (unsigned)-code % 100);
    (void)am_grpc_percent_encode(words, sizeof words, text);
    const nghttp2_nv nv[] = {
        am_grpc_nv(":status", "200"),
        am_grpc_nv("content-type", "application/grpc"),
        am_grpc_nv("grpc-accept-encoding", "identity"),
        am_grpc_nv("grpc-status", status),
        am_grpc_nv("grpc-message", words),
    };
    clear_bytes(q);
    submit_headers(q, nv, sizeof nv / sizeof nv[0], NULL);
}

static void
submit_http_refusal(struct am_grpc_request *q, const char *http_status)
{
    const nghttp2_nv nv[] = {am_grpc_nv(":status", http_status)};

    submit_headers(q, nv, 1, NULL);
}

static ssize_t
read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len, uint32_t *flags,
            nghttp2_data_source *source, void *arg)
{
    struct am_grpc_request *q = source->ptr;
    const nghttp2_nv trailers[] = {am_grpc_nv("grpc-status", "0")};
    size_t n = q->out_len - q->out_sent;

    (void)arg;
    n = n < len ? n : len;
    if (q->secret) /* nghttp2 would keep its copy: see am_grpc_request_secret */
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    else
        memcpy(buf, q->out + q->out_sent, n);
    q->out_sent += n;
    if (q->out_sent == q->out_len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session, stream_id, trailers, 1) != 0)
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)n;
}

/* Called for the frame that read_answer has just counted. */
void
am_grpc_request_secret(const void *request, uint8_t *out, size_t len)
{
    const struct am_grpc_request *q = request;

    memcpy(out, q->out + q->out_sent - len, len);
}

/* am_grpc_frame into locked memory. */
static int
frame_secret(struct am_grpc_request *q, struct am_bin message, struct am_error *err)
{
    q->out = am_secret_alloc(AM_GRPC_PREFIX_BYTES + message.len, err);
    if (q->out == NULL)
        return AM_RESOURCE_EXHAUSTED;
    q->secret = true;
    am_be32(q->out + 1, (uint32_t)message.len);
    memcpy(q->out + AM_GRPC_PREFIX_BYTES, message.p, message.len);
    q->out_len = AM_GRPC_PREFIX_BYTES + message.len;
    return AM_OK;
}

static void
submit_reply(struct am_grpc_request *q, struct am_bin message, bool secret)
{
    const nghttp2_nv nv[] = {
        am_grpc_nv(":status", "200"),
        am_grpc_nv("content-type", "application/grpc"),
        am_grpc_nv("grpc-accept-encoding", "identity"),
    };
    const nghttp2_data_provider data = {.source.ptr = q, .read_callback = read_answer};
    struct am_error err = {0};

    if (q->peer->server->held + message.len > HELD_BYTES) {
        submit_refusal(q, AM_RESOURCE_EXHAUSTED, "server: too many bytes are waiting to be sent");
        return;
    }
    if ((secret ? frame_secret(q, message, &err)
                : am_grpc_frame(&q->out, &q->out_len, message, &err)) != AM_OK) {
        submit_refusal(q, err.code, err.text);
        return;
    }
    count_held(q);
    submit_headers(q, nv, sizeof nv / sizeof nv[0], &data);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct am_grpc_request *q = w->data;

    (void)revents;
    if (q->answered) { /* the peer does not take what it asked for */
        reset(q, NGHTTP2_CANCEL);
        return;
    }
    submit_refusal(q, AM_DEADLINE_EXCEEDED, "server: deadline exceeded");
    ev_timer_set(&q->deadline, TAKING_MS / 1000.0, 0.0);
    ev_timer_start(loop, &q->deadline);
}

int
am_grpc_request_begin(struct am_grpc_conn *c, const nghttp2_frame *frame)
{
    struct am_grpc_peer *peer = c->owner;
    struct am_grpc_request *q;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    q = calloc(1, sizeof *q);
    if (q == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    q->peer = peer;
    q->stream_id = frame->hd.stream_id;
    q->uid = peer->uid;
    q->timeout_ms = -1;
    ev_timer_init(&q->deadline, on_deadline, 0.0, 0.0);
    q->deadline.data = q;
    if (nghttp2_session_set_stream_user_data(c->session, q->stream_id, q) != 0) {
        free(q);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    LIST_INSERT_HEAD(&peer->requests, q, entry);
    am_grpc_conn_busy(c, true);
    return 0;
}

int
am_grpc_request_header(struct am_grpc_conn *c, const nghttp2_frame *frame, struct am_str name,
                       struct am_str value)
{
    struct am_grpc_request *q = find(c, frame->hd.stream_id);
    static const char grpc[] = "application/grpc";

    if (q == NULL || frame->hd.type != NGHTTP2_HEADERS ||
        frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (am_str_eq(name, ":method")) {
        q->is_post = am_str_eq(value, "POST");
    } else if (am_str_eq(name, ":path")) {
        q->path_too_long = value.len >= sizeof q->path;
        if (!q->path_too_long)
            memcpy(q->path, value.p, value.len);
    } else if (am_str_eq(name, "content-type")) {
        q->is_grpc = value.len >= sizeof grpc - 1 && memcmp(value.p, grpc, sizeof grpc - 1) == 0;
    } else if (am_str_eq(name, "grpc-timeout")) {
        q->timeout_bad = am_grpc_timeout_read(&q->timeout_ms, value, NULL) != AM_OK;
    } else if (am_str_eq(name, "grpc-encoding")) {
        q->encoded = !am_str_eq(value, "identity");
    }
    return 0;
}

static void
check_headers(struct am_grpc_request *q)
{
    int64_t ms = q->timeout_ms < 0 || q->timeout_ms > LONGEST_MS ? LONGEST_MS : q->timeout_ms;

    ev_timer_set(&q->deadline, (double)ms / 1000.0, 0.0);
    ev_timer_start(q->peer->server->loop, &q->deadline);
    if (!q->is_post)
        submit_http_refusal(q, "405");
    else if (!q->is_grpc)
        submit_http_refusal(q, "415");
    else if (q->path_too_long)
        submit_refusal(q, AM_UNIMPLEMENTED, "server: no method has so long a path");
    else if (q->encoded)
        submit_refusal(q, AM_UNIMPLEMENTED, "server: expected grpc-encoding identity");
    else if (q->timeout_bad)
        submit_refusal(q, AM_INVALID_ARGUMENT,
                       "server: expected grpc-timeout of 1 to 8 digits and a unit");
}

bool
am_grpc_request_data(struct am_grpc_conn *c, int32_t stream_id, const uint8_t *p, size_t len)
{
    struct am_grpc_request *q = find(c, stream_id);
    struct am_error err = {0};

    if (q == NULL || q->answered)
        return false;
    if (am_grpc_reader_feed(&q->reader, p, len, &err) != AM_OK) {
        submit_refusal(q, err.code, err.text);
        return false;
    }
    count_held(q);
    if (q->peer->server->held > HELD_BYTES) {
        submit_refusal(q, AM_RESOURCE_EXHAUSTED, "server: too many bytes are waiting to be read");
        return false;
    }
    return true;
}

void
am_grpc_request_frame(struct am_grpc_conn *c, const nghttp2_frame *frame)
{
    struct am_grpc_request *q = NULL;

    if (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)
        q = find(c, frame->hd.stream_id);
    if (q == NULL)
        return;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        check_headers(q);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || q->answered)
        return;
    if (!am_grpc_reader_whole(&q->reader)) {
        submit_refusal(q, AM_INVALID_ARGUMENT, "server: expected one whole message, got a part");
        return;
    }
    q->queued = true;
    TAILQ_INSERT_TAIL(&q->peer->server->ready, q, ready);
    ev_feed_event(c->loop, &q->peer->server->dispatch, EV_CUSTOM);
}

void
am_grpc_request_sent(struct am_grpc_conn *c, const nghttp2_frame *frame)
{
    /* We are done and the peer is not: tell it that the rest is not wanted (RFC 9113 8.1). */
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
        nghttp2_session_get_stream_remote_close(c->session, frame->hd.stream_id) == 0)
        (void)nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_NO_ERROR);
}

void
am_grpc_request_closed(struct am_grpc_conn *c, int32_t stream_id, uint32_t h2_error)
{
    struct am_grpc_request *q = find(c, stream_id);

    (void)h2_error;
    if (q != NULL)
        am_grpc_request_detach(q);
}

/* The asker lets go of q.  True when there is still somebody to answer. */
static bool
take_back(struct am_grpc_request *q)
{
    AM_ASSERT(q->with_user);
    q->with_user = false;
    if (q->peer == NULL)
        free(q);
    else if (!q->answered)
        return true;
    return false;
}

void
am_grpc_reply(struct am_grpc_request *request, struct am_bin message)
{
    if (take_back(request))
        submit_reply(request, message, false);
}

void
am_grpc_reply_secret(struct am_grpc_request *request, struct am_bin message)
{
    AM_ASSERT(message.len > 0 && message.len <= AM_GRPC_SECRET_MAX);
    if (take_back(request))
        submit_reply(request, message, true);
}

uint32_t
am_grpc_request_uid(const struct am_grpc_request *request)
{
    return request->uid;
}

void
am_grpc_refuse(struct am_grpc_request *request, int code, const char *text)
{
    AM_ASSERT(code < 0 && code >= AM_UNAUTHENTICATED);
    if (take_back(request))
        submit_refusal(request, code, text);
}
