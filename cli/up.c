/*  up -- run and supervise the services of this machine.
 *
 *  Children are known by pidfd, never by pid.  A service that ends is started again after a pause
 *  that grows while it keeps ending; the others are not touched.  One that leaves with a code of
 *  am_exit.h would only do so again: then all are stopped, and the code is passed on.
 */
#include "../common/base/am_clock.h"
#include "../common/base/am_exit.h"
#include "../common/base/am_log.h"
#include "../common/base/am_settings.h"
#include "cli.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 5000
#define SETTLED_MS 10000 /* after so long a life the next pause is the first again */
#define STOP_WAIT_MS 3000
#define DOCTOR_AFTER_S                                                                             \
    10 /* a node that comes up well is live by then, and is not asked beside it */
#define DOCTOR_NICE 10

extern char **environ;

static const char *const names[] = {"keyagent", "chain", "mesh", "indexer", "api"};
#define SERVICES (sizeof names / sizeof names[0])

struct child {
    const char *name;
    int pidfd; /* -1 while it is not running */
    pid_t pid; /* only to tell it from an orphan that we inherited */
    int64_t started_ms, pause_ms;
    ev_io ended;
    ev_timer again;
};

static struct {
    struct ev_loop *loop;
    struct child children[SERVICES];
    char bin[512];
    bool stopping;
    int exit_code; /* of am_exit.h, from the first service that left with one */
    ev_timer deadline, doctor;
} up;

static void start(struct child *c);
static void stop_all(void);
static void reap_orphans(void);

static void
signal_all(int sig)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (up.children[i].pidfd >= 0)
            syscall(SYS_pidfd_send_signal, up.children[i].pidfd, sig, NULL, 0);
}

static bool
all_gone(void)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (up.children[i].pidfd >= 0)
            return false;
    return true;
}

static void
plan_restart(struct child *c)
{
    double pause = (double)c->pause_ms / 1000 * (0.5 + (double)randombytes_uniform(1000) / 2000);

    ev_timer_set(&c->again, pause, 0);
    ev_timer_start(up.loop, &c->again);
    c->pause_ms = c->pause_ms * 2 < PAUSE_MAX_MS ? c->pause_ms * 2 : PAUSE_MAX_MS;
}

static void
on_ended(struct ev_loop *loop, ev_io *w, int events)
{
    struct child *c = w->data;
    siginfo_t info = {0};

    (void)events;
    if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return;
    ev_io_stop(loop, w);
    close(c->pidfd);
    c->pidfd = -1;
    if (am_mono_ms() - c->started_ms > SETTLED_MS)
        c->pause_ms = PAUSE_FIRST_MS;
    am_log(up.stopping ? AM_INFO : AM_WARN, "service.ended", "name=%s %s=%d", c->name,
           info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
    if (!up.stopping && info.si_code == CLD_EXITED && am_exit_advice(info.si_status) != NULL) {
        up.exit_code = info.si_status;
        am_log(AM_ERROR, "not.restarted", "name=%s status=%d reason=\"%s\"", c->name,
               info.si_status, am_exit_advice(info.si_status));
        stop_all();
    } else if (!up.stopping) {
        plan_restart(c);
    } else if (all_gone()) {
        ev_break(loop, EVBREAK_ALL);
    }
    reap_orphans(); /* one that ended behind this child had the same signal */
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)events;
    start(w->data);
}

static void
start(struct child *c)
{
    char program[600];
    pid_t pid, self = getpid();

    snprintf(program, sizeof program, "%s/attestmesh-%s", up.bin, c->name);
    if ((pid = fork()) == 0) {
        char *argv[] = {program, NULL};
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self) /* it ended before we could ask to end with it */
            _exit(127);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(program, argv, environ);
        dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    c->started_ms = am_mono_ms();
    c->pid = pid;
    if (pid < 0 || (c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0) {
        am_log(AM_ERROR, "service.not_started", "name=%s reason=\"%s\"", c->name, strerror(errno));
        c->pidfd = -1;
        plan_restart(c);
        return;
    }
    am_log(AM_INFO, "service.started", "name=%s pid=%d", c->name, (int)pid);
    ev_io_set(&c->ended, c->pidfd, EV_READ);
    ev_io_start(up.loop, &c->ended);
}

/* The free checks of attestmesh doctor, once, beside the services: what they find is in the log,
 * and nothing waits for them or follows from them.  reap_orphans sees to its end. */
static void
on_doctor(struct ev_loop *loop, ev_timer *w, int events)
{
    char program[600];
    pid_t pid, self = getpid();

    (void)loop, (void)w, (void)events;
    snprintf(program, sizeof program, "%s/attestmesh", up.bin);
    if ((pid = fork()) == 0) {
        char *argv[] = {program, (char[]){"doctor"}, (char[]){"--log"}, NULL};
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self)
            _exit(127);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        (void)!nice(DOCTOR_NICE);
        execve(program, argv, environ);
        dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    if (pid < 0)
        am_log(AM_WARN, "doctor.not_started", "reason=\"%s\"", strerror(errno));
}

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)w, (void)events;
    am_log(AM_WARN, "stop.forced", "after_ms=%d", STOP_WAIT_MS);
    signal_all(SIGKILL);
}

