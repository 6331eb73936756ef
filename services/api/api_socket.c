/*  api_socket -- the socket file of the application: made, never stolen, removed at the end.  */
#include "api_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define SETTING "AGENT_GRPC_SOCKET"

static int
fail(struct am_error *err, const char *path, const char *what)
{
    return am_fail(err, AM_FAILED_PRECONDITION, SETTING ": expected %s %s, got \"%s\"", what, path,
                   strerror(errno));
}

static int
check_path(const char *path, struct am_error *err)
{
    if (*path == '/' && strlen(path) < API_SOCKET_PATH)
        return AM_OK;
    return am_fail(err, AM_INVALID_ARGUMENT,
                   SETTING ": expected an absolute path of at most %d bytes, got \"%s\"",
                   API_SOCKET_PATH - 1, path);
}

int
api_socket_folder(const char *path, struct am_error *err)
{
    char folder[API_SOCKET_PATH];
    int r = check_path(path, err);

    if (r != AM_OK)
        return r;
    strcpy(folder, path);
    *strrchr(folder, '/') = '\0';
    if (*folder != '\0' && mkdir(folder, 0750) != 0 && errno != EEXIST)
        return fail(err, folder, "to make the folder");
    return AM_OK;
}

static int
take_lock(struct api_socket *s, struct am_error *err)
{
    char path[API_SOCKET_PATH + 8];

    snprintf(path, sizeof path, "%s.lock", s->path);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return fail(err, path, "to open");
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return am_fail(err, AM_ALREADY_EXISTS, SETTING ": another process serves at %s", s->path);
    return AM_OK;
}

/* What a dead server left may go; what answers, or might, stays. */
static int
clear_stale(const struct sockaddr_un *addr, struct am_error *err)
{
    struct stat st;
    int probe, r = AM_OK;

    if (lstat(addr->sun_path, &st) != 0)
        return errno == ENOENT ? AM_OK : fail(err, addr->sun_path, "to look at");
    if (!S_ISSOCK(st.st_mode))
        return am_fail(err, AM_FAILED_PRECONDITION,
                       SETTING ": expected a socket or nothing at %s, got another file",
                       addr->sun_path);
    if ((probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
        return fail(err, addr->sun_path, "a socket to try");
    /* EAGAIN is a full backlog, so somebody's. */
    if (connect(probe, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno == EAGAIN)
        r = am_fail(err, AM_ALREADY_EXISTS, SETTING ": another process serves at %s",
                    addr->sun_path);
    else if (errno != ECONNREFUSED)
        r = fail(err, addr->sun_path, "to know that nobody serves at");
    else if (unlink(addr->sun_path) != 0)
        r = fail(err, addr->sun_path, "to remove the dead");
    close(probe);
    return r;
}

static int
listen_at(struct api_socket *s, int *fd, const struct sockaddr_un *addr, struct am_error *err)
{
    struct stat st;

    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, (const struct sockaddr *)addr, sizeof *addr) != 0)
        return fail(err, s->path, "to bind");
    if (lstat(s->path, &st) != 0)
        return fail(err, s->path, "to look at");
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    /* Nobody connects before listen, whatever the umask made of the mode. */
    if (chmod(s->path, 0660) != 0 || listen(*fd, BACKLOG) != 0)
        return fail(err, s->path, "to open to the group");
    return AM_OK;
}

int
api_socket_open(struct api_socket *socket, int *fd, const char *path, struct am_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int r;

    *socket = (struct api_socket){.lock_fd = -1};
    *fd = -1;
    if ((r = check_path(path, err)) != AM_OK)
        return r;
    strcpy(addr.sun_path, path);
    strcpy(socket->path, path);
    if ((r = take_lock(socket, err)) == AM_OK && (r = clear_stale(&addr, err)) == AM_OK)
        r = listen_at(socket, fd, &addr, err);
    if (r != AM_OK && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return r;
}

void
api_socket_close(struct api_socket *socket)
{
    struct stat st;

    if (socket->ino != 0 && lstat(socket->path, &st) == 0 && st.st_dev == socket->dev &&
        st.st_ino == socket->ino)
        (void)unlink(socket->path);
    if (socket->lock_fd >= 0)
        close(socket->lock_fd);
    *socket = (struct api_socket){.lock_fd = -1};
}
