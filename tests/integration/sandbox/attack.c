/*  attack -- what one process of a machine may try on the memory and the root of another.  */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNABLE 100

static bool
become(uid_t uid, bool powers)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    if (uid != getuid() &&
        (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
        return false;
    return powers || syscall(SYS_capset, &head, none) == 0;
}

static int
try_all(pid_t victim)
{
    static char here[8];
    const struct iovec to = {here, sizeof here}, from = {here, sizeof here};
    int won = 0, fd, status;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/mem", (int)victim);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0)
        won |= ATTACK_MEM;
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)victim);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0)
        won |= ATTACK_ROOT;
    /* Nothing may be at our address over there: EFAULT, after the permission was given. */
    if (process_vm_readv(victim, &to, 1, &from, 1, 0) >= 0 || errno == EFAULT)
        won |= ATTACK_READ;
    if (ptrace(PTRACE_ATTACH, victim, NULL, NULL) == 0) {
        won |= ATTACK_TRACE;
        waitpid(victim, &status, __WALL);
        ptrace(PTRACE_DETACH, victim, NULL, NULL);
    }
    return won;
}

int
attack(pid_t victim, uid_t uid, bool powers)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(become(uid, powers) ? try_all(victim) : UNABLE);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) == UNABLE)
        return -1;
    return WEXITSTATUS(status);
}

pid_t
attack_easy_victim(uid_t uid)
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    if (pipe2(ready, O_CLOEXEC) != 0)
        return -1;
    if ((pid = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, 9);
        /* A change of uid makes it undumpable; that is what this one shall not be. */
        if (!become(uid, false) || prctl(PR_SET_DUMPABLE, 1) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    close(ready[0]);
    return pid;
}
