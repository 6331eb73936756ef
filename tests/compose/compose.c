/*  compose -- a node as compose.yaml has it: brought up beside a devnet node, each container killed
 *  and restarted under a ping, one service replaced by another build.
 *
 *  Usage: e2e-compose STORAGE [ROUNDS]   see run.sh
 */
#include "hello.h"

#include "../../common/base/am_clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 20
#define UP_MS 120000
#define BACK_MS 20000
#define HELLO_MS 500
#define TUNNEL_LOST 20 /* packets of 10 Hz in 2 s */

static struct {
    struct e2e t;
    struct machine m;
    struct dn_node *peer;
    struct dn_node inside;   /* namespaces: the containers' network, our programs */
    int64_t hello_ms[UNITS]; /* the worst; -1: one that did not come */
    unsigned events[UNITS];
} c;

static bool
is_state(enum unit u, const char *format, const char *wanted)
{
    const char *const words[] = {"inspect", "--format", format, machine_container(u), NULL};
    struct am_error err = {0};
    char out[128] = "";

    return machine_podman(&c.m, words, out, sizeof out, &err) == AM_OK &&
           strncmp(out, wanted, strlen(wanted)) == 0;
}

static bool
all_healthy(struct e2e *t, void *arg)
{
    (void)t, (void)arg;
    for (int u = 0; u < APP; u++)
        if (!is_state((enum unit)u, "{{.State.Health.Status}}", "healthy"))
            return false;
    return true;
}

static bool
app_runs(struct e2e *t, void *arg)
{
    (void)t, (void)arg;
    return is_state(APP, "{{.State.Status}}", "running");
}

static bool
api_runs(struct e2e *t, void *arg)
{
    (void)t, (void)arg;
    return machine_pid(API, 0) != 0;
}

static bool
peer_sees(struct e2e *t, void *arg)
{
    struct watch *w = e2e_watch(t, c.peer);

    (void)arg;
    return w->healthy && w->live && w->live_peers == 1;
}

/* Nobody is healthy without keys: while the guest agent is silent the application must not run. */
static void
comes_up(struct e2e *t)
{
    const char *const words[] = {"up", "-d", "--no-color", NULL};
    struct am_error err = {0};
    int status = -1;
    int64_t took;
    bool waited;
    pid_t up;

    kill(c.m.guest_agent, SIGSTOP);
    e2e_need(t, machine_compose_start(&c.m, &up, words, &err), &err, "docker-compose");
    e2e_need(t, machine_timers(&c.m, &err), &err, "health checks");
    waited = e2e_until(t, api_runs, NULL, UP_MS) >= 0;
    e2e_pause(t, 5000);
    e2e_check(t, waited && dn_alive(&up, &status) && !app_runs(t, NULL),
              "the application does not start while the node is not healthy", "%s", "");
    kill(c.m.guest_agent, SIGCONT);
    took = e2e_until(t, all_healthy, NULL, UP_MS);
    e2e_check(t, took >= 0, "every container is healthy", "%lld ms", (long long)took);
    e2e_check(t, e2e_until(t, app_runs, NULL, BACK_MS) >= 0, "then the application runs", "%s", "");
    for (int i = 0; up != 0 && i < 1000 && dn_alive(&up, &status); i++)
        poll(NULL, 0, 10);
    e2e_check(t, up == 0 && status == 0, "docker-compose up ends with 0", "wait status %d", status);
    e2e_check(t, e2e_until(t, peer_sees, NULL, BACK_MS) >= 0, "the peer is healthy and sees it",
              "%s", e2e_watch(t, c.peer)->reason);
    dn_stop(&c.m.timers, SIGKILL, 1000);
}

static bool
check_says(enum unit u)
{
    const char *const words[] = {"healthcheck", "run", machine_container(u), NULL};
    struct am_error err = {0};

    return machine_podman(&c.m, words, NULL, 0, &err) == AM_OK;
}

static void
a_silent_service_is_unhealthy(struct e2e *t)
{
    for (int u = 0; u < WIREGUARD_GO; u++) {
        pid_t pid = machine_pid((enum unit)u, 0);
        bool before, stopped, after;

        before = check_says((enum unit)u);
        kill(pid, SIGSTOP);
        stopped = check_says((enum unit)u);
        kill(pid, SIGCONT);
        poll(NULL, 0, 100);
        after = check_says((enum unit)u);
        e2e_check(t, before && !stopped && after, "a check fails while its service is stopped",
                  "%s: before %d, stopped %d, after %d", units[u].name, before, stopped, after);
    }
}

