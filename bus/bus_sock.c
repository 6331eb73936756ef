/*  bus_sock -- libzmq's sockets on libev's loop, and messages as frames.  */
#include "bus_int.h"

#include <errno.h>
#include <inttypes.h>

#define ENFORCE_DOMAIN 93 /* ZMQ_ZAP_ENFORCE_DOMAIN; Debian's header lacks it, libzmq has it */
#define TURN_MAX 64       /* messages of one socket in one turn of the loop */
#define HIGH_WATER 256    /* messages that a peer may lag behind */

static const struct {
    int type, option, value; /* type -1: every socket */
} options[] = {
    {-1, ZMQ_LINGER, 0},
    {-1, ZMQ_SNDTIMEO, 0},
    {-1, ZMQ_SNDHWM, HIGH_WATER},
    {-1, ZMQ_RCVHWM, HIGH_WATER},
    {ZMQ_DEALER, ZMQ_IMMEDIATE, 1}, /* on a SUB a pipe would end while a message is read */
    {-1, ZMQ_RECONNECT_IVL, 20},
    {-1, ZMQ_RECONNECT_IVL_MAX, 500},
    {ZMQ_ROUTER, ZMQ_ROUTER_MANDATORY, 1},
    {ZMQ_XPUB, ZMQ_XPUB_VERBOSER, 1},
    {ZMQ_XPUB, ZMQ_XPUB_MANUAL, 1}, /* who may not tap is not subscribed */
};

static void
on_wake(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop, (void)events;
    bus_sock_drain(io->data);
}

