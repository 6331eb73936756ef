/*  tap -- follow the conversation on the bus: facts, and requests with their replies, redacted.  */
#include "../bus/bus.h"
#include "../common/base/am_log.h"
#include "cli.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
on_line(void *arg, enum bus_service service, const char *line)
{
    (void)arg, (void)service;
    puts(line);
    fflush(stdout);
}

static void
on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int
cli_tap(int argc, char **argv)
{
    const char *run = getenv("ATTESTMESH_RUN");
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct bus_options options = {.self = BUS_CLI, .loop = loop};
    struct am_error err = {0};
    struct bus *bus = NULL;
    ev_signal interrupt, term;
    unsigned wanted = 0;
    int r;

    for (int i = 0; i < argc; i++) {
        int service = bus_service_by_name(am_str_of(argv[i]));

        if (strcmp(argv[i], "--run") == 0 && i + 1 < argc)
            run = argv[++i];
        else if (service >= 0 && service < BUS_CLI)
            wanted |= 1u << service;
        else
            return cli_usage("tap");
    }
    am_log_open("cli", NULL, "error");
    options.run = run != NULL ? run : "/run/attestmesh";
    options.uids = getenv("ATTESTMESH_UIDS");
    r = bus_open(&bus, &options, &err);
    for (int s = 0; r == AM_OK && s < BUS_CLI; s++)
        if (s != BUS_TUNNEL && (wanted == 0 || (wanted & 1u << s) != 0))
            r = bus_tap(bus, (enum bus_service)s, on_line, NULL, &err);
    if (r != AM_OK) {
        fprintf(stderr, "tap: %s\n", err.text);
        bus_close(&bus);
        return 1;
    }
    ev_signal_init(&interrupt, on_stop, SIGINT);
    ev_signal_init(&term, on_stop, SIGTERM);
    ev_signal_start(loop, &interrupt);
    ev_signal_start(loop, &term);
    ev_run(loop, 0);
    bus_close(&bus);
    return 0;
}