/* One container goes and comes back; SIGKILL is the kernel's, not the engine's: a restart that the
 * engine was asked for is none that it must think of itself. */
static void
event(struct e2e *t, enum unit u, bool killed)
{
    const char *const restart[] = {"restart", machine_container(u), NULL};
    bool asks = units[u].service != BUS_CLI;
    int64_t until = am_mono_ms() + BACK_MS;
    pid_t old = machine_pid(u, 0);
    struct am_error err = {0};
    struct hello hello;
    int64_t took_ms = 0;

    if (asks)
        e2e_need(t, hello_begin(&hello, &c.m, u, old, &err), &err, "hello");
    if (killed && old > 1)
        kill(old, SIGKILL);
    else
        e2e_need(t, machine_podman(&c.m, restart, NULL, 0, &err), &err, "restart");
    while (machine_pid(u, old) == 0 && am_mono_ms() < until)
        poll(NULL, 0, 10);
    if (asks)
        took_ms = hello_end(&hello);
    c.events[u]++;
    if (took_ms < 0 || (c.hello_ms[u] >= 0 && took_ms > c.hello_ms[u]))
        c.hello_ms[u] = took_ms;
    e2e_pause(t, 100);
}

static void
open_inside(struct e2e *t)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)machine_pid(APP, 0));
    c.inside = (struct dn_node){.number = c.m.node->number};
    c.inside.ns.net = open(path, O_RDONLY | O_CLOEXEC);
    c.inside.ns.mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    e2e_check(t, c.inside.ns.net >= 0 && c.inside.ns.mnt >= 0, "the application's network opens",
              "%s", path);
}

/* Ping the peer through the tunnel while one container is restarted and then killed, or one of the
 * two.  Returns how many were lost; adds to *sent. */
static int
under_ping(struct e2e *t, enum unit u, bool restarted, bool killed, int64_t after_ms,
           unsigned *sent)
{
    struct e2e_ping ping;
    unsigned n;
    int lost;

    e2e_ping(t, &ping, &c.inside, e2e_watch(t, c.peer)->mesh_ip);
    e2e_pause(t, 300);
    if (restarted)
        event(t, u, false);
    if (killed)
        event(t, u, true);
    e2e_pause(t, after_ms);
    lost = e2e_ping_end(&ping, &n);
    *sent += n;
    if (lost != 0)
        printf("     %s: %d of %u pings lost\n", units[u].name, lost, n);
    return lost < 0 ? 1000000 : lost;
}

/* The tunnel does not notice who is gone but wireguard-go. */
static void
rounds(struct e2e *t, unsigned count)
{
    int lost[UNITS] = {0}, worst = 0;
    unsigned sent[UNITS] = {0};

    for (unsigned i = 0; i < count; i++)
        for (int u = 0; u <= APP; u++) {
            if (u != WIREGUARD_GO)
                lost[u] += under_ping(t, (enum unit)u, true, true, 300, &sent[u]);
            for (int killed = 0; u == WIREGUARD_GO && killed < 2; killed++) {
                int n = under_ping(t, WIREGUARD_GO, killed == 0, killed == 1, 2500, &sent[u]);

                worst = n > worst ? n : worst;
            }
        }
    for (int u = 0; u <= APP; u++)
        if (u != WIREGUARD_GO)
            e2e_check(t, lost[u] == 0 && sent[u] >= 5 * count,
                      "nothing is lost while it is restarted and killed",
                      "%s: %d of %u pings in %u rounds", units[u].name, lost[u], sent[u], count);
    e2e_check(t, worst <= TUNNEL_LOST && sent[WIREGUARD_GO] > 2 * count * TUNNEL_LOST,
              "at most 2 s are lost when wireguard-go goes", "worst of %u: %d pings at 10 Hz",
              2 * count, worst);
    for (int u = 0; u < WIREGUARD_GO; u++)
        e2e_check(t, c.hello_ms[u] >= 0 && c.hello_ms[u] <= HELLO_MS, "hello within 500 ms of exec",
                  "%s: worst of %u: %lld ms", units[u].name, c.events[u], (long long)c.hello_ms[u]);
}

static bool
log_has(enum unit u, const char *text)
{
    static char out[256 * 1024];
    struct am_error err = {0};

    return machine_log(&c.m, u, out, sizeof out, &err) == AM_OK && strstr(out, text) != NULL;
}

struct said {
    enum unit u;
    const char *text;
};

static bool
has_said(struct e2e *t, void *arg)
{
    struct said *s = arg;

    (void)t;
    return log_has(s->u, s->text);
}

