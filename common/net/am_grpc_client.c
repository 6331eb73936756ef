/*  am_grpc_client -- one unary call: connect, ask, judge the answer, tell once.  */
#include "am_grpc.h"
#include "am_grpc_conn.h"
#include "am_grpc_frame.h"
#include "am_grpc_nv.h"

#include "../base/am_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_BYTES 128

struct am_grpc_call {
    struct ev_loop *loop;
    am_grpc_fn *fn;
    void *arg;
    char where[INET_ADDRSTRLEN + 6]; /* ip:port */
    char path[PATH_BYTES];
    int64_t connect_ms, deadline_ms; /* as asked */
    int64_t ends_ms;                 /* monotonic */
    int fd;                          /* while connecting, else -1 */
    ev_io connecting;
    ev_timer connect, deadline;
    ev_timer deliver; /* never started, only fed: tells fn with nothing of ours below */
    struct am_grpc_conn conn;
    int32_t stream_id;
    bool stream_open;
    uint8_t *frame;
    size_t frame_len, frame_sent;
    int http_status;
    bool is_grpc, has_status;
    int status;
    char words[AM_ERROR_TEXT];
    struct am_grpc_reader reader;
    bool finished, delivering;
    int code;
    struct am_error err;
};

/* We want no more of the stream. */
static void
drop_stream(struct am_grpc_call *call)
{
    if (!call->stream_open)
        return;
    (void)nghttp2_submit_rst_stream(call->conn.session, NGHTTP2_FLAG_NONE, call->stream_id,
                                    NGHTTP2_CANCEL);
    am_grpc_conn_kick(&call->conn);
}

/* Everything but the answer. */
static void
release(struct am_grpc_call *call)
{
    ev_io_stop(call->loop, &call->connecting);
    ev_timer_stop(call->loop, &call->connect);
    ev_timer_stop(call->loop, &call->deadline);
    ev_clear_pending(call->loop, &call->deliver);
    if (!call->finished)
        drop_stream(call);
    call->finished = true; /* what the goodbye stirs up counts no more */
    am_grpc_conn_shut(&call->conn);
    if (call->fd >= 0)
        close(call->fd);
    free(call->frame);
}

/* Settle the outcome; the first one counts.  fn hears it from the loop. */
static void
settle(struct am_grpc_call *call, int code)
{
    if (call->finished)
        return;
    call->code = code;
    call->finished = true;
    ev_feed_event(call->loop, &call->deliver, EV_CUSTOM);
}

AM_PRINTF(3, 4)
static void
fail(struct am_grpc_call *call, int code, const char *fmt, ...)
{
    char what[AM_ERROR_TEXT];
    va_list ap;

    if (call->finished)
        return;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    (void)am_fail(&call->err, code, "gRPC %s %s: %s", call->where, call->path, what);
    settle(call, code);
}

static void
on_deliver(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct am_grpc_call *call = w->data;
    struct am_bin message;

    (void)loop;
    (void)revents;
    release(call);
    message = am_bin_of(call->reader.message, call->code == AM_OK ? call->reader.len : 0);
    call->delivering = true;
    call->fn(call->arg, call->code, message, &call->err);
    am_grpc_reader_clear(&call->reader);
    free(call);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct am_grpc_call *call = w->data;

    (void)loop;
    (void)revents;
    drop_stream(call);
    fail(call, AM_DEADLINE_EXCEEDED, "expected an answer within %lld ms, got none",
         (long long)call->deadline_ms);
}

/* The stream has ended in order: what did it say? */
static void
conclude(struct am_grpc_call *call)
{
    if (call->has_status && call->status != AM_OK) {
        (void)am_fail(&call->err, call->status, "%s",
                      call->words[0] != '\0' ? call->words : am_err_name(call->status));
        settle(call, call->status);
    } else if (!call->has_status && call->http_status != 200) {
        fail(call, am_grpc_of_http(call->http_status), "expected grpc-status, got HTTP %d",
             call->http_status);
    } else if (!call->has_status) {
        fail(call, AM_DATA_LOSS, "expected grpc-status, got an end without it");
    } else if (!am_grpc_reader_whole(&call->reader)) {
        fail(call, AM_DATA_LOSS, "expected one whole message, got a part or none");
    } else {
        settle(call, AM_OK);
    }
}

static int
on_header(struct am_grpc_conn *c, const nghttp2_frame *frame, struct am_str name,
          struct am_str value)
{
    struct am_grpc_call *call = c->owner;
    static const char grpc[] = "application/grpc";

