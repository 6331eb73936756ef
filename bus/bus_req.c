/*  bus_req -- the server: who may ask what, until when, one answer each, for repeats the same.  */
#include "bus_int.h"

#include "../common/base/am_sandbox.h"
#include "../common/base/am_secret.h"

#include <sodium.h>
#include <unistd.h>

#define DONE_MAX 256 /* commands whose answers are kept for repeats */

struct bus_request {
    struct bus *bus;
    uint8_t identity[256]; /* 255 is libzmq's limit */
    size_t identity_len;
    enum bus_service caller;
    int method; /* enum bus_method, or -1 for what the bus answers itself */
    char name[65], correlation[65];
    uint64_t sequence;
    int64_t deadline_ms, arrived_ms;
    /* of a COMMAND; the first of its key stays until no repeat can come */
    struct bus_request *first;            /* whose answer this one waits for */
    uint8_t key[BUS_KEY_MAX], digest[32]; /* digest: a key stands for one payload */
    size_t key_len;                       /* 0: no command */
    bool done;                            /* answered, and this is the answer: */
    struct am_error outcome;
    uint8_t *payload;
    size_t len;
    TAILQ_ENTRY(bus_request) link;
};

static void
release(struct bus_request *q)
{
    TAILQ_REMOVE(&q->bus->held, q, link);
    *(q->done ? &q->bus->done_count : &q->bus->held_count) -= 1;
    if (q->payload != NULL)
        sodium_memzero(q->payload, q->len);
    free(q->payload);
    free(q);
}

static void
answer(struct bus_request *q, const struct am_error *outcome, struct am_bin payload)
{
    struct bus_header h = bus_header_new(q->bus, q->sequence);
    struct am_error err = {.code = AM_OK};

    h.correlation = am_str_of(q->correlation);
    h.status = (uint64_t)-outcome->code;
    h.reason = am_str_of(outcome->text);
    if (am_mono_ms() > q->deadline_ms)
        am_fail(&err, AM_DEADLINE_EXCEEDED, "%s: expected to answer %s in time", q->name,
                bus_service_name(q->caller));
    if (err.code != AM_OK || bus_send(&q->bus->req, am_bin_of(q->identity, q->identity_len),
                                      q->name, &h, payload, &err) != AM_OK)
        bus_drop(q->bus, &err);
}

/* The first answer of a command goes to all who repeated it meanwhile, and is kept. */
static void
finish(struct bus_request *q, const struct am_error *outcome, struct am_bin payload)
{
    struct bus_request *r, *next;

    answer(q, outcome, payload);
    for (r = TAILQ_FIRST(&q->bus->held); r != NULL && q->key_len > 0; r = next) {
        next = TAILQ_NEXT(r, link);
        if (r->first == q) {
            answer(r, outcome, payload);
            release(r);
        }
    }
    if (q->key_len == 0 || (payload.len > 0 && (q->payload = malloc(payload.len)) == NULL)) {
        release(q);
        return;
    }
    if (payload.len > 0)
        memcpy(q->payload, payload.p, payload.len);
    q->len = payload.len;
    q->outcome = *outcome;
    q->done = true;
    q->bus->held_count--;
    q->bus->done_count++;
}

/* Show it to who taps: a request, or its outcome. */
static void
mirror(struct bus_request *q, const struct am_error *outcome, const struct bus_row *row,
       const void *message)
{
    struct bus_trace t = {.event = am_str_of(outcome != NULL ? "reply" : "request"),
                          .method = am_str_of(q->name),
                          .caller = am_str_of(bus_service_name(q->caller)),
                          .correlation = am_str_of(q->correlation),
                          .call = q->sequence};

    if (outcome != NULL) {
        t.status = (uint64_t)-outcome->code;
        t.took_ms = (uint64_t)(am_mono_ms() - q->arrived_ms);
        t.text = am_str_of(outcome->text);
    }
    if (q->method >= 0)
        bus_mirror(q->bus, &t, row, message);
}

void
bus_reply(struct bus_request *q, const void *reply)
{
    const struct bus_row *row = bus_reply_row((enum bus_method)q->method);
    uint8_t *out = q->bus->out;
    struct am_error err = {.code = AM_OK};
    size_t len;

    if (bus_encode(row, reply, out, BUS_PAYLOAD_MAX, &len, &err) != AM_OK) {
        bus_drop(q->bus, &err);
        err.code = AM_INTERNAL; /* ours, not the caller's */
        bus_refuse(q, &err);
        return;
    }
    mirror(q, &err, row, reply);
    finish(q, &err, am_bin_of(out, len));
    sodium_memzero(out, len);
}

