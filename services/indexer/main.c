/*  indexer -- follows the events of the cluster by its own log polling.
 *
 *  SECURITY: a thief of this process can withhold or invent events of the cluster; facts about
 *  members come from chain, never from here.  It holds the RPC URL.
 */
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/crypto/am_secp.h"
#include "indexer.h"

#include <signal.h>

extern char **environ;

static void
on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int
main(void)
{
    static struct am_settings s;
    struct am_error err = {0};
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct bus_options options = {.self = BUS_INDEXER, .loop = loop};
    struct indexer *indexer = NULL;
    struct bus *bus = NULL;
    ev_signal term, interrupt;
    int r;

    am_log_open("indexer", NULL, NULL);
    if ((r = am_settings_load(&s, AM_READ_INDEXER, environ, &err)) != AM_OK)
        goto out;
    am_log_open("indexer", s.log_format, s.log_level);
    options.run = s.run;
    options.uids = s.uids;
    ev_signal_init(&term, on_stop, SIGTERM);
    ev_signal_init(&interrupt, on_stop, SIGINT);
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    if ((r = am_sandbox_enter(AM_SANDBOX_INDEXER, &s, &err)) != AM_OK ||
        (r = bus_open(&bus, &options, &err)) != AM_OK ||
        (r = indexer_open(&indexer, loop, bus, &s, &err)) != AM_OK)
        goto out;
    am_log(AM_INFO, "ready", "start_block=%llu", (unsigned long long)s.start_block);
    ev_run(loop, 0);
out:
    if (r != AM_OK)
        am_log(AM_ERROR, "start.refused", "reason=\"%s\"", err.text);
    indexer_close(&indexer);
    bus_close(&bus);
    return r == AM_OK ? 0 : r == AM_ALREADY_EXISTS ? 75 : 1;
}
