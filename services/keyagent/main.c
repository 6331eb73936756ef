/*  keyagent -- the node's keys: settings, locked memory, sandbox, bus, loop.
 *
 *  No arguments; docs/settings.md lists the environment.  Exit codes: 0 asked to stop, 1 cannot
 *  start (one line says why), 75 another keyagent holds the run folder, 85 (am_exit.h) key
 *  migration.
 *
 *  What a thief of this process gets: every key of the node and the CSK.  Hence no network, no
 *  child, no file but the bus sockets and the guest agent's.
 */
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_secp.h"
#include "keyagent.h"

#include <stdio.h>
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
start(struct ev_loop *loop, struct am_settings *settings, struct bus **bus, struct keyagent **k,
      struct am_error *err)
{
    struct bus_options options = {.self = BUS_KEYAGENT, .loop = loop};
    int rc;

    if ((rc = am_settings_load(settings, AM_READ_KEYAGENT, environ, err)) != AM_OK)
        return rc;
    am_log_open("keyagent", settings->log_format, settings->log_level);
    options.run = settings->run;
    options.uids = settings->uids;
    if ((rc = am_secret_init(err)) != 0 || (rc = am_crypto_init(err)) != 0 ||
        (rc = am_sandbox_enter(AM_SANDBOX_KEYAGENT, settings, err)) != 0 ||
        (rc = bus_open(bus, &options, err)) != 0)
        return rc;
    bus_status(*bus, "starting", "");
    return keyagent_start(k, settings, *bus, loop, err);
}

int
main(void)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct am_settings settings;
    struct keyagent *keyagent = NULL;
    struct bus *bus = NULL;
    struct am_error err = {0};
    ev_signal term, intr;
    int rc, code = 0;

    am_log_open("keyagent", NULL, NULL);
    rc = start(loop, &settings, &bus, &keyagent, &err);
    if (rc == AM_OK) {
        ev_signal_init(&term, on_signal, SIGTERM);
        ev_signal_init(&intr, on_signal, SIGINT);
        ev_signal_start(loop, &term);
        ev_signal_start(loop, &intr);
        ev_run(loop, 0);
        code = keyagent_exit_code(keyagent);
    } else {
        am_log(AM_ERROR, "start.failed", "code=%s reason=\"%s\"", am_err_name(rc), err.text);
    }
    keyagent_stop(&keyagent);
    bus_close(&bus);
    return rc == AM_OK ? code : rc == AM_ALREADY_EXISTS ? EXIT_HELD : 1;
}
