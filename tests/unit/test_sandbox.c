/*  test_sandbox -- a program enters a service's sandbox, tries, and is refused each; before, it is
 * not.
 */
#include "../../common/base/am_sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 7001

static char dir[64];
static struct am_settings settings;
static pid_t victim;
static int to_victim[2], from_victim[2];
static char known[] = "what the victim has in its memory too";
static struct sockaddr_un inside, agent, elsewhere, abstract;
static socklen_t abstract_len;

static void
listen_at(struct sockaddr_un *at, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    at->sun_family = AF_UNIX;
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)at, len) == 0 && listen(fd, 8) == 0, "%s",
              strerror(errno));
    cr_assert(at->sun_path[0] == '\0' || chmod(at->sun_path, 0666) == 0);
}

/* It is the guest agent too: told so, it starts again. */
_Noreturn static void
live_as_victim(void)
{
    char byte;

    close(to_victim[1]);
    while (read(to_victim[0], &byte, 1) == 1) {
        unlink(agent.sun_path);
        listen_at(&agent, sizeof agent);
        if (write(from_victim[1], &byte, 1) != 1)
            break;
    }
    _exit(0);
}

static void
begin(void)
{
    char path[128];

    strcpy(dir, "/tmp/am-sandbox-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(settings.run, sizeof settings.run, "%s/run", dir);
    snprintf(settings.state_dir, sizeof settings.state_dir, "%s/state", dir);
    snprintf(path, sizeof path, "%s/agent", dir);
    cr_assert(mkdir(settings.run, 0700) == 0 && mkdir(settings.state_dir, 0700) == 0 &&
              mkdir(path, 0700) == 0);
    snprintf(settings.dstack_socket, sizeof settings.dstack_socket, "%s/dstack.sock", path);
    snprintf(inside.sun_path, sizeof inside.sun_path, "%s/run/other.req", dir);
    snprintf(agent.sun_path, sizeof agent.sun_path, "%s/agent/dstack.sock", dir);
    snprintf(elsewhere.sun_path, sizeof elsewhere.sun_path, "%s/elsewhere", dir);
    snprintf(abstract.sun_path + 1, sizeof abstract.sun_path - 1, "am-sandbox-%d", (int)getpid());
    abstract_len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract.sun_path + 1));
    cr_assert(pipe(to_victim) == 0 && pipe(from_victim) == 0);
    if ((victim = fork()) == 0)
        live_as_victim();
    listen_at(&inside, sizeof inside);
    listen_at(&agent, sizeof agent);
    listen_at(&elsewhere, sizeof elsewhere);
    listen_at(&abstract, abstract_len);
}

static void
end(void)
{
    char command[96];

    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
    for (int i = 0; i < 2; i++) {
        close(to_victim[i]);
        close(from_victim[i]);
    }
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(sandbox, .init = begin, .fini = end, .timeout = 30);

/* ---- attempts: true, or false with errno ---- */

static bool
opened(int fd)
{
    return fd >= 0 && close(fd) == 0;
}

static bool
reached(const struct sockaddr_un *at, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int r = connect(fd, (const struct sockaddr *)at, len), why = errno;

    close(fd);
    errno = why;
    return r == 0;
}

static bool
ended_well(pid_t pid)
{
    int status;

    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define TRY(name, ...)                                                                             \
    static bool name(void)                                                                         \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
TRY(inet, return opened(socket(AF_INET, SOCK_STREAM, 0));)
TRY(inet_udp, return opened(socket(AF_INET, SOCK_DGRAM, 0));)
TRY(inet6, return opened(socket(AF_INET6, SOCK_STREAM, 0));)
TRY(netlink, return opened(socket(AF_NETLINK, SOCK_RAW, 0));)
TRY(high_bits, return opened((int)syscall(SYS_socket, 1L << 32 | AF_INET, SOCK_STREAM, 0));)
TRY(read_elsewhere, return opened(open("/etc/passwd", O_RDONLY | O_CLOEXEC));)
TRY(read_own_memory, return opened(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));)
TRY(list_elsewhere, return opened(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));)
TRY(beside_the_agent, char path[128]; snprintf(path, sizeof path, "%s/agent/new", dir);
    return opened(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));)