static void
stop_all(void)
{
    if (up.stopping)
        return;
    up.stopping = true;
    for (size_t i = 0; i < SERVICES; i++)
        ev_timer_stop(up.loop, &up.children[i].again);
    ev_timer_stop(up.loop, &up.doctor);
    signal_all(SIGTERM);
    ev_timer_start(up.loop, &up.deadline);
    if (all_gone())
        ev_break(up.loop, EVBREAK_ALL);
}

static void
on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)loop, (void)w, (void)events;
    stop_all();
}

/* We are the subreaper: what a killed service leaves behind ends here and must be reaped. */
static void
reap_orphans(void)
{
    siginfo_t info;

    for (;;) {
        bool ours = false;

        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        for (size_t i = 0; i < SERVICES; i++)
            ours = ours || (up.children[i].pidfd >= 0 && up.children[i].pid == info.si_pid);
        if (ours)
            return; /* its pidfd tells; orphans behind it are found then */
        waitpid(info.si_pid, NULL, 0);
    }
}

static void
on_child(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)loop, (void)w, (void)events;
    reap_orphans();
}

int
cli_up(int argc, char **argv)
{
    static struct am_settings s;
    struct am_error err = {0};
    char source[512];
    ev_signal term, interrupt, child;

    (void)argv;
    if (argc != 0)
        return cli_usage("up");
    am_log_open("up", NULL, NULL);
    if (am_settings_load(&s, AM_READ_CLI, environ, &err) != AM_OK) {
        am_log(AM_ERROR, "start.refused", "reason=\"%s\"", err.text);
        return 1;
    }
    am_log_open("up", s.log_format, s.log_level);
    if (mkdir(s.run, 0700) != 0 && errno != EEXIST) {
        am_log(AM_ERROR, "start.refused", "reason=\"ATTESTMESH_RUN %s: %s\"", s.run,
               strerror(errno));
        return 1;
    }
    /* A library that binds a symbol at its first call writes the vector registers to the stack, and
     * in them may be half a key.  Our programs are linked with -z now; Debian's libraries are not.
     */
    setenv("LD_BIND_NOW", "1", 1);
    cli_paths(up.bin, source);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    up.loop = ev_loop_new(EVFLAG_AUTO); /* the default loop would reap our children itself */
    ev_timer_init(&up.deadline, on_deadline, (double)STOP_WAIT_MS / 1000, 0);
    ev_timer_init(&up.doctor, on_doctor, DOCTOR_AFTER_S, 0);
    ev_timer_start(up.loop, &up.doctor);
    ev_signal_init(&term, on_stop, SIGTERM);
    ev_signal_init(&interrupt, on_stop, SIGINT);
    ev_signal_start(up.loop, &term);
    ev_signal_init(&child, on_child, SIGCHLD);
    ev_signal_start(up.loop, &interrupt);
    ev_signal_start(up.loop, &child);
    for (size_t i = 0; i < SERVICES; i++) {
        struct child *c = &up.children[i];

        *c = (struct child){.name = names[i], .pidfd = -1, .pause_ms = PAUSE_FIRST_MS};
        ev_init(&c->ended, on_ended);
        ev_init(&c->again, on_again);
        c->ended.data = c->again.data = c;
        start(c);
    }
    ev_run(up.loop, 0);
    am_log(AM_INFO, "stopped", "services=%zu status=%d", SERVICES, up.exit_code);
    return up.exit_code;
}
