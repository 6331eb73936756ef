/*  sp_http -- the sponsor's HTTP server, on the event loop.  */
#include "sp_exchange.h"

#include "../../common/base/am_addr.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (128u * 1024u)
#define BODY_HEARD (1024u * 1024u) /* so much is read to refuse politely; beyond, we hang up */
#define CONNECTIONS_MAX 512u       /* gas providers call from few addresses: no limit for each */
#define IDLE_SECONDS 30u
/* Of a connection: a request line and headers.  It is wiped after each request. */
#define MEMORY_BYTES ((size_t)8192)
#define SWEEP_SECONDS 1.
#define SPARE_MAX 64u

struct sp_http {
    struct MHD_Daemon *daemon;
    struct sponsor *sp;
    ev_io ready;
    ev_timer sweep;            /* idle connections' time-outs, and what epoll does not tell */
    ev_prepare rest;           /* the loop is about to pause */
    ev_idle more;              /* it may not: grants were made after the flush */
    bool resumed;              /* connections are to go on */
    struct sp_exchange *spare; /* SPARE_MAX at most: they are large, and each request takes one */
    unsigned spares;
};

static enum MHD_Result
respond(struct sp_exchange *x)
{
    struct MHD_Response *response;
    enum MHD_Result r;

    if (x->text == NULL)
        return MHD_NO;
    response = MHD_create_response_from_buffer(strlen(x->text), x->text, MHD_RESPMEM_MUST_FREE);
    x->text = NULL;
    MHD_add_response_header(response, "Content-Type", x->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    r = MHD_queue_response(x->connection, x->status, response);
    MHD_destroy_response(response);
    return r;
}

void
sp_exchange_answer(struct sp_exchange *x, unsigned status, char *text)
{
    x->status = status;
    x->text = text;
    if (!x->suspended)
        return;
    x->suspended = false;
    x->http->resumed = true;
    MHD_resume_connection(x->connection);
}

const char *
sp_exchange_value(const struct sp_exchange *x, enum MHD_ValueKind kind, const char *name)
{
    const char *text = NULL;
    size_t len = 0;

    if (MHD_lookup_connection_value_n(x->connection, kind, name, strlen(name), &text, &len) !=
            MHD_YES ||
        text == NULL || strlen(text) != len)
        return NULL;
    return text;
}

static enum MHD_Result
take(struct sp_exchange *x, const char *data, size_t *size)
{
    uint8_t *grown;

    if (x->len + *size > BODY_HEARD)
        return MHD_NO;
    if (x->len + *size > BODY_MAX) {
        x->too_long = true; /* read to the end, so that the refusal can be read too */
    } else {
        if ((grown = realloc(x->body, x->len + *size)) == NULL)
            return MHD_NO;
        x->body = grown;
        memcpy(x->body + x->len, data, *size);
    }
    x->len += *size;
    *size = 0;
    return MHD_YES;
}

/* A request is whole. */
static void
serve(struct sp_exchange *x, const char *method, const char *url)
{
    sp_route_fn *route = sp_route_of(method, url);

    x->started = true;
    if (route == NULL)
        sp_exchange_answer(x, 404, strdup("{\"error\":\"not-found\"}"));
    else if (x->too_long)
        sp_exchange_answer(x, 413, strdup("{\"error\":\"body-too-large\"}"));
    else
        route(x);
}

static struct sp_exchange *
begin(struct sp_http *http)
{
    struct sp_exchange *x = http->spare;

    if (x == NULL)
        return malloc(sizeof *x);
    http->spare = x->next;
    http->spares--;
    return x;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **state)
{
    struct sp_http *http = arg;
    struct sp_exchange *x = *state;

    (void)version;
    if (x == NULL) {
        if ((x = *state = begin(http)) == NULL)
            return MHD_NO;
        memset(x, 0,
               offsetof(struct sp_exchange, op)); /* that is large, and read before it is used */
        x->sp = http->sp;
        x->http = http;
        x->connection = c;
        x->type = "application/json";
        return MHD_YES;
    }
    if (*size > 0)
        return take(x, data, size);
    if (!x->started)
        serve(x, method, url);
    if (x->status != 0)
        return respond(x);
    x->suspended = true;
    MHD_suspend_connection(c);
    return MHD_YES;
}

static void
on_done(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
    struct sp_http *http = arg;
    struct sp_exchange *x = *state;

    (void)c, (void)code;
    if (x == NULL)
        return;
    json_decref(x->rpc.id);
    free(x->text); /* its client went before it came */
    free(x->body);
    *state = NULL;
    if (http->spares == SPARE_MAX) {
        free(x);
        return;
    }
    x->next = http->spare;
    http->spare = x;
    http->spares++;
}

/* The server's descriptors are edge-triggered: what it has read and not yet dealt with is told by
 * its own time-out alone. */
static void
run(struct sp_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;

    http->resumed = false;
    MHD_run(http->daemon);
    http->sweep.repeat = SWEEP_SECONDS;
    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES && (double)ms / 1000 < SWEEP_SECONDS)
        http->sweep.repeat = ms > 0 ? (double)ms / 1000 : 0.001;
    ev_timer_again(http->sp->loop, &http->sweep);
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

static void
on_rest(struct ev_loop *loop, ev_prepare *w, int events)
{
    struct sp_http *http = w->data;

    (void)events;
    sp_gate_flush(http->sp->gate);
    if (http->resumed)
        run(http);
    if (sp_gate_waits(http->sp->gate) || http->resumed)
        ev_idle_start(loop, &http->more);
    else
        ev_idle_stop(loop, &http->more);
}

static void
on_more(struct ev_loop *loop, ev_idle *w, int events)
{
    (void)loop, (void)w, (void)events;
}

static void
watch(struct sp_http *http)
{
    struct ev_loop *loop = http->sp->loop;

    ev_io_init(&http->ready, on_ready,
               MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, EV_READ);
    ev_timer_init(&http->sweep, on_sweep, SWEEP_SECONDS, SWEEP_SECONDS);
    ev_prepare_init(&http->rest, on_rest);
    ev_idle_init(&http->more, on_more);
    http->ready.data = http->sweep.data = http->rest.data = http;
    ev_io_start(loop, &http->ready);
    ev_timer_start(loop, &http->sweep);
    ev_prepare_start(loop, &http->rest);
}

int
sp_http_open(struct sp_http **out, struct sponsor *sp, const char *listen, struct am_error *err)
{
    struct sp_http *http = calloc(1, sizeof *http);
    struct sockaddr_in addr;
    int r;

    *out = NULL;
    if (http == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor: no memory for its HTTP server");
    if ((r = am_addr_read(&addr, am_str_of(listen), "ATTESTMESH_SPONSOR_LISTEN", err)) != AM_OK) {
        free(http);
        return r;
    }
    http->sp = sp;
    http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                                    on_request, http, MHD_OPTION_SOCK_ADDR,
                                    (struct sockaddr *)&addr, MHD_OPTION_CONNECTION_LIMIT,
                                    CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                    MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
                                    MHD_OPTION_NOTIFY_COMPLETED, on_done, http, MHD_OPTION_END);
    if (http->daemon == NULL) {
        free(http);
        return am_fail(err, AM_UNAVAILABLE,
                       "ATTESTMESH_SPONSOR_LISTEN: cannot listen on %s: is it in use?", listen);
    }
    watch(http);
    *out = http;
    return AM_OK;
}

void
sp_http_close(struct sp_http **out)
{
    struct sp_http *http = *out;
    struct sp_exchange *x;

    if (http == NULL)
        return;
    ev_io_stop(http->sp->loop, &http->ready);
    ev_timer_stop(http->sp->loop, &http->sweep);
    ev_prepare_stop(http->sp->loop, &http->rest);
    ev_idle_stop(http->sp->loop, &http->more);
    MHD_stop_daemon(http->daemon);
    while ((x = http->spare) != NULL) {
        http->spare = x->next;
        free(x);
    }
    free(http);
    *out = NULL;
}
