/*  bus_req -- the server: who may ask what, deadlines, one answer each, the same one for a repeat.
 */
#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "bus_int.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ATTESTMESH_VERSION
#define ATTESTMESH_VERSION "0.1.0"
#endif
#define IDENTITY_MAX 255

/* A command's answer, from its arrival until no repeat can come. */
struct bus_answer {
    enum bus_service caller;
    enum bus_method method;
    uint8_t key[BUS_KEY_MAX], digest[32]; /* digest: of the payload, so that a key stands for one */
    size_t key_len;
    int64_t expires_ms;
    bool done;
    int status;
    char reason[AM_ERROR_TEXT];
    uint8_t *payload;
    size_t len;
    TAILQ_ENTRY(bus_answer) link;
};

struct bus_request {
    struct bus *bus;
    uint8_t identity[IDENTITY_MAX];
    size_t identity_len;
    enum bus_service caller;
    int method; /* enum bus_method, or -1 for what the bus answers itself */
    char name[65], correlation[65];
    uint64_t sequence;
    int64_t deadline_ms, arrived_ms;
    struct bus_answer *answer; /* of a COMMAND */
    TAILQ_ENTRY(bus_request) link;
};

static void
release(struct bus_request *q)
{
    TAILQ_REMOVE(&q->bus->held, q, link);
    q->bus->held_count--;
    free(q);
}

/* Send the answer and forget the request. */
static void
answer(struct bus_request *q, int status, const char *reason, struct am_bin payload)
{
    struct bus *bus = q->bus;
    struct bus_header h = bus_header_new(bus, q->sequence);
    struct am_error err = {.code = AM_OK};

    h.correlation = am_str_of(q->correlation);
    h.status = (uint64_t)-status;
    h.reason = (struct am_str){reason, strnlen(reason, AM_ERROR_TEXT - 1)};
    if (am_mono_ms() > q->deadline_ms)
        am_fail(&err, AM_DEADLINE_EXCEEDED, "%s: expected to answer %s before its deadline",
                q->name, bus_service_name(q->caller));
    else if (bus_send(&bus->req, am_bin_of(q->identity, q->identity_len), q->name, &h, payload) !=
             0)
        am_fail(&err, AM_UNAVAILABLE, "%s: expected to answer %s, got %s", q->name,
                bus_service_name(q->caller), zmq_strerror(errno));
    if (err.code != AM_OK)
        bus_drop(bus, "reply", &err);
    release(q);
}

static void
trace(struct bus_request *q, bool reply, int status, const char *reason, const void *message)
{
    struct bus_half half = {.method = q->name,
                            .correlation = q->correlation,
                            .caller = q->caller,
                            .call = q->sequence,
                            .took_ms = reply ? am_mono_ms() - q->arrived_ms : -1,
                            .status = status,
                            .reason = reason};
    enum bus_method m = (enum bus_method)q->method;

    bus_trace_half(q->bus, &half, reply ? bus_reply_row(m) : bus_method_row(m), message);
}

/* The first answer of a command is everybody's who repeated it meanwhile. */
static void
finish(struct bus_request *q, int status, const char *reason, struct am_bin payload)
{
    struct bus_answer *a = q->answer;
    struct bus *bus = q->bus;
    struct bus_request *r, *next;

    if (a == NULL) {
        answer(q, status, reason, payload);
        return;
    }
    a->done = true;
    a->status = status;
    strncpy(a->reason, reason, sizeof a->reason - 1);
    if (payload.len > 0 && (a->payload = malloc(payload.len)) != NULL)
        memcpy(a->payload, payload.p, payload.len);
    a->len = a->payload != NULL ? payload.len : 0;
    for (r = TAILQ_FIRST(&bus->held); r != NULL; r = next) {
        next = TAILQ_NEXT(r, link);
        if (r->answer == a)
            answer(r, status, reason, payload);
    }
}

void
bus_reply(struct bus_request *q, const void *reply)
{
    const struct bus_row *row = bus_reply_row((enum bus_method)q->method);
    struct bus *bus = q->bus;
    struct am_error err;
    size_t len;

    if (bus_encode(row, reply, bus->out, BUS_PAYLOAD_MAX, &len, &err) != AM_OK) {
        err.code = AM_INTERNAL; /* ours, not the caller's */
        bus_drop(bus, "reply", &err);
        bus_refuse(q, &err);
        return;
    }
    trace(q, true, AM_OK, "", reply);
    finish(q, AM_OK, "", am_bin_of(bus->out, len));
    if (bus_is_secret(row))
        sodium_memzero(bus->out, len);
}

void
bus_refuse(struct bus_request *q, const struct am_error *err)
{
    AM_ASSERT(err->code < 0);
    if (q->method >= 0)
        trace(q, true, err->code, err->text, NULL);
    finish(q, err->code, err->text, (struct am_bin){NULL, 0});
}

