/*  api_http -- the HTTP server of health, metrics and evidence, on the event loop.  */
#include "api_http_int.h"

#include "../../common/base/am_addr.h"
#include "api_health.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 64u
#define CONNECTIONS_PER_SOURCE 32u /* so that one address cannot take them all */
#define IDLE_SECONDS 10u
#define SWEEP_SECONDS 1.

struct api_http {
    struct MHD_Daemon *daemon;
    struct ev_loop *loop;
    const struct api_facts *facts;
    struct api_evidence *evidence;
    ev_io ready;
    ev_timer sweep; /* idle connections' time-outs, and what epoll does not tell */
};

enum MHD_Result
api_http_respond(struct MHD_Connection *c, unsigned status, char *text, const char *type,
                 const char *const *headers)
{
    struct MHD_Response *response;
    enum MHD_Result r;

    if (text == NULL)
        return MHD_NO;
    response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (type != NULL)
        MHD_add_response_header(response, "Content-Type", type);
    for (; headers != NULL && *headers != NULL; headers += 2)
        MHD_add_response_header(response, headers[0], headers[1]);
    r = MHD_queue_response(c, status, response);
    MHD_destroy_response(response);
    return r;
}

static int seen; /* a request of which the headers have come and no more is to be remembered */

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **state)
{
    static const char *const allow[] = {"Allow", "GET, HEAD", NULL};
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
    if (*state != &seen)
        return api_http_attest_again(c, *state);
    if (strcmp(url, "/attestation") == 0)
        return api_http_attest(http, http->evidence, c, method, state);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return api_http_respond(c, 405, strdup("{\"error\":\"method-not-allowed\"}"),
                                "application/json", allow);
    if (strcmp(url, "/healthz") == 0) {
        text = api_healthz(http->facts, &status);
        return api_http_respond(c, status, text, "application/json", NULL);
    }
    if (strcmp(url, "/metrics") == 0)
        return api_http_respond(c, 200, api_metrics(http->facts), "text/plain; version=0.0.4",
                                NULL);
    return api_http_respond(c, 404, strdup("{\"error\":\"not-found\"}"), "application/json", NULL);
}

static void
on_end(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
    (void)arg, (void)c, (void)why;
    if (*state != NULL && *state != &seen)
        api_http_attest_end(*state);
    *state = NULL;
}

/* The server's descriptors are edge-triggered: what it has read and not yet dealt with is told by
 * its own time-out alone. */
void
api_http_run(struct api_http *http)
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
    api_http_run(w->data);
}

static void
on_sweep(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)events;
    api_http_run(w->data);
}

int
api_http_open(struct api_http **out, struct ev_loop *loop, const char *listen, struct bus *bus,
              const struct api_facts *facts, struct am_error *err)
{
    struct api_http *http = calloc(1, sizeof *http);
    struct sockaddr_in addr;
    int r;

    *out = NULL;
    if (http == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "api: no memory for its HTTP server");
    if ((r = am_addr_read(&addr, am_str_of(listen), "HEALTH_HTTP_ADDR", err)) != AM_OK ||
        (r = api_evidence_open(&http->evidence, loop, bus, facts, err)) != AM_OK) {
        free(http);
        return r;
    }
    http->loop = loop;
    http->facts = facts;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr, MHD_OPTION_CONNECTION_LIMIT,
        CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_SOURCE,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, http, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_END);
    if (http->daemon == NULL) {
        api_evidence_close(&http->evidence);
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
    api_evidence_close(&(*http)->evidence); /* no connection is suspended after it */
    ev_io_stop((*http)->loop, &(*http)->ready);
    ev_timer_stop((*http)->loop, &(*http)->sweep);
    MHD_stop_daemon((*http)->daemon);
    free(*http);
    *http = NULL;
}
