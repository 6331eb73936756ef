/*  bus_call -- the client: every call ends once, in a reply, at its deadline, or with the
 * connection.  */
#include "bus_int.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

#define CONNECT_MS 1000 /* a call waits so long for a connection */

struct bus_asked {
    struct bus_client *to;
    ev_timer timer; /* until sent: the wait for a connection; then the deadline */
    uint64_t sequence;
    char name[65], correlation[65];
    const struct bus_row *reply;
    int64_t deadline_ms;
    bool sent, secret;
    uint8_t *payload; /* until sent */
    size_t len;
    bus_reply_fn *fn;
    void *arg;
    TAILQ_ENTRY(bus_asked) link;
};

struct bus_client {
    struct bus *bus;
    enum bus_service service;
    struct bus_sock sock, monitor;
    bool connected;
    const char *trouble; /* why it is not */
    TAILQ_HEAD(, bus_asked) asked;
};

static void
drop_payload(struct bus_asked *a)
{
    if (a->payload != NULL && a->secret)
        sodium_memzero(a->payload, a->len);
    free(a->payload);
    a->payload = NULL;
}

static void
finish(struct bus_asked *a, int code, const void *reply, const struct am_error *err)
{
    bus_reply_fn *fn = a->fn;
    void *arg = a->arg;

    TAILQ_REMOVE(&a->to->asked, a, link);
    ev_timer_stop(a->to->bus->loop, &a->timer);
    a->to->bus->asked_count--;
    drop_payload(a);
    free(a);
    fn(arg, code, reply, err);
}

static void
fail(struct bus_asked *a, int code, const char *why)
{
    struct am_error err;

    am_fail(&err, code, "%s: expected a reply, got %s", a->name, why);
    finish(a, err.code, NULL, &err);
}

static void
try_send(struct bus_asked *a)
{
    struct bus *bus = a->to->bus;
    struct bus_header h = bus_header_new(bus, a->sequence);

    h.correlation = am_str_of(a->correlation);
    h.deadline_ms = (uint64_t)a->deadline_ms;
    if (!a->to->connected ||
        bus_send(&a->to->sock, BUS_NOTHING, a->name, &h, am_bin_of(a->payload, a->len)) != 0)
        return; /* its timer decides */
    a->sent = true;
    drop_payload(a);
    ev_timer_stop(bus->loop, &a->timer);
    ev_timer_set(&a->timer, (double)(a->deadline_ms - am_mono_ms()) / 1000, 0);
    ev_timer_start(bus->loop, &a->timer);
}

static void
flush(struct bus_client *c)
{
    struct bus_asked *a;

    for (a = TAILQ_FIRST(&c->asked); a != NULL; a = TAILQ_NEXT(a, link))
        if (!a->sent)
            try_send(a);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
    struct bus_asked *a = w->data;
    struct bus_client *c = a->to;

    (void)loop;
    if ((events & EV_CUSTOM) != 0) { /* just asked */
        bus_sock_drain(&c->monitor); /* a call must not be failed by an end that was before it */
        flush(c);
    } else if (!a->sent)
        fail(a, AM_UNAVAILABLE, a->to->trouble);
    else
        fail(a, AM_DEADLINE_EXCEEDED, "none before the deadline");
}

static void
take_reply(struct bus_asked *a, const struct bus_header *h, struct am_bin payload)
{
    const struct bus_row *row = a->reply;
    struct bus *bus = a->to->bus;
    union bus_any reply;
    struct am_error err = {.code = AM_OK};

    if (h->status != 0)
        am_fail(&err, -(int)h->status, "%.*s", (int)h->reason.len, h->reason.p);
    else if (bus_decode(row, false, &reply, payload, &err) != AM_OK)
        bus_drop(bus, err.code, "%s", err.text);
    bus->header = h;
    finish(a, err.code, err.code == AM_OK ? &reply : NULL, err.code == AM_OK ? NULL : &err);
    bus->header = NULL;
    if (bus_is_secret(row)) {
        sodium_memzero((void *)payload.p, payload.len); /* the frame is ours until it is closed */
        sodium_memzero(&reply, row->offset);
    }
}

