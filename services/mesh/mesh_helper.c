/*  mesh_helper -- a child that may configure the network, and runs what is on one list: mesh's side
 */
#include "mesh_helper_int.h"

#include "../../common/crypto/am_curve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    mesh_helper_fn *fn;
    void *arg;
    char what[64]; /* "wg show attestmesh0 endpoints", cut */
};

struct mesh_helper {
    int fd;
    pid_t child;
    struct ev_loop *loop;
    ev_io io;
    void (*dead)(void *arg);
    void *dead_arg;
    struct job job[MESH_HELPER_JOBS]; /* ring, in the order of the answers */
    size_t first, count;
    struct mesh_helper_said said;
    struct mesh_helper_ask ask;
};

int
mesh_helper_open(struct mesh_helper **out, const struct am_settings *settings, struct am_error *err)
{
    const char *name = settings->wg_interface;
    struct mesh_helper *h = NULL;
    int pair[2] = {-1, -1}, size = (int)sizeof h->said * 2;
    pid_t parent = getpid();

    *out = NULL;
    if (!mesh_if_valid(name))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "ATTESTMESH_WG_INTERFACE: expected 1..15 letters, digits or _=+.-");
    if ((h = calloc(1, sizeof *h)) == NULL ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        goto failed;
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if ((h->child = fork()) < 0)
        goto failed;
    if (h->child == 0) {
        close(pair[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        mesh_helper_serve(pair[1], settings);
    }
    close(pair[1]);
    h->fd = pair[0];
    fcntl(h->fd, F_SETFL, fcntl(h->fd, F_GETFL) | O_NONBLOCK);
    *out = h;
    return AM_OK;
failed:
    free(h);
    if (pair[0] != -1) {
        close(pair[0]);
        close(pair[1]);
    }
    return am_fail(err, AM_INTERNAL, "helper: cannot fork: %s", strerror(errno));
}

static struct job
take(struct mesh_helper *h)
{
    struct job j = h->job[h->first];

    h->first = (h->first + 1) % MESH_HELPER_JOBS;
    h->count--;
    return j;
}

/* Every promise is kept: nobody waits for a helper that is gone. */
static void
bury(struct mesh_helper *h)
{
    struct am_error gone = {0};

    ev_io_stop(h->loop, &h->io);
    close(h->fd);
    h->fd = -1;
    am_fail(&gone, AM_UNAVAILABLE, "helper: it is gone");
    while (h->count > 0) {
        struct job j = take(h);

        j.fn(j.arg, AM_UNAVAILABLE, (struct am_str){0}, &gone);
    }
    h->dead(h->dead_arg);
}

static void
on_answer(struct ev_loop *loop, ev_io *w, int events)
{
    struct mesh_helper *h = w->data;
    struct mesh_helper_said *s = &h->said;
    ssize_t n = recv(h->fd, s, sizeof *s, 0);
    size_t head = offsetof(struct mesh_helper_said, text);
    struct am_error err = {0};
    struct am_str errors;
    struct job j;

    (void)loop;
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < (ssize_t)head || h->count == 0 || (size_t)n != head + s->out_len + s->errors_len) {
        bury(h);
        return;
    }
    j = take(h);
    errors = (struct am_str){s->text + s->out_len, s->errors_len};
    while (errors.len > 0 && errors.p[errors.len - 1] == '\n')
        errors.len--;
    if (s->code != AM_OK)
        am_fail(&err, s->code, "%s: %s (exit status %d)%s%.*s", j.what, am_err_name(s->code),
                (int)s->status, errors.len > 0 ? ": " : "", (int)errors.len, errors.p);
    j.fn(j.arg, s->code, (struct am_str){s->text, s->code == AM_OK ? s->out_len : 0}, &err);
}

void
mesh_helper_attach(struct mesh_helper *h, struct ev_loop *loop, void (*dead)(void *arg), void *arg)
{
    h->loop = loop;
    h->dead = dead;
    h->dead_arg = arg;
    ev_io_init(&h->io, on_answer, h->fd, EV_READ);
    h->io.data = h;
    ev_io_start(loop, &h->io);
}

void
mesh_helper_close(struct mesh_helper **hp)
{
    struct mesh_helper *h = *hp;

    *hp = NULL;
    if (h == NULL)
        return;
    if (h->loop != NULL && h->fd != -1)
        ev_io_stop(h->loop, &h->io);
    if (h->fd != -1)
        close(h->fd); /* the child ends at its next look */
    waitpid(h->child, NULL, 0);
    free(h);
}

static void
name_job(struct job *j, enum mesh_tool tool, const char *const *argv)
{
    size_t at = 2;

    memcpy(j->what, tool == MESH_TOOL_WG ? "wg" : "ip", 3);
    for (; *argv != NULL && at + 1 < sizeof j->what; argv++) {
        size_t n = strlen(*argv);

        j->what[at++] = ' ';
        if (n > sizeof j->what - 1 - at)
            n = sizeof j->what - 1 - at;
        memcpy(j->what + at, *argv, n);
        at += n;
    }
    j->what[at] = '\0';
}

int
mesh_helper_run(struct mesh_helper *h, enum mesh_tool tool, const char *const *argv,
                struct am_bin input, mesh_helper_fn *fn, void *arg, struct am_error *err)
{
    struct mesh_helper_ask *a = &h->ask;
    struct job *j = &h->job[(h->first + h->count) % MESH_HELPER_JOBS];
    size_t size;
    ssize_t sent;

    if (h->fd == -1)
        return am_fail(err, AM_UNAVAILABLE, "helper: it is gone");
    if (h->count == MESH_HELPER_JOBS || input.len > sizeof a->input)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "helper: expected fewer than %d commands",
                       MESH_HELPER_JOBS);
    a->tool = (uint32_t)tool;
    a->argc = a->words_len = 0;
    for (size_t i = 0; argv[i] != NULL; i++) {
        size_t n = strlen(argv[i]) + 1;

        if (n > sizeof a->words - a->words_len)
            return am_fail(err, AM_RESOURCE_EXHAUSTED, "helper: expected a shorter command");
        memcpy(a->words + a->words_len, argv[i], n);
        a->words_len += (uint32_t)n;
        a->argc++;
    }
    a->input_len = (uint32_t)input.len;
    if (input.len > 0)
        memcpy(a->input, input.p, input.len);
    size = offsetof(struct mesh_helper_ask, words) + a->words_len;
    sent = send(h->fd, a, size, MSG_NOSIGNAL);
    am_wipe(a->input, sizeof a->input);
    if (sent != (ssize_t)size)
        return am_fail(err, AM_UNAVAILABLE, "helper: %s", strerror(errno));
    *j = (struct job){.fn = fn, .arg = arg};
    name_job(j, tool, argv);
    h->count++;
    return AM_OK;
}
