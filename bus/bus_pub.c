/*  bus_pub -- facts: kept, sent when they change, given out as snapshots, counted in beacons.  */
#include "bus_int.h"

#define KEYS_MAX 1024 /* of one topic */
#define WRAP_ROOM 64u /* bytes of a snapshot reply that are not values */

struct bus_kept { /* a fact as last published */
    uint8_t key[BUS_KEY_MAX];
    size_t key_len;
    uint8_t *payload;
    size_t len;
};

/* Where the key is, or would be. */
static size_t
place_of(const struct bus *bus, enum bus_topic topic, struct am_bin key, bool *there)
{
    const struct bus_kept *k = bus->stores[topic].kept;
    size_t i, n = bus->stores[topic].n;
    int c = 1;

    for (i = 0; i < n && c > 0; i++, k++) {
        size_t both = key.len < k->key_len ? key.len : k->key_len;

        c = both > 0 ? memcmp(key.p, k->key, both) : 0;
        if (c == 0)
            c = (key.len > k->key_len) - (key.len < k->key_len);
    }
    *there = c == 0;
    return c > 0 ? n : i - 1;
}

void
bus_tell(struct bus *bus, const char *name, uint64_t sequence, bool retracted,
         struct am_bin payload)
{
    struct bus_header h = bus_header_new(bus, sequence);
    struct am_error err;

    h.retracted = retracted;
    if (bus_send(&bus->pub, am_bin_of(NULL, 0), name, &h, payload, &err) != AM_OK)
        bus_drop(bus, &err);
}

int
bus_publish(struct bus *bus, enum bus_topic topic, const void *fact, struct am_error *err)
{
    const struct bus_row *row = bus_topic_row(topic);
    struct am_mp_token key = {.n = 0}; /* of a SINGLE topic */
    struct bus_kept *k = bus->stores[topic].kept;
    uint8_t *payload;
    size_t len, i, n = bus->stores[topic].n;
    bool there;
    int r;

    AM_ASSERT(row->service == bus->self);
    if ((r = bus_encode(row, fact, bus->out, BUS_PAYLOAD_MAX, &len, err)) != AM_OK)
        return r;
    if (row->kind == BUS_FACT_KEYED)
        key = bus_value(row + 1, fact);
    i = place_of(bus, topic, am_bin_of(key.p, key.n), &there);
    if (there && k[i].len == len && memcmp(k[i].payload, bus->out, len) == 0)
        return AM_OK;
    if (!there && n == KEYS_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d keys, got one more",
                       row->name, KEYS_MAX);
    if ((payload = malloc(len)) == NULL ||
        (!there && (k = realloc(k, (n + 1) * sizeof *k)) == NULL)) {
        free(payload);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", row->name);
    }
    memcpy(payload, bus->out, len);
    if (there) {
        free(k[i].payload);
    } else {
        memmove(&k[i + 1], &k[i], (n - i) * sizeof *k);
        k[i].key_len = key.n;
        if (key.n > 0)
            memcpy(k[i].key, key.p, key.n);
        bus->stores[topic].kept = k;
        bus->stores[topic].n++;
    }
    k[i].payload = payload;
    k[i].len = len;
    bus_tell(bus, row->name, ++bus->stores[topic].sequence, false, am_bin_of(payload, len));
    return AM_OK;
}

void
bus_retract(struct bus *bus, enum bus_topic topic, struct am_bin key)
{
    const struct bus_row *row = bus_topic_row(topic);
    struct am_mp_out out = {bus->out, sizeof bus->out, 0, false};
    struct bus_kept *k = bus->stores[topic].kept;
    bool there;
    size_t i = place_of(bus, topic, key, &there);

    AM_ASSERT(row->service == bus->self && row->kind == BUS_FACT_KEYED);
    if (!there)
        return;
    free(k[i].payload);
    memmove(&k[i], &k[i + 1], (--bus->stores[topic].n - i) * sizeof *k);
    am_mp_put(&out, (struct am_mp_token){AM_MP_MAP, 1, NULL});
    am_mp_put(&out, (struct am_mp_token){AM_MP_STR, strlen(row[1].name), row[1].name});
    am_mp_put(&out, (struct am_mp_token){AM_MP_BIN, key.len, key.p});
    bus_tell(bus, row->name, ++bus->stores[topic].sequence, true, am_bin_of(out.p, out.len));
}

