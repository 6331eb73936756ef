/*  api -- health, metrics and evidence of this node over HTTP, and the application's socket.
 *
 *  SECURITY: a thief of this process can lie to the operator about health and to the application
 *  about the mesh, and the bus lets him ask for the CSK, for keys derived from it and for quotes.
 *  It holds keys only on their way to the application, in locked memory.
 */
#include "../../common/base/am_log.h"
#include "../../common/base/am_sandbox.h"
#include "../../common/base/am_secret.h"
#include "api.h"
#include "api_agent.h"
#include "api_http.h"
#include "api_socket.h"

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
    static struct api_facts facts;
    struct am_error err = {0};
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct bus_options options = {.self = BUS_API, .loop = loop};
    struct api_http *http = NULL;
    struct api_agent_options app = {.loop = loop,
                                    .facts = &facts,
                                    .path = s.agent_socket,
                                    .csk_uids = s.csk_uids,
                                    .derive_uids = s.derive_uids};
    struct api_agent *agent = NULL;
    struct bus *bus = NULL;
    ev_signal term, interrupt;
    int r;

    am_log_open("api", NULL, NULL);
    if ((r = am_settings_load(&s, AM_READ_API, environ, &err)) != AM_OK ||
        (r = am_secret_init(&err)) != AM_OK ||
        (r = api_socket_folder(s.agent_socket, &err)) != AM_OK)
        goto out;
    am_log_open("api", s.log_format, s.log_level);
    options.run = s.run;
    options.uids = s.uids;
    ev_signal_init(&term, on_stop, SIGTERM);
    ev_signal_init(&interrupt, on_stop, SIGINT);
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    if ((r = am_sandbox_enter(AM_SANDBOX_API, &s, &err)) != AM_OK ||
        (r = bus_open(&bus, &options, &err)) != AM_OK ||
        (r = api_follow(bus, &facts, &err)) != AM_OK ||
        (r = api_http_open(&http, loop, s.health_addr, bus, &facts, &err)) != AM_OK)
        goto out;
    app.bus = bus;
    if ((r = api_agent_open(&agent, &app, &err)) != AM_OK)
        goto out;
    bus_status(bus, "ready", "");
    am_log(AM_INFO, "ready", "listen=%s socket=%s", s.health_addr, s.agent_socket);
    ev_run(loop, 0);
out:
    if (r != AM_OK)
        am_log(AM_ERROR, "start.refused", "reason=\"%s\"", err.text);
    bus_close(&bus); /* first: it answers for keyagent what is still in flight */
    api_http_close(&http);
    api_agent_close(&agent);
    return r == AM_OK ? 0 : r == AM_ALREADY_EXISTS ? 75 : 1;
}
