/*  bus_sock -- libzmq's sockets on libev's loop, and messages as frames.  */
#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "bus_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ZAP_ENFORCE_DOMAIN                                                                         \
    93              /* ZMQ_ZAP_ENFORCE_DOMAIN; Debian's header lacks it, the library has it */
#define TURN_MAX 64 /* messages of one socket in one turn of the loop */
#define RECONNECT_MIN_MS 20
#define RECONNECT_MAX_MS 500

static void
on_fd(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop, (void)io, (void)events;
}

static void
set(struct bus_sock *s, int option, int value, int *failed)
{
    if (zmq_setsockopt(s->zmq, option, &value, sizeof value) != 0)
        *failed = option;
}

int
bus_sock_open(struct bus_sock *s, struct bus *bus, int type, const char *domain,
              bool (*ready)(void *), void *arg, struct am_error *err)
{
    int failed = 0, fd;
    size_t size = sizeof fd;
    int64_t most = BUS_FRAME_MAX;

    *s = (struct bus_sock){.bus = bus, .ready = ready, .arg = arg};
    s->zmq = zmq_socket(bus->ctx, type);
    if (s->zmq == NULL)
        return am_fail(err, AM_INTERNAL, "bus: expected a socket, got %s", zmq_strerror(errno));
    set(s, ZMQ_LINGER, 0, &failed);
    set(s, ZMQ_SNDTIMEO, 0, &failed);
    set(s, ZMQ_SNDHWM, BUS_HWM, &failed);
    set(s, ZMQ_RCVHWM, BUS_HWM, &failed);
    set(s, ZMQ_IMMEDIATE, 1, &failed);
    set(s, ZMQ_RECONNECT_IVL, RECONNECT_MIN_MS, &failed);
    set(s, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS, &failed);
    if (zmq_setsockopt(s->zmq, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0)
        failed = ZMQ_MAXMSGSIZE;
    if (type == ZMQ_ROUTER)
        set(s, ZMQ_ROUTER_MANDATORY, 1, &failed);
    if (type == ZMQ_XPUB) {
        set(s, ZMQ_XPUB_VERBOSER, 1, &failed);
        set(s, ZMQ_XPUB_MANUAL, 1, &failed); /* who may not tap is not subscribed */
    }
    if (domain != NULL) {
        set(s, ZAP_ENFORCE_DOMAIN, 1, &failed);
        if (zmq_setsockopt(s->zmq, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0)
            failed = ZMQ_ZAP_DOMAIN;
    }
    if (failed != 0 || zmq_getsockopt(s->zmq, ZMQ_FD, &fd, &size) != 0) {
        zmq_close(s->zmq);
        s->zmq = NULL;
        return am_fail(err, failed == ZAP_ENFORCE_DOMAIN ? AM_FAILED_PRECONDITION : AM_INTERNAL,
                       "bus: expected libzmq to accept option %d, got %s", failed,
                       zmq_strerror(errno));
    }
    ev_io_init(&s->io, on_fd, fd, EV_READ);
    ev_io_start(bus->loop, &s->io);
    LIST_INSERT_HEAD(&bus->socks, s, link);
    return AM_OK;
}

static int
address(char out[static 128], struct bus *bus, enum bus_service service, const char *end)
{
    return snprintf(out, 128, "ipc://%s/%s.%s", bus->run, bus_service_name(service), end);
}

int
bus_sock_bind(struct bus_sock *s, const char *end, struct am_error *err)
{
    char at[128];

    address(at, s->bus, s->bus->self, end);
    if (zmq_bind(s->zmq, at) != 0)
        return am_fail(err, AM_INTERNAL, "bus: expected to bind %s, got %s", at,
                       zmq_strerror(errno));
    return AM_OK;
}

int
bus_sock_connect(struct bus_sock *s, enum bus_service service, const char *end,
                 struct am_error *err)
{
    char at[128];

    address(at, s->bus, service, end);
    if (zmq_connect(s->zmq, at) != 0)
        return am_fail(err, AM_INTERNAL, "bus: expected to connect %s, got %s", at,
                       zmq_strerror(errno));
    return AM_OK;
}

void
bus_sock_close(struct bus_sock *s)
{
    if (s->zmq == NULL)
        return;
    LIST_REMOVE(s, link);
    ev_io_stop(s->bus->loop, &s->io);
    zmq_close(s->zmq);
    s->zmq = NULL;
}

void
bus_sock_drain(struct bus_sock *s)
{
    for (int i = 0; i < TURN_MAX && s->zmq != NULL && !s->paused && s->ready(s->arg); i++)
        ;
}

static void
on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
    struct bus *bus = w->data;
    struct bus_sock *s;

    (void)events;
    LIST_FOREACH(s, &bus->socks, link)
    {
        int has = 0;
        size_t size = sizeof has;

        if (!s->paused && zmq_getsockopt(s->zmq, ZMQ_EVENTS, &has, &size) == 0 &&
            (has & ZMQ_POLLIN) != 0) {
            ev_idle_start(loop, &bus->idle); /* so that the loop does not sleep */
            return;
        }
    }
}

static void
on_idle(struct ev_loop *loop, ev_idle *w, int events)
{
    (void)loop, (void)w, (void)events;
}

static void
on_check(struct ev_loop *loop, ev_check *w, int events)
{
    struct bus *bus = w->data;
    struct bus_sock *s;

    (void)events;
    ev_idle_stop(loop, &bus->idle);
    LIST_FOREACH(s, &bus->socks, link)
    bus_sock_drain(s);
}

void
bus_loop_start(struct bus *bus)
{
    ev_prepare_init(&bus->prepare, on_prepare);
    ev_check_init(&bus->check, on_check);
    ev_idle_init(&bus->idle, on_idle);
    bus->prepare.data = bus->check.data = bus;
    ev_prepare_start(bus->loop, &bus->prepare);
    ev_check_start(bus->loop, &bus->check);
}

void
bus_loop_stop(struct bus *bus)
{
    ev_prepare_stop(bus->loop, &bus->prepare);
    ev_check_stop(bus->loop, &bus->check);
    ev_idle_stop(bus->loop, &bus->idle);
}

bool
bus_take(struct bus_sock *s, struct bus_frames *f)
{
    int more = 1;

    for (f->n = 0; more != 0;) {
        zmq_msg_t m;

        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, s->zmq, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&m);
            break; /* libzmq delivers a message whole, so this is before the first frame */
        }
        more = zmq_msg_more(&m);
        if (f->n < BUS_PARTS)
            f->part[f->n] = m;
        else
            zmq_msg_close(&m); /* n says that there were too many */
        f->n++;
    }
    return f->n > 0;
}

