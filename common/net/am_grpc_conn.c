/*  am_grpc_conn -- one HTTP/2 connection under libev: bytes, keep-alive, and how it is lost.  */
#include "am_grpc_conn.h"

#include "../base/am_clock.h"
#include "../base/am_secret.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 16384
#define READS_PER_EVENT 4 /* then the other connections get their turn */
#define HEADER_LIST_BYTES 16384
#define FRAME_HEAD_BYTES 9
#define ACKS_WAITING 100 /* a flood of PING or SETTINGS ends the connection */

static int
on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    return c->hooks->begin == NULL ? 0 : c->hooks->begin(c, frame);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
          size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    (void)flags;
    return c->hooks->header(c, frame, (struct am_str){(const char *)name, name_len},
                            (struct am_str){(const char *)value, value_len});
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *p, size_t len,
        void *arg)
{
    struct am_grpc_conn *c = arg;
    int r;

    (void)flags;
    /* What is refused opens the connection's window all the same: the others share it. */
    if (c->hooks->data(c, stream_id, p, len))
        r = nghttp2_session_consume(session, stream_id, len);
    else
        r = nghttp2_session_consume_connection(session, len);
    return r == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
        c->watch.settings = true;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
        c->watch.pinged_ms = 0;
    c->hooks->frame(c, frame);
    return 0;
}

static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    if (c->hooks->sent != NULL)
        c->hooks->sent(c, frame);
    return 0;
}

static int
on_closed(nghttp2_session *session, int32_t stream_id, uint32_t h2_error, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    c->hooks->closed(c, stream_id, h2_error);
    return 0;
}

static int
on_trouble(nghttp2_session *session, int lib_error, const char *msg, size_t len, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    (void)lib_error;
    snprintf(c->why, sizeof c->why, "%.*s", (int)(len < 100 ? len : 100), msg);
    return 0;
}

/* A DATA frame that nghttp2 may not copy.  It goes out of locked memory, alone: PAUSE ends the
 * nghttp2_session_mem_send below which we are. */
static int
on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t len,
             nghttp2_data_source *source, void *arg)
{
    struct am_grpc_conn *c = arg;

    (void)session;
    (void)frame; /* without padding: there is no callback that chooses one */
    c->secret = am_secret_alloc(FRAME_HEAD_BYTES + len, NULL);
    if (c->secret == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    memcpy(c->secret, head, FRAME_HEAD_BYTES);
    c->hooks->secret(source->ptr, c->secret + FRAME_HEAD_BYTES, len);
    c->secret_len = FRAME_HEAD_BYTES + len;
    return NGHTTP2_ERR_PAUSE;
}

static int
make_session(struct am_grpc_conn *c, bool server)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, AM_GRPC_STREAMS},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, /* a server must not send this one: it is last */
    };
    nghttp2_session_callbacks *cb = NULL;
    nghttp2_option *option = NULL;
    int r = nghttp2_session_callbacks_new(&cb);

    if (r == 0)
        r = nghttp2_option_new(&option);
    if (r == 0) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
        nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
        nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
        nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_closed);
        nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
        nghttp2_session_callbacks_set_error_callback2(cb, on_trouble);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_outbound_ack(option, ACKS_WAITING);
        r = server ? nghttp2_session_server_new2(&c->session, cb, c, option)
                   : nghttp2_session_client_new2(&c->session, cb, c, option);
    }
    if (r == 0)
        r = nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, server ? 2 : 3);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    return r;
}

static void
lose(struct am_grpc_conn *c, int code, const char *what)
{
    struct am_error err;

    (void)am_fail(&err, code, "%s%s%s", what, c->why[0] == '\0' ? "" : ": ", c->why);
    c->hooks->lost(c, code, err.text);
}

/* One step; look again when it is due.  May lose the connection: nothing of c after it. */
static void
look(struct am_grpc_conn *c)
{
    int64_t now = am_mono_ms(), next;

    switch (am_grpc_watch_look(&c->watch, now, &next)) {
    case AM_GRPC_NO_SETTINGS:
        lose(c, AM_UNAVAILABLE, "expected HTTP/2 SETTINGS within 5 s, got none");
        return;
    case AM_GRPC_NO_ANSWER:
        lose(c, AM_UNAVAILABLE, "expected an answer to PING within 20 s, got none");
        return;
    case AM_GRPC_STUCK:
        lose(c, AM_UNAVAILABLE, "expected a peer that reads, got none for 20 s");
        return;
    case AM_GRPC_IDLE:
        lose(c, AM_UNAVAILABLE, "expected a request within 5 min, got none");
        return;
    case AM_GRPC_PING:
        if (nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL) == 0)
            c->watch.pinged_ms = now;
        am_grpc_conn_kick(c);
        break;
    case AM_GRPC_WAIT:
    default:
        break;
    }
    ev_timer_stop(c->loop, &c->look);
    ev_timer_set(&c->look, (double)(next - now) / 1000.0, 0.0);
    ev_timer_start(c->loop, &c->look);
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    look(w->data);
}

enum sending { SENT_ALL = 1, SENT_SOME, SEND_FAILED };