    if (frame->hd.type != NGHTTP2_HEADERS || frame->hd.stream_id != call->stream_id)
        return 0;
    if (am_str_eq(name, ":status")) {
        call->http_status = 0;
        for (size_t i = 0; i < value.len && i < 3; i++)
            call->http_status = call->http_status * 10 + (value.p[i] - '0');
    } else if (am_str_eq(name, "content-type")) {
        call->is_grpc = value.len >= sizeof grpc - 1 && memcmp(value.p, grpc, sizeof grpc - 1) == 0;
    } else if (am_str_eq(name, "grpc-status")) {
        call->status = am_grpc_status_read(value);
        call->has_status = true;
    } else if (am_str_eq(name, "grpc-message")) {
        (void)am_grpc_percent_decode(call->words, sizeof call->words, value);
    }
    return 0;
}

static bool
on_data(struct am_grpc_conn *c, int32_t stream_id, const uint8_t *p, size_t len)
{
    struct am_grpc_call *call = c->owner;
    struct am_error err = {0};
    int r;

    if (call->finished || stream_id != call->stream_id || call->http_status != 200)
        return false;
    r = am_grpc_reader_feed(&call->reader, p, len, &err);
    if (r == AM_OK)
        return true;
    drop_stream(call);
    fail(call, r == AM_RESOURCE_EXHAUSTED ? r : AM_DATA_LOSS, "%s", err.text);
    return false;
}

