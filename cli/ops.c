/*  ops -- the ledger of a node's user operations, and what today has cost beside its caps.  */
#include "../bus/bus.h"
#include "../common/base/am_log.h"
#include "cli.h"
#include "ops_page.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS 3000

static struct {
    struct ev_loop *loop;
    struct ops_page page;
    unsigned awaited;
    int code;
    char why[AM_ERROR_TEXT];
} ops;

static void
answered(int code, const struct am_error *err)
{
    if (code != AM_OK) {
        ops.code = code;
        snprintf(ops.why, sizeof ops.why, "%s", err->text);
    }
    if (--ops.awaited == 0)
        ev_break(ops.loop, EVBREAK_ALL);
}

static void
on_operations(void *arg, int code, const void *reply, const struct am_error *err)
{
    (void)arg;
    if (code == AM_OK)
        ops_page_rows(&ops.page, reply);
    answered(code, err);
}

static void
on_spending(void *arg, int code, const void *reply, const struct am_error *err)
{
    (void)arg;
    if (code == AM_OK)
        ops_page_costs(&ops.page, reply);
    answered(code, err);
}

static int
ask(const char *run, struct am_error *err)
{
    struct bus_options options = {
        .run = run, .uids = getenv("ATTESTMESH_UIDS"), .self = BUS_CLI, .loop = ops.loop};
    struct bus *bus = NULL;
    int rc = bus_open(&bus, &options, err);

    if (rc == AM_OK)
        rc = bus_call(bus, BUS_METHOD_chain_operations, NULL, ASK_MS, "", on_operations, NULL, err);
    ops.awaited += rc == AM_OK;
    if (rc == AM_OK)
        rc = bus_call(bus, BUS_METHOD_chain_spending, NULL, ASK_MS, "", on_spending, NULL, err);
    ops.awaited += rc == AM_OK;
    if (rc == AM_OK)
        ev_run(ops.loop, 0);
    bus_close(&bus);
    if (rc == AM_OK && ops.code != AM_OK)
        rc = am_fail(err, ops.code, "%s", ops.why);
    return rc;
}

int
cli_ops(int argc, char **argv)
{
    const char *run = getenv("ATTESTMESH_RUN");
    struct am_error err = {0};
    bool json = false;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--run") == 0 && i + 1 < argc)
            run = argv[++i];
        else
            return cli_usage("ops");
    }
    if (run == NULL)
        run = "/run/attestmesh";
    am_log_open("cli", NULL, "error");
    if (access(run, R_OK | X_OK) != 0) {
        fprintf(stderr, "ops: no run folder %s: give --run DIR or ATTESTMESH_RUN\n", run);
        return 1;
    }
    ops.loop = ev_loop_new(EVFLAG_AUTO);
    if (ask(run, &err) != AM_OK) {
        fprintf(stderr, "ops: %s\n", err.text);
        return 1;
    }
    if (json)
        ops_page_json(&ops.page, stdout);
    else
        ops_page_print(&ops.page, stdout);
    return 0;
}
