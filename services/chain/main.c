/*  chain -- the node's view of the chain and its operations: settings, bus, loop.
 *
 *  No arguments; docs/settings.md lists the environment.  Exit codes: 0 asked to stop, 1 cannot
 *  start (one line says why), 75 another chain holds the run folder, 81, 82 and 84 (am_exit.h)
 *  what no retry mends.
 *
 *  What a thief of this process gets: the provider URLs.  It can lie to its own node about the
 *  chain; it cannot sign and holds no key.
 */
#include "chain.h"

#include "am_log.h"

#include <sodium.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_HELD 75 /* EX_TEMPFAIL */

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* Provider URLs are keys to somebody's account: no core, no tracing, no new rights. */
static int
lock_down(struct am_error *err)
{
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "prctl: expected no_new_privs and no core files, got %m");
    return sodium_init() >= 0 ? AM_OK : am_fail(err, AM_INTERNAL, "libsodium does not start");
}

static int
start(struct ev_loop *loop, struct am_settings *settings, struct bus **bus, struct chain **chain,
      struct am_error *err)
{
    struct bus_options options = {.self = BUS_CHAIN, .loop = loop};
    int rc = am_settings_load(settings, AM_READ_CHAIN, environ, err);

    if (rc != AM_OK)
        return rc;
    am_log_open("chain", settings->log_format, settings->log_level);
    options.run = settings->run;
    options.uids = settings->uids;
    if ((rc = lock_down(err)) != AM_OK || (rc = bus_open(bus, &options, err)) != AM_OK)
        return rc;
    return chain_start(chain, settings, *bus, loop, err);
}

int
main(void)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    static struct am_settings settings;
    struct chain *chain = NULL;
    struct bus *bus = NULL;
    struct am_error err = {0};
    ev_signal term, intr;
    int rc, exit_code = 0;

    am_log_open("chain", NULL, NULL);
    rc = start(loop, &settings, &bus, &chain, &err);
    if (rc == AM_OK) {
        ev_signal_init(&term, on_signal, SIGTERM);
        ev_signal_init(&intr, on_signal, SIGINT);
        ev_signal_start(loop, &term);
        ev_signal_start(loop, &intr);
        ev_run(loop, 0);
        exit_code = chain_exit_code(chain);
    } else {
        am_log(AM_ERROR, "start.failed", "code=%s reason=\"%s\"", am_err_name(rc), err.text);
        exit_code = rc == AM_ALREADY_EXISTS ? EXIT_HELD : 1;
    }
    chain_stop(chain);
    bus_close(&bus);
    chain_free(&chain);
#if defined(__SANITIZE_ADDRESS__)
    (void)prctl(PR_SET_DUMPABLE, 1); /* LeakSanitizer looks for leaks through ptrace */
#endif
    return exit_code;
}