static void
on_frame(struct am_grpc_conn *c, const nghttp2_frame *frame)
{
    struct am_grpc_call *call = c->owner;

    if (frame->hd.stream_id != call->stream_id ||
        (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        conclude(call);
    } else if (frame->hd.type == NGHTTP2_HEADERS && call->http_status > 200) {
        drop_stream(call); /* its body says nothing to us */
        conclude(call);
    } else if (frame->hd.type == NGHTTP2_HEADERS && call->http_status == 200 && !call->is_grpc) {
        drop_stream(call);
        fail(call, AM_DATA_LOSS, "expected content-type application/grpc, got another");
    }
}

static void
on_closed(struct am_grpc_conn *c, int32_t stream_id, uint32_t h2_error)
{
    struct am_grpc_call *call = c->owner;

    if (stream_id != call->stream_id)
        return;
    call->stream_open = false;
    if (c->why[0] != '\0') /* our own nghttp2 has closed it, over what the peer sent */
        fail(call, AM_DATA_LOSS, "expected HTTP/2, got a violation: %s", c->why);
    fail(call, am_grpc_of_h2(h2_error), "expected an answer, got RST_STREAM %s",
         nghttp2_http2_strerror(h2_error));
}

static void
on_lost(struct am_grpc_conn *c, int code, const char *why)
{
    struct am_grpc_call *call = c->owner;

    fail(call, code, "%s", why);
    call->stream_open = false;
    am_grpc_conn_shut(c);
}

static const struct am_grpc_hooks hooks = {
    .header = on_header,
    .data = on_data,
    .frame = on_frame,
    .closed = on_closed,
    .lost = on_lost,
};

static ssize_t
read_question(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len,
              uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct am_grpc_call *call = source->ptr;
    size_t n = call->frame_len - call->frame_sent;

    (void)session;
    (void)stream_id;
    (void)arg;
    n = n < len ? n : len;
    memcpy(buf, call->frame + call->frame_sent, n);
    call->frame_sent += n;
    if (call->frame_sent == call->frame_len)
        *flags = NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void
submit_question(struct am_grpc_call *call)
{
    const nghttp2_data_provider data = {.source.ptr = call, .read_callback = read_question};
    char timeout[AM_GRPC_TIMEOUT_BYTES];
    int64_t left = call->ends_ms - am_mono_ms();

    am_grpc_timeout_write(timeout, left < 1 ? 1 : left);
    const nghttp2_nv nv[] = {
        am_grpc_nv(":method", "POST"),          am_grpc_nv(":scheme", "http"),
        am_grpc_nv(":path", call->path),        am_grpc_nv(":authority", call->where),
        am_grpc_nv("te", "trailers"),           am_grpc_nv("content-type", "application/grpc"),
        am_grpc_nv("user-agent", "attestmesh"), am_grpc_nv("grpc-accept-encoding", "identity"),
        am_grpc_nv("grpc-timeout", timeout),
    };
    call->stream_id =
        nghttp2_submit_request(call->conn.session, NULL, nv, sizeof nv / sizeof nv[0], &data, NULL);
    if (call->stream_id < 0) {
        fail(call, AM_RESOURCE_EXHAUSTED, "expected memory, got none");
        return;
    }
    call->stream_open = true;
    am_grpc_conn_kick(&call->conn);
}

static void
on_connected(struct ev_loop *loop, ev_io *w, int revents)
{
    struct am_grpc_call *call = w->data;
    struct am_error err = {0};
    int failed = 0, fd = call->fd;
    socklen_t len = sizeof failed;

    (void)revents;
    ev_io_stop(loop, w);
    ev_timer_stop(loop, &call->connect);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
        failed = errno;
    if (failed != 0) {
        fail(call, AM_UNAVAILABLE, "expected a connection, got \"%s\"", strerror(failed));
        return;
    }
    call->fd = -1;
    if (am_grpc_conn_open(&call->conn, loop, fd, false, &hooks, call, &err) != AM_OK)
        fail(call, err.code, "%s", err.text);
    else
        submit_question(call);
}

static void
on_connect_late(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct am_grpc_call *call = w->data;

    (void)revents;
    ev_io_stop(loop, &call->connecting);
    fail(call, AM_UNAVAILABLE, "expected a connection within %lld ms, got none",
         (long long)call->connect_ms);
}

static void
start_timer(struct am_grpc_call *call, ev_timer *timer, int64_t ms)
{
    ev_timer_set(timer, ms < 1 ? 0.001 : (double)ms / 1000.0, 0.0);
    ev_timer_start(call->loop, timer);
}

static void
begin(struct am_grpc_call *call, const struct sockaddr_in *addr)
{
    ev_io_init(&call->connecting, on_connected, call->fd, EV_WRITE);
    ev_timer_init(&call->connect, on_connect_late, 0.0, 0.0);
    ev_timer_init(&call->deadline, on_deadline, 0.0, 0.0);
    ev_timer_init(&call->deliver, on_deliver, 0.0, 0.0);
    call->connecting.data = call->connect.data = call->deadline.data = call->deliver.data = call;
    ev_now_update(call->loop); /* libev's idea of now may be old here */
    start_timer(call, &call->deadline, call->deadline_ms);
    if (connect(call->fd, (const struct sockaddr *)addr, sizeof *addr) != 0 &&
        errno != EINPROGRESS && errno != EINTR) {
        fail(call, AM_UNAVAILABLE, "expected a connection, got \"%s\"", strerror(errno));
        return;
    }
    start_timer(call, &call->connect, call->connect_ms);
    ev_io_start(call->loop, &call->connecting);
}

int
am_grpc_ask(struct am_grpc_call **out, struct ev_loop *loop, const struct sockaddr_in *addr,
            const char *path, struct am_bin message, int64_t connect_ms, int64_t deadline_ms,
            am_grpc_fn *fn, void *arg, struct am_error *err)
{
    struct am_grpc_call *call;
    char host[INET_ADDRSTRLEN] = "";
    int r;

    *out = NULL;
    if (path[0] != '/' || strlen(path) >= PATH_BYTES)
        return am_fail(err, AM_INVALID_ARGUMENT, "gRPC path: expected /..., below %d bytes, got %s",
                       PATH_BYTES, path);
    call = calloc(1, sizeof *call);
    if (call == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "gRPC %s: expected memory, got none", path);
    call->loop = loop;
    call->fn = fn;
    call->arg = arg;
    call->conn.fd = -1;
    call->connect_ms = connect_ms;
    call->deadline_ms = deadline_ms;
    call->ends_ms = am_mono_ms() + deadline_ms;
    (void)inet_ntop(AF_INET, &addr->sin_addr, host, sizeof host);
    (void)snprintf(call->where, sizeof call->where, "%s:%u", host, ntohs(addr->sin_port));
    memcpy(call->path, path, strlen(path) + 1);
    call->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (call->fd < 0)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "gRPC %s: expected a socket, got \"%s\"",
                    call->where, strerror(errno));
    else
        r = am_grpc_frame(&call->frame, &call->frame_len, message, err);
    if (r != AM_OK) {
        if (call->fd >= 0)
            close(call->fd);
        free(call);
        return r;
    }
    begin(call, addr);
    *out = call;
    return AM_OK;
}

void
am_grpc_cancel(struct am_grpc_call **p)
{
    struct am_grpc_call *call = *p;

    *p = NULL;
    if (call == NULL || call->delivering)
        return;
    release(call);
    am_grpc_reader_clear(&call->reader);
    free(call);
}