/* The next bytes for the kernel; 0 when there are none, negative when there can be none. */
static ssize_t
next_out(struct am_grpc_conn *c)
{
    const uint8_t *p = NULL;
    ssize_t n;

    am_secret_free((void **)&c->secret);
    c->secret_len = 0;
    n = nghttp2_session_mem_send(c->session, &p);
    c->out = p;
    if (n == 0 && c->secret_len > 0) {
        c->out = c->secret;
        n = (ssize_t)c->secret_len;
    }
    c->out_len = n > 0 ? (size_t)n : 0;
    return n;
}

static enum sending
send_out(struct am_grpc_conn *c)
{
    for (;;) {
        ssize_t n;

        if (c->out_len == 0 && (n = next_out(c)) <= 0)
            return n == 0 ? SENT_ALL : SEND_FAILED;
        n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? SENT_SOME : SEND_FAILED;
        c->out += n;
        c->out_len -= (size_t)n;
        c->watch.stuck_ms = 0;
    }
}

/* May lose the connection: nothing of c after it. */
static void
write_out(struct am_grpc_conn *c)
{
    switch (send_out(c)) {
    case SEND_FAILED:
        lose(c, AM_UNAVAILABLE, "expected a connection, got it cut while sending");
        return;
    case SENT_SOME:
        if (c->watch.stuck_ms == 0)
            c->watch.stuck_ms = am_mono_ms();
        ev_io_start(c->loop, &c->wr);
        break;
    case SENT_ALL:
    default:
        ev_io_stop(c->loop, &c->wr);
        if (!nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session)) {
            /* nghttp2 has said GOAWAY: over a violation that it names, or after the peer's. */
            lose(c, c->why[0] != '\0' || !c->watch.settings ? AM_DATA_LOSS : AM_UNAVAILABLE,
                 "expected HTTP/2, got the end of it");
            return;
        }
        break;
    }
    look(c);
}

static void
on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    write_out(w->data);
}

static void
on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct am_grpc_conn *c = w->data;
    uint8_t buf[READ_BYTES];

    (void)loop;
    (void)revents;
    for (int i = 0; i < READS_PER_EVENT; i++) {
        ssize_t n = recv(c->fd, buf, sizeof buf, 0), used;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            lose(c, AM_UNAVAILABLE,
                 n == 0 ? "expected an answer, got the connection closed"
                        : "expected an answer, got the connection reset");
            return;
        }
        c->watch.heard_ms = am_mono_ms();
        used = nghttp2_session_mem_recv(c->session, buf, (size_t)n);
        if (used < 0) {
            if (c->why[0] == '\0')
                snprintf(c->why, sizeof c->why, "%s", nghttp2_strerror((int)used));
            lose(c, AM_DATA_LOSS, "expected HTTP/2, got something else");
            return;
        }
    }
    write_out(c);
}

int
am_grpc_conn_open(struct am_grpc_conn *c, struct ev_loop *loop, int fd, bool server,
                  const struct am_grpc_hooks *hooks, void *owner, struct am_error *err)
{
    int64_t now = am_mono_ms();
    int one = 1;

    *c = (struct am_grpc_conn){.loop = loop, .fd = fd, .hooks = hooks, .owner = owner};
    c->watch = (struct am_grpc_watch){
        .opened_ms = now, .heard_ms = now, .may_idle = server, .last_request_ms = now};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    ev_io_init(&c->rd, on_readable, fd, EV_READ);
    ev_io_init(&c->wr, on_writable, fd, EV_WRITE);
    ev_timer_init(&c->look, on_look, 0.0, 0.0);
    c->rd.data = c->wr.data = c->look.data = c;
    if (make_session(c, server) != 0) {
        nghttp2_session_del(c->session);
        c->session = NULL;
        close(fd);
        c->fd = -1;
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "HTTP/2: expected memory, got none");
    }
    ev_io_start(loop, &c->rd);
    ev_io_start(loop, &c->wr);
    look(c); /* arms the timer: nothing can be late yet */
    return AM_OK;
}

void
am_grpc_conn_kick(struct am_grpc_conn *c)
{
    if (c->fd >= 0)
        ev_io_start(c->loop, &c->wr);
}

void
am_grpc_conn_busy(struct am_grpc_conn *c, bool busy)
{
    if (!busy)
        c->watch.last_request_ms = am_mono_ms();
    c->watch.may_idle = !busy;
}

void
am_grpc_conn_shut(struct am_grpc_conn *c)
{
    if (c->fd < 0)
        return;
    ev_io_stop(c->loop, &c->rd);
    ev_io_stop(c->loop, &c->wr);
    ev_timer_stop(c->loop, &c->look);
    /* A courtesy, if the socket takes it.  RST_STREAM first: nghttp2 sends none after GOAWAY. */
    if (send_out(c) == SENT_ALL &&
        nghttp2_session_terminate_session(c->session, NGHTTP2_NO_ERROR) == 0)
        (void)send_out(c);
    nghttp2_session_del(c->session);
    c->session = NULL;
    am_secret_free((void **)&c->secret);
    close(c->fd);
    c->fd = -1;
}
