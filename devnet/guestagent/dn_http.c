/*  dn_http -- a small HTTP/1.1 server on a Unix socket, exact about keep-alive and half-close.  */
#include "dn_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 16384u       /* bytes of request line and headers */
#define IDLE_S 15.0           /* between requests */
#define HELD_S 60.0           /* a connection that a fault keeps, so that tests end */
#define OVERSIZED (16u << 20) /* bytes of the body that the fault sends */
#define CONNECTIONS_MAX 128

struct conn {
    struct dn_http *http;
    struct conn *next, **back;
    ev_io in_io, out_io;
    ev_timer idle;
    int fd;
    char *in;
    size_t in_len, in_cap;
    char *out;
    size_t out_len, out_at;
    bool eof;  /* the client has half-closed */
    bool last; /* close when out is sent */
    bool held; /* a fault: never close by itself */
    bool mute; /* a fault: say nothing more */
};

struct dn_http {
    struct ev_loop *loop;
    ev_io listen_io;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *server;
    dn_handler_fn *fn;
    void *arg;
    struct conn *conns;
    unsigned count;
};

static void
conn_close(struct conn *c)
{
    ev_io_stop(c->http->loop, &c->in_io);
    ev_io_stop(c->http->loop, &c->out_io);
    ev_timer_stop(c->http->loop, &c->idle);
    close(c->fd);
    *c->back = c->next;
    if (c->next != NULL)
        c->next->back = c->back;
    c->http->count--;
    free(c->in);
    free(c->out);
    free(c);
}

