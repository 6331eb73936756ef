/*  api_http -- the HTTP server of health and metrics, on the event loop.  */
#include "api_http.h"

#include "../../common/base/am_addr.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 64u
#define IDLE_SECONDS 10u
#define SWEEP_SECONDS 1.

struct api_http {
    struct MHD_Daemon *daemon;
    struct ev_loop *loop;
    const struct api_facts *facts;
    ev_io ready;
    ev_timer sweep; /* idle connections' time-outs, and what epoll does not tell */
};

static enum MHD_Result
respond(struct MHD_Connection *c, unsigned status, char *text, const char *type)
{
    struct MHD_Response *response;
    enum MHD_Result r;

    if (text == NULL)
        return MHD_NO;
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    r = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **state)
{
    static int seen;
    struct api_http *http = arg;
    unsigned status;
    char *text;

    (void)version, (void)data;
    if (*state == NULL) { /* headers only: the body, if any, is still to come */
        *state = &seen;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return respond(c, 405, strdup("{\"error\":\"method-not-allowed\"}"), "application/json");
    if (strcmp(url, "/healthz") == 0) {
        text = api_healthz(http->facts, &status);
        return respond(c, status, text, "application/json");
    }
    if (strcmp(url, "/metrics") == 0)
        return respond(c, 200, api_metrics(http->facts), "text/plain; version=0.0.4");
    return respond(c, 404, strdup("{\"error\":\"not-found\"}"), "application/json");
}

/* The server's descriptors are edge-triggered: what it has read and not yet dealt with is told by
 * its own time-out alone. */
static void
run(struct api_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(http->daemon);
    http->sweep.repeat = SWEEP_SECONDS;
    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES && (double)ms / 1000 < SWEEP_SECONDS)
        http->sweep.repeat = ms > 0 ? (double)ms / 1000 : 0.001;
    ev_timer_again(http->loop, &http->sweep);
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop, (void)events;
    run(w->data);
}

static void
on_sweep(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)events;
    run(w->data);
}

int
api_http_open(struct api_http **out, struct ev_loop *loop, const char *listen,
              const struct api_facts *facts, struct am_error *err)
{
    struct api_http *http = calloc(1, sizeof *http);
    struct sockaddr_in addr;
    int r;

    *out = NULL;
    if (http == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "api: no memory for its HTTP server");
    if ((r = am_addr_read(&addr, am_str_of(listen), "HEALTH_HTTP_ADDR", err)) != AM_OK) {
        free(http);
        return r;
    }
    http->loop = loop;
    http->facts = facts;
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR,
                         (struct sockaddr *)&addr, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
    if (http->daemon == NULL) {
        free(http);
        return am_fail(err, AM_UNAVAILABLE, "HEALTH_HTTP_ADDR: cannot listen on %s: is it in use?",
                       listen);
    }
    ev_io_init(&http->ready, on_ready,
               MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EV_READ);
    ev_timer_init(&http->sweep, on_sweep, SWEEP_SECONDS, SWEEP_SECONDS);
    http->ready.data = http->sweep.data = http;
    ev_io_start(loop, &http->ready);
    ev_timer_start(loop, &http->sweep);
    *out = http;
    return AM_OK;
}

void
api_http_close(struct api_http **http)
{
    if (*http == NULL)
        return;
    ev_io_stop((*http)->loop, &(*http)->ready);
    ev_timer_stop((*http)->loop, &(*http)->sweep);
    MHD_stop_daemon((*http)->daemon);
    free(*http);
    *http = NULL;
}
