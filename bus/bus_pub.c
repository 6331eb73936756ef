/*  bus_pub -- facts: kept, sent when they change, given out as snapshots, counted in beacons.  */
#include "bus_int.h"
#include "bus_msgpack.h"

#include <errno.h>

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
place_of(const struct bus_store *s, struct am_bin key, bool *there)
{
    size_t i;
    int c = 1;

    for (i = 0; i < s->n; i++) {
        size_t n = key.len < s->kept[i].key_len ? key.len : s->kept[i].key_len;

        c = n > 0 ? memcmp(s->kept[i].key, key.p, n) : 0;
        if (c == 0)
            c = (s->kept[i].key_len > n) - (key.len > n);
        if (c >= 0)
            break;
    }
    *there = i < s->n && c == 0;
    return i;
}

static struct am_bin
key_of(const struct bus_row *row, const void *fact)
{
    if (row->kind == BUS_FACT_SINGLE)
        return BUS_NOTHING;
    AM_ASSERT(row[1].kind == BUS_FIELD_BIN && row[1].max <= BUS_KEY_MAX);
    return *(const struct am_bin *)(const void *)((const uint8_t *)fact + row[1].offset);
}

static void
tell(struct bus *bus, const char *name, uint64_t sequence, bool retracted, struct am_bin payload)
{
    struct bus_header h = bus_header_new(bus, sequence);

    h.retracted = retracted;
    if (bus_send(&bus->pub, BUS_NOTHING, name, &h, payload) != 0)
        bus_drop(bus, AM_UNAVAILABLE, "%s: expected to publish, got %s", name, zmq_strerror(errno));
}

