/*  am_eventlog -- dstack's event log: the four registers replayed, and what it says of the boot. */
#include "am_eventlog.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME_EVENT 0x08000001u /* type of every RTMR3 event */
#define DIGEST 48

struct event { /* borrows from the JSON tree, but for payload */
    unsigned imr, version;
    uint32_t type;
    uint8_t digest[DIGEST];
    struct am_str name;
    struct am_bin payload;
};

static int
sha384(uint8_t out[static DIGEST], const struct am_bin *parts, size_t count, struct am_error *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestInit(ctx, EVP_sha384()) == 1;

    for (size_t i = 0; done && i < count; i++)
        done = EVP_DigestUpdate(ctx, parts[i].p, parts[i].len) == 1;
    done = done && EVP_DigestFinal(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return done ? AM_OK : am_fail(err, AM_RESOURCE_EXHAUSTED, "SHA-384: libcrypto refused");
}

static int
extend(uint8_t rtmr[static DIGEST], const uint8_t digest[static DIGEST], struct am_error *err)
{
    const struct am_bin parts[] = {{rtmr, DIGEST}, {digest, DIGEST}};

    return sha384(rtmr, parts, 2, err);
}

/* Version 1: type (little-endian) ":" name ":" payload. */
static int
digest_1(uint8_t out[static DIGEST], const struct event *e, struct am_error *err)
{
    const uint8_t type[] = {(uint8_t)e->type, (uint8_t)(e->type >> 8), (uint8_t)(e->type >> 16),
                            (uint8_t)(e->type >> 24), ':'};
    const struct am_bin parts[] = {AM_BIN(type),
                                   {(const uint8_t *)e->name.p, e->name.len},
                                   {(const uint8_t *)":", 1},
                                   e->payload};

    return sha384(out, parts, 4, err);
}

/* Version 2: RFC 8785 JSON of event, event_type, payload, version. */
static int
digest_2(uint8_t out[static DIGEST], const struct event *e, struct am_error *err)
{
    char head[AM_EVENT_NAME_MAX + 64], *hex = malloc(2 * e->payload.len + 1);
    int n = snprintf(head, sizeof head, "{\"event\":\"%.*s\",\"event_type\":%u,\"payload\":\"",
                     (int)e->name.len, e->name.p, e->type);
    const char tail[] = "\",\"version\":2}";
    const struct am_bin parts[] = {am_bin_of(head, (size_t)n), am_bin_of(hex, 2 * e->payload.len),
                                   am_bin_of(tail, sizeof tail - 1)};
    int r;

    if (hex == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "event log: no memory for a payload");
    am_hex(hex, e->payload.p, e->payload.len);
    r = sha384(out, parts, 3, err);
    free(hex);
    return r;
}

/* The system's names are letters, digits and hyphens.  A ":" would let one digest be read as two
 * events (version 1); what JSON escapes, version 2 would have to. */
static bool
is_plain(struct am_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c <= ' ' || c > '~' || c == ':' || c == '"' || c == '\\')
            return false;
    }
    return name.len > 0;
}

static void
keep(struct am_eventlog *log, struct am_event_value *value, const struct event *e, size_t least,
     size_t most, size_t step)
{
    if (value->set && log->order.code == AM_OK)
        (void)am_fail(&log->order, AM_ALREADY_EXISTS, "RTMR3: a second event %.*s",
                      (int)e->name.len, e->name.p);
    if (value->set || log->system_ready.set)
        return;
    if (e->payload.len < least || e->payload.len > most || e->payload.len % step != 0) {
        (void)am_fail(&log->order, AM_INVALID_ARGUMENT, "RTMR3: event %.*s with %zu bytes",
                      (int)e->name.len, e->name.p, e->payload.len);
        return;
    }
    value->set = true;
    value->len = e->payload.len;
    if (value->len > 0)
        memcpy(value->bytes, e->payload.p, value->len);
}

static int
runtime_event(struct am_eventlog *log, const struct event *e, struct am_error *err)
{
    uint8_t digest[DIGEST];
    int r;

    log->rtmr3_events++;
    if (!log->system_ready.set && log->order.code == AM_OK &&
        (e->type != RUNTIME_EVENT || !is_plain(e->name)))
        (void)am_fail(&log->order, AM_INVALID_ARGUMENT,
                      "RTMR3: event %zu before system-ready has type 0x%x and a name of %zu bytes "
                      "that the system does not write",
                      log->rtmr3_events, e->type, e->name.len);
    if (e->version == 2 && !is_plain(e->name))
        return am_fail(err, AM_INVALID_ARGUMENT, "event log: a version 2 event with an odd name");
    if ((r = e->version == 2 ? digest_2(digest, e, err) : digest_1(digest, e, err)) != AM_OK ||
        (r = extend(log->rtmr[3], digest, err)) != AM_OK)
        return r;
    if (memcmp(digest, e->digest, DIGEST) != 0 && log->digests.code == AM_OK)
        (void)am_fail(&log->digests, AM_INVALID_ARGUMENT,
                      "RTMR3: the digest of event %zu (%.*s) is not that of its name and payload",
                      log->rtmr3_events, (int)(e->name.len < 64 ? e->name.len : 64), e->name.p);
#define KEEP(field, text, least, most, step)                                                       \
    if (am_str_eq(e->name, text))                                                                  \
        keep(log, &log->field, e, least, most, step);
    AM_EVENT_VALUES(KEEP)
#undef KEEP
    return AM_OK;
}

