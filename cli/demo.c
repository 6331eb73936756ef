/*  demo -- bring up a mesh on a local chain and watch it: the main job on one machine.  */
#include "../common/base/am_addr.h"
#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "../devnet/dn_world.h"
#include "cli.h"
#include "demo_screen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEALTHY_WAIT_MS 60000
#define PING_WAIT_S "5"

static struct demo {
    struct dn_world world;
    struct dn_paths paths;
    char dir[64], bin[512], source[512];
    struct watch watches[DN_NODES_MAX];
    struct screen screen;
    struct ev_loop *loop;
    ev_signal interrupt, term;
    ev_timer tick;
    unsigned nodes;
    int64_t last_start_ms; /* monotonic */
    bool keep, interrupted, summed_up;
    int status;
} demo;

static bool
all_healthy(void)
{
    for (unsigned i = 0; i < demo.nodes; i++)
        if (!demo.watches[i].healthy)
            return false;
    return true;
}

static void
on_interrupt(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w, (void)events;
    demo.interrupted = true;
    ev_break(loop, EVBREAK_ALL);
}

/* One real packet from the first node to the last, through the tunnel. */
static int
ping_through(char *line, size_t cap)
{
    char target[16], out[512];
    const char *const argv[] = {"ping", "-c", "1", "-W", PING_WAIT_S, target, NULL};
    struct am_error err = {0};
    const char *time;

    if (demo.nodes < 2) {
        snprintf(line, cap, "no other node to ping");
        return AM_OK;
    }
    am_ip_text(target, demo.watches[demo.nodes - 1].mesh_ip);
    if (dn_run(argv, &demo.world.nodes[0].ns, NULL, out, sizeof out, &err) != AM_OK) {
        snprintf(line, cap, "node 1 -> %s: %s", target, err.text);
        return err.code;
    }
    time = strstr(out, "time=");
    snprintf(line, cap, "node 1 -> %s through the tunnel: %.*s ms", target,
             time != NULL ? (int)strcspn(time + 5, " \n") : 1, time != NULL ? time + 5 : "?");
    return AM_OK;
}

static bool
same_commitment(void)
{
    for (unsigned i = 0; i < demo.nodes; i++)
        if (!demo.watches[i].csk_held || am_is_zero(demo.watches[i].commitment, 32) ||
            memcmp(demo.watches[i].commitment, demo.watches[0].commitment, 32) != 0)
            return false;
    return true;
}

static void
sum_up(void)
{
    struct screen_summary sum = {.watches = demo.watches, .nodes = demo.nodes};

    sum.healthy_ms = am_mono_ms() - demo.last_start_ms;
    sum.same_csk = same_commitment();
    sum.ping_ok = ping_through(sum.ping, sizeof sum.ping) == AM_OK;
    screen_summary(&demo.screen, &sum);
    demo.status = sum.same_csk && sum.ping_ok ? 0 : 1;
    demo.summed_up = true;
    if (demo.keep)
        screen_keep(&demo.screen, demo.dir);
    else
        ev_break(demo.loop, EVBREAK_ALL);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w, (void)events;
    if (demo.summed_up)
        return;
    screen_nodes(&demo.screen, demo.watches, demo.nodes, am_mono_ms());
    if (all_healthy() && same_commitment()) {
        sum_up();
    } else if (am_mono_ms() - demo.last_start_ms > HEALTHY_WAIT_MS) {
        screen_failed(&demo.screen, demo.watches, demo.nodes, demo.dir);
        demo.status = 1;
        ev_break(loop, EVBREAK_ALL);
    }
}

static void
on_step(void *arg, const char *name, const uint8_t address[20], const struct cli_receipt *receipt)
{
    (void)arg;
    screen_deployed(&demo.screen, name, address, receipt);
}