int
bus_sock_open(struct bus_sock *s, struct bus *bus, int type, const char *domain,
              const char *address, bus_message_fn *fn, void *arg, struct am_error *err)
{
    const bool binds = type == ZMQ_ROUTER || type == ZMQ_XPUB;
    const int64_t most = BUS_FRAME_MAX;
    const int on = 1;
    const char *failed = NULL;
    int fd, code = AM_INTERNAL;
    size_t size = sizeof fd;

    *s = (struct bus_sock){.bus = bus, .from = binds ? NULL : domain, .fn = fn, .arg = arg};
    if ((s->zmq = zmq_socket(bus->ctx, type)) == NULL)
        return am_fail(err, code, "bus: expected a socket, got %s", zmq_strerror(errno));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if ((options[i].type == -1 || options[i].type == type) &&
            zmq_setsockopt(s->zmq, options[i].option, &options[i].value, sizeof(int)) != 0)
            failed = "an option";
    if (zmq_setsockopt(s->zmq, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0 ||
        zmq_getsockopt(s->zmq, ZMQ_FD, &fd, &size) != 0)
        failed = "an option";
    if (domain != NULL && (zmq_setsockopt(s->zmq, ENFORCE_DOMAIN, &on, sizeof on) != 0 ||
                           zmq_setsockopt(s->zmq, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0)) {
        failed = "option 93, without which anybody is let in";
        code = AM_FAILED_PRECONDITION;
    }
    if (failed == NULL && address != NULL && (binds ? zmq_bind : zmq_connect)(s->zmq, address) != 0)
        failed = address;
    if (failed != NULL) {
        am_fail(err, code, "bus: expected libzmq to take %s, got %s", failed, zmq_strerror(errno));
        zmq_close(s->zmq);
        s->zmq = NULL;
        return code;
    }
    ev_io_init(&s->io, on_wake, fd, EV_READ);
    ev_set_priority(&s->io, 1); /* before timers: what has come is not late */
    s->io.data = s;
    ev_io_start(bus->loop, &s->io);
    LIST_INSERT_HEAD(&bus->socks, s, link);
    ev_timer_start(bus->loop, &bus->again);
    return AM_OK;
}

const char *
bus_address(char out[static 128], const struct bus *bus, enum bus_service service, const char *end)
{
    snprintf(out, 128, "ipc://%s/%s.%s", bus->run, bus_service_name(service), end);
    return out;
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

static bool
receive(struct bus_sock *s, struct bus_message *m)
{
    zmq_msg_t surplus;
    int more = 1;

    /* libzmq delivers a message whole: if there is none, that shows before the first frame. */
    for (m->n = 0; more != 0; m->n++) {
        zmq_msg_t *part = m->n < BUS_PARTS ? &m->part[m->n] : &surplus;

        zmq_msg_init(part);
        if (zmq_msg_recv(part, s->zmq, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(part);
        if (part == &surplus)
            zmq_msg_close(part);
        else
            m->frame[m->n] = am_bin_of(zmq_msg_data(part), zmq_msg_size(part));
    }
    return true;
}

static int
read_envelope(struct bus_message *m, const char *from, struct am_error *err)
{
    int r;

    if (m->n != 3)
        return am_fail(err, AM_INVALID_ARGUMENT, "bus: expected 3 frames, got %d", m->n);
    if ((r = bus_header_read(&m->header, m->frame[1], err)) == AM_OK &&
        !am_str_eq(m->header.sender, from))
        r = am_fail(err, AM_PERMISSION_DENIED, "bus: expected it from %s, got %.*s", from,
                    (int)m->header.sender.len, m->header.sender.p);
    return r;
}

/* Take one message; false: there was none. */
static bool
take(struct bus_sock *s)
{
    const struct bus_header *outer = s->bus->header;
    struct bus_message m;
    struct am_error err = {.code = AM_OK};
    int r;

    if (!receive(s, &m))
        return false;
    r = s->from != NULL ? read_envelope(&m, s->from, &err) : AM_OK;
    s->bus->header = s->from != NULL ? &m.header : NULL;
    if (r == AM_OK)
        r = s->fn(s->arg, &m, &err);
    if (r != AM_OK)
        bus_drop(s->bus, &err);
    s->bus->header = outer;
    for (int i = 0; i < m.n && i < BUS_PARTS; i++)
        zmq_msg_close(&m.part[i]);
    return true;
}

void
bus_sock_drain(struct bus_sock *s)
{
    int left = TURN_MAX;

    while (left > 0 && s->zmq != NULL && !s->paused && take(s))
        left--;
    if (left == 0)
        ev_timer_start(s->bus->loop, &s->bus->again);
}

void
bus_sock_pause(struct bus_sock *s, bool paused)
{
    s->paused = paused;
    (paused ? ev_io_stop : ev_io_start)(s->bus->loop, &s->io);
    ev_timer_start(s->bus->loop, &s->bus->again);
}

void
bus_sock_drain_all(struct ev_loop *loop, ev_timer *again, int events)
{
    struct bus *bus = again->data;
    struct bus_sock *s;

    (void)loop, (void)events;
    LIST_FOREACH(s, &bus->socks, link)
    bus_sock_drain(s);
}

struct am_str
bus_frame_text(const struct bus_message *m, int frame)
{
    return (struct am_str){(const char *)m->frame[frame].p, m->frame[frame].len};
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

int
bus_send(struct bus_sock *s, struct am_bin identity, const char *name,
         const struct bus_header *header, struct am_bin payload, struct am_error *err)
{
    const int more = ZMQ_DONTWAIT | ZMQ_SNDMORE;
    uint8_t head[1024];
    size_t len;

    ev_timer_start(s->bus->loop, &s->bus->again); /* sending may bring in what waits */
    if (bus_encode(&bus_rows[BUS_ROW_bus_header], header, head, sizeof head, &len, err) != AM_OK)
        am_bug(__FILE__, __LINE__, "a header of ours breaks its own limits");
    /* Only the first frame can fail: libzmq takes a message whole. */
    if ((identity.len > 0 && zmq_send(s->zmq, identity.p, identity.len, more) < 0) ||
        zmq_send(s->zmq, name, strlen(name), more) < 0 || zmq_send(s->zmq, head, len, more) < 0 ||
        zmq_send(s->zmq, payload.p, payload.len, ZMQ_DONTWAIT) < 0)
        return am_fail(err, AM_UNAVAILABLE, "%s: expected libzmq to take it, got %s", name,
                       zmq_strerror(errno));
    return AM_OK;
}

void
bus_drop(struct bus *bus, const struct am_error *err)
{
    bus->dropped++;
    if (bus->logged_ms != 0 && am_mono_ms() - bus->logged_ms < 1000)
        return;
    bus->logged_ms = am_mono_ms();
    am_log(AM_WARN, "bus.dropped", "code=%s total=%" PRIu64 " reason=\"%s\"",
           am_err_name(err->code), bus->dropped, err->text);
}