static void
forget(struct bus *bus, struct bus_answer *a)
{
    TAILQ_REMOVE(&bus->answers, a, link);
    bus->answer_count--;
    if (a->payload != NULL)
        sodium_memzero(a->payload, a->len);
    free(a->payload);
    free(a);
}

/* Has this command been asked before?  Sets q->answer; true: answered, or will be with the first.
 */
static int
recall(struct bus_request *q, struct am_bin key, struct am_bin payload, bool *repeat,
       struct am_error *err)
{
    struct bus *bus = q->bus;
    struct bus_answer *a, *next;
    uint8_t digest[32];

    *repeat = false;
    crypto_generichash(digest, sizeof digest, payload.p, payload.len, NULL, 0);
    for (a = TAILQ_FIRST(&bus->answers); a != NULL; a = next) {
        next = TAILQ_NEXT(a, link);
        if (a->done && a->expires_ms < am_mono_ms()) {
            forget(bus, a);
        } else if (a->caller == q->caller && (int)a->method == q->method &&
                   am_bin_eq(am_bin_of(a->key, a->key_len), key)) {
            if (memcmp(a->digest, digest, sizeof digest) != 0)
                return am_fail(err, AM_ALREADY_EXISTS,
                               "%s: expected a new idempotency_key, got that of another command",
                               q->name);
            q->answer = a;
            *repeat = true;
            return AM_OK;
        }
    }
    if (key.len == 0 || key.len > BUS_KEY_MAX)
        return am_fail(err, AM_OUT_OF_RANGE, "%s idempotency_key: expected 1 to %d bytes, got %zu",
                       q->name, BUS_KEY_MAX, key.len);
    if (bus->answer_count == BUS_ANSWERS_MAX || (a = calloc(1, sizeof *a)) == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d recent commands",
                       q->name, BUS_ANSWERS_MAX);
    a->caller = q->caller;
    a->method = (enum bus_method)q->method;
    memcpy(a->key, key.p, key.len);
    a->key_len = key.len;
    memcpy(a->digest, digest, sizeof digest);
    a->expires_ms = am_mono_ms() + BUS_DEADLINE_MAX_MS;
    TAILQ_INSERT_TAIL(&bus->answers, a, link);
    bus->answer_count++;
    q->answer = a;
    return AM_OK;
}

static int
say_hello(struct bus *bus, size_t *len, struct am_error *err)
{
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
                          .dropped = bus->dropped};

    return bus_encode(&bus_rows[BUS_ROW_bus_hello], &h, bus->out, BUS_FRAME_MAX, len, err);
}

/* hello and snapshot. */
static int
built_in(struct bus_request *q, struct am_bin payload, struct am_error *err)
{
    struct bus_snapshot ask;
    size_t len;
    int r;

    if (strcmp(q->name, "hello") == 0) {
        r = say_hello(q->bus, &len, err);
    } else if (strcmp(q->name, "snapshot") == 0) {
        r = bus_decode(&bus_rows[BUS_ROW_bus_snapshot], false, &ask, payload, err);
        if (r == AM_OK)
            r = bus_snapshot(q->bus, &ask, q->bus->out, &len, err);
    } else {
        r = am_fail(err, AM_UNIMPLEMENTED, "%s: expected a method of %s", q->name,
                    bus_service_name(q->bus->self));
    }
    if (r == AM_OK)
        answer(q, AM_OK, "", am_bin_of(q->bus->out, len));
    return r;
}

static int
serve(struct bus_request *q, struct am_bin payload, struct am_error *err)
{
    struct bus *bus = q->bus;
    enum bus_method m = (enum bus_method)q->method;
    const struct bus_row *row;
    union bus_any message;
    bool repeat = false;
    int r;

    if (q->method < 0)
        return built_in(q, payload, err);
    row = bus_method_row(m);
    if ((row->flags >> q->caller & 1) == 0)
        return am_fail(err, AM_PERMISSION_DENIED, "%s: expected a caller of its list, got %s",
                       q->name, bus_service_name(q->caller));
    if (bus->served[m].fn == NULL)
        return am_fail(err, AM_UNIMPLEMENTED, "%s: expected %s to serve it, it does not", q->name,
                       bus_service_name(bus->self));
    if ((r = bus_decode(row, false, &message, payload, err)) != AM_OK)
        return r;
    trace(q, false, AM_OK, "", &message);
    if (row->kind == BUS_COMMAND) {
        r = recall(q, *(const struct am_bin *)(const void *)((uint8_t *)&message + row[1].offset),
                   payload, &repeat, err);
        if (repeat && q->answer->done)
            answer(q, q->answer->status, q->answer->reason,
                   am_bin_of(q->answer->payload, q->answer->len));
    }
    if (r == AM_OK && !repeat)
        bus->served[m].fn(bus->served[m].arg, q, &message);
    if (bus_is_secret(row)) {
        sodium_memzero((void *)payload.p, payload.len); /* the frame is ours until it is closed */
        sodium_memzero(&message, row->offset);
    }
    return r;
}