static int
bring_up(struct am_error *err)
{
    struct dn_node *node;
    char run[600];
    int r;

    demo.world.step = on_step;
    screen_step(&demo.screen, "chain, contracts, bundler, sponsor");
    if ((r = dn_world_open(&demo.world, &demo.paths, err)) != AM_OK)
        return r;
    screen_step(&demo.screen, "members");
    for (unsigned i = 0; i < demo.nodes; i++)
        if ((r = dn_world_add(&demo.world, &node, err)) != AM_OK)
            return r;
    if ((r = dn_chain_tick(1, err)) != AM_OK)
        return r;
    screen_step(&demo.screen, "nodes");
    for (unsigned i = 0; i < demo.nodes; i++) {
        node = &demo.world.nodes[i];
        if ((r = dn_node_start(&demo.world, node, err)) != AM_OK)
            return r;
        snprintf(run, sizeof run, "%s/run", node->dir);
        mkdir(run, 0700);
        if ((r = watch_open(&demo.watches[i], demo.loop, run, err)) != AM_OK)
            return r;
    }
    demo.last_start_ms = am_mono_ms();
    screen_started(&demo.screen, demo.last_start_ms);
    return AM_OK;
}

static int
parse(int argc, char **argv)
{
    demo.nodes = 3;
    for (int i = 0; i < argc; i++) {
        char *end = NULL;

        if (strcmp(argv[i], "--keep") == 0) {
            demo.keep = true;
        } else if (strcmp(argv[i], "--nodes") == 0 && i + 1 < argc) {
            demo.nodes = (unsigned)strtoul(argv[++i], &end, 10);
            if (*end != '\0' || demo.nodes < 1 || demo.nodes > DN_NODES_MAX)
                return -1;
        } else {
            return -1;
        }
    }
    return 0;
}

static int
make_folder(struct am_error *err)
{
    snprintf(demo.dir, sizeof demo.dir, "/tmp/attestmesh-demo-XXXXXX");
    if (mkdtemp(demo.dir) == NULL)
        return am_fail(err, AM_INTERNAL, "demo: cannot make a folder in /tmp: %s", strerror(errno));
    cli_paths(demo.bin, demo.source);
    demo.paths = (struct dn_paths){demo.dir, demo.source, demo.bin};
    return AM_OK;
}

/* Logs are for when something went wrong, or for who asked to keep them. */
static void
remove_folder(void)
{
    const char *const argv[] = {"rm", "-rf", demo.dir, NULL};
    struct am_error err = {0};

    if (dn_run(argv, NULL, NULL, NULL, 0, &err) != AM_OK)
        fprintf(stderr, "demo: %s stays: %s\n", demo.dir, err.text);
}

int
cli_demo(int argc, char **argv)
{
    struct am_error err = {0};

    if (parse(argc, argv) != 0)
        return cli_usage("demo");
    am_log_open("demo", NULL,
                "error"); /* the screen says what matters; services log to the run folder */
    ;
    if (make_folder(&err) != AM_OK || dn_enter(&err) != AM_OK) {
        rmdir(demo.dir); /* nothing is in it yet */
        fprintf(stderr, "demo: %s\n", err.text);
        return 1;
    }
    screen_open(&demo.screen, demo.nodes, demo.dir);
    demo.loop = ev_loop_new(EVFLAG_AUTO);
    ev_signal_init(&demo.interrupt, on_interrupt, SIGINT);
    ev_signal_init(&demo.term, on_interrupt, SIGTERM);
    ev_signal_start(demo.loop, &demo.interrupt);
    ev_signal_start(demo.loop, &demo.term);
    if (bring_up(&err) != AM_OK) {
        screen_error(&demo.screen, err.text, demo.dir);
        demo.status = 1;
    } else {
        ev_timer_init(&demo.tick, on_tick, 0, 0.05);
        ev_timer_start(demo.loop, &demo.tick);
        ev_run(demo.loop, 0);
    }
    for (unsigned i = 0; i < demo.nodes; i++)
        watch_close(&demo.watches[i]);
    dn_world_close(&demo.world);
    if (demo.status == 0 && !demo.keep)
        remove_folder();
    screen_close(&demo.screen);
    if (demo.interrupted && !demo.summed_up)
        demo.status = 130;
    return demo.status;
}
