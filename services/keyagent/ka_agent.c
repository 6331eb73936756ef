/*  ka_agent -- the client of the dstack guest agent: one question, one connection, one answer.  */
#include "ka_agent.h"

#include "../../common/base/am_secret.h"
#include "ka_http.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 1024

struct ka_ask {
    struct ev_loop *loop;
    ev_io io;
    ev_timer deadline;
    int fd;
    double deadline_s;
    ka_agent_fn *fn;
    void *arg;
    char what[96]; /* "guest agent /GetKey" */
    char out[REQUEST_MAX];
    size_t out_len, out_at;
    bool secret;
    char *in; /* locked when secret */
    size_t in_len, in_cap;
    bool have_head;
    struct ka_http_head head;
};

static void
release(struct ka_ask *a)
{
    void *in = a->in;

    ev_io_stop(a->loop, &a->io);
    ev_timer_stop(a->loop, &a->deadline);
    if (a->fd >= 0)
        close(a->fd);
    if (a->secret) {
        am_secret_free(&in);
    } else if (in != NULL) {
        sodium_memzero(in, a->in_len); /* all of in_cap would make a MiB of it resident */
        free(in);
    }
    free(a);
}

static void
finish(struct ka_ask *a, int code, struct am_str body, const struct am_error *err)
{
    ev_io_stop(a->loop, &a->io);
    ev_timer_stop(a->loop, &a->deadline);
    a->fn(a->arg, code, body, code == AM_OK ? NULL : err);
    release(a);
}

static void
fail(struct ka_ask *a, struct am_error *err)
{
    /* The words of an agent go on into a bus text, which is UTF-8. */
    for (char *p = err->text; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x7f)
            *p = '?';
    finish(a, err->code, (struct am_str){NULL, 0}, err);
}

static void
whole(struct ka_ask *a)
{
    struct am_str body = {a->in + a->head.head_len, a->head.body_len}, words;
    struct am_error err = {0};

    if (a->head.status == 200) {
        finish(a, AM_OK, body, NULL);
        return;
    }
    words = ka_http_words(body);
    am_fail(&err,
            ka_http_no_method(a->head.status, words) ? AM_UNIMPLEMENTED : AM_FAILED_PRECONDITION,
            "%s: expected status 200, got %d %.*s", a->what, a->head.status,
            (int)(words.len < 200 ? words.len : 200), words.p);
    fail(a, &err);
}

/* Returns true when the answer has ended, one way or the other; a is gone then. */
static bool
look(struct ka_ask *a)
{
    struct am_error err = {0};

    if (!a->have_head) {
        struct am_str in = {a->in, a->in_len};

        if (ka_http_read(&a->head, &a->have_head, in, a->what, &err) != AM_OK) {
            fail(a, &err);
            return true;
        }
        if (!a->have_head && a->in_len < KA_AGENT_HEAD_MAX && a->in_len < a->in_cap)
            return false;
        if (!a->have_head || a->head.body_len > a->in_cap - a->head.head_len) {
            am_fail(&err, AM_RESOURCE_EXHAUSTED,
                    "%s: expected head and body within %zu bytes, got %s of %zu", a->what,
                    a->in_cap, a->have_head ? "a body" : "a head",
                    a->have_head ? a->head.body_len : a->in_len);
            fail(a, &err);
            return true;
        }
    }
    if (a->in_len - a->head.head_len < a->head.body_len)
        return false;
    whole(a);
    return true;
}

static void
on_readable(struct ka_ask *a)
{
    /* Never past the end of this answer, once its end is known. */
    size_t room = (a->have_head ? a->head.head_len + a->head.body_len : a->in_cap) - a->in_len;
    ssize_t n = recv(a->fd, a->in + a->in_len, room, 0);
    struct am_error err = {0};

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        am_fail(&err, AM_UNAVAILABLE, "%s: expected %s, got the end after %zu bytes%s%s", a->what,
                a->have_head ? "the whole body" : "an answer", a->in_len, n < 0 ? ": " : "",
                n < 0 ? strerror(errno) : "");
        fail(a, &err);
        return;
    }
    a->in_len += (size_t)n;
    look(a);
}

