/*  test_sandbox_root -- a root of its own: where it cannot be had status says so, and what it costs
 * nobody.
 */
#include "../../common/base/am_sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 7001
#define NOBODY 65534 /* and whom a user namespace takes everybody else for */

static char dir[64];
static struct am_settings settings;
static int listener;
static struct sockaddr_un at = {.sun_family = AF_UNIX}, elsewhere = {.sun_family = AF_UNIX};

static int
listen_at(struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)name, sizeof *name) == 0 &&
                  listen(fd, 8) == 0 && chmod(name->sun_path, 0666) == 0,
              "%s", strerror(errno));
    return fd;
}

static void
begin(void)
{
    char path[128];

    strcpy(dir, "/tmp/am-root-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(settings.run, sizeof settings.run, "%s/run", dir);
    snprintf(settings.state_dir, sizeof settings.state_dir, "%s/state", dir);
    snprintf(settings.dstack_socket, sizeof settings.dstack_socket, "%s/agent/dstack.sock", dir);
    snprintf(path, sizeof path, "%s/agent", dir);
    cr_assert(mkdir(settings.run, 0777) == 0 && chmod(settings.run, 0777) == 0 &&
              mkdir(path, 0755) == 0 && chmod(dir, 0777) == 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/run/own.req", dir);
    snprintf(elsewhere.sun_path, sizeof elsewhere.sun_path, "%s/elsewhere", dir);
    listener = listen_at(&at);
    listen_at(&elsewhere);
}

static void
end(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(sandbox_root, .init = begin, .fini = end, .timeout = 30);

static bool
become(uid_t uid)
{
    return uid == getuid() || (setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
}

static bool
reaches(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

    r = connect(fd, (const struct sockaddr *)name, sizeof *name);
    close(fd);
    return r == 0;
}

static bool
makes_a_file(const char *folder)
{
    char path[600];
    int fd;

    snprintf(path, sizeof path, "%s/made", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0 && unlink(path) == 0;
}

static int
landlock(void)
{
    const char *abi = strstr(am_sandbox_status(), "landlock ");

    return abi != NULL ? atoi(abi + strlen("landlock ")) : 0;
}

/* ---- where it cannot be had ---- */

/* As uid: enter, which must work.  Then the word of status decides what can be reached.
 * before: what is done first, may be NULL; reason receives the line of the log. */
static void
shared(uid_t uid, bool (*before)(void), const char *reason)
{
    struct am_error err = {0};
    char log[1024] = "";
    int fds[2], status;
    pid_t pid;

    cr_assert_eq(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        char was[512], is[512];

        if (dup2(fds[1], 2) != 2 || !become(uid) || (before != NULL && !before()) ||
            getcwd(was, sizeof was) == NULL)
            _exit(1);
        if (am_sandbox_enter(AM_SANDBOX_KEYAGENT, &settings, &err) != AM_OK)
            _exit(2);
        if (strstr(am_sandbox_status(), ",shared root") == NULL)
            _exit(3);
        if (getcwd(is, sizeof is) == NULL || strcmp(was, is) != 0 || getuid() != uid)
            _exit(4); /* as before */
        if (!reaches(&at) || !makes_a_file(settings.run))
            _exit(5);
        _exit(reaches(&elsewhere) == (landlock() < 9) ? 0 : 6);
    }
    close(fds[1]);
    cr_assert(read(fds[0], log, sizeof log - 1) >= 0);
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "%x: %s", (unsigned)status, log);
    cr_assert(strstr(log, "sandbox.shared_root") && strstr(log, reason), "%s", log);
}

static bool
without_unshare(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0) == 0 &&
           seccomp_load(filter) == 0;
}

Test(sandbox_root, is_shared_where_no_namespace_may_be_made_as_in_most_containers)
{
    shared(getuid(), without_unshare, "unshare: Operation not permitted");
    shared(USER, without_unshare, "unshare: Operation not permitted");
}

/* As where a distribution takes the capabilities out of a new user namespace. */
static bool
without_mount(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mount), 0) == 0 &&
           seccomp_load(filter) == 0;
}

Test(sandbox_root, is_shared_and_all_is_as_before_when_a_later_step_fails)
{
    shared(getuid(), without_mount, "private mounts: Operation not permitted");
    shared(USER, without_mount, "private mounts: Operation not permitted");
}

Test(sandbox_root, is_shared_where_a_user_namespace_would_hide_the_peers)
{
    shared(NOBODY, NULL, "shows every other uid as 65534");
    strcpy(settings.uids, "keyagent=7001,chain=7002");
    shared(USER, NULL, "ATTESTMESH_UIDS");
}

Test(sandbox_root, is_shared_when_the_whole_root_is_on_the_list)
{
    strcpy(settings.dstack_socket, "/dstack.sock");
    shared(getuid(), NULL, "/ is on the list");
}

/* ---- where it can ---- */

static bool
uid_table(void)
{
    strcpy(settings.uids, "keyagent=0,chain=7002");
    return true;
}

static bool
relative(void)
{
    strcpy(settings.run, "run");
    strcpy(settings.state_dir, "./run/../state");
    strcpy(settings.dstack_socket, "agent/dstack.sock");
    return chdir(dir) == 0;
}

static bool
one_folder(void)
{
    snprintf(settings.dstack_socket, sizeof settings.dstack_socket, "%s/run//dstack.sock", dir);
    return true;
}

static bool
folder_in_folder(void)
{
    snprintf(settings.dstack_socket, sizeof settings.dstack_socket, "%s/dstack.sock", dir);
    return true;
}

/* Returns 0 when it has a root of its own, and the folders of the list are what they were. */
static int
own(uid_t uid, bool (*before)(void), bool elsewhere_too)
{
    struct am_error err = {0};
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (!become(uid) || (before != NULL && !before()))
            _exit(1);
        if (am_sandbox_enter(AM_SANDBOX_KEYAGENT, &settings, &err) != AM_OK)
            _exit(2);
        if (strstr(am_sandbox_status(), ",own root") == NULL || getuid() != uid)
            _exit(3);
        if (!reaches(&at) || !makes_a_file(settings.run) || !makes_a_file(settings.state_dir))
            _exit(4);
        _exit(reaches(&elsewhere) == elsewhere_too ? 0 : 5);
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

Test(sandbox_root, is_its_own_under_every_form_of_the_settings)
{
    static bool (*const forms[])(void) = {NULL, relative, one_folder};
    char state[128];

    snprintf(state, sizeof state, "%s/state", dir);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        cr_assert_eq(own(getuid(), forms[i], false), 0, "root, form %zu", i);
        cr_assert_eq(rmdir(state), 0);
        cr_assert_eq(own(USER, forms[i], false), 0, "a user, form %zu", i);
        cr_assert_eq(rmdir(state), 0);
    }
    cr_assert_eq(own(getuid(), uid_table, false), 0, "root needs no user namespace");
}

/* What lies beside the guest agent's socket is on the list. */
Test(sandbox_root, has_the_whole_folder_of_the_guest_agent)
{
    cr_assert_eq(own(getuid(), folder_in_folder, true), 0);
}

/* ---- what it costs nobody ---- */

/* Of the next peer, who is outside. */
static bool
says_it_is_ours(bool expected)
{
    struct ucred who = {.uid = 0};
    socklen_t len = sizeof who;
    int fd = accept(listener, NULL, NULL);

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && close(fd) == 0 &&
           (who.uid == USER) == expected;
}

Test(sandbox_root, knows_a_peer_of_its_own_uid_from_all_others)
{
    const uid_t peers[] = {USER, getuid(), NOBODY};
    struct am_error err = {0};
    int status;
    pid_t pid;

    for (size_t i = 0; i < 3; i++) {
        if ((pid = fork()) == 0) /* waits in the backlog with the uid that it has here */
            _exit(become(peers[i]) && reaches(&at) ? 0 : 1);
        cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
    }
    if ((pid = fork()) == 0) {
        if (!become(USER) || am_sandbox_enter(AM_SANDBOX_KEYAGENT, &settings, &err) != AM_OK ||
            strstr(am_sandbox_status(), ",own root") == NULL)
            _exit(1);
        for (size_t i = 0; i < 3; i++)
            if (!says_it_is_ours(peers[i] == USER))
                _exit(2 + (int)i);
        _exit(0);
    }
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "%x", (unsigned)status);
}

static size_t
mounts(char *out, size_t cap)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    size_t n;

    cr_assert_not_null(f);
    n = fread(out, 1, cap, f);
    fclose(f);
    return n;
}

Test(sandbox_root, leaves_nothing_behind_when_it_is_killed)
{
    static char before[65536], after[sizeof before];
    size_t n = mounts(before, sizeof before);
    struct am_error err = {0};
    int fds[2], status;
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        if (am_sandbox_enter(AM_SANDBOX_KEYAGENT, &settings, &err) != AM_OK ||
            write(fds[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            sleep(1);
    }
    cr_assert_eq(read(fds[0], &byte, 1), 1);
    cr_assert(mounts(after, sizeof after) == n && memcmp(before, after, n) == 0, "while it lives");
    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(mounts(after, sizeof after) == n && memcmp(before, after, n) == 0, "%s", after);
    cr_assert_eq(rmdir(settings.state_dir), 0, "no folder is busy: %s", strerror(errno));
}
