/*  bus_call -- the client: every call ends once, in a reply, at its deadline, or with the link.  */
#include "bus_int.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

#define CONNECT_MS 1000 /* a call waits so long for a connection */

struct bus_asked {
    struct bus_client *to;
    ev_timer timer; /* until sent: the wait for a connection; then the deadline */
    uint64_t sequence;
    const char *name;
    char correlation[65];
    const struct bus_row *reply;
    int64_t deadline_ms;
    bool sent;
    bus_reply_fn *fn;
    void *arg;
    TAILQ_ENTRY(bus_asked) link;
    size_t len;
    uint8_t payload[]; /* wiped when sent */
};

static void
finish(struct bus_asked *a, const void *reply, const struct am_error *err)
{
    bus_reply_fn *fn = a->fn;
    void *arg = a->arg;

    TAILQ_REMOVE(&a->to->asked, a, link);
    ev_timer_stop(a->to->bus->loop, &a->timer);
    a->to->bus->asked_count--;
    sodium_memzero(a->payload, a->len);
    free(a);
    fn(arg, err == NULL ? AM_OK : err->code, reply, err);
}

static void
fail(struct bus_asked *a, int code, const char *why)
{
    struct am_error err;

    am_fail(&err, code, "%s: expected a reply, got %s", a->name, why);
    finish(a, NULL, &err);
}

static void
flush(struct bus_client *c)
{
    struct bus_asked *a;

    TAILQ_FOREACH(a, &c->asked, link)
    {
        struct bus_header h = bus_header_new(c->bus, a->sequence);

        h.correlation = am_str_of(a->correlation);
        h.deadline_ms = (uint64_t)a->deadline_ms;
        if (a->sent || !c->connected ||
            bus_send(&c->sock, am_bin_of(NULL, 0), a->name, &h, am_bin_of(a->payload, a->len),
                     NULL) != AM_OK)
            continue; /* its timer decides */
        a->sent = true;
        sodium_memzero(a->payload, a->len);
        ev_timer_stop(c->bus->loop, &a->timer);
        ev_now_update(c->bus->loop);
        ev_timer_set(&a->timer, (double)(a->deadline_ms - am_mono_ms()) / 1000, 0);
        ev_timer_start(c->bus->loop, &a->timer);
    }
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
    } else if (!a->sent) {
        fail(a, AM_UNAVAILABLE, c->trouble);
    } else {
        fail(a, AM_DEADLINE_EXCEEDED, "none before the deadline");
    }
}

static int
on_reply(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus_client *c = arg;
    const struct bus_header *h = &m->header;
    const struct bus_row *row;
    struct am_error refusal = {.code = AM_OK};
    union bus_any reply;
    struct bus_asked *a;
    int r = AM_OK;

    TAILQ_FOREACH(a, &c->asked, link)
    if (a->sent && a->sequence == h->sequence)
        break;
    if (a == NULL)
        return am_fail(err, AM_NOT_FOUND, "reply: expected an awaited one, got %" PRIu64,
                       h->sequence);
    row = a->reply;
    if (h->status != 0)
        am_fail(&refusal, -(int)h->status, "%.*s", (int)h->reason.len, h->reason.p);
    else if ((r = bus_decode(row, false, &reply, m->frame[2], err)) != AM_OK)
        refusal = *err;
    if (refusal.code == AM_OK)
        finish(a, &reply, NULL);
    else
        finish(a, NULL, &refusal);
    bus_wipe(row, &reply, m->frame[2]);
    return r;
}

static void
lose(struct bus_client *c)
{
    struct bus_asked *a;

    bus_sock_drain(&c->sock); /* replies that came before the end */
    c->connected = false;
    c->trouble = "no connection again";
    a = TAILQ_FIRST(&c->asked);
    while (a != NULL) /* a callback may ask anew: that is not sent, and stays */
        if (a->sent) {
            fail(a, AM_UNAVAILABLE, "the end of the connection");
            a = TAILQ_FIRST(&c->asked);
        } else {
            a = TAILQ_NEXT(a, link);
        }
}

static int
on_monitor(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus_client *c = arg;
    uint16_t event;

    (void)err;
    memcpy(&event, m->frame[0].p, sizeof event); /* libzmq: u16 event, u32 value */
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        c->connected = true;
        flush(c);
    } else if (event == ZMQ_EVENT_DISCONNECTED && c->connected) {
        lose(c);
    } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        c->trouble = "its refusal of this uid";
    }
    return AM_OK;
}

