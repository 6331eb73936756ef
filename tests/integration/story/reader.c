/*  reader -- somebody who knows MessagePack and libzmq and nothing of the suite, on .pub endpoints.
 *
 *  Decoding is msgpack-c's; the suite's table only judges what came out of it.
 */
#include "reader.h"

#include <msgpack.h>
#include <string.h>
#include <zmq.h>

#define PARTS 3

static bool
wrong(struct reader *r, const char *topic, const char *what, const char *name, size_t len)
{
    if (r->wrong++ == 0)
        snprintf(r->why, sizeof r->why, "%s: %s %.*s", topic, what, (int)len, name);
    return false;
}

static bool is_message(struct reader *r, const char *topic, const struct bus_row *row,
                       const msgpack_object *o, bool key_only);

static bool
is_value(struct reader *r, const char *topic, const struct bus_row *f, const msgpack_object *v)
{
    static const msgpack_object_type types[] = {
        [BUS_FIELD_U64 - BUS_FIELD_U64] = MSGPACK_OBJECT_POSITIVE_INTEGER,
        [BUS_FIELD_BOOL - BUS_FIELD_U64] = MSGPACK_OBJECT_BOOLEAN,
        [BUS_FIELD_STR - BUS_FIELD_U64] = MSGPACK_OBJECT_STR,
        [BUS_FIELD_BIN - BUS_FIELD_U64] = MSGPACK_OBJECT_BIN,
        [BUS_FIELD_ARRAY - BUS_FIELD_U64] = MSGPACK_OBJECT_ARRAY,
    };

    if (v->type != types[f->kind - BUS_FIELD_U64])
        return wrong(r, topic, "another type of", f->name, strlen(f->name));
    for (uint32_t i = 0; v->type == MSGPACK_OBJECT_ARRAY && i < v->via.array.size; i++)
        if (!is_message(r, topic, &bus_rows[f->element], &v->via.array.ptr[i], false))
            return false;
    return true;
}

/* A map whose keys are names of row's fields, each once, and all that must be there are. */
static bool
is_message(struct reader *r, const char *topic, const struct bus_row *row, const msgpack_object *o,
           bool key_only)
{
    uint64_t there = 0;

    if (o->type != MSGPACK_OBJECT_MAP)
        return wrong(r, topic, "no map", "", 0);
    for (uint32_t i = 0; i < o->via.map.size; i++) {
        const msgpack_object *k = &o->via.map.ptr[i].key;
        const struct bus_row *f = row + 1;

        if (k->type != MSGPACK_OBJECT_STR)
            return wrong(r, topic, "a key that is no text", "", 0);
        while (bus_is_field(f) &&
               !am_str_eq((struct am_str){k->via.str.ptr, k->via.str.size}, f->name))
            f++;
        if (!bus_is_field(f))
            return wrong(r, topic, "unknown field", k->via.str.ptr, k->via.str.size);
        if ((there & UINT64_C(1) << (f - row)) != 0)
            return wrong(r, topic, "twice", f->name, strlen(f->name));
        there |= UINT64_C(1) << (f - row);
        if (!is_value(r, topic, f, &o->via.map.ptr[i].val))
            return false;
    }
    for (const struct bus_row *f = row + 1; bus_is_field(f) && !(key_only && f > row + 1); f++)
        if ((f->flags & BUS_OPT) == 0 && (there & UINT64_C(1) << (f - row)) == 0)
            return wrong(r, topic, "missing", f->name, strlen(f->name));
    return true;
}

static bool
is_true(const msgpack_object *map, const char *name)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *k = &map->via.map.ptr[i].key, *v = &map->via.map.ptr[i].val;

        if (k->type == MSGPACK_OBJECT_STR &&
            am_str_eq((struct am_str){k->via.str.ptr, k->via.str.size}, name))
            return v->type == MSGPACK_OBJECT_BOOLEAN && v->via.boolean;
    }
    return false;
}

static bool
decode(msgpack_unpacked *u, zmq_msg_t *frame)
{
    size_t at = 0;

    msgpack_unpacked_init(u);
    return msgpack_unpack_next(u, zmq_msg_data(frame), zmq_msg_size(frame), &at) ==
               MSGPACK_UNPACK_SUCCESS &&
           at == zmq_msg_size(frame);
}