static int
number(uint32_t *out, const json_t *item, const char *key, uint32_t max, struct am_error *err)
{
    const json_t *v = json_object_get(item, key);

    *out = 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return am_fail(err, AM_INVALID_ARGUMENT, "event log: expected %s from 0 to %u", key, max);
    *out = (uint32_t)json_integer_value(v);
    return AM_OK;
}

static int
text(struct am_str *out, const json_t *item, const char *key, struct am_error *err)
{
    const json_t *v = json_object_get(item, key);

    if (!json_is_string(v))
        return am_fail(err, AM_INVALID_ARGUMENT, "event log: expected text in %s", key);
    *out = (struct am_str){json_string_value(v), json_string_length(v)};
    return AM_OK;
}

/* payload: room for half as many bytes as the whole text has. */
static int
read_event(struct event *e, const json_t *item, uint8_t *payload, struct am_error *err)
{
    struct am_str hex;
    uint32_t imr, version = 1;
    int r;

    memset(e, 0, sizeof *e);
    if ((r = number(&imr, item, "imr", 3, err)) != AM_OK ||
        (r = number(&e->type, item, "event_type", UINT32_MAX, err)) != AM_OK ||
        (r = text(&hex, item, "digest", err)) != AM_OK ||
        (r = am_unhex(e->digest, DIGEST, hex, "event log digest", err)) != AM_OK ||
        (r = text(&e->name, item, "event", err)) != AM_OK ||
        (r = text(&hex, item, "event_payload", err)) != AM_OK)
        return r;
    if (json_object_get(item, "version") != NULL &&
        (r = number(&version, item, "version", 2, err)) != AM_OK)
        return r;
    if (version == 0 || e->name.len > AM_EVENT_NAME_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "event log: expected version 1 or 2 and a name of at most %d bytes",
                       AM_EVENT_NAME_MAX);
    e->imr = imr;
    e->version = version;
    r = am_unhex_some(payload, hex.len / 2, &e->payload.len, hex, "event_payload", err);
    e->payload.p = payload;
    return r;
}

static int
replay(struct am_eventlog *log, const json_t *events, uint8_t *payload, struct am_error *err)
{
    struct event e;
    int r;

    if (!json_is_array(events) || json_array_size(events) > AM_EVENTS_MAX)
        return am_fail(err, AM_OUT_OF_RANGE, "event log: expected an array of at most %d events",
                       AM_EVENTS_MAX);
    for (size_t i = 0; i < json_array_size(events); i++) {
        if ((r = read_event(&e, json_array_get(events, i), payload, err)) != AM_OK)
            return am_wrap(err, "event %zu", i);
        log->events++;
        r = e.imr == 3 ? runtime_event(log, &e, err) : extend(log->rtmr[e.imr], e.digest, err);
        if (r != AM_OK)
            return r;
    }
    if (log->order.code == AM_OK &&
        (!log->app_id.set || !log->compose_hash.set || !log->system_ready.set))
        (void)am_fail(&log->order, AM_NOT_FOUND,
                      "RTMR3: expected app-id, compose-hash and then system-ready, got %s, %s, %s",
                      log->app_id.set ? "one" : "none", log->compose_hash.set ? "one" : "none",
                      log->system_ready.set ? "one" : "none");
    return AM_OK;
}

int
am_eventlog_replay(struct am_eventlog *log, struct am_str in, struct am_error *err)
{
    json_error_t why;
    json_t *events = NULL;
    uint8_t *payload = NULL;
    int r;

    memset(log, 0, sizeof *log);
    if (in.len > AM_EVENTLOG_MAX)
        return am_fail(err, AM_OUT_OF_RANGE, "event log: expected at most %u bytes, got %zu",
                       AM_EVENTLOG_MAX, in.len);
    if ((payload = malloc(in.len / 2 + 1)) == NULL)
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "event log: no memory for payloads");
    else if ((events = json_loadb(in.p, in.len, JSON_REJECT_DUPLICATES, &why)) == NULL)
        r = am_fail(err, AM_INVALID_ARGUMENT, "event log: expected JSON, line %d: %s", why.line,
                    why.text);
    else
        r = replay(log, events, payload, err);
    json_decref(events);
    free(payload);
    if (r != AM_OK)
        memset(log, 0, sizeof *log);
    return r;
}