static int
connect_to(struct bus *bus, enum bus_service service, struct am_error *err)
{
    struct bus_client *c = &bus->clients[service];
    const char *name = bus_service_name(service);
    char at[128];
    int r;

    if (c->sock.zmq != NULL)
        return AM_OK;
    c->bus = bus;
    c->trouble = "no connection";
    TAILQ_INIT(&c->asked);
    snprintf(at, sizeof at, "inproc://monitor-%s", name);
    r = bus_sock_open(&c->sock, bus, ZMQ_DEALER, name, NULL, on_reply, c, err);
    /* Somebody must hear the monitor before it has anything to say: libzmq would wait for him. */
    if (r == AM_OK && zmq_socket_monitor(c->sock.zmq, at, ZMQ_EVENT_ALL) != 0)
        r = am_fail(err, AM_INTERNAL, "bus: expected a monitor, got %s", zmq_strerror(errno));
    if (r == AM_OK)
        r = bus_sock_open(&c->monitor, bus, ZMQ_PAIR, NULL, at, on_monitor, c, err);
    if (r == AM_OK && zmq_connect(c->sock.zmq, bus_address(at, bus, service, "req")) != 0)
        r = am_fail(err, AM_INTERNAL, "bus: expected to connect %s, got %s", at,
                    zmq_strerror(errno));
    if (r != AM_OK) {
        bus_sock_close(&c->monitor);
        bus_sock_close(&c->sock);
    }
    return r;
}

int
bus_ask(struct bus *bus, enum bus_service service, const char *name, const struct bus_row *ask,
        const void *message, const struct bus_row *reply, int64_t deadline_ms,
        const char *correlation, bus_reply_fn *fn, void *arg, struct am_error *err)
{
    struct bus_client *c = &bus->clients[service];
    struct bus_asked *a;
    size_t len;
    int r;

    if (bus->closing)
        return am_fail(err, AM_UNAVAILABLE, "%s: expected an open bus", name);
    if (deadline_ms < 1 || deadline_ms > BUS_DEADLINE_MAX_MS || strlen(correlation) > 64)
        return am_fail(err, AM_OUT_OF_RANGE, "%s: expected a deadline of 1 to %d ms, got %" PRId64,
                       name, BUS_DEADLINE_MAX_MS, deadline_ms);
    if ((r = bus_encode(ask, message, bus->out, BUS_PAYLOAD_MAX, &len, err)) != AM_OK ||
        (r = connect_to(bus, service, err)) != AM_OK)
        return r;
    if (bus->asked_count == BUS_HELD_MAX || (a = calloc(1, sizeof *a + len)) == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "%s: expected memory and at most %d calls in flight", name, BUS_HELD_MAX);
    *a = (struct bus_asked){.to = c, .name = name, .reply = reply, .fn = fn, .arg = arg};
    a->sequence = ++bus->calls;
    a->deadline_ms = am_mono_ms() + deadline_ms;
    a->len = len;
    memcpy(a->payload, bus->out, len);
    sodium_memzero(bus->out, len);
    if (*correlation != '\0')
        snprintf(a->correlation, sizeof a->correlation, "%s", correlation);
    else
        snprintf(a->correlation, sizeof a->correlation, "%s-%08" PRIx32 "-%" PRIu64,
                 bus_service_name(bus->self), (uint32_t)bus->epoch, a->sequence);
    TAILQ_INSERT_TAIL(&c->asked, a, link);
    bus->asked_count++;
    ev_timer_init(&a->timer, on_timer,
                  (double)(deadline_ms < CONNECT_MS ? deadline_ms : CONNECT_MS) / 1000, 0);
    a->timer.data = a;
    ev_now_update(bus->loop); /* a timer counts from the turn of the loop, which may be long past */
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
        struct bus_client *c = &bus->clients[s];

        if (c->sock.zmq == NULL)
            continue;
        while (!TAILQ_EMPTY(&c->asked))
            fail(TAILQ_FIRST(&c->asked), AM_UNAVAILABLE, "the end of the bus");
        zmq_socket_monitor(c->sock.zmq, NULL, 0);
        bus_sock_close(&c->monitor);
        bus_sock_close(&c->sock);
    }
}
