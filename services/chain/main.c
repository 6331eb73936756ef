/*  chain -- the node's view of the chain and its operations: settings, bus, loop.
 *
 *  No arguments; docs/settings.md lists the environment.  Exit codes: 0 asked to stop, 1 cannot
 *  start (one line says why), 75 another chain holds the run folder, 81, 82 and 84 (am_exit.h)
 *  what no retry mends.
 *
 *  What a thief of this process gets: the provider URLs, which are keys to somebody's account.  It
 *  can lie to its own node about the chain; it cannot sign and holds no key.
 */
#include "chain.h"

#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/crypto/am_secp.h"

#include <unistd.h>

#define EXIT_HELD 75 /* EX_TEMPFAIL */

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
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
    if ((rc = am_crypto_init(err)) != AM_OK ||
        (rc = am_sandbox_enter(AM_SANDBOX_CHAIN, settings, err)) != AM_OK ||
        (rc = bus_open(bus, &options, err)) != AM_OK)
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
    return exit_code;
}