static const char *
status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {{200, "OK"},
                 {400, "Bad Request"},
                 {404, "Not Found"},
                 {413, "Payload Too Large"},
                 {422, "Unprocessable Entity"},
                 {500, "Internal Server Error"}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

/* Make the answer's bytes; what a transport fault changes is changed here. */
static bool
conn_answer(struct conn *c, const struct dn_answer *a, bool head_only)
{
    size_t promised = a->fault == DN_FAULT_OVERSIZED ? OVERSIZED : a->len;
    size_t sent = a->fault == DN_FAULT_TRUNCATED ? a->len / 2 : promised;
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    int head;

    if (head_only)
        sent = 0;
    if ((c->out = malloc(1024 + sent)) == NULL)
        return false;
    if (a->fault == DN_FAULT_GARBAGE) {
        c->out_len = (size_t)snprintf(c->out, 1024, "\x01\x02 no such protocol \xff\r\n\r\n");
        c->last = true;
        return true;
    }
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    head = snprintf(c->out, 1024,
                    "HTTP/1.1 %d %s\r\ncontent-type: %s\r\nserver: %s\r\n"
                    "x-content-type-options: nosniff\r\nx-frame-options: SAMEORIGIN\r\n"
                    "permissions-policy: interest-cohort=()\r\n%scontent-length: %zu\r\n"
                    "date: %s\r\n\r\n",
                    a->status, status_text(a->status), a->type, c->http->server,
                    c->last ? "connection: close\r\n" : "", promised, date);
    c->out_len = (size_t)head + sent;
    if (a->fault == DN_FAULT_OVERSIZED)
        memset(c->out + head, ' ', sent);
    else if (sent > 0)
        memcpy(c->out + head, a->body, sent);
    c->last |= a->fault == DN_FAULT_TRUNCATED;
    return true;
}

static bool
header_is(struct am_str line, const char *name, struct am_str *value)
{
    size_t n = strlen(name);

    if (line.len <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
        return false;
    for (n++; n < line.len && line.p[n] == ' '; n++)
        ;
    *value = (struct am_str){line.p + n, line.len - n};
    return true;
}

static bool
starts_with(struct am_str s, const char *text)
{
    return s.len >= strlen(text) && strncasecmp(s.p, text, strlen(text)) == 0;
}

static void
parse_target(struct dn_request *rq, struct am_str target)
{
    size_t at = 0, n = 0, q;

    for (; at < target.len && target.p[at] != '?' && n + 1 < sizeof rq->path; at++)
        if (!(target.p[at] == '/' && n > 0 && rq->path[n - 1] == '/'))
            rq->path[n++] = target.p[at];
    q = at < target.len && target.p[at] == '?' ? target.len - at - 1 : 0;
    if (q >= sizeof rq->query)
        q = sizeof rq->query - 1;
    if (q > 0)
        memcpy(rq->query, target.p + at + 1, q);
}

/* Read the head of head_len bytes.  Returns false when it is no HTTP/1.x request. */
static bool
parse_head(struct conn *c, size_t head_len, struct dn_request *rq, size_t *body_len)
{
    char *line = c->in, *end = c->in + head_len, *cr = memchr(line, '\r', head_len);
    char *blank = cr != NULL ? memchr(line, ' ', (size_t)(cr - line)) : NULL;
    char *target_end = blank != NULL ? memrchr(blank, ' ', (size_t)(cr - blank)) : NULL;
    struct am_str value;

    *body_len = 0;
    if (blank == NULL || target_end == blank || (size_t)(blank - line) >= sizeof rq->verb ||
        !starts_with((struct am_str){target_end, (size_t)(cr - target_end)}, " HTTP/1."))
        return false;
    memcpy(rq->verb, line, (size_t)(blank - line));
    parse_target(rq, (struct am_str){blank + 1, (size_t)(target_end - blank) - 1});
    c->last = target_end[8] == '0'; /* HTTP/1.0 */
    for (line = cr + 2; line < end && (cr = memchr(line, '\r', (size_t)(end - line))) != NULL;
         line = cr + 2) {
        struct am_str l = {line, (size_t)(cr - line)};

        if (header_is(l, "content-length", &value))
            *body_len = strtoul(value.p, NULL, 10);
        else if (header_is(l, "content-type", &value))
            rq->json_type = starts_with(value, "application/json");
        else if (header_is(l, "accept", &value))
            rq->accept_json = starts_with(value, "application/json");
        else if (header_is(l, "connection", &value))
            c->last = starts_with(value, "close");
        else if (header_is(l, "transfer-encoding", &value))
            return false; /* no client of section 1.8 sends chunks */
    }
    rq->too_large = *body_len > DN_HTTP_BODY_MAX;
    return true;
}

/* One whole request from the front of the buffer, if it is there: handle it. */
static bool
conn_take(struct conn *c)
{
    char *blank = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    struct dn_request rq = {0};
    struct dn_answer answer = {.status = 400, .type = "text/html; charset=utf-8"};
    size_t head, body;
    bool ok;

    if (blank == NULL && c->in_len < HEAD_MAX)
        return false;
    head = blank != NULL ? (size_t)(blank - c->in) + 4 : c->in_len;
    ok = blank != NULL && parse_head(c, head - 2, &rq, &body);
    if (ok && !rq.too_large && c->in_len - head < body)
        return false;
    if (!ok || rq.too_large) {
        c->last = true;
        body = c->in_len - head;
    }
    rq.body = am_bin_of(c->in + head, rq.too_large ? 0 : body);
    if (ok)
        c->http->fn(c->http->arg, &rq, &answer);
    c->mute = answer.fault == DN_FAULT_STALL;
    c->held = answer.fault == DN_FAULT_KEEP_OPEN || c->mute;
    if (!c->mute && !conn_answer(c, &answer, strcmp(rq.verb, "HEAD") == 0))
        c->last = true;
    free(answer.body);
    memmove(c->in, c->in + head + body, c->in_len - head - body);
    c->in_len -= head + body;
    return true;
}

/* Go on as far as possible.  May free the connection. */
static void
conn_run(struct conn *c)
{
    struct ev_loop *loop = c->http->loop;

    while (!c->mute) {
        if (c->out == NULL && (c->last || !conn_take(c))) {
            if ((c->last || c->eof) && !c->held) {
                conn_close(c);
                return;
            }
            break;
        }
        if (c->out == NULL)
            continue;
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            conn_close(c);
            return;
        }
        c->out_at += n > 0 ? (size_t)n : 0;
        if (c->out_at < c->out_len) {
            ev_io_start(loop, &c->out_io);
            return;
        }
        ev_io_stop(loop, &c->out_io);
        free(c->out);
        c->out = NULL;
        c->out_at = c->out_len = 0;
    }
    c->idle.repeat = c->held ? HELD_S : IDLE_S;
    ev_timer_again(loop, &c->idle);
}

static void
on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    (void)events;
    conn_run(w->data);
}

