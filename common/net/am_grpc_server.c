/*  am_grpc_server -- listens, keeps connections within their caps, gives requests out.  */
#include "am_grpc_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64
#define ACCEPTS_PER_EVENT 16
#define PAUSE_S 1.0

static void
forget_peer(struct am_grpc_peer *peer)
{
    struct am_grpc_request *q;

    am_grpc_conn_shut(&peer->conn);
    while ((q = LIST_FIRST(&peer->requests)) != NULL)
        am_grpc_request_detach(q);
    LIST_REMOVE(peer, entry);
    free(peer);
}

static void
on_lost(struct am_grpc_conn *c, int code, const char *why)
{
    (void)code;
    (void)why;
    forget_peer(c->owner);
}

static const struct am_grpc_hooks hooks = {
    .begin = am_grpc_request_begin,
    .header = am_grpc_request_header,
    .data = am_grpc_request_data,
    .frame = am_grpc_request_frame,
    .sent = am_grpc_request_sent,
    .closed = am_grpc_request_closed,
    .secret = am_grpc_request_secret,
    .lost = on_lost,
};

static bool
has_room(const struct am_grpc_server *s, const struct sockaddr_in *from, uint32_t uid)
{
    const struct am_grpc_peer *peer;
    unsigned all = 0, same = 0;

    LIST_FOREACH(peer, &s->peers, entry)
    {
        all++;
        same += peer->from.sin_addr.s_addr == from->sin_addr.s_addr && peer->uid == uid;
    }
    return all < AM_GRPC_CONNECTIONS && same < AM_GRPC_CONNECTIONS_PER_SOURCE;
}

/* Over a Unix socket there is no address, and the uid takes its place. */
static bool
who_is(int fd, struct sockaddr_in *from, uint32_t *uid)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    *uid = AM_GRPC_NO_UID;
    if (from->sin_family != AF_UNIX)
        return true;
    *from = (struct sockaddr_in){0};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    *uid = peer.uid;
    return *uid != AM_GRPC_NO_UID;
}

static void
welcome(struct am_grpc_server *s, int fd, struct sockaddr_in *from)
{
    struct am_grpc_peer *peer = NULL;
    uint32_t uid;

    if (who_is(fd, from, &uid) && has_room(s, from, uid))
        peer = calloc(1, sizeof *peer);

    if (peer == NULL) {
        close(fd);
        return;
    }
    peer->server = s;
    peer->from = *from;
    peer->uid = uid;
    LIST_INIT(&peer->requests);
    if (am_grpc_conn_open(&peer->conn, s->loop, fd, true, &hooks, peer, NULL) != AM_OK) {
        free(peer);
        return;
    }
    LIST_INSERT_HEAD(&s->peers, peer, entry);
}

static void
on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
    struct am_grpc_server *s = w->data;

    (void)revents;
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        struct sockaddr_in from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            welcome(s, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connection stays in the backlog and would wake us for ever. */
            ev_io_stop(loop, &s->accept);
            ev_timer_set(&s->pause, PAUSE_S, 0.0);
            ev_timer_start(loop, &s->pause);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

static void
on_pause_over(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct am_grpc_server *s = w->data;

    (void)revents;
    ev_io_start(loop, &s->accept);
}

static void
on_dispatch(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct am_grpc_server *s = w->data;
    struct am_grpc_request *q = TAILQ_FIRST(&s->ready);
    char path[AM_GRPC_PATH_BYTES];
    struct sockaddr_in from;
    uint8_t *message;
    size_t len;

    (void)revents;
    if (q == NULL) /* reset by its peer meanwhile */
        return;
    TAILQ_REMOVE(&s->ready, q, ready);
    if (!TAILQ_EMPTY(&s->ready))
        ev_feed_event(loop, w, EV_CUSTOM);
    /* Copies: fn may answer, and close the server, and still look at its arguments. */
    memcpy(path, q->path, sizeof path);
    from = q->peer->from;
    message = q->reader.message;
    len = q->reader.len;
    s->held -= q->held;
    q->held = 0;
    q->reader = (struct am_grpc_reader){0};
    q->queued = false;
    q->with_user = true;
    s->fn(s->arg, q, path, am_bin_of(message, len), &from);
    free(message);
}

static int
listen_on(int *fd, const struct sockaddr_in *addr, struct am_error *err)
{
    char host[INET_ADDRSTRLEN] = "";
    int one = 1, code, saved;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(*fd, (const struct sockaddr *)addr, sizeof *addr) == 0 && listen(*fd, BACKLOG) == 0)
        return AM_OK;
    saved = errno;
    if (*fd >= 0)
        close(*fd);
    code = saved == EADDRINUSE      ? AM_ALREADY_EXISTS
           : saved == EADDRNOTAVAIL ? AM_UNAVAILABLE
                                    : AM_INTERNAL;
    (void)inet_ntop(AF_INET, &addr->sin_addr, host, sizeof host);
    return am_fail(err, code, "gRPC server %s:%u: expected to listen, got \"%s\"", host,
                   ntohs(addr->sin_port), strerror(saved));
}

int
am_grpc_serve(struct am_grpc_server **out, struct ev_loop *loop, const struct sockaddr_in *addr,
              am_grpc_serve_fn *fn, void *arg, struct am_error *err)
{
    int fd, r = listen_on(&fd, addr, err);

    *out = NULL;
    return r == AM_OK ? am_grpc_serve_fd(out, loop, fd, fn, arg, err) : r;
}

int
am_grpc_serve_fd(struct am_grpc_server **out, struct ev_loop *loop, int fd, am_grpc_serve_fn *fn,
                 void *arg, struct am_error *err)
{
    struct am_grpc_server *s = calloc(1, sizeof *s);
    struct sockaddr_in got = {0};
    socklen_t len = sizeof got;

    *out = NULL;
    if (s == NULL) {
        close(fd);
        return am_fail(err, AM_INTERNAL, "gRPC server: expected memory, got none");
    }
    s->loop = loop;
    s->fd = fd;
    s->fn = fn;
    s->arg = arg;
    LIST_INIT(&s->peers);
    TAILQ_INIT(&s->ready);
    if (getsockname(fd, (struct sockaddr *)&got, &len) == 0 && got.sin_family == AF_INET)
        s->port = ntohs(got.sin_port);
    ev_io_init(&s->accept, on_accept, fd, EV_READ);
    ev_timer_init(&s->pause, on_pause_over, 0.0, 0.0);
    ev_timer_init(&s->dispatch, on_dispatch, 0.0, 0.0);
    s->accept.data = s->pause.data = s->dispatch.data = s;
    ev_io_start(loop, &s->accept);
    *out = s;
    return AM_OK;
}

uint16_t
am_grpc_server_port(const struct am_grpc_server *server)
{
    return server->port;
}

void
am_grpc_server_close(struct am_grpc_server **p)
{
    struct am_grpc_server *s = *p;

    if (s == NULL)
        return;
    ev_io_stop(s->loop, &s->accept);
    ev_timer_stop(s->loop, &s->pause);
    ev_clear_pending(s->loop, &s->dispatch);
    while (!LIST_EMPTY(&s->peers))
        forget_peer(LIST_FIRST(&s->peers));
    close(s->fd);
    free(s);
    *p = NULL;
}