/* [topic][header map][payload map] */
static void
judge(struct reader *r, zmq_msg_t part[static PARTS])
{
    struct am_str name = {zmq_msg_data(&part[0]), zmq_msg_size(&part[0])};
    const struct bus_row *header = &bus_rows[BUS_ROW_bus_header];
    int topic = bus_topic_by_name(name);
    bool beacon = am_str_eq(name, "beacon"), trace = am_str_eq(name, "tap");
    const struct bus_row *row = beacon       ? &bus_rows[BUS_ROW_bus_beacon]
                                : trace      ? &bus_rows[BUS_ROW_bus_trace]
                                : topic >= 0 ? bus_topic_row((enum bus_topic)topic)
                                             : NULL;
    msgpack_unpacked head, body;
    bool both = decode(&head, &part[1]);

    both = decode(&body, &part[2]) && both;
    if (row == NULL)
        wrong(r, "topic", "unknown", name.p, name.len);
    else if (!both)
        wrong(r, row->name, "no MessagePack", "", 0);
    else if (is_message(r, "header", header, &head.data, false) &&
             is_message(r, row->name, row, &body.data, is_true(&head.data, "retracted"))) {
        r->beacons += beacon;
        r->traces += trace;
        if (topic >= 0)
            r->seen[topic]++;
    }
    msgpack_unpacked_destroy(&head);
    msgpack_unpacked_destroy(&body);
}

static bool
take(struct reader *r, void *sock)
{
    zmq_msg_t part[PARTS], surplus;
    int n = 0, more = 1;

    while (more != 0) {
        zmq_msg_t *to = n < PARTS ? &part[n] : &surplus;

        zmq_msg_init(to);
        if (zmq_msg_recv(to, sock, ZMQ_DONTWAIT) < 0)
            return false;
        more = zmq_msg_more(to);
        fwrite(zmq_msg_data(to), 1, zmq_msg_size(to), r->frames);
        if (to == &surplus)
            zmq_msg_close(to);
        n++;
    }
    if (n == PARTS)
        judge(r, part);
    else
        wrong(r, "a message", "not of 3 frames", "", 0);
    for (int i = 0; i < n && i < PARTS; i++)
        zmq_msg_close(&part[i]);
    return true;
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int events)
{
    struct reader *r = w->data;

    (void)loop, (void)events;
    for (size_t i = 0; i < READER_SERVICES; i++)
        while (take(r, r->socks[i]))
            continue;
    fflush(r->frames);
}

bool
reader_open(struct reader *r, struct ev_loop *loop, const char *run, const char *frames)
{
    static const char *const names[READER_SERVICES] = {"keyagent", "chain", "mesh", "indexer",
                                                       "api"};
    char address[700];
    int interval = 5;

    *r = (struct reader){.loop = loop, .ctx = zmq_ctx_new(), .frames = fopen(frames, "we")};
    if (r->ctx == NULL || r->frames == NULL)
        return false;
    for (size_t i = 0; i < READER_SERVICES; i++) {
        snprintf(address, sizeof address, "ipc://%s/%s.pub", run, names[i]);
        if ((r->socks[i] = zmq_socket(r->ctx, ZMQ_SUB)) == NULL ||
            zmq_setsockopt(r->socks[i], ZMQ_RECONNECT_IVL, &interval, sizeof interval) != 0 ||
            zmq_setsockopt(r->socks[i], ZMQ_SUBSCRIBE, "", 0) != 0 ||
            zmq_connect(r->socks[i], address) != 0)
            return false;
    }
    ev_timer_init(&r->look, on_look, 0, 0.05);
    r->look.data = r;
    ev_timer_start(loop, &r->look);
    return true;
}

void
reader_close(struct reader *r)
{
    int now = 0;

    ev_timer_stop(r->loop, &r->look);
    for (size_t i = 0; i < READER_SERVICES; i++)
        if (r->socks[i] != NULL) {
            zmq_setsockopt(r->socks[i], ZMQ_LINGER, &now, sizeof now);
            zmq_close(r->socks[i]);
        }
    zmq_ctx_term(r->ctx);
    fclose(r->frames);
}