void
bus_refuse(struct bus_request *q, const struct am_error *err)
{
    AM_ASSERT(err->code < 0);
    mirror(q, err, NULL, NULL);
    finish(q, err, am_bin_of(NULL, 0));
}

/* Has this command been asked before?  *repeat: then q has been dealt with. */
static int
recall(struct bus_request *q, struct am_bin key, struct am_bin payload, bool *repeat,
       struct am_error *err)
{
    struct bus_request *e, *next, *first = NULL;

    crypto_generichash(q->digest, sizeof q->digest, payload.p, payload.len, NULL, 0);
    for (e = TAILQ_FIRST(&q->bus->held); e != NULL; e = next) {
        next = TAILQ_NEXT(e, link);
        if (e->done && e->arrived_ms + 2 * BUS_DEADLINE_MAX_MS < am_mono_ms())
            release(e); /* nobody can repeat it any more */
        else if (e->key_len > 0 && e->caller == q->caller && e->method == q->method &&
                 am_bin_eq(am_bin_of(e->key, e->key_len), key))
            first = e;
    }
    *repeat = first != NULL;
    if (first == NULL && (key.len == 0 || q->bus->done_count >= DONE_MAX))
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "%s: expected a key and at most %d recent commands", q->name, DONE_MAX);
    if (first == NULL) {
        memcpy(q->key, key.p, key.len);
        q->key_len = key.len;
    } else if (memcmp(first->digest, q->digest, sizeof q->digest) != 0) {
        return am_fail(err, AM_ALREADY_EXISTS,
                       "%s: expected a new idempotency_key, got that of another command", q->name);
    } else if (first->done) {
        answer(q, &first->outcome, am_bin_of(first->payload, first->len));
        release(q);
    } else {
        q->first = first;
    }
    return AM_OK;
}

/* hello and snapshot. */
static int
built_in(struct bus_request *q, struct am_bin payload, struct am_error *err)
{
    struct bus *bus = q->bus;
    struct bus_hello h = {.service = am_str_of(bus_service_name(bus->self)),
                          .version = am_str_of(ATTESTMESH_VERSION),
                          .schema = BUS_SCHEMA_VERSION,
                          .pid = (uint64_t)getpid(),
                          .uid = (uint64_t)geteuid(),
                          .uptime_ms = (uint64_t)(am_mono_ms() - bus->started_ms),
                          .epoch = bus->epoch,
                          .mode = am_str_of(bus->by_uid ? "uids" : "one-uid"),
                          .phase = am_str_of(bus->phase),
                          .reason = am_str_of(bus->reason),
                          .dropped = bus->dropped,
                          .sandbox = am_str_of(am_sandbox_status())};
    struct bus_snapshot ask;
    size_t len;
    int r;

    if (strcmp(q->name, "hello") == 0) {
        if ((r = am_secret_locked(&h.locked_kib, err)) != AM_OK)
            return r;
        h.locked_kib /= 1024;
        r = bus_encode(&bus_rows[BUS_ROW_bus_hello], &h, bus->out, BUS_FRAME_MAX, &len, err);
    } else if (strcmp(q->name, "snapshot") != 0)
        r = am_fail(err, AM_UNIMPLEMENTED, "%s: expected a method of %s", q->name,
                    bus_service_name(bus->self));
    else if ((r = bus_decode(&bus_rows[BUS_ROW_bus_snapshot], false, &ask, payload, err)) == AM_OK)
        r = bus_snapshot(bus, &ask, &len, err);
    if (r == AM_OK)
        finish(q, &(struct am_error){.code = AM_OK}, am_bin_of(bus->out, len));
    return r;
}

