/*  test_grpc_unix -- a server on a Unix socket: it knows who asks, and keeps no copy of a secret.
 */
#include "../../common/base/am_secret.h"
#include "../../common/net/am_grpc.h"
#include "net_raw.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY 32
#define STRANGER 7123

struct world {
    struct ev_loop *loop;
    struct am_grpc_server *server;
    struct am_grpc_request *held;
    char dir[64], path[80];
    uint8_t *key; /* locked: the one copy that may be found */
    unsigned asked;
    uint32_t uid;
};

static void
serve_fn(void *arg, struct am_grpc_request *request, const char *path, struct am_bin message,
         const struct sockaddr_in *peer)
{
    static const struct sockaddr_in nowhere;
    struct world *w = arg;

    (void)message;
    cr_assert_eq(memcmp(peer, &nowhere, sizeof nowhere), 0);
    w->asked++;
    w->uid = am_grpc_request_uid(request);
    if (strcmp(path, "/t.T/Secret") == 0)
        am_grpc_reply_secret(request, am_bin_of(w->key, KEY));
    else if (strcmp(path, "/t.T/Plain") == 0)
        am_grpc_reply(request, am_bin_of(w->key, KEY));
    else
        w->held = request;
}

static void
open_world(struct world *w)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct am_error err = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *w = (struct world){.loop = ev_loop_new(EVFLAG_AUTO), .dir = "/tmp/am-unix-XXXXXX"};
    cr_assert(sodium_init() >= 0);
    cr_assert_not_null(mkdtemp(w->dir));
    cr_assert_eq(chmod(w->dir, 0711), 0);
    snprintf(w->path, sizeof w->path, "%s/s", w->dir);
    strcpy(addr.sun_path, w->path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(chmod(w->path, 0666), 0);
    cr_assert_eq(listen(fd, 200), 0);
    cr_assert_eq(am_grpc_serve_fd(&w->server, w->loop, fd, serve_fn, w, &err), AM_OK, "%s",
                 err.text);
    cr_assert_eq(am_grpc_server_port(w->server), 0);
    w->key = am_secret_alloc(KEY, &err);
    cr_assert_not_null(w->key, "%s", err.text);
    randombytes_buf(w->key, KEY);
}

static void
close_world(struct world *w)
{
    am_grpc_server_close(&w->server);
    am_secret_free((void **)&w->key);
    ev_loop_destroy(w->loop);
    cr_assert_eq(unlink(w->path), 0);
    cr_assert_eq(rmdir(w->dir), 0);
}

static int
dial(const struct world *w)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(addr.sun_path, w->path);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Another process asks for path as uid, and exits with 0 when the key came. */
static pid_t
asker(const struct world *w, uint32_t uid, const char *path)
{
    static struct raw_bytes q;
    static uint8_t got[4096];
    size_t len = 0;
    ssize_t n;
    pid_t pid = fork();
    int fd;

    cr_assert_geq(pid, 0);
    if (pid > 0)
        return pid;
    if (setresuid(uid, uid, uid) != 0 || (fd = dial(w)) < 0)
        _exit(2);
    q.len = 0;
    raw_hello(&q, true);
    raw_ask(&q, 1, path, NULL, NULL, "x");
    if (send(fd, q.p, q.len, MSG_NOSIGNAL) != (ssize_t)q.len)
        _exit(3);
    while ((n = recv(fd, got + len, sizeof got - len, 0)) > 0) {
        len += (size_t)n;
        if (memmem(got, len, w->key, KEY) != NULL && memmem(got, len, "grpc-status", 11) != NULL)
            _exit(0);
        /* Trailers may be Huffman-coded: enough that the key is there and something follows. */
        if (memmem(got, len, w->key, KEY) != NULL && len > KEY + 60)
            _exit(0);
    }
    _exit(4);
}

static int
end_of(struct world *w, pid_t pid)
{
    int status;

    for (int i = 0; i < 500; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        raw_for(w->loop, 10);
    }
    return -2;
}

/* How often the key's second half stands in the memory of this process that can be written: the
 * first is soon overwritten, in what was freed. */