static void
on_writable(struct ka_ask *a)
{
    ssize_t n = send(a->fd, a->out + a->out_at, a->out_len - a->out_at, MSG_NOSIGNAL);
    struct am_error err = {0};

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        am_fail(&err, AM_UNAVAILABLE, "%s: the socket refuses the request: %s", a->what,
                strerror(errno));
        fail(a, &err);
        return;
    }
    a->out_at += (size_t)n;
    if (a->out_at == a->out_len) {
        ev_io_stop(a->loop, &a->io);
        ev_io_set(&a->io, a->fd, EV_READ);
        ev_io_start(a->loop, &a->io);
    }
}

static void
on_io(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    if (events & EV_WRITE)
        on_writable(w->data);
    else
        on_readable(w->data);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
    struct ka_ask *a = w->data;
    struct am_error err = {0};

    (void)loop;
    (void)events;
    am_fail(&err, AM_DEADLINE_EXCEEDED, "%s: expected an answer within %g s, got %zu bytes",
            a->what, a->deadline_s, a->in_len);
    fail(a, &err);
}

static int
dial(int *fd, const char *path, const char *what, struct am_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof addr.sun_path)
        return am_fail(err, AM_INVALID_ARGUMENT, "DSTACK_SOCKET: expected at most %zu bytes",
                       sizeof addr.sun_path - 1);
    strcpy(addr.sun_path, path);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return am_fail(err, AM_INTERNAL, "%s: no socket: %s", what, strerror(errno));
    /* A Unix socket connects at once or, when the agent's backlog is full, says EAGAIN. */
    if (connect(*fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        return am_fail(
            err, AM_UNAVAILABLE, "%s: cannot connect to %s: %s%s", what, path, strerror(errno),
            errno == ENOENT ? " (dstack 0.3.x has no such socket; 0.5.7 or newer is needed)" : "");
    return AM_OK;
}

int
ka_agent_ask(struct ka_ask **ask, struct ev_loop *loop, const char *path, const char *method,
             const char *json, bool secret, double deadline_s, ka_agent_fn *fn, void *arg,
             struct am_error *err)
{
    struct ka_ask *a = calloc(1, sizeof *a);
    int rc, n;

    *ask = NULL;
    if (a == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "guest agent: no memory");
    a->loop = loop;
    a->fd = -1;
    a->secret = secret;
    a->deadline_s = deadline_s;
    a->fn = fn;
    a->arg = arg;
    snprintf(a->what, sizeof a->what, "guest agent /%s", method);
    ev_io_init(&a->io, on_io, -1, EV_WRITE);
    ev_timer_init(&a->deadline, on_deadline, deadline_s, 0.);
    a->io.data = a->deadline.data = a;
    a->in_cap = secret ? KA_AGENT_KEY_MAX : KA_AGENT_INFO_MAX;
    a->in = secret ? am_secret_alloc(a->in_cap, err) : malloc(a->in_cap);
    if (a->in == NULL) {
        rc = secret ? AM_RESOURCE_EXHAUSTED : am_fail(err, AM_RESOURCE_EXHAUSTED, "no memory");
        goto out;
    }
    n = snprintf(a->out, sizeof a->out,
                 "POST /%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 method, strlen(json), json);
    AM_ASSERT(n > 0 && (size_t)n < sizeof a->out);
    a->out_len = (size_t)n;
    if ((rc = dial(&a->fd, path, a->what, err)) != AM_OK)
        goto out;
    ev_io_set(&a->io, a->fd, EV_WRITE);
    ev_io_start(loop, &a->io);
    ev_now_update(loop);
    ev_timer_start(loop, &a->deadline);
    *ask = a;
    a = NULL;
out:
    if (a != NULL)
        release(a);
    return rc;
}

void
ka_agent_cancel(struct ka_ask **ask)
{
    if (*ask != NULL)
        release(*ask);
    *ask = NULL;
}