TRY(create_elsewhere, char path[128]; snprintf(path, sizeof path, "%s/new", dir);
    return opened(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));)
TRY(out_of_the_folder, char from[600], to[128];
    snprintf(from, sizeof from, "%s/out", settings.state_dir);
    snprintf(to, sizeof to, "%s/out", dir);
    return opened(open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) && rename(from, to) == 0;)
TRY(trace, return ptrace(PTRACE_ATTACH, victim, NULL, NULL) == 0 &&
                  waitpid(victim, NULL, __WALL) == victim &&
                  ptrace(PTRACE_DETACH, victim, NULL, NULL) == 0;)
TRY(asks_to_trace, errno = 0; ptrace(PTRACE_CONT, victim, NULL, NULL); return errno == ESRCH;)
TRY(asks_to_read, struct iovec v = {known, 1};
    return process_vm_readv(INT_MAX, &v, 1, &v, 1, 0) == -1 && errno == ESRCH;)
TRY(read_memory, char buffer[sizeof known];
    const struct iovec to = {buffer, sizeof buffer}, from = {known, sizeof known};
    return process_vm_readv(victim, &to, 1, &from, 1, 0) == (ssize_t)sizeof known;)
TRY(write_memory, const struct iovec both = {known, sizeof known};
    return process_vm_writev(victim, &both, 1, &both, 1, 0) == (ssize_t)sizeof known;)
TRY(child, pid_t pid = fork(); if (pid == 0) _exit(0); return ended_well(pid);)
TRY(child3, pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); if (pid == 0) _exit(0);
    return ended_well(pid);)
TRY(program, execl("/bin/true", "true", (char *)NULL); return false;)
TRY(to_abstract, return reached(&abstract, abstract_len);)
TRY(to_elsewhere, return reached(&elsewhere, sizeof elsewhere);)
TRY(signal_other, return kill(victim, 0) == 0;)
TRY(signal_thread, return syscall(SYS_tgkill, victim, victim, 0) == 0;)
TRY(namespace, return unshare(CLONE_NEWUTS) == 0;)
TRY(code, void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && munmap(p, 4096) == 0;)
TRY(becomes_code,
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;)
TRY(dumpable, return prctl(PR_SET_DUMPABLE, 1) == 0;)
TRY(cores, const struct rlimit all = {0, 0}; return setrlimit(RLIMIT_CORE, &all) == 0;)
TRY(handle, return opened((int)syscall(SYS_pidfd_open, victim, 0));)
TRY(keyring, return syscall(SYS_keyctl, 0, -3, 1) != -1;)

TRY(inside_socket, return reached(&inside, sizeof inside);)
TRY(agent_socket, return reached(&agent, sizeof agent);)
TRY(agent_made_anew, char byte = 0; return write(to_victim[1], &byte, 1) == 1 &&
                                           read(from_victim[0], &byte, 1) == 1 &&
                                           reached(&agent, sizeof agent);)
TRY(bind_inside, struct sockaddr_un at = {.sun_family = AF_UNIX}; int fd;
    snprintf(at.sun_path, sizeof at.sun_path, "%s/run/own.req", dir); unlink(at.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0); return bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                                                 chmod(at.sun_path, 0600) == 0 && close(fd) == 0;)
TRY(keep_state, char at[600], fresh[600]; int fd;
    snprintf(at, sizeof at, "%s/csk.v1", settings.state_dir);
    snprintf(fresh, sizeof fresh, "%s.new", at);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, known, 4) == 4 && fsync(fd) == 0 && close(fd) == 0 &&
           rename(fresh, at) == 0 && opened(open(at, O_RDONLY | O_CLOEXEC)) && unlink(at) == 0;)

static void *
idle(void *arg)
{
    return arg;
}
TRY(thread, pthread_t t;
    return pthread_create(&t, NULL, idle, NULL) == 0 && pthread_join(t, NULL) == 0;)
TRY(resolves, const struct addrinfo how = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL; int r = getaddrinfo("localhost", "80", &how, &found);
    if (r == 0) freeaddrinfo(found); return r == 0;)
TRY(fifo_for_libzmq, const struct sched_param p = {0};
    return sched_setscheduler(0, SCHED_OTHER, &p) == 0;)

