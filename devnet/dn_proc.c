/*  dn_proc -- child processes of the devnet: start one inside a node's namespaces, run one to its
 * end.  */
#include "dn_proc.h"

#include "../common/base/am_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const kept[] = {"PATH=",
                                   "HOME=",
                                   "LANG=",
                                   "TERM=",
                                   "ASAN_OPTIONS=",
                                   "UBSAN_OPTIONS=",
                                   "LSAN_OPTIONS=",
                                   "NODE_EXTRA_CA_CERTS=",
                                   NULL};

/* Nothing of our own environment may change what a node does, but for what tools need to run. */
static char **
build_env(const char *const *extra)
{
    static char *env[64];
    size_t n = 0;

    for (char **e = environ; *e != NULL && n < 16; e++)
        for (size_t k = 0; kept[k] != NULL; k++)
            if (strncmp(*e, kept[k], strlen(kept[k])) == 0)
                env[n++] = *e;
    for (; extra != NULL && *extra != NULL && n < 63; extra++)
        env[n++] = (char *)(uintptr_t)*extra;
    env[n] = NULL;
    return env;
}

_Noreturn static void
child_fails(const char *what)
{
    dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
    _exit(127);
}

static void
child_enter(const struct dn_spawn *s, pid_t starter)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != starter) /* it was gone before we could ask to go with it */
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid(); /* Ctrl-C is for the demo alone; it ends the others in order */
    if (s->ns != NULL &&
        (setns(s->ns->net, CLONE_NEWNET) != 0 || setns(s->ns->mnt, CLONE_NEWNS) != 0))
        child_fails("setns");
    if (s->cwd != NULL && chdir(s->cwd) != 0)
        child_fails(s->cwd);
}

int
dn_start(pid_t *pid, const struct dn_spawn *s, struct am_error *err)
{
    int log = STDERR_FILENO;
    pid_t self = getpid();

    *pid = 0;
    if (s->log != NULL && (log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
        return am_fail(err, AM_INTERNAL, "devnet: cannot write %s: %s", s->log, strerror(errno));
    if ((*pid = fork()) == 0) {
        int null = open("/dev/null", O_RDONLY);

        dup2(null, STDIN_FILENO);
        if (s->log != NULL) {
            dup2(log, STDOUT_FILENO);
            dup2(log, STDERR_FILENO);
        }
        child_enter(s, self);
        execvpe(s->argv[0], (char *const *)(uintptr_t)s->argv, build_env(s->env));
        child_fails(s->argv[0]);
    }
    if (s->log != NULL)
        close(log);
    if (*pid < 0) {
        *pid = 0;
        return am_fail(err, AM_INTERNAL, "devnet: fork: %s", strerror(errno));
    }
    return AM_OK;
}

static void
drain(int fd, char *out, size_t cap)
{
    size_t len = 0;
    char chunk[512];
    ssize_t n;

    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        if (out == NULL)
            continue;
        if ((size_t)n > cap - 1 - len)
            n = (ssize_t)(cap - 1 - len);
        memcpy(out + len, chunk, (size_t)n);
        len += (size_t)n;
    }
    if (out != NULL)
        out[len] = '\0';
}

int
dn_run(const char *const argv[], const struct dn_ns *ns, const char *input, char *out, size_t cap,
       struct am_error *err)
{
    char trouble[256] = "";
    FILE *errors = tmpfile(), *given = tmpfile();
    int fds[2], status = -1;
    pid_t pid, self = getpid();

    if (errors == NULL || given == NULL || pipe2(fds, O_CLOEXEC) != 0)
        return am_fail(err, AM_INTERNAL, "devnet: pipe: %s", strerror(errno));
    if (input != NULL)
        fputs(input, given);
    rewind(given);
    if ((pid = fork()) == 0) {
        dup2(fileno(given), STDIN_FILENO);
        dup2(fds[1], STDOUT_FILENO);
        dup2(fileno(errors), STDERR_FILENO);
        child_enter(&(struct dn_spawn){.ns = ns}, self);
        execvpe(argv[0], (char *const *)(uintptr_t)argv, build_env(NULL));
        child_fails(argv[0]);
    }
    close(fds[1]);
    drain(fds[0], out, cap);
    close(fds[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    rewind(errors);
    while (fgets(trouble, sizeof trouble, errors) != NULL)
        ;
    fclose(errors);
    fclose(given);
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return AM_OK;
    trouble[strcspn(trouble, "\n")] = '\0';
    return am_fail(err, AM_INTERNAL, "%s %s: expected exit status 0, got wait status %d: %s",
                   argv[0], argv[1] != NULL ? argv[1] : "", status, trouble);
}

bool
dn_alive(pid_t *pid, int *status)
{
    if (*pid == 0 || waitpid(*pid, status, WNOHANG) == 0)
        return *pid != 0;
    *pid = 0;
    return false;
}

void
dn_stop(pid_t *pid, int sig, int wait_ms)
{
    int64_t until = am_mono_ms() + wait_ms;
    int status;

    if (*pid == 0)
        return;
    kill(*pid, sig);
    while (dn_alive(pid, &status) && am_mono_ms() < until)
        poll(NULL, 0, 5);
    if (*pid == 0)
        return;
    kill(*pid, SIGKILL);
    waitpid(*pid, &status, 0);
    *pid = 0;
}
