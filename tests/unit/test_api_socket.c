/*  test_api_socket -- the socket file: made, never stolen, removed.  */
#include "../../services/api/api_socket.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], path[100];
static struct am_error err;

static void
begin(void)
{
    strcpy(dir, "/tmp/am-sock-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/app/agent.sock", dir);
}

static void
end(void)
{
    char at[128];

    (void)unlink(path);
    snprintf(at, sizeof at, "%s.lock", path);
    (void)unlink(at);
    snprintf(at, sizeof at, "%s/app", dir);
    (void)rmdir(at);
    cr_assert_eq(rmdir(dir), 0);
}

TestSuite(api_socket, .init = begin, .fini = end);

static void
make_folder(void)
{
    cr_assert_eq(api_socket_folder(path, &err), AM_OK, "%s", err.text);
    cr_assert_eq(api_socket_folder(path, &err), AM_OK, "it may be there");
}

static mode_t
mode_of(const char *at)
{
    struct stat st;

    cr_assert_eq(lstat(at, &st), 0, "%s", at);
    return st.st_mode & 07777;
}

/* A server that knows nothing of our lock; -1 closes it again and leaves its file. */
static int
bind_there(bool listens)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(addr.sun_path, path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    if (listens)
        cr_assert_eq(listen(fd, 0), 0);
    return fd;
}

static int
dial(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(addr.sun_path, path);
    (void)connect(fd, (struct sockaddr *)&addr, sizeof addr);
    return fd;
}

Test(api_socket, is_the_groups_and_goes_at_the_end)
{
    struct api_socket s;
    char folder[128];
    mode_t before = umask(077);
    int fd;

    make_folder();
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_OK, "%s", err.text);
    umask(before);
    snprintf(folder, sizeof folder, "%s/app", dir);
    cr_assert_eq(mode_of(path), 0660);
    cr_assert_eq(mode_of(folder), 0700, "0750 without what the umask takes");
    close(fd);
    api_socket_close(&s);
    cr_assert_neq(access(path, F_OK), 0);
    api_socket_close(&s);
}

Test(api_socket, a_live_one_of_ours_is_not_stolen)
{
    struct api_socket first, second;
    int fd, other;

    make_folder();
    cr_assert_eq(api_socket_open(&first, &fd, path, &err), AM_OK, "%s", err.text);
    cr_assert_eq(api_socket_open(&second, &other, path, &err), AM_ALREADY_EXISTS);
    cr_assert_not_null(strstr(err.text, path), "%s", err.text);
    cr_assert_eq(other, -1);
    api_socket_close(&second);
    cr_assert_eq(access(path, F_OK), 0, "the loser removes nothing");
    close(fd);
    api_socket_close(&first);
    cr_assert_eq(api_socket_open(&second, &other, path, &err), AM_OK, "%s", err.text);
    close(other);
    api_socket_close(&second);
}

Test(api_socket, a_live_one_that_knows_no_lock_is_not_stolen)
{
    struct api_socket s;
    int fd, server, waits[4];

    make_folder();
    server = bind_there(true);
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_ALREADY_EXISTS, "%s", err.text);
    api_socket_close(&s);
    for (int i = 0; i < 4; i++)
        waits[i] = dial(); /* its backlog is full, and it lives all the same */
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_ALREADY_EXISTS, "%s", err.text);
    api_socket_close(&s);
    cr_assert_eq(access(path, F_OK), 0);
    for (int i = 0; i < 4; i++)
        close(waits[i]);
    close(server);
}

Test(api_socket, a_dead_ones_file_is_replaced)
{
    struct api_socket s;
    int fd;

    make_folder();
    close(bind_there(true));
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_OK, "%s", err.text);
    close(fd);
    api_socket_close(&s);
}

Test(api_socket, another_kind_of_file_is_left_alone)
{
    struct api_socket s;
    char target[128];
    int fd, file;

    make_folder();
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(file);
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_FAILED_PRECONDITION, "%s", err.text);
    api_socket_close(&s);
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(unlink(path), 0);
    snprintf(target, sizeof target, "%s/elsewhere", dir);
    cr_assert_eq(symlink(target, path), 0);
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_FAILED_PRECONDITION, "%s", err.text);
    api_socket_close(&s);
}

Test(api_socket, anothers_file_is_not_removed_at_the_end)
{
    struct api_socket s;
    int fd, other;

    make_folder();
    cr_assert_eq(api_socket_open(&s, &fd, path, &err), AM_OK, "%s", err.text);
    cr_assert_eq(unlink(path), 0);
    other = bind_there(true);
    close(fd);
    api_socket_close(&s);
    cr_assert_eq(access(path, F_OK), 0);
    close(other);
}

Test(api_socket, paths_that_cannot_be)
{
    static const struct {
        const char *path;
        int code;
    } rows[] = {
        {"", AM_INVALID_ARGUMENT},
        {"agent.sock", AM_INVALID_ARGUMENT},
        {"/proc/nowhere/agent.sock", AM_FAILED_PRECONDITION},
        {"/tmp/no/such/folder/agent.sock", AM_FAILED_PRECONDITION},
    };
    struct api_socket s;
    char text[120];
    int fd;

    cr_assert_eq(api_socket_folder("/proc/nowhere/agent.sock", &err), AM_FAILED_PRECONDITION);
    cr_assert_eq(api_socket_folder("agent.sock", &err), AM_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(api_socket_open(&s, &fd, rows[i].path, &err), rows[i].code, "%s: %s",
                     rows[i].path, err.text);
        cr_expect_not_null(strstr(err.text, "AGENT_GRPC_SOCKET"), "%s", err.text);
        cr_expect_eq(fd, -1);
        api_socket_close(&s);
    }
    memset(text, 'x', sizeof text);
    text[0] = '/';
    text[108] = '\0'; /* one more than sun_path takes with its NUL */
    cr_assert_eq(api_socket_open(&s, &fd, text, &err), AM_INVALID_ARGUMENT);
    api_socket_close(&s);
}
