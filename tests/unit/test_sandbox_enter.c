/*  test_sandbox_enter -- what entering does beside its tables, and where the kernel does not let
 * it.
 */
#include "../../common/base/am_sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct am_settings settings; /* no folder at all */

TestSuite(sandbox_enter, .timeout = 30);

/* ---- capabilities ---- */

/* A line of /proc/self/status, which was opened before: a sandbox closes /proc. */
static uint64_t
line(int fd, const char *name)
{
    char text[4096], *at;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    at = strstr(text, name);
    return at != NULL ? strtoull(at + strlen(name), NULL, 16) : UINT64_MAX;
}

/* Returns 0 when each set holds what is expected after it was entered. */
static int
enter_in_a_child(enum am_sandbox_who who, uint64_t expected)
{
    static const char *const sets[] = {"CapPrm:", "CapEff:", "CapInh:", "CapBnd:", "CapAmb:"};
    struct am_error err = {0};
    pid_t pid = fork();
    int status, fd;

    if (pid == 0) {
        fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
        if (am_sandbox_enter(who, &settings, &err) != AM_OK)
            _exit(99);
        for (int i = 0; i < 5; i++)
            if (line(fd, sets[i]) != expected)
                _exit(i + 1);
        _exit(line(fd, "NoNewPrivs:") == 1 && line(fd, "Seccomp:") == 2 ? 0 : 6);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(sandbox_enter, keeps_no_capability_but_the_helpers_one)
{
    const uint64_t net_admin = (uint64_t)1 << CAP_NET_ADMIN;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    cr_assert_eq(enter_in_a_child(AM_SANDBOX_KEYAGENT, 0), 0);
    cr_assert_eq(enter_in_a_child(AM_SANDBOX_MESH, 0), 0);
    cr_assert_eq(enter_in_a_child(AM_SANDBOX_HELPER, net_admin), 0, "run as root");
    for (unsigned c = 0; c < 64; c++)
        (void)prctl(PR_CAPBSET_DROP, c);
    cr_assert_eq(syscall(SYS_capset, &head, none), 0);
    cr_assert_eq(enter_in_a_child(AM_SANDBOX_KEYAGENT, 0), 0, "with nothing to drop");
    cr_assert_eq(enter_in_a_child(AM_SANDBOX_HELPER, 0), 0, "with nothing to keep");
}

/* ---- a kernel that lacks it ---- */

static int
enter_without(int call, bool seccomp, bool allow, char *text, size_t cap)
{
    const struct scmp_arg_cmp first = {0, SCMP_CMP_EQ, (scmp_datum_t)call, 0};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    struct am_error err = {0};
    int fds[2], code = -1, status;
    pid_t pid;

    cr_assert_eq(pipe(fds), 0);
    if ((pid = fork()) == 0) {
        settings.allow_unsandboxed = allow;
        if (seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &first) !=
                0 ||
            (seccomp &&
             seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) != 0) ||
            seccomp_load(filter) != 0)
            _exit(99);
        code = am_sandbox_enter(AM_SANDBOX_KEYAGENT, &settings, &err);
        dprintf(fds[1], "%s", code == AM_OK ? am_sandbox_status() : err.text);
        _exit(-code);
    }
    seccomp_release(filter);
    close(fds[1]);
    memset(text, 0, cap);
    cr_assert(read(fds[0], text, cap - 1) >= 0);
    close(fds[0]);
    cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "%d", status);
    return -WEXITSTATUS(status);
}

Test(sandbox_enter, is_required_unless_the_operator_says_otherwise)
{
    char text[512];

    cr_assert_eq(enter_without(PR_SET_SECCOMP, true, false, text, sizeof text),
                 AM_FAILED_PRECONDITION);
    cr_assert(strstr(text, "refuses seccomp") && strstr(text, "ATTESTMESH_ALLOW_UNSANDBOXED"), "%s",
              text);
    cr_assert_eq(enter_without(PR_SET_SECCOMP, true, true, text, sizeof text), AM_OK, "%s", text);
    cr_assert(strncmp(text, "no_new_privs", 12) == 0 &&
                  strstr(text, ": ATTESTMESH_ALLOW_UNSANDBOXED"),
              "%s", text);
    cr_assert_eq(enter_without(PR_SET_NO_NEW_PRIVS, false, false, text, sizeof text),
                 AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(text, "refuses no_new_privs"), "%s", text);
}

Test(sandbox_enter, says_what_holds)
{
    struct am_error err = {0};
    int status;
    pid_t pid;

    cr_assert_str_eq(am_sandbox_status(), "none");
    if ((pid = fork()) == 0)
        _exit(am_sandbox_enter(AM_SANDBOX_API, &settings, &err) == AM_OK &&
                      strncmp(am_sandbox_status(), "seccomp,no_new_privs", 20) == 0 &&
                      strstr(am_sandbox_status(), "UNSANDBOXED") == NULL
                  ? 0
                  : 1);
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "%d", status);
}