void
bus_frames_free(struct bus_frames *f)
{
    for (int i = 0; i < f->n && i < BUS_PARTS; i++)
        zmq_msg_close(&f->part[i]);
    f->n = 0;
}

struct am_bin
bus_frame(struct bus_frames *f, int part)
{
    return am_bin_of(zmq_msg_data(&f->part[part]), zmq_msg_size(&f->part[part]));
}

int
bus_send(struct bus_sock *s, struct am_bin identity, const char *name,
         const struct bus_header *header, struct am_bin payload)
{
    uint8_t head[1024];
    size_t len;
    int more = ZMQ_DONTWAIT | ZMQ_SNDMORE;

    if (bus_encode(&bus_rows[BUS_ROW_bus_header], header, head, sizeof head, &len, NULL) != AM_OK)
        am_bug(__FILE__, __LINE__, "a header of ours breaks its own limits");
    /* Only the first frame can fail: libzmq takes a message whole. */
    if (identity.len > 0 && zmq_send(s->zmq, identity.p, identity.len, more) < 0)
        return -1;
    if (zmq_send(s->zmq, name, strlen(name), more) < 0 || zmq_send(s->zmq, head, len, more) < 0 ||
        zmq_send(s->zmq, payload.p, payload.len, ZMQ_DONTWAIT) < 0)
        return -1;
    return 0;
}

struct bus_header
bus_header_new(const struct bus *bus, uint64_t sequence)
{
    return (struct bus_header){.version = BUS_SCHEMA_VERSION,
                               .sender = am_str_of(bus_service_name(bus->self)),
                               .epoch = bus->epoch,
                               .sequence = sequence,
                               .wall_ms = (uint64_t)am_wall_ms()};
}

int
bus_header_read(struct bus_header *h, struct am_bin bytes, struct am_error *err)
{
    int r = bus_decode(&bus_rows[BUS_ROW_bus_header], false, h, bytes, err);

    if (r == AM_OK && h->version != BUS_SCHEMA_VERSION)
        r = am_fail(err, AM_FAILED_PRECONDITION,
                    "bus: expected schema version %d, got %" PRIu64 " from %.*s",
                    BUS_SCHEMA_VERSION, h->version, (int)h->sender.len, h->sender.p);
    return r;
}

void
bus_drop(struct bus *bus, const char *boundary, const struct am_error *err)
{
    int64_t now = am_mono_ms();

    bus->dropped++;
    if (now - bus->logged_ms < 1000)
        return;
    bus->logged_ms = now;
    am_log(AM_WARN, "bus.dropped", "boundary=%s code=%s total=%" PRIu64 " reason=\"%s\"", boundary,
           am_err_name(err->code), bus->dropped, err->text);
}
