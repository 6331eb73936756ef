/*  kill -- any service may die at any moment: SIGKILL in each phase, on the originator and on
 * another.
 *
 *  One chain for the whole run; a fresh cluster of three fresh members for each kill, so that every
 *  registration is a first one.  The victim's two neighbours are not touched and ping each other.
 *
 *  Usage: e2e-kill sample | matrix | ROLE SERVICE PHASE
 */
#include "e2e.h"

#include "../../common/base/am_clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOIN_MS 20000
#define BACK_MS 8000  /* whole again after the killed service is back */
#define LOST_MS 2500  /* after which a bus says that a publisher is gone */
#define START_MS 1000 /* for the supervisor to have it back */

enum role { ORIGINATOR, OTHER };
static const char *const roles[] = {"originator", "other"};
static const char *const services[] = {"keyagent", "chain", "mesh", "indexer", "api"};
static const char *const all_phases[] = {"booting",        "registering", "subscribing",
                                         "wg-configuring", "pulling-csk", "heartbeating",
                                         "healthy"};
static const char *const some_phases[] = {"registering", "heartbeating", "healthy"};

struct run {
    enum role role;
    const char *service, *phase;
    uint8_t cluster[20];
    struct dn_node *victim, *left, *right;
    char hit[33];        /* the phase in which it was really killed */
    bool killed, parted; /* parted: the neighbours lost each other */
    int64_t killed_ms, whole_ms;
    int lost;
    unsigned sent;
};

static bool
sees(struct e2e *t, const struct dn_node *who, const struct dn_node *whom)
{
    struct watch *w = e2e_watch(t, who);
    uint32_t ip = e2e_watch(t, whom)->mesh_ip;

    for (size_t i = 0; i < w->peer_count; i++)
        if (w->peers[i].mesh_ip == ip && strcmp(w->peers[i].state, "live") == 0)
            return true;
    return false;
}

static bool
neighbours_see(struct e2e *t, void *arg)
{
    struct run *r = arg;

    return e2e_watch(t, r->left)->heard && e2e_watch(t, r->right)->heard &&
           sees(t, r->left, r->right) && sees(t, r->right, r->left);
}

/* The phases come in order; one that passes between two looks counts as reached. */
static bool
reached(struct e2e *t, void *arg)
{
    const size_t n = sizeof all_phases / sizeof all_phases[0];
    struct run *r = arg;
    const char *now = e2e_watch(t, r->victim)->phase;
    size_t want = 0, have = 0;

    while (want < n && strcmp(all_phases[want], r->phase) != 0)
        want++;
    while (have < n && strcmp(all_phases[have], now) != 0)
        have++;
    return have < n && have >= want;
}

/* Every node is healthy and live, holds one CSK, and sees the two others. */
static bool
whole(struct e2e *t, void *arg)
{
    struct run *r = arg;
    const struct dn_node *const nodes[] = {r->victim, r->left, r->right};

    if (r->killed && !neighbours_see(t, r))
        r->parted = true;
    for (int i = 0; i < 3; i++) {
        struct watch *w = e2e_watch(t, nodes[i]);

        if (!w->healthy || !w->live || !w->csk_held ||
            memcmp(w->commitment, e2e_watch(t, r->victim)->commitment, 32) != 0)
            return false;
        for (int k = 0; k < 3; k++)
            if (k != i && !sees(t, nodes[i], nodes[k]))
                return false;
    }
    return true;
}

static bool
registered(struct e2e *t, void *arg)
{
    struct run *r = arg;

    return e2e_watch(t, r->victim)->registered;
}

/* The child of a supervisor that runs a service: by its program, and told from forked helpers by
 * its parent. */
static pid_t
service_pid(pid_t supervisor, const char *service)
{
    char path[64], exe[512], wanted[64];
    pid_t child, found = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)supervisor, (int)supervisor);
    snprintf(wanted, sizeof wanted, "/attestmesh-%s", service);
    if ((f = fopen(path, "re")) == NULL)
        return 0;
    while (found == 0 && fscanf(f, "%d", &child) == 1) {
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/exe", (int)child);
        n = readlink(path, exe, sizeof exe - 1);
        exe[n > 0 ? n : 0] = '\0';
        if (strlen(exe) > strlen(wanted) && strcmp(exe + strlen(exe) - strlen(wanted), wanted) == 0)
            found = child;
    }
    fclose(f);
    return found;
}

