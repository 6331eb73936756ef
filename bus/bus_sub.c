/*  bus_sub -- following a topic: wait for a beacon, take the snapshot, then what is newer.
 *
 *  A subscription that arrived too late misses what was published meanwhile; a beacon proves that
 *  ours has arrived.  While a snapshot is under way the updates wait in the socket.
 */
#include "bus_int.h"

#define LOST_MS (3 * BUS_BEACON_MS + 100)
#define SNAPSHOT_MS 1000

struct bus_sub {
    struct bus *bus;
    enum bus_topic topic;
    const struct bus_row *row;
    bus_fact_fn *fn;
    void *arg;
    enum { WAITS, SNAPSHOT, FOLLOWS } state; /* for a beacon; under way; applies what is newer */
    bool lost;
    uint64_t epoch, sequence; /* of the publisher's start; of what was applied last */
    uint8_t after[BUS_KEY_MAX];
    size_t after_len;
    int64_t heard_ms;
    ev_timer watch;
    struct bus_sock sock;
    LIST_ENTRY(bus_sub) link;
};

static void on_snapshot(void *arg, int code, const void *reply, const struct am_error *err);

static void
ask_snapshot(struct bus_sub *s)
{
    struct bus_snapshot q = {.topic = am_str_of(s->row->name),
                             .after = am_bin_of(s->after, s->after_len)};
    struct am_error err;
    int r;

    s->state = SNAPSHOT;
    bus_sock_pause(&s->sock, true);
    r = bus_ask(s->bus, s->row->service, "snapshot", &bus_rows[BUS_ROW_bus_snapshot], &q,
                &bus_rows[BUS_ROW_bus_snapshot_reply], SNAPSHOT_MS, "", on_snapshot, s, &err);
    if (r != AM_OK)
        on_snapshot(s, r, NULL, &err);
}

static void
start_snapshot(struct bus_sub *s, uint64_t epoch)
{
    s->epoch = epoch;
    s->after_len = 0;
    ask_snapshot(s);
}

static int
apply(struct bus_sub *s, bool retracted, struct am_bin payload, struct am_error *err)
{
    union bus_any fact;
    int r = bus_decode(s->row, retracted, &fact, payload, err);

    if (r != AM_OK)
        return r;
    if (s->row->kind == BUS_FACT_KEYED) {
        struct am_mp_token key = bus_value(s->row + 1, &fact);

        memcpy(s->after, key.p, key.n);
        s->after_len = key.n;
    }
    s->fn(s->arg, s->topic, retracted ? BUS_RETRACTED : BUS_VALUE, &fact);
    return AM_OK;
}

static void
on_snapshot(void *arg, int code, const void *message, const struct am_error *err)
{
    struct bus_sub *s = arg;
    const struct bus_snapshot_reply *reply = message;
    struct am_error bad;

    if (s->bus->closing)
        return;
    bus_sock_pause(&s->sock, false);
    if (code != AM_OK || s->bus->header->epoch != s->epoch) {
        s->state = WAITS; /* the next beacon tries again */
        if (code != AM_OK)
            bus_drop(s->bus, err);
        return;
    }
    s->heard_ms = am_mono_ms();
    if (s->after_len == 0) {
        s->sequence = reply->sequence; /* later pages may be newer; what is between comes again */
        s->fn(s->arg, s->topic, BUS_SNAPSHOT, NULL);
    }
    for (size_t i = 0; i < reply->values_count; i++)
        if (apply(s, false, reply->values[i].payload, &bad) != AM_OK)
            bus_drop(s->bus, &bad);
    if (reply->more && s->after_len > 0) {
        ask_snapshot(s);
        return;
    }
    s->state = FOLLOWS;
    s->lost = false;
    s->fn(s->arg, s->topic, BUS_SYNCED, NULL);
}

static int
on_beacon(struct bus_sub *s, const struct bus_message *m, struct am_error *err)
{
    struct bus_beacon b;
    int r = bus_decode(&bus_rows[BUS_ROW_bus_beacon], false, &b, m->frame[2], err);

    for (size_t i = 0; r == AM_OK && i < b.topics_count; i++)
        if (am_str_eq(b.topics[i].topic, s->row->name) &&
            (s->state == WAITS || m->header.epoch != s->epoch ||
             b.topics[i].sequence != s->sequence))
            start_snapshot(s, m->header.epoch);
    return r;
}

static int
on_message(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus_sub *s = arg;
    const struct bus_header *h = &m->header;

    s->heard_ms = am_mono_ms();
    if (am_str_eq(bus_frame_text(m, 0), "beacon"))
        return on_beacon(s, m, err);
    if (!am_str_eq(bus_frame_text(m, 0), s->row->name)) /* a longer name: prefixes match */
        return AM_OK;
    if (s->state != FOLLOWS || (h->epoch == s->epoch && h->sequence <= s->sequence))
        return AM_OK; /* in the snapshot that is yet to come, or was in the last one */
    if (h->epoch != s->epoch || h->sequence != s->sequence + 1) {
        start_snapshot(s, h->epoch);
        return AM_OK;
    }
    s->sequence = h->sequence;
    return apply(s, h->retracted, m->frame[2], err);
}

static void
on_watch(struct ev_loop *loop, ev_timer *w, int events)
{
    struct bus_sub *s = w->data;

    (void)loop, (void)events;
    if (s->lost || am_mono_ms() - s->heard_ms <= LOST_MS)
        return;
    bus_sock_drain(&s->sock); /* it may be we who were away */
    if (s->state == SNAPSHOT || am_mono_ms() - s->heard_ms <= LOST_MS)
        return;
    s->lost = true;
    s->state = WAITS;
    s->fn(s->arg, s->topic, BUS_LOST, NULL);
}

int
bus_subscribe(struct bus *bus, enum bus_topic topic, bus_fact_fn *fn, void *arg,
              struct am_error *err)
{
    struct bus_sub *s = calloc(1, sizeof *s);
    const struct bus_row *row = bus_topic_row(topic);
    char at[128];
    int r;

    if (s == NULL)
        return am_fail(err, AM_INTERNAL, "%s: expected memory, got none", row->name);
    *s = (struct bus_sub){.bus = bus, .topic = topic, .row = row, .fn = fn, .arg = arg};
    s->heard_ms = am_mono_ms();
    r = bus_sock_open(&s->sock, bus, ZMQ_SUB, bus_service_name(row->service),
                      bus_address(at, bus, row->service, "pub"), on_message, s, err);
    if (r != AM_OK) {
        free(s);
        return r;
    }
    /* The beacon last: when it comes, the topic's subscription has been there before. */
    zmq_setsockopt(s->sock.zmq, ZMQ_SUBSCRIBE, row->name, strlen(row->name));
    zmq_setsockopt(s->sock.zmq, ZMQ_SUBSCRIBE, "beacon", strlen("beacon"));
    ev_timer_init(&s->watch, on_watch, 0.25, 0.25);
    s->watch.data = s;
    ev_timer_start(bus->loop, &s->watch);
    LIST_INSERT_HEAD(&bus->subs, s, link);
    return AM_OK;
}

void
bus_sub_close(struct bus *bus)
{
    struct bus_sub *s;

    while ((s = LIST_FIRST(&bus->subs)) != NULL) {
        LIST_REMOVE(s, link);
        ev_timer_stop(bus->loop, &s->watch);
        bus_sock_close(&s->sock);
        free(s);
    }
}