/* Who asks: by uid where uids are known, and the declared name must agree. */
static int
identify(struct bus *bus, struct bus_frames *f, const struct bus_header *h, struct am_error *err)
{
    const char *user = zmq_msg_gets(&f->part[3], "User-Id");

    if (user == NULL || (bus->by_uid && !am_str_eq(h->sender, user)))
        return am_fail(err, AM_PERMISSION_DENIED,
                       "bus: expected %s (by its uid), got the name %.*s",
                       user == NULL ? "somebody" : user, (int)h->sender.len, h->sender.p);
    if (bus_service_by_name(h->sender) < 0)
        return am_fail(err, AM_PERMISSION_DENIED, "bus: expected a service's name, got %.*s",
                       (int)h->sender.len, h->sender.p);
    return AM_OK;
}

static struct bus_request *
accept_request(struct bus *bus, struct bus_frames *f, struct am_error *err)
{
    struct bus_request *q = calloc(1, sizeof *q);
    struct bus_header h;
    struct am_bin name, identity;
    int r;

    if (q == NULL || f->n != 4) {
        am_fail(err, AM_INVALID_ARGUMENT, "bus: expected 4 frames, got %d", f->n);
        free(q);
        return NULL;
    }
    *q = (struct bus_request){.bus = bus, .method = -1, .arrived_ms = am_mono_ms()};
    TAILQ_INSERT_TAIL(&bus->held, q, link);
    bus->held_count++;
    identity = bus_frame(f, 0);
    name = bus_frame(f, 1);
    memcpy(q->identity, identity.p, identity.len); /* at most 255: libzmq's limit */
    q->identity_len = identity.len;
    memcpy(q->name, name.p, name.len < sizeof q->name ? name.len : sizeof q->name - 1);
    r = bus_header_read(&h, bus_frame(f, 2), err);
    if (r == AM_OK || r == AM_FAILED_PRECONDITION) { /* another version: say so to whoever asked */
        snprintf(q->correlation, sizeof q->correlation, "%.*s", (int)h.correlation.len,
                 h.correlation.len > 0 ? h.correlation.p : "");
        q->sequence = h.sequence;
        q->deadline_ms = (int64_t)h.deadline_ms;
    }
    if (q->deadline_ms <= q->arrived_ms) {
        if (r == AM_OK)
            am_fail(err, AM_DEADLINE_EXCEEDED, "%s: expected to get it before its deadline",
                    q->name);
        release(q);
        return NULL;
    }
    if (r == AM_OK && q->deadline_ms > q->arrived_ms + BUS_DEADLINE_MAX_MS)
        r = am_fail(err, AM_OUT_OF_RANGE, "%s: expected a deadline within %d ms", q->name,
                    BUS_DEADLINE_MAX_MS);
    if (r == AM_OK && bus->held_count > BUS_HELD_MAX)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d waiting requests", q->name,
                    BUS_HELD_MAX);
    if (r == AM_OK && (r = identify(bus, f, &h, err)) == AM_OK) {
        q->caller = (enum bus_service)bus_service_by_name(h.sender);
        q->method = bus_method_by_name((struct am_str){q->name, strlen(q->name)});
        if (q->method >= 0 && bus_method_row((enum bus_method)q->method)->service != bus->self)
            q->method = -1;
    }
    if (r != AM_OK) {
        bus_drop(bus, "req", err);
        answer(q, r, err->text, (struct am_bin){NULL, 0});
        err->code = AM_OK;
        return NULL;
    }
    return q;
}

bool
bus_req_ready(void *arg)
{
    struct bus *bus = arg;
    struct bus_frames f;
    struct bus_request *q;
    struct am_error err = {.code = AM_OK};
    int r;

    if (!bus_take(&bus->req, &f))
        return false;
    q = accept_request(bus, &f, &err);
    if (q == NULL && err.code != AM_OK)
        bus_drop(bus, "req", &err);
    if (q != NULL && (r = serve(q, bus_frame(&f, 3), &err)) != AM_OK) {
        am_log(AM_WARN, "bus.refused", "method=%s caller=%s code=%s reason=\"%s\"", q->name,
               bus_service_name(q->caller), am_err_name(r), err.text);
        if (q->method >= 0)
            trace(q, true, r, err.text, NULL);
        q->answer = NULL; /* a refusal before the handler is nobody else's */
        answer(q, r, err.text, (struct am_bin){NULL, 0});
    }
    bus_frames_free(&f);
    return true;
}

int
bus_serve(struct bus *bus, enum bus_method method, bus_serve_fn *fn, void *arg,
          struct am_error *err)
{
    if (bus_method_row(method)->service != bus->self)
        return am_fail(err, AM_FAILED_PRECONDITION, "bus: expected a method of %s, got %s",
                       bus_service_name(bus->self), bus_method_row(method)->name);
    bus->served[method] = (struct bus_served){fn, arg};
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
    while (!TAILQ_EMPTY(&bus->answers))
        forget(bus, TAILQ_FIRST(&bus->answers));
}
