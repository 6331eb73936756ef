/*  mesh -- the node's place in the mesh: settings, helper, locked memory, sandbox, bus, loop.
 *
 *  No arguments; docs/settings.md lists the environment.  Exit codes: 0 asked to stop, 1 cannot
 *  start or cannot go on (one line says why), 75 another mesh holds the run folder, 83 the chain
 *  has other keys for our member (am_exit.h).
 *
 *  What a thief of this process gets: the word of this node about who is alive, the CSK requests
 *  that pass, the WireGuard key while it is being written, and the helper's short list of commands.
 */
#include "../../common/base/am_exit.h"
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_secp.h"
#include "mesh.h"

#include <signal.h>
#include <unistd.h>

#define EXIT_HELD 75 /* EX_TEMPFAIL */

static bool asked; /* to stop */

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    asked = true;
    ev_break(loop, EVBREAK_ALL);
}

static int
start(struct ev_loop *loop, const struct am_settings *settings, struct mesh_helper *helper,
      struct bus **bus, struct mesh **mesh, struct am_error *err)
{
    struct bus_options options = {
        .run = settings->run, .uids = settings->uids, .self = BUS_MESH, .loop = loop};
    int rc;

    if ((rc = am_crypto_init(err)) != AM_OK ||
        (rc = am_sandbox_enter(AM_SANDBOX_MESH, settings, err)) != AM_OK ||
        (rc = bus_open(bus, &options, err)) != AM_OK)
        return rc;
    bus_status(*bus, "starting", "");
    return mesh_start(mesh, settings, helper, *bus, loop, err);
}

static int
run(struct mesh_helper *helper, const struct am_settings *settings, int *exit_code,
    struct am_error *err)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct bus *bus = NULL;
    struct mesh *mesh = NULL;
    ev_signal term, intr;
    int rc = start(loop, settings, helper, &bus, &mesh, err);

    if (rc == AM_OK) {
        ev_signal_init(&term, on_signal, SIGTERM);
        ev_signal_init(&intr, on_signal, SIGINT);
        ev_signal_start(loop, &term);
        ev_signal_start(loop, &intr);
        ev_run(loop, 0);
        *exit_code = mesh_exit_code(mesh);
        if (!asked && *exit_code == 0)
            rc = am_fail(err, AM_UNAVAILABLE, "mesh: the loop ended unasked");
    }
    mesh_stop(&mesh);
    bus_close(&bus);
    return rc;
}

int
main(void)
{
    struct mesh_helper *helper = NULL;
    struct am_settings settings;
    struct am_error err = {0};
    int rc, exit_code = 0;

    am_log_open("mesh", NULL, NULL);
    rc = am_settings_load(&settings, AM_READ_MESH, environ, &err);
    if (rc == AM_OK) {
        am_log_open("mesh", settings.log_format, settings.log_level);
        signal(SIGPIPE, SIG_IGN);
        /* Before the fork: neither process may be dumped.  Before every thread: the fork. */
        if ((rc = am_secret_init(&err)) == AM_OK &&
            (rc = mesh_helper_open(&helper, &settings, &err)) == AM_OK)
            rc = run(helper, &settings, &exit_code, &err);
    }
    mesh_helper_close(&helper);
    if (rc != AM_OK)
        am_log(AM_ERROR, "start.failed", "code=%s reason=\"%s\"", am_err_name(rc), err.text);
    return rc == AM_OK ? exit_code : rc == AM_ALREADY_EXISTS ? EXIT_HELD : 1;
}