static void
on_idle(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    conn_close(w->data);
}

static void
on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    struct conn *c = w->data;
    ssize_t n;

    (void)events;
    if (c->in_len == c->in_cap) {
        size_t cap = c->in_cap == 0 ? 4096 : c->in_cap * 2;
        char *bigger = cap <= 2 * DN_HTTP_BODY_MAX ? realloc(c->in, cap) : NULL;

        if (bigger == NULL) {
            conn_close(c);
            return;
        }
        c->in = bigger;
        c->in_cap = cap;
    }
    n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_close(c);
        return;
    }
    if (n == 0) {
        c->eof = true;
        ev_io_stop(loop, w);
    }
    c->in_len += (size_t)n;
    conn_run(c);
}

static void
on_accept(struct ev_loop *loop, ev_io *w, int events)
{
    struct dn_http *h = w->data;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct conn *c;

    (void)events;
    if (fd < 0)
        return;
    if (h->count >= CONNECTIONS_MAX || (c = calloc(1, sizeof *c)) == NULL) {
        close(fd);
        return;
    }
    c->http = h;
    c->fd = fd;
    c->next = h->conns;
    c->back = &h->conns;
    if (c->next != NULL)
        c->next->back = &c->next;
    h->conns = c;
    h->count++;
    ev_io_init(&c->in_io, on_readable, fd, EV_READ);
    ev_io_init(&c->out_io, on_writable, fd, EV_WRITE);
    ev_timer_init(&c->idle, on_idle, 0., IDLE_S);
    c->in_io.data = c->out_io.data = c->idle.data = c;
    ev_io_start(loop, &c->in_io);
    ev_timer_again(loop, &c->idle);
}

int
dn_http_open(struct dn_http **http, struct ev_loop *loop, const char *path, const char *server,
             dn_handler_fn *fn, void *arg, struct am_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct dn_http *h = NULL;
    int fd = -1, rc = AM_OK;

    *http = NULL;
    if (strlen(path) >= sizeof addr.sun_path)
        return am_fail(err, AM_INVALID_ARGUMENT, "--socket: expected at most %zu bytes, got %zu",
                       sizeof addr.sun_path - 1, strlen(path));
    strcpy(addr.sun_path, path);
    unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 64) != 0 ||
        chmod(path, 0777) != 0) {
        rc = am_fail(err, AM_FAILED_PRECONDITION, "%s: cannot listen: %s", path, strerror(errno));
        goto out;
    }
    if ((h = calloc(1, sizeof *h)) == NULL) {
        rc = am_fail(err, AM_RESOURCE_EXHAUSTED, "no memory");
        goto out;
    }
    h->loop = loop;
    h->server = server;
    h->fn = fn;
    h->arg = arg;
    strcpy(h->path, path);
    ev_io_init(&h->listen_io, on_accept, fd, EV_READ);
    h->listen_io.data = h;
    ev_io_start(loop, &h->listen_io);
    *http = h;
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    return rc;
}

void
dn_http_close(struct dn_http **http)
{
    struct dn_http *h = *http;

    if (h == NULL)
        return;
    while (h->conns != NULL)
        conn_close(h->conns);
    ev_io_stop(h->loop, &h->listen_io);
    close(h->listen_io.fd);
    unlink(h->path);
    free(h);
    *http = NULL;
}