static unsigned
copies(const uint8_t *key)
{
    static uint8_t page[4096 + KEY]; /* zero behind: a key across two pages is joined by the next */
    unsigned found = 0;
    unsigned long from, to;
    char line[512], mode[8];
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");

    cr_assert(mem >= 0 && maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w')
            continue;
        for (unsigned long at = from; at < to; at += 4096) {
            const uint8_t *p = page;
            size_t left;
            ssize_t n = pread(mem, page, sizeof page, (off_t)at);

            if (n < KEY || ((unsigned long)page >= at && (unsigned long)page < at + 4096) ||
                ((unsigned long)page < at && (unsigned long)page + sizeof page > at))
                continue;
            left = (size_t)n < 4096 + KEY - 1 ? (size_t)n : 4096 + KEY - 1;
            while ((p = memmem(p, left - (size_t)(p - page), key + KEY / 2, KEY / 2)) != NULL) {
                found++;
                p++;
            }
        }
    }
    fclose(maps);
    close(mem);
    return found;
}

Test(grpc_unix, knows_the_uid_that_asks)
{
    struct world w;

    cr_assert_eq(geteuid(), 0, "needs root to be several users");
    open_world(&w);
    cr_assert_eq(end_of(&w, asker(&w, 0, "/t.T/Plain")), 0);
    cr_assert_eq(w.uid, 0);
    cr_assert_eq(end_of(&w, asker(&w, STRANGER, "/t.T/Plain")), 0);
    cr_assert_eq(w.uid, STRANGER);
    close_world(&w);
}

Test(grpc_unix, a_secret_answer_leaves_no_copy)
{
    struct world w;

    open_world(&w);
    cr_assert_eq(copies(w.key), 1);
    cr_assert_eq(end_of(&w, asker(&w, 0, "/t.T/Secret")), 0);
    raw_for(w.loop, 50);
    cr_assert_eq(w.asked, 1);
    cr_assert_eq(copies(w.key), 1, "the caller's own");
    cr_assert_eq(end_of(&w, asker(&w, 0, "/t.T/Plain")), 0);
    raw_for(w.loop, 50);
    cr_assert_gt(copies(w.key), 1, "or this test sees nothing");
    close_world(&w);
}

Test(grpc_unix, a_secret_nobody_waits_for_leaves_no_copy)
{
    struct raw_bytes *q = calloc(1, sizeof *q);
    struct world w;
    int fd;

    open_world(&w);
    raw_hello(q, true);
    raw_ask(q, 1, "/t.T/Hold", NULL, NULL, "x");
    fd = dial(&w);
    cr_assert_eq(send(fd, q->p, q->len, MSG_NOSIGNAL), (ssize_t)q->len);
    raw_until(w.loop, &w.asked, 1, 2000);
    close(fd);
    am_grpc_reply_secret(w.held, am_bin_of(w.key, KEY)); /* not known yet that it has gone */
    raw_for(w.loop, 50);
    cr_assert_eq(copies(w.key), 1);
    free(q);
    close_world(&w);
}

/* With a window of no bytes the answer cannot leave; it waits in locked memory, and goes with the
 * connection. */
Test(grpc_unix, a_secret_that_cannot_be_sent_goes_with_its_connection)
{
    static const uint8_t no_window[6] = {0, 4, 0, 0, 0, 0}; /* SETTINGS_INITIAL_WINDOW_SIZE 0 */
    struct raw_bytes *q = calloc(1, sizeof *q);
    struct world w;
    int fd;

    open_world(&w);
    raw_hello(q, true);
    raw_frame(q, RAW_SETTINGS, 0, 0, no_window, sizeof no_window);
    raw_ask(q, 1, "/t.T/Secret", NULL, NULL, "x");
    fd = dial(&w);
    cr_assert_eq(send(fd, q->p, q->len, MSG_NOSIGNAL), (ssize_t)q->len);
    raw_until(w.loop, &w.asked, 1, 2000);
    raw_for(w.loop, 50);
    cr_assert_eq(copies(w.key), 2, "the answer waits");
    close(fd);
    raw_for(w.loop, 50);
    cr_assert_eq(copies(w.key), 1);
    free(q);
    close_world(&w);
}

Test(grpc_unix, one_uid_cannot_take_all_connections)
{
    struct world w;
    int fds[200];
    pid_t pid;

    cr_assert_eq(geteuid(), 0, "needs root to be several users");
    open_world(&w);
    pid = asker(&w, STRANGER, "/t.T/Plain");
    for (int i = 0; i < 200; i++)
        fds[i] = dial(&w);
    cr_assert_eq(end_of(&w, pid), 0);
    cr_assert_eq(end_of(&w, asker(&w, STRANGER, "/t.T/Plain")), 0, "beside 200 of root's");
    for (int i = 0; i < 200; i++)
        close(fds[i]);
    raw_for(w.loop, 50);
    cr_assert_eq(end_of(&w, asker(&w, 0, "/t.T/Plain")), 0);
    close_world(&w);
}