/* Make room for a new key at i.  The payload is the caller's to fill in. */
static int
insert(struct bus_store *s, size_t i, struct am_bin key, const char *topic, struct am_error *err)
{
    struct bus_kept *more;

    if (s->n == KEYS_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d keys, got one more",
                       topic, KEYS_MAX);
    more = realloc(s->kept, (s->n + 1) * sizeof *more);
    if (more == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", topic);
    s->kept = more;
    memmove(&more[i + 1], &more[i], (s->n - i) * sizeof *more);
    more[i] = (struct bus_kept){.key_len = key.len};
    if (key.len > 0)
        memcpy(more[i].key, key.p, key.len);
    s->n++;
    return AM_OK;
}

int
bus_publish(struct bus *bus, enum bus_topic topic, const void *fact, struct am_error *err)
{
    const struct bus_row *row = bus_topic_row(topic);
    struct bus_store *s = &bus->stores[topic];
    struct bus_kept *k;
    uint8_t *copy;
    size_t len, i;
    bool there;
    int r;

    AM_ASSERT(row->service == bus->self);
    if ((r = bus_encode(row, fact, bus->out, BUS_PAYLOAD_MAX, &len, err)) != AM_OK)
        return r;
    i = place_of(s, key_of(row, fact), &there);
    if (there && s->kept[i].len == len && memcmp(s->kept[i].payload, bus->out, len) == 0)
        return AM_OK;
    if ((copy = malloc(len)) == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected memory, got none", row->name);
    if (!there && (r = insert(s, i, key_of(row, fact), row->name, err)) != AM_OK) {
        free(copy);
        return r;
    }
    memcpy(copy, bus->out, len);
    k = &s->kept[i];
    free(k->payload);
    k->payload = copy;
    k->len = len;
    tell(bus, row->name, ++s->sequence, false, (struct am_bin){copy, len});
    return AM_OK;
}

void
bus_retract(struct bus *bus, enum bus_topic topic, struct am_bin key)
{
    const struct bus_row *row = bus_topic_row(topic);
    struct bus_store *s = &bus->stores[topic];
    struct bus_mp_out out = {bus->out, sizeof bus->out, 0, false};
    size_t i;
    bool there;

    AM_ASSERT(row->service == bus->self && row->kind == BUS_FACT_KEYED);
    i = place_of(s, key, &there);
    if (!there)
        return;
    free(s->kept[i].payload);
    memmove(&s->kept[i], &s->kept[i + 1], (s->n - i - 1) * sizeof s->kept[i]);
    s->n--;
    bus_mp_map(&out, 1);
    bus_mp_str(&out, row[1].name, strlen(row[1].name));
    bus_mp_bin(&out, key.p, key.len);
    tell(bus, row->name, ++s->sequence, true, (struct am_bin){bus->out, out.len});
}

void
bus_beacon(struct bus *bus)
{
    struct bus_beacon b = {.topics_count = 0};
    struct am_error err;
    size_t len;

    for (int t = 0; t < BUS_TOPIC_COUNT; t++) {
        const struct bus_row *row = bus_topic_row((enum bus_topic)t);

        if (row->service == bus->self)
            b.topics[b.topics_count++] = (struct bus_mark){.topic = am_str_of(row->name),
                                                           .sequence = bus->stores[t].sequence};
    }
    if (bus_encode(&bus_rows[BUS_ROW_bus_beacon], &b, bus->out, BUS_PAYLOAD_MAX, &len, &err) ==
        AM_OK)
        tell(bus, "beacon", 0, false, (struct am_bin){bus->out, len});
    else
        bus_drop(bus, err.code, "%s", err.text);
}

int
bus_snapshot(struct bus *bus, const struct bus_snapshot *q, size_t *len, struct am_error *err)
{
    int topic = bus_topic_by_name(q->topic);
    struct bus_snapshot_reply reply = {.sequence = 0};
    const struct bus_store *s;
    size_t room = BUS_FRAME_MAX - WRAP_ROOM, i = 0;
    bool there;

    if (topic < 0 || bus_topic_row((enum bus_topic)topic)->service != bus->self)
        return am_fail(err, AM_NOT_FOUND, "snapshot: expected a topic of %s, got %.*s",
                       bus_service_name(bus->self), (int)q->topic.len, q->topic.p);
    s = &bus->stores[topic];
    reply.sequence = s->sequence;
    if (q->after.len > 0) {
        i = place_of(s, q->after, &there);
        i += there;
    }
    for (; i < s->n && reply.values_count < 256; i++) {
        size_t cost = s->kept[i].len + 16; /* {"payload": bin}: 14 bytes of it are not the value */

        if (cost > room)
            break;
        room -= cost;
        reply.values[reply.values_count++].payload = am_bin_of(s->kept[i].payload, s->kept[i].len);
    }
    reply.more = i < s->n;
    return bus_encode(&bus_rows[BUS_ROW_bus_snapshot_reply], &reply, bus->out, BUS_FRAME_MAX, len,
                      err);
}

/* A subscription, [1][topic], or its end, [0][topic].  In manual mode nothing is subscribed until
 * we say so; who may not tap is never subscribed to "tap", nor to a prefix of it. */
bool
bus_pub_ready(void *arg)
{
    struct bus *bus = arg;
    struct bus_frames f;
    struct am_bin b;
    const char *user;
    bool on, tap;

    if (!bus_take(&bus->pub, &f))
        return false;
    b = bus_frame(&f, 0);
    on = b.len > 0 && b.p[0] == 1;
    tap = b.len > 0 && b.len <= 4 && memcmp("tap", b.p + 1, b.len - 1) == 0;
    if (tap && b.p[0] <= 1)
        bus->taps += on ? 1 : -1;
    user = zmq_msg_gets(&f.part[0], "User-Id");
    if (on && tap && bus->by_uid && (user == NULL || strcmp(user, bus_service_name(BUS_CLI)) != 0))
        bus_drop(bus, AM_PERMISSION_DENIED, "tap: expected cli, got %s", user ? user : "nobody");
    else if (on && zmq_setsockopt(bus->pub.zmq, ZMQ_SUBSCRIBE, b.p + 1, b.len - 1) == 0 && !tap)
        ev_feed_event(bus->loop, &bus->beacon, EV_CUSTOM); /* so that it need not wait 500 ms */
    else if (!on && b.len > 0 && b.p[0] == 0)
        zmq_setsockopt(bus->pub.zmq, ZMQ_UNSUBSCRIBE, b.p + 1, b.len - 1);
    bus_frames_free(&f);
    return true;
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
