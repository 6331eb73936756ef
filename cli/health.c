/*  health -- the check of a container: does its service answer hello, and is the node healthy.
 *
 *  It runs beside the service, under its uid, and so can only speak under its name.
 */
#include "../bus/bus.h"
#include "../common/base/am_log.h"
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 2000 /* three beacons and a snapshot: whoever lives has been heard by then */

static struct {
    struct ev_loop *loop;
    bool answers, about_node, healthy;
    char reason[385];
} health;

static void
look(void)
{
    if (health.answers && (!health.about_node || health.healthy))
        ev_break(health.loop, EVBREAK_ALL);
}

static void
on_hello(void *arg, int code, const void *reply, const struct am_error *err)
{
    (void)arg, (void)reply;
    health.answers = code == AM_OK;
    if (code != AM_OK) {
        am_str_copy(health.reason, sizeof health.reason, am_str_of(err->text));
        ev_break(health.loop, EVBREAK_ALL);
    }
    look();
}

static void
on_node(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct mesh_node *n = fact;

    (void)arg, (void)topic;
    if (change == BUS_VALUE) {
        health.healthy = n->healthy;
        am_str_copy(health.reason, sizeof health.reason, n->reason);
    }
    look();
}

static void
on_end(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)w, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int
ask(struct bus **bus, enum bus_service service, struct am_error *err)
{
    const char *run = getenv("ATTESTMESH_RUN");
    struct bus_options options = {.run = run != NULL ? run : "/run/attestmesh",
                                  .uids = getenv("ATTESTMESH_UIDS"),
                                  .self = service,
                                  .only_asks = true,
                                  .loop = health.loop};
    int r = bus_open(bus, &options, err);

    if (r == AM_OK)
        r = bus_call_hello(*bus, service, WAIT_MS, on_hello, NULL, err);
    if (r == AM_OK && health.about_node)
        r = bus_subscribe(*bus, BUS_TOPIC_mesh_node, on_node, NULL, err);
    return r;
}

/* Exit status: 0 well, 1 not, with the reason on stderr. */
int
cli_health(int argc, char **argv)
{
    int service = argc >= 1 ? bus_service_by_name(am_str_of(argv[0])) : -1, r;
    struct am_error err = {0};
    struct bus *bus = NULL;
    ev_timer end;

    health.about_node = argc == 2 && strcmp(argv[1], "node") == 0;
    if (service < 0 || service == BUS_CLI || argc > 2 || (argc == 2 && !health.about_node))
        return cli_usage("health");
    am_log_open("health", NULL, "error");
    health.loop = ev_loop_new(EVFLAG_AUTO);
    if ((r = ask(&bus, (enum bus_service)service, &err)) == AM_OK) {
        ev_timer_init(&end, on_end, WAIT_MS / 1000.0, 0);
        ev_timer_start(health.loop, &end);
        ev_run(health.loop, 0);
    }
    bus_close(&bus);
    if (r == AM_OK && health.answers && (!health.about_node || health.healthy))
        return 0;
    fprintf(stderr, "health: %s %s%s%s\n", argv[0],
            health.answers ? "answers, the node is not healthy" : "does not answer hello",
            r != AM_OK || *health.reason != '\0' ? ": " : "",
            r != AM_OK ? err.text : health.reason);
    return 1;
}
