/*  bus_world -- a run folder, a loop, and real processes on the bus, for its tests.  */
#include "bus_world.h"

#include "../../common/base/am_clock.h"
#include "slow.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char world_run[64];
struct ev_loop *world_loop;
struct bus *world_bus;

static void
folder(void)
{
    strcpy(world_run, "/tmp/bus-test-XXXXXX");
    cr_assert_not_null(mkdtemp(world_run));
    cr_assert_eq(chmod(world_run, 0777), 0);
}

static void
sweep(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", world_run);
    cr_assert_eq(system(command), 0);
}

static void
echo(void *arg, struct bus_request *q, const void *message)
{
    (void)arg, (void)message;
    bus_reply(q, &(struct chain_echo_reply){.n = 1});
}

/* Memcheck translates code when it first runs, which takes longer than the second that a call waits
 * for a connection: so it runs once before the test. */
static void
warm_up(void)
{
    struct chain_echo q = {.n = 1};
    struct answer a = {.calls = 0};
    struct am_error err;
    struct bus *chain;

    folder();
    chain = world_open(BUS_CHAIN, NULL);
    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(bus_serve(chain, BUS_METHOD_chain_echo, echo, NULL, &err), AM_OK);
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 9000, "", answered, &a, &err),
                 AM_OK);
    world_until(&a.calls, 1, 10000, "warm-up");
    bus_close(&world_bus);
    bus_close(&chain);
    sweep();
}

void
world_begin(void)
{
    world_loop = ev_loop_new(0);
    signal(SIGPIPE, SIG_IGN);
    if (slow_factor() > 1)
        warm_up();
    folder();
}

void
world_end(void)
{
    bus_close(&world_bus);
    ev_loop_destroy(world_loop);
    sweep();
}

struct bus *
world_open(enum bus_service self, const char *uids)
{
    struct bus_options o = {.run = world_run, .uids = uids, .self = self, .loop = world_loop};
    struct am_error err;
    struct bus *bus;

    cr_assert_eq(bus_open(&bus, &o, &err), AM_OK, "%s", err.text);
    return bus;
}

struct peer
peer_start(const char *uids, long uid)
{
    struct peer p;
    int in[2], out[2];
    char line[512];

    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    p.pid = fork();
    if (p.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        if (uid >= 0 && (setgid((gid_t)uid) != 0 || setuid((uid_t)uid) != 0))
            _exit(9);
        execl(BUS_PEER, "bus_peer", world_run, uids == NULL ? "" : uids, NULL);
        _exit(8);
    }
    close(in[0]);
    close(out[1]);
    p.in = in[1];
    p.out = out[0];
    peer_line(&p, line);
    return p;
}

void
peer_say(struct peer *p, const char *fmt, ...)
{
    char line[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    cr_assert_eq(write(p->in, line, (size_t)n), n);
}

void
peer_line(struct peer *p, char line[static 512])
{
    size_t n = 0;

    while (n < 511 && read(p->out, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
}

int
peer_end(struct peer *p, int sig)
{
    int status;

    if (sig != 0)
        kill(p->pid, sig);
    close(p->in);
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    close(p->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)w, (void)events;
}

void
world_until(const int *flag, int n, int limit_ms, const char *what)
{
    int64_t end = am_mono_ms() + (flag == NULL ? limit_ms : limit_ms * slow_factor());
    ev_timer tick;

    ev_timer_init(&tick, on_tick, 0.01, 0.01);
    ev_timer_start(world_loop, &tick);
    while ((flag == NULL || *flag < n) && am_mono_ms() < end)
        ev_run(world_loop, EVRUN_ONCE);
    ev_timer_stop(world_loop, &tick);
    cr_assert(flag == NULL || *flag >= n, "%s: expected %d, got %d in %d ms", what, n,
              flag == NULL ? 0 : *flag, limit_ms * slow_factor());
}

void
world_turn(int ms)
{
    world_until(NULL, 0, ms, "");
}

void
answered(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct answer *a = arg;

    a->calls++;
    a->code = code;
    a->n = reply != NULL ? *(const uint64_t *)reply : 0;
    snprintf(a->text, sizeof a->text, "%s", err != NULL ? err->text : "");
    cr_assert((code == AM_OK) == (reply != NULL) && (code == AM_OK) == (err == NULL));
}

struct answer
ask_echo(struct bus *bus, uint64_t n)
{
    static struct answer a;
    struct chain_echo q = {.n = n};
    struct am_error err;

    a = (struct answer){.calls = 0};
    cr_assert_eq(bus_call(bus, BUS_METHOD_chain_echo, &q, 3000, "", answered, &a, &err), AM_OK);
    cr_assert_eq(a.calls, 0, "a call never ends inside bus_call");
    world_until(&a.calls, 1, 4000, "echo");
    return a;
}