static const struct attempt {
    unsigned who;
    const char *what;
    bool (*fn)(void);
    int refused, abi, absent; /* absent 0: as refused says */
} attempts[] = {
#define KEYAGENT AM_SANDBOX_KEYAGENT
#define MESH AM_SANDBOX_MESH
#define CHAIN AM_SANDBOX_CHAIN
#define INDEXER AM_SANDBOX_INDEXER
#define API AM_SANDBOX_API
#define HELPER AM_SANDBOX_HELPER
#define ROOTED(who, fn, refused, abi, absent) {who, #fn, fn, refused, abi, absent},
#define TRIED(who, fn, refused, abi) ROOTED(who, fn, refused, abi, 0)
#include "sandbox_expected.def"
};
#define ATTEMPTS (sizeof attempts / sizeof attempts[0])

static int
landlock(void)
{
    const char *at = strstr(am_sandbox_status(), "landlock ");

    return at != NULL ? atoi(at + strlen("landlock ")) : 0;
}

static bool
own_root(void)
{
    return strstr(am_sandbox_status(), "own root") != NULL;
}

static void
judge(const struct attempt *a, int number)
{
    int expected = own_root() && a->absent != 0 ? a->absent : a->refused;
    bool works;

    errno = 0;
    works = a->fn();
    if (a->abi > landlock() && expected == a->refused)
        return; /* nothing here refuses it */
    if (works == (expected == 0) && (works || errno == expected))
        return;
    dprintf(2, "%s: %s, %s\n", a->what, works ? "works" : "refused", strerror(errno));
    _exit(number);
}

/* In a child, because nobody leaves a sandbox.  Its exit status: the first that went wrong, from 1.
 */
static void
each_is(enum am_sandbox_who who, uid_t uid, const struct attempt *list, size_t count)
{
    struct am_error err = {0};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (uid != getuid() && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
            _exit(198);
        if (!to_elsewhere())
            _exit(199);
        if (am_sandbox_enter(who, &settings, &err) != AM_OK)
            _exit(200);
        if (who == AM_SANDBOX_KEYAGENT && !own_root())
            _exit(201);
        for (size_t i = 0; i < count; i++)
            if ((list[i].who & who) != 0)
                judge(&list[i], (int)i + 1);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "%d, %s", WEXITSTATUS(status),
                 WEXITSTATUS(status) <= (int)count ? list[WEXITSTATUS(status) - 1].what : "enter");
}

static void
holds(enum am_sandbox_who who)
{
    each_is(who, getuid(), attempts, ATTEMPTS);
}

Test(sandbox, before_it_everything_that_it_refuses_works)
{
    for (size_t i = 0; i < ATTEMPTS; i++) {
        errno = 0;
        cr_expect((attempts[i].who & KEYAGENT) == 0 || attempts[i].fn(), "%s: %s", attempts[i].what,
                  strerror(errno));
    }
}

Test(sandbox, of_keyagent)
{
    holds(KEYAGENT);
}

Test(sandbox, of_keyagent_that_is_not_root)
{
    char command[96];

    snprintf(command, sizeof command, "chown -R %d:%d %s", USER, USER, dir);
    cr_assert_eq(system(command), 0);
    each_is(KEYAGENT, USER, attempts, ATTEMPTS);
}

Test(sandbox, of_mesh)
{
    holds(MESH);
}

Test(sandbox, of_chain_and_indexer)
{
    holds(CHAIN);
    holds(INDEXER);
}

Test(sandbox, of_api)
{
    holds(API);
}

Test(sandbox, of_meshs_helper)
{
    holds(HELPER);
}

/* A program is tried last: before, it would replace the test. */
Test(sandbox, lets_keyagent_run_no_program)
{
    static const struct attempt alone[] = {{KEYAGENT, "program", program, EPERM, 0, 0}};
    pid_t pid = fork();

    if (pid == 0) {
        program();
        _exit(1);
    }
    cr_assert(ended_well(pid), "before, it runs");
    each_is(KEYAGENT, getuid(), alone, 1);
}

Test(sandbox, makes_the_state_folder_that_is_missing)
{
    static const struct attempt alone[] = {{KEYAGENT, "keep_state", keep_state, 0, 0, 0}};

    cr_assert_eq(rmdir(settings.state_dir), 0);
    each_is(KEYAGENT, getuid(), alone, 1);
}