static bool
on_reply(void *arg)
{
    struct bus_client *c = arg;
    struct bus_frames f;
    struct bus_header h;
    struct bus_asked *a;

    if (!bus_take_from(&c->sock, c->service, &f, &h))
        return false;
    if (f.n == 0)
        return true;
    for (a = TAILQ_FIRST(&c->asked); a != NULL && !(a->sent && a->sequence == h.sequence);)
        a = TAILQ_NEXT(a, link);
    if (a != NULL)
        take_reply(a, &h, bus_frame(&f, 2));
    else
        bus_drop(c->bus, AM_NOT_FOUND, "reply: expected an awaited one, got %" PRIu64, h.sequence);
    bus_frames_free(&f);
    return true;
}

static void
lose(struct bus_client *c)
{
    struct bus_asked *a;

    bus_sock_drain(&c->sock); /* replies that came before the end */
    c->connected = false;
    a = TAILQ_FIRST(&c->asked);
    while (a != NULL) /* a callback may ask anew: that is not sent, and stays */
        if (a->sent) {
            fail(a, AM_UNAVAILABLE, "the end of the connection");
            a = TAILQ_FIRST(&c->asked);
        } else {
            a = TAILQ_NEXT(a, link);
        }
}

static bool
on_monitor(void *arg)
{
    struct bus_client *c = arg;
    struct bus_frames f;
    uint16_t event;

    if (!bus_take(&c->monitor, &f))
        return false;
    memcpy(&event, bus_frame(&f, 0).p, sizeof event); /* libzmq: u16 event, u32 value */
    bus_frames_free(&f);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        c->connected = true;
        flush(c);
    } else if (event == ZMQ_EVENT_DISCONNECTED && c->connected) {
        c->trouble = "no connection again";
        lose(c);
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        c->trouble = "its refusal of this uid";
    }
    return true;
}

static int
client_of(struct bus *bus, enum bus_service service, struct bus_client **out, struct am_error *err)
{
    struct bus_client *c = bus->clients[service];
    const char *name = bus_service_name(service);
    char end[128];
    int r;

    *out = c;
    if (c != NULL)
        return AM_OK;
    if ((c = calloc(1, sizeof *c)) == NULL)
        return am_fail(err, AM_INTERNAL, "bus: expected memory, got none");
    c->bus = bus;
    c->service = service;
    c->trouble = "no connection";
    TAILQ_INIT(&c->asked);
    snprintf(end, sizeof end, "inproc://monitor-%s", name);
    r = bus_sock_open(&c->sock, bus, ZMQ_DEALER, name, NULL, on_reply, c, err);
    /* Somebody must hear the monitor before it has anything to say: libzmq would wait for him. */
    if (r == AM_OK && zmq_socket_monitor(c->sock.zmq, end, ZMQ_EVENT_ALL) != 0)
        r = am_fail(err, AM_INTERNAL, "bus: expected a monitor, got %s", zmq_strerror(errno));
    if (r == AM_OK)
        r = bus_sock_open(&c->monitor, bus, ZMQ_PAIR, NULL, end, on_monitor, c, err);
    if (r == AM_OK && zmq_connect(c->sock.zmq, bus_address(end, bus, service, "req")) != 0)
        r = am_fail(err, AM_INTERNAL, "bus: expected to connect %s, got %s", end,
                    zmq_strerror(errno));
    if (r != AM_OK) {
        bus_sock_close(&c->monitor);
        bus_sock_close(&c->sock);
        free(c);
        return r;
    }
    *out = bus->clients[service] = c;
    return AM_OK;
}