/* The program of one service alone is another one: a second file of compose puts it there. */
static void
replace(struct e2e *t, const char *program)
{
    const char *const words[] = {"up", "-d", "--no-deps", "indexer", NULL};
    struct am_error err = {0};
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/over.yaml", t->dir);
    f = fopen(path, "we");
    if (f != NULL && program != NULL)
        fprintf(f,
                "services:\n  indexer:\n    volumes:\n"
                "      - %s/%s:/usr/bin/attestmesh-indexer:ro\n",
                t->bin, program);
    if (f != NULL)
        fclose(f);
    c.m.over = program != NULL ? path : NULL;
    e2e_need(t, machine_compose(&c.m, words, &err), &err, "docker-compose up indexer");
    c.m.over = NULL;
}

static void
another_build(struct e2e *t)
{
    struct said theirs = {INDEXER, "expected schema version 2, got 1 from"},
                ours = {API, "expected schema version 1, got 2 from indexer"};

    replace(t, "indexer-rebuilt");
    e2e_check(t,
              e2e_until(t, has_said, &(struct said){INDEXER, "\"ready\""}, BACK_MS) >= 0 &&
                  check_says(INDEXER) && check_says(API),
              "another build of the same schema takes the place of indexer", "%s", "");
    replace(t, "indexer-schema2");
    e2e_check(t, e2e_until(t, has_said, &theirs, BACK_MS) >= 0,
              "one of another schema refuses the others by name", "%s", theirs.text);
    e2e_check(t, e2e_until(t, has_said, &ours, BACK_MS) >= 0, "and they refuse it", "%s",
              ours.text);
    e2e_check(t, check_says(API) && check_says(MESH) && check_says(CHAIN) && check_says(KEYAGENT),
              "the node stays healthy without indexer", "%s", "");
    replace(t, NULL);
    e2e_check(t,
              e2e_until(t, has_said, &(struct said){INDEXER, "\"ready\""}, BACK_MS) >= 0 &&
                  check_says(INDEXER),
              "the first build takes its place again", "%s", "");
}

/* As the operator would; exit status 0: the node is healthy. */
static void
status_is_told(struct e2e *t)
{
    const char *const words[] = {"run", "--rm", "cli", "status", NULL};
    struct am_error err = {0};

    e2e_check(t, machine_compose(&c.m, words, &err) == AM_OK, "attestmesh status, as cli", "%s",
              err.text);
}

static void
goes_down(struct e2e *t)
{
    /* podman removes net only after those who joined it; docker-compose asks for all at once */
    const char *const joined[] = {"rm", "--stop", "--force", "app", "mesh", "wireguard-go", NULL};
    const char *const down[] = {"down", "--volumes", "--remove-orphans", NULL};
    const char *const left[][5] = {{"ps", "--all", "--quiet", NULL},
                                   {"volume", "ls", "--quiet", NULL},
                                   {"network", "ls", "--quiet", "--filter=name=node_", NULL}};
    struct am_error err = {0};
    char out[512];

    e2e_check(t,
              machine_compose(&c.m, joined, &err) == AM_OK &&
                  machine_compose(&c.m, down, &err) == AM_OK,
              "docker-compose down", "%s", err.text);
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        snprintf(out, sizeof out, "?");
        e2e_check(t, machine_podman(&c.m, left[i], out, sizeof out, &err) == AM_OK && *out == '\0',
                  "nothing is left", "%s: %s", left[i][0], out);
    }
}

int
main(int argc, char **argv)
{
    unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : ROUNDS;
    struct e2e *t = &c.t;
    struct am_error err = {0};
    struct dn_node *node;

    if (argc < 2 || argc > 3 || count == 0) {
        fprintf(stderr, "usage: e2e-compose STORAGE [ROUNDS]\n");
        return 64;
    }
    e2e_open(t, "compose");
    chmod(t->dir, 0711); /* the guest agent's socket and the endpoints are for other uids too */
    c.peer = e2e_add(t);
    node = e2e_add(t);
    e2e_need(t, machine_open(&c.m, t, node, argv[1], &err), &err, "machine");
    e2e_need(t, dn_chain_tick(1, &err), &err, "blocks");
    e2e_start(t, c.peer);
    comes_up(t);
    machine_is_confined(&c.m);
    a_silent_service_is_unhealthy(t);
    open_inside(t);
    rounds(t, count);
    status_is_told(t);
    another_build(t);
    goes_down(t);
    machine_close(&c.m);
    return e2e_close(t);
}