static bool
is_back(struct e2e *t, void *arg)
{
    struct run *r = arg;

    (void)t;
    return service_pid(r->victim->up, r->service) > 1;
}

static bool
kill_it(struct e2e *t, struct run *r)
{
    pid_t pid = service_pid(r->victim->up, r->service);

    snprintf(r->hit, sizeof r->hit, "%s", e2e_watch(t, r->victim)->phase);
    r->killed = pid > 1 && kill(pid, SIGKILL) == 0;
    r->killed_ms = am_mono_ms();
    return r->killed && e2e_until(t, is_back, r, START_MS) >= 0;
}

static bool
started_by(struct e2e *t, struct run *r, struct e2e_ping *ping)
{
    bool ok;

    e2e_start(t, r->left);
    e2e_start(t, r->right);
    ok = e2e_until(t, neighbours_see, r, JOIN_MS) >= 0;
    if (ok)
        e2e_ping(t, ping, r->left, e2e_watch(t, r->right)->mesh_ip);
    return ok;
}

/* Returns NULL, or what did not happen. */
static const char *
act(struct e2e *t, struct run *r, struct e2e_ping *ping)
{
    bool early = strcmp(r->phase, "healthy") != 0;

    if (r->role == OTHER && !started_by(t, r, ping))
        return "the neighbours did not find each other";
    e2e_start(t, r->victim);
    if (early && (e2e_until(t, reached, r, JOIN_MS) < 0 || !kill_it(t, r)))
        return "the phase was not reached, or the service not restarted";
    if (r->role == ORIGINATOR) {
        if (e2e_until(t, registered, r, JOIN_MS) < 0)
            return "the originator did not register";
        if (!started_by(t, r, ping))
            return "the neighbours did not find each other";
    }
    if (e2e_until(t, whole, r, JOIN_MS) < 0)
        return "the mesh did not become whole";
    if (!early) {
        if (!kill_it(t, r))
            return "the service was not restarted";
        e2e_pause(t, LOST_MS); /* or yesterday's facts would be judged */
        if (e2e_until(t, whole, r, BACK_MS - LOST_MS) < 0)
            return "not whole 8 s after the service was back";
    }
    r->whole_ms = am_mono_ms() - r->killed_ms;
    return NULL;
}

static void
judge(struct e2e *t, struct run *r, const char *trouble)
{
    const struct dn_node *const nodes[] = {r->victim, r->left, r->right};
    char name[96];
    bool twice = false, any_twice = false, many = false;

    for (int i = 0; i < 3; i++) {
        unsigned n = e2e_operations(t, nodes[i]->member, &twice);

        any_twice = any_twice || twice;
        many = many || n > (e2e_watch(t, nodes[i])->originator ? 3u : 2u);
    }
    if (trouble == NULL && r->lost != 0)
        trouble = "the neighbours' ping lost packets";
    if (trouble == NULL && r->parted)
        trouble = "the neighbours lost each other";
    if (trouble == NULL && (any_twice || many))
        trouble = any_twice ? "two UserOperationEvents for one nonce key" : "too many operations";
    snprintf(name, sizeof name, "%s, %s, %s", roles[r->role], r->service, r->phase);
    e2e_check(t, trouble == NULL, name,
              "%s%skilled in %s, whole %lld ms later, %d of %u pings lost",
              trouble != NULL ? trouble : "", trouble != NULL ? "; " : "", r->hit,
              (long long)r->whole_ms, r->lost, r->sent);
    if (trouble != NULL)
        printf("     %s: %s | %s | %s\n", r->victim->dir, e2e_watch(t, r->victim)->reason,
               e2e_watch(t, r->left)->reason, e2e_watch(t, r->right)->reason);
}