int
bus_ask(struct bus *bus, enum bus_service service, const char *name, const struct bus_row *ask,
        const void *message, const struct bus_row *reply, int64_t deadline_ms,
        const char *correlation, bus_reply_fn *fn, void *arg, struct am_error *err)
{
    struct bus_client *c;
    struct bus_asked *a;
    size_t len;
    int64_t wait = deadline_ms < CONNECT_MS ? deadline_ms : CONNECT_MS;
    int r;

    if (bus->closing)
        return am_fail(err, AM_UNAVAILABLE, "%s: expected an open bus", name);
    if (deadline_ms < 1 || deadline_ms > BUS_DEADLINE_MAX_MS || strlen(correlation) > 64)
        return am_fail(err, AM_OUT_OF_RANGE, "%s: expected a deadline of 1 to %d ms, got %" PRId64,
                       name, BUS_DEADLINE_MAX_MS, deadline_ms);
    if (bus->asked_count == BUS_HELD_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d calls in flight", name,
                       BUS_HELD_MAX);
    if ((r = bus_encode(ask, message, bus->out, BUS_PAYLOAD_MAX, &len, err)) != AM_OK ||
        (r = client_of(bus, service, &c, err)) != AM_OK)
        return r;
    a = calloc(1, sizeof *a);
    if (a == NULL || (a->payload = malloc(len)) == NULL) {
        free(a);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", name);
    }
    a->to = c;
    a->sequence = ++bus->calls;
    a->reply = reply;
    a->deadline_ms = am_mono_ms() + deadline_ms;
    a->secret = bus_is_secret(ask);
    a->len = len;
    a->fn = fn;
    a->arg = arg;
    memcpy(a->payload, bus->out, len);
    if (a->secret)
        sodium_memzero(bus->out, len);
    snprintf(a->name, sizeof a->name, "%s", name);
    if (*correlation != '\0')
        snprintf(a->correlation, sizeof a->correlation, "%s", correlation);
    else
        snprintf(a->correlation, sizeof a->correlation, "%s-%08" PRIx32 "-%" PRIu64,
                 bus_service_name(bus->self), (uint32_t)bus->epoch, a->sequence);
    TAILQ_INSERT_TAIL(&c->asked, a, link);
    bus->asked_count++;
    ev_timer_init(&a->timer, on_timer, (double)wait / 1000, 0);
    a->timer.data = a;
    ev_timer_start(bus->loop, &a->timer);
    ev_feed_event(bus->loop, &a->timer, EV_CUSTOM);
    return AM_OK;
}

int
bus_call(struct bus *bus, enum bus_method method, const void *message, int64_t deadline_ms,
         const char *correlation, bus_reply_fn *fn, void *arg, struct am_error *err)
{
    const struct bus_row *row = bus_method_row(method);

    return bus_ask(bus, row->service, row->name, row, message, bus_reply_row(method), deadline_ms,
                   correlation, fn, arg, err);
}

int
bus_call_hello(struct bus *bus, enum bus_service service, int64_t deadline_ms, bus_reply_fn *fn,
               void *arg, struct am_error *err)
{
    static const struct bus_row nothing[] = {{.kind = BUS_STRUCT, .name = "hello"}, {.kind = 0}};

    return bus_ask(bus, service, "hello", nothing, NULL, &bus_rows[BUS_ROW_bus_hello], deadline_ms,
                   "", fn, arg, err);
}

void
bus_call_close(struct bus *bus)
{
    for (int s = 0; s < BUS_SERVICE_COUNT; s++) {
        struct bus_client *c = bus->clients[s];

        if (c == NULL)
            continue;
        while (!TAILQ_EMPTY(&c->asked))
            fail(TAILQ_FIRST(&c->asked), AM_UNAVAILABLE, "the end of the bus");
        zmq_socket_monitor(c->sock.zmq, NULL, 0);
        bus_sock_close(&c->monitor);
        bus_sock_close(&c->sock);
        free(c);
    }
}
