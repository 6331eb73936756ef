/*  dn_ns -- namespaces: one for the whole devnet, and one host in it for each node.  */
#include "dn_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int
lo_up(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = -1;

    if (fd >= 0)
        r = ioctl(fd, SIOCSIFFLAGS, &lo);
    if (fd >= 0)
        close(fd);
    return r;
}

/* The holder: one byte up the pipe when its namespaces stand, then sleep for ever. */
_Noreturn static void
hold(int ready)
{
    char ok = 'k';

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/run/wireguard", "tmpfs", 0, "mode=700") != 0 || lo_up() != 0)
        ok = (char)errno;
    if (write(ready, &ok, 1) != 1 || ok != 'k')
        _exit(1);
    close(ready);
    for (;;)
        pause();
}

int
dn_ns_open(struct dn_ns *ns, struct am_error *err)
{
    char path[64], ok = 0;
    int fds[2];

    *ns = (struct dn_ns){-1, -1, 0};
    if (pipe2(fds, O_CLOEXEC) != 0 || (ns->holder = fork()) < 0)
        return am_fail(err, AM_INTERNAL, "devnet: fork: %s", strerror(errno));
    if (ns->holder == 0)
        hold(fds[1]);
    close(fds[1]);
    if (read(fds[0], &ok, 1) != 1 || ok != 'k') {
        close(fds[0]);
        dn_ns_close(ns);
        return am_fail(err, AM_FAILED_PRECONDITION, "devnet: cannot make a network namespace: %s",
                       strerror(ok));
    }
    close(fds[0]);
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)ns->holder);
    ns->net = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)ns->holder);
    ns->mnt = open(path, O_RDONLY | O_CLOEXEC);
    if (ns->net >= 0 && ns->mnt >= 0)
        return AM_OK;
    dn_ns_close(ns);
    return am_fail(err, AM_INTERNAL, "devnet: %s: %s", path, strerror(errno));
}

void
dn_ns_close(struct dn_ns *ns)
{
    if (ns->net >= 0)
        close(ns->net);
    if (ns->mnt >= 0)
        close(ns->mnt);
    dn_stop(&ns->holder, SIGKILL, 1000);
    ns->net = ns->mnt = -1;
}

static volatile sig_atomic_t inner_pid;

static void
pass_on(int sig)
{
    if (inner_pid > 0)
        kill(inner_pid, sig);
}

_Noreturn static void
wait_for_end(pid_t inner)
{
    struct sigaction pass = {.sa_handler = pass_on}, ignore = {.sa_handler = SIG_IGN};
    pid_t ended;
    int status;

    inner_pid = inner;
    sigaction(SIGTERM, &pass, NULL);
    sigaction(SIGINT, &ignore, NULL); /* a terminal gives it to the inner process too */
    while ((ended = waitpid(-1, &status, 0)) != inner) /* pid 1 inherits every orphan */
        if (ended < 0 && errno != EINTR)
            _exit(1);
    /* Not exit: what was buffered before the fork is the inner process's to write, once. */
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int
write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), ok;

    if (fd < 0)
        return -1;
    ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
    close(fd);
    return ok;
}

/* Without root: a user namespace in which we are root. */
static int
become_root(uid_t uid, gid_t gid, struct am_error *err)
{
    char map[64];

    if (unshare(CLONE_NEWUSER) != 0)
        return am_fail(
            err, AM_FAILED_PRECONDITION,
            "this machine: not root, and user namespaces are refused (%s): run as root, or "
            "allow kernel.unprivileged_userns_clone",
            strerror(errno));
    snprintf(map, sizeof map, "0 %u 1\n", (unsigned)uid);
    if (write_file("/proc/self/setgroups", "deny") != 0 ||
        write_file("/proc/self/uid_map", map) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "this machine: cannot map the user: %s",
                       strerror(errno));
    snprintf(map, sizeof map, "0 %u 1\n", (unsigned)gid);
    if (write_file("/proc/self/gid_map", map) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "this machine: cannot map the group: %s",
                       strerror(errno));
    return AM_OK;
}

int
dn_enter(struct am_error *err)
{
    pid_t inner;
    int r;

    if (access("/dev/net/tun", R_OK | W_OK) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "this machine: /dev/net/tun cannot be opened (%s): WireGuard needs it",
                       strerror(errno));
    if (geteuid() != 0 && (r = become_root(geteuid(), getegid(), err)) != AM_OK)
        return r;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "this machine: namespaces are refused: %s",
                       strerror(errno));
    if ((inner = fork()) > 0)
        wait_for_end(inner);
    if (inner < 0)
        return am_fail(err, AM_INTERNAL, "devnet: fork: %s", strerror(errno));
    /* Pid 1 of the namespace: when it dies, everything in it does.  It reaps and passes signals on.
     */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 ||
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0 ||
        mkdir("/run/wireguard", 0700) != 0 || lo_up() != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "this machine: cannot set up the devnet: %s",
                       strerror(errno));
    if ((inner = fork()) > 0)
        wait_for_end(inner);
    if (inner < 0)
        return am_fail(err, AM_INTERNAL, "devnet: fork: %s", strerror(errno));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return AM_OK;
}