static void
run_one(struct e2e *t, struct run *r)
{
    struct dn_node *const nodes[] = {r->victim, r->left, r->right};
    struct e2e_ping ping = {0};
    const char *trouble = act(t, r, &ping);

    r->lost = ping.pid != 0 ? e2e_ping_end(&ping, &r->sent) : -1;
    judge(t, r, trouble);
    for (int i = 0; i < 3; i++) {
        watch_close(e2e_watch(t, nodes[i]));
        dn_node_off(nodes[i]);
    }
}

/* While blocks are still mined at once: everything on chain for all runs. */
static void
prepare(struct e2e *t, struct run *r, unsigned index)
{
    struct am_error err = {0};

    e2e_need(t, dn_world_cluster(&t->world, index + 1, &err), &err, "cluster");
    memcpy(r->cluster, t->world.deployed.cluster, 20);
    r->victim = e2e_add(t);
    r->left = e2e_add(t);
    r->right = e2e_add(t);
}

static unsigned
plan(struct run *runs, unsigned max, const char *const *phases, size_t count)
{
    unsigned n = 0;

    for (int role = ORIGINATOR; role <= OTHER; role++)
        for (size_t s = 0; s < sizeof services / sizeof services[0]; s++)
            for (size_t p = 0; p < count && n < max; p++)
                runs[n++] = (struct run){
                    .role = (enum role)role, .service = services[s], .phase = phases[p]};
    return n;
}

#define LANES 3

/* A lane: a process with a loop and a client of its own that does every third run.  What it started
 * ends with it. */
_Noreturn static void
lane(struct e2e *t, struct run *runs, unsigned n, unsigned first, int result)
{
    struct am_error err = {0};
    unsigned counts[2];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    t->loop = ev_loop_new(EVFLAG_AUTO);
    e2e_need(t, cli_rpc_open(&t->world.rpc, DN_RPC_URL, &err), &err, "rpc");
    for (unsigned i = first; i < n; i += LANES)
        run_one(t, &runs[i]);
    counts[0] = t->passed;
    counts[1] = t->failed;
    _exit(write(result, counts, sizeof counts) == (ssize_t)sizeof counts ? 0 : 1);
}

static void
run_all(struct e2e *t, struct run *runs, unsigned n)
{
    int fds[LANES][2];
    pid_t pids[LANES];

    for (unsigned i = 0; i < LANES; i++)
        if (pipe(fds[i]) != 0 || (pids[i] = fork()) < 0) {
            e2e_check(t, false, "a lane starts", "%s", strerror(errno));
            return; /* those that did start end with us */
        } else if (pids[i] == 0)
            lane(t, runs, n, i, fds[i][1]);
    for (unsigned i = 0; i < LANES; i++) {
        unsigned counts[2] = {0, 1}; /* a lane that says nothing has failed */

        close(fds[i][1]);
        if (read(fds[i][0], counts, sizeof counts) < 0)
            counts[1] = 1;
        waitpid(pids[i], NULL, 0);
        t->passed += counts[0];
        t->failed += counts[1];
    }
}

int
main(int argc, char **argv)
{
    static struct run runs[80];
    static struct e2e t;
    struct am_error err = {0};
    unsigned n;

    if (argc == 4)
        runs[0] = (struct run){.role = strcmp(argv[1], "other") == 0 ? OTHER : ORIGINATOR,
                               .service = argv[2],
                               .phase = argv[3]};
    if (argc == 4)
        n = 1;
    else if (argc == 2 && strcmp(argv[1], "sample") == 0)
        n = plan(runs, 80, some_phases, sizeof some_phases / sizeof some_phases[0]);
    else if (argc == 2 && strcmp(argv[1], "matrix") == 0)
        n = plan(runs, 80, all_phases, sizeof all_phases / sizeof all_phases[0]);
    else {
        fprintf(stderr, "usage: e2e-kill sample | matrix | ROLE SERVICE PHASE\n");
        return 64;
    }
    e2e_open(&t, "kill");
    for (unsigned i = 0; i < n; i++)
        prepare(&t, &runs[i], i);
    e2e_need(&t, dn_chain_tick(1, &err), &err, "blocks");
    run_all(&t, runs, n);
    return e2e_close(&t);
}
