/*  hello -- how long after its exec a container's service answers hello, as the operator's uid
 * asks.
 */
#include "hello.h"

#include "../../common/base/am_clock.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define UIDS "keyagent=7001,chain=7002,mesh=7003,indexer=7004,api=7005,cli=7010"
#define CLI_UID 7010u
#define BUS_GID 7000u
#define LONGEST_MS 20000
#define TRY_MS 50 /* for one connection: libzmq would wait longer and longer between its own */

static void
on_hello(void *arg, int code, const void *reply, const struct am_error *err)
{
    bool *answered = arg;

    (void)reply, (void)err;
    *answered = code == AM_OK;
}

static void
on_end(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static bool
ask_once(struct ev_loop *loop, enum bus_service service)
{
    struct bus_options options = {.run = ".", .uids = UIDS, .self = BUS_CLI, .loop = loop};
    struct am_error err = {0};
    struct bus *bus = NULL;
    bool answered = false;
    int64_t until = am_mono_ms() + TRY_MS;
    ev_timer end;

    if (bus_open(&bus, &options, &err) == AM_OK &&
        bus_call_hello(bus, service, TRY_MS, on_hello, &answered, &err) == AM_OK)
        while (!answered && am_mono_ms() < until) {
            ev_timer_init(&end, on_end, 0.002, 0);
            ev_timer_start(loop, &end);
            ev_run(loop, EVRUN_ONCE);
            ev_timer_stop(loop, &end);
        }
    bus_close(&bus);
    return answered;
}

/* Become the operator: only its uid may ask, and its group may enter the folder. */
static bool
become_cli(void)
{
    return setgroups(0, NULL) == 0 && setresgid(BUS_GID, BUS_GID, BUS_GID) == 0 &&
           setresuid(CLI_UID, CLI_UID, CLI_UID) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

_Noreturn static void
look(enum unit u, pid_t old, int result)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    int64_t until = am_mono_ms() + LONGEST_MS, born, took_ms = -1;

    if (!become_cli())
        _exit(1);
    while (machine_pid(u, old) == 0 && am_mono_ms() < until)
        poll(NULL, 0, 1);
    born = am_mono_ms();
    while (took_ms < 0 && am_mono_ms() < until)
        if (ask_once(loop, units[u].service))
            took_ms = am_mono_ms() - born;
    _exit(write(result, &took_ms, sizeof took_ms) == (ssize_t)sizeof took_ms ? 0 : 1);
}

int
hello_begin(struct hello *h, const struct machine *m, enum unit u, pid_t old, struct am_error *err)
{
    char run[400];
    int fds[2];

    snprintf(run, sizeof run, "%s/graph/volumes/node_run/_data", m->storage);
    if (pipe(fds) != 0 || (h->pid = fork()) < 0)
        return am_fail(err, AM_INTERNAL, "fork: %s", strerror(errno));
    if (h->pid == 0) {
        close(fds[0]);
        if (chdir(run) != 0) /* as root: the way there is closed to others */
            _exit(1);
        look(u, old, fds[1]);
    }
    close(fds[1]);
    h->result = fds[0];
    return AM_OK;
}

int64_t
hello_end(struct hello *h)
{
    int64_t took_ms;

    if (read(h->result, &took_ms, sizeof took_ms) != (ssize_t)sizeof took_ms)
        took_ms = -1;
    close(h->result);
    waitpid(h->pid, NULL, 0);
    return took_ms;
}