void
bus_on_beacon(struct ev_loop *loop, ev_timer *w, int events)
{
    struct bus *bus = w->data;
    struct bus_beacon b = {.topics_count = 0};
    struct am_error err;
    size_t len;

    (void)loop, (void)events;
    for (int t = 0; t < BUS_TOPIC_COUNT; t++) {
        const struct bus_row *row = bus_topic_row((enum bus_topic)t);

        if (row->service == bus->self)
            b.topics[b.topics_count++] = (struct bus_mark){.topic = am_str_of(row->name),
                                                           .sequence = bus->stores[t].sequence};
    }
    if (bus_encode(&bus_rows[BUS_ROW_bus_beacon], &b, bus->out, BUS_PAYLOAD_MAX, &len, &err) !=
        AM_OK)
        am_bug(__FILE__, __LINE__, err.text);
    bus_tell(bus, "beacon", 0, false, am_bin_of(bus->out, len));
}

int
bus_snapshot(struct bus *bus, const struct bus_snapshot *q, size_t *len, struct am_error *err)
{
    int topic = bus_topic_by_name(q->topic);
    struct bus_snapshot_reply reply = {.sequence = 0};
    size_t room = BUS_FRAME_MAX - WRAP_ROOM, i = 0, n;
    bool there;

    if (topic < 0 || bus_topic_row((enum bus_topic)topic)->service != bus->self)
        return am_fail(err, AM_NOT_FOUND, "snapshot: expected a topic of %s, got %.*s",
                       bus_service_name(bus->self), (int)q->topic.len, q->topic.p);
    n = bus->stores[topic].n;
    if (q->after.len > 0) {
        i = place_of(bus, (enum bus_topic)topic, q->after, &there);
        i += there;
    }
    for (; i < n && reply.values_count < sizeof reply.values / sizeof *reply.values; i++) {
        const struct bus_kept *k = &bus->stores[topic].kept[i];

        if (k->len + 16 > room) /* {"payload": bin}: 14 bytes of it are not the value */
            break;
        room -= k->len + 16;
        reply.values[reply.values_count++].payload = am_bin_of(k->payload, k->len);
    }
    reply.sequence = bus->stores[topic].sequence;
    reply.more = i < n;
    return bus_encode(&bus_rows[BUS_ROW_bus_snapshot_reply], &reply, bus->out, BUS_FRAME_MAX, len,
                      err);
}

/* A subscription, [1][topic], or its end, [0][topic].  In manual mode nothing is subscribed until
 * we say so; who may not tap is never subscribed to "tap", nor to a prefix of it. */
int
bus_on_subscription(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus *bus = arg;
    struct am_bin b = m->frame[0];
    const char *user = zmq_msg_gets(&m->part[0], "User-Id");
    bool tap;

    if (b.len == 0 || b.p[0] > 1)
        return am_fail(err, AM_INVALID_ARGUMENT, "pub: expected a subscription, got %zu bytes",
                       b.len);
    tap = b.len <= 4 && memcmp("tap", b.p + 1, b.len - 1) == 0;
    if (tap)
        bus->taps += b.p[0] == 1 ? 1 : -1;
    if (b.p[0] == 0)
        zmq_setsockopt(bus->pub.zmq, ZMQ_UNSUBSCRIBE, b.p + 1, b.len - 1);
    else if (tap && bus->by_uid && (user == NULL || strcmp(user, bus_service_name(BUS_CLI)) != 0))
        return am_fail(err, AM_PERMISSION_DENIED, "tap: expected cli, got %s",
                       user != NULL ? user : "nobody");
    else if (zmq_setsockopt(bus->pub.zmq, ZMQ_SUBSCRIBE, b.p + 1, b.len - 1) == 0 && !tap)
        ev_feed_event(bus->loop, &bus->beacon, EV_CUSTOM); /* so that it need not wait 500 ms */
    return AM_OK;
}

void
bus_pub_close(struct bus *bus)
{
    for (int t = 0; t < BUS_TOPIC_COUNT; t++) {
        for (size_t i = 0; i < bus->stores[t].n; i++)
            free(bus->stores[t].kept[i].payload);
        free(bus->stores[t].kept);
    }
}