static int
serve(struct bus_request *q, struct am_bin payload, struct am_error *err)
{
    struct bus *bus = q->bus;
    const struct bus_row *row;
    struct am_mp_token key;
    union bus_any message;
    bool repeat = false;
    int r;

    if (q->method < 0)
        return built_in(q, payload, err);
    row = bus_method_row((enum bus_method)q->method);
    if ((row->flags >> q->caller & 1) == 0)
        return am_fail(err, AM_PERMISSION_DENIED, "%s: expected a caller of its list, got %s",
                       q->name, bus_service_name(q->caller));
    if (bus->served[q->method].fn == NULL)
        return am_fail(err, AM_UNIMPLEMENTED, "%s: expected %s to serve it, it does not", q->name,
                       bus_service_name(bus->self));
    if ((r = bus_decode(row, false, &message, payload, err)) != AM_OK)
        return r;
    mirror(q, NULL, row, &message);
    key = bus_value(row + 1, &message); /* of a command */
    if (row->kind == BUS_COMMAND)
        r = recall(q, am_bin_of(key.p, key.n), payload, &repeat, err);
    if (r == AM_OK && !repeat)
        bus->served[q->method].fn(bus->served[q->method].arg, q, &message);
    bus_wipe(row, &message, payload);
    return r;
}

/* Who asks what, until when: by uid where uids are known, and the declared name must agree. */
static int
identify(struct bus_request *q, struct bus_message *m, struct am_error *err)
{
    const char *user = zmq_msg_gets(&m->part[3], "User-Id");
    struct bus_header *h = &m->header;
    int r = bus_header_read(h, m->frame[2], err), caller = bus_service_by_name(h->sender);

    if (r != AM_OK && r != AM_FAILED_PRECONDITION) /* another version: say so to whoever asked */
        return r;
    am_str_copy(q->correlation, sizeof q->correlation, h->correlation);
    q->sequence = h->sequence;
    q->deadline_ms = (int64_t)h->deadline_ms;
    if (r != AM_OK)
        return r;
    if (caller < 0 || user == NULL || (q->bus->by_uid && !am_str_eq(h->sender, user)))
        return am_fail(err, AM_PERMISSION_DENIED, "bus: expected the name of uid %s, got %.*s",
                       user == NULL ? "nobody" : user, (int)h->sender.len, h->sender.p);
    q->caller = (enum bus_service)caller;
    if (q->deadline_ms <= q->arrived_ms)
        return am_fail(err, AM_DEADLINE_EXCEEDED, "%s: expected it before its deadline", q->name);
    if (q->deadline_ms > q->arrived_ms + BUS_DEADLINE_MAX_MS)
        return am_fail(err, AM_OUT_OF_RANGE, "%s: expected a deadline within %d ms", q->name,
                       BUS_DEADLINE_MAX_MS);
    if (q->bus->held_count > BUS_HELD_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d waiting requests",
                       q->name, BUS_HELD_MAX);
    q->method = bus_method_by_name(am_str_of(q->name));
    if (q->method >= 0 && bus_method_row((enum bus_method)q->method)->service != q->bus->self)
        q->method = -1;
    return AM_OK;
}

int
bus_on_request(void *arg, struct bus_message *m, struct am_error *err)
{
    struct bus *bus = arg;
    struct bus_request *q;
    int r;

    if (m->n != 4 || (q = calloc(1, sizeof *q)) == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT, "bus: expected memory and 4 frames, got %d", m->n);
    q->bus = bus;
    q->method = -1;
    q->arrived_ms = am_mono_ms();
    q->identity_len = m->frame[0].len;
    memcpy(q->identity, m->frame[0].p, q->identity_len);
    am_str_copy(q->name, sizeof q->name, bus_frame_text(m, 1));
    TAILQ_INSERT_TAIL(&bus->held, q, link);
    bus->held_count++;
    if ((r = identify(q, m, err)) == AM_OK)
        r = serve(q, m->frame[3], err);
    if (r != AM_OK && q->deadline_ms > q->arrived_ms) /* is there still somebody to hear it? */
        bus_refuse(q, err);
    else if (r != AM_OK)
        release(q);
    return r;
}

int
bus_serve(struct bus *bus, enum bus_method method, bus_serve_fn *fn, void *arg,
          struct am_error *err)
{
    if (bus_method_row(method)->service != bus->self)
        return am_fail(err, AM_FAILED_PRECONDITION, "bus: expected a method of %s, got %s",
                       bus_service_name(bus->self), bus_method_row(method)->name);
    bus->served[method].fn = fn;
    bus->served[method].arg = arg;
    return AM_OK;
}

enum bus_service
bus_request_sender(const struct bus_request *q)
{
    return q->caller;
}

const char *
bus_request_correlation(const struct bus_request *q)
{
    return q->correlation;
}

int64_t
bus_request_deadline_ms(const struct bus_request *q)
{
    return q->deadline_ms;
}

void
bus_req_close(struct bus *bus)
{
    while (!TAILQ_EMPTY(&bus->held))
        release(TAILQ_FIRST(&bus->held));
}
