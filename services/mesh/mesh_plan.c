/*  mesh_plan -- pure: from what a WireGuard device has to what it should have, without a session
 * lost  */
#include "mesh_plan.h"

#include <string.h>

static struct mesh_wg_found *
find(struct mesh_wg_device *d, const uint8_t pub[static 32])
{
    for (size_t i = 0; i < d->count; i++)
        if (memcmp(d->peer[i].pub, pub, 32) == 0)
            return &d->peer[i];
    return NULL;
}

const struct mesh_wg_found *
mesh_plan_find(const struct mesh_wg_device *d, const uint8_t pub[static 32])
{
    return find((struct mesh_wg_device *)(uintptr_t)d, pub);
}

/* One line: key, tab, value. */
static int
next_line(struct am_str *out, uint8_t pub[static 32], struct am_str *value, struct am_error *err)
{
    struct am_str line, key;

    mesh_next(&line, out, '\n');
    *value = line;
    if (!mesh_next(&key, value, '\t') || !mesh_key_parse(pub, key))
        return am_fail(err, AM_DATA_LOSS, "wg: expected a line of key and value, got %zu bytes",
                       line.len);
    return AM_OK;
}

int
mesh_plan_allowed(struct mesh_wg_device *d, struct am_str out, struct am_error *err)
{
    struct am_str value, ip;
    uint32_t prefix;
    int r;

    d->count = 0;
    while (out.len > 0) {
        struct mesh_wg_found *p = &d->peer[d->count];

        if (d->count == 2 * MESH_MEMBERS_MAX)
            return am_fail(err, AM_RESOURCE_EXHAUSTED, "wg: expected at most %d peers, got more",
                           2 * MESH_MEMBERS_MAX);
        *p = (struct mesh_wg_found){0};
        if ((r = next_line(&out, p->pub, &value, err)) != AM_OK)
            return r;
        p->exact = mesh_next(&ip, &value, '/') && mesh_ip_parse(&p->ip, ip) &&
                   mesh_number_parse(&prefix, value, 32) && prefix == 32;
        d->count++;
    }
    return AM_OK;
}

int
mesh_plan_endpoints(struct mesh_wg_device *d, struct am_str out, struct am_error *err)
{
    struct am_str value;
    uint8_t pub[32];
    int r;

    while (out.len > 0) {
        struct mesh_wg_found *p;

        if ((r = next_line(&out, pub, &value, err)) != AM_OK)
            return r;
        if ((p = find(d, pub)) == NULL)
            continue; /* came between two questions */
        p->placed = !am_str_eq(value, "(none)");
        if (!mesh_endpoint_parse(&p->endpoint, value))
            p->endpoint = (struct mesh_endpoint){0};
    }
    return AM_OK;
}

static bool
number(uint64_t *out, struct am_str text)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || text.len > 18)
            return false;
        *out = *out * 10 + (uint64_t)(text.p[i] - '0');
    }
    return text.len > 0;
}

int
mesh_plan_handshakes(struct mesh_wg_device *d, struct am_str out, struct am_error *err)
{
    struct am_str value;
    uint8_t pub[32];
    int r;

    while (out.len > 0) {
        struct mesh_wg_found *p;
        uint64_t seconds = 0;

        if ((r = next_line(&out, pub, &value, err)) != AM_OK)
            return r;
        if (!number(&seconds, value))
            return am_fail(err, AM_DATA_LOSS, "wg latest-handshakes: expected a number");
        if ((p = find(d, pub)) != NULL)
            p->handshake_s = seconds;
    }
    return AM_OK;
}

int
mesh_plan_transfer(struct mesh_wg_device *d, struct am_str out, struct am_error *err)
{
    struct am_str value, first;
    uint8_t pub[32];
    int r;

    while (out.len > 0) {
        struct mesh_wg_found *p;
        uint64_t received = 0, sent = 0;

        if ((r = next_line(&out, pub, &value, err)) != AM_OK)
            return r;
        if (!mesh_next(&first, &value, '\t') || !number(&received, first) || !number(&sent, value))
            return am_fail(err, AM_DATA_LOSS, "wg transfer: expected two numbers");
        if ((p = find(d, pub)) != NULL) {
            p->received = received;
            p->sent = sent;
        }
    }
    return AM_OK;
}

bool
mesh_plan_silent(const struct mesh_wg_found *f, uint64_t now_s)
{
    if (f->handshake_s != 0)
        return f->handshake_s + MESH_PATH_S < now_s;
    return f->received == 0 && f->sent >= MESH_PLAN_TRIES * 148;
}

static const char *
keep(struct mesh_plan *plan, size_t *used, const char *text)
{
    size_t n = strlen(text) + 1;
    char *at = plan->text + *used;

    AM_ASSERT(*used + n <= sizeof plan->text);
    memcpy(at, text, n);
    *used += n;
    return at;
}

static void
say(struct mesh_plan *plan, size_t *used, const char *word)
{
    AM_ASSERT(plan->argc < MESH_CMD_ARGS);
    plan->argv[plan->argc++] = keep(plan, used, word);
}

static bool
is_same(struct mesh_endpoint a, struct mesh_endpoint b)
{
    return a.ip == b.ip && a.port == b.port;
}

static bool
needs_endpoint(const struct mesh_wg_peer *want, const struct mesh_wg_found *have, uint64_t now_s)
{
    if (want->endpoint.ip == 0)
        return false;
    /* The other's turn: without an endpoint the device does not call.  Whom we adopt has waited. */
    if (!want->calls && want->calls_again == 0 &&
        (have == NULL || (want->added_ms != 0 && !have->placed && have->handshake_s == 0)))
        return false;
    if (have == NULL || !have->placed)
        return true;
    if (want->given.ip != 0 && !is_same(want->given, want->endpoint))
        return true; /* the file has changed */
    return !is_same(have->endpoint, want->endpoint) && have->handshake_s + MESH_PATH_S < now_s;
}

/* Shook hands, and not a byte of data came for two seconds: the peer's packets bear an index that
 * our device has dropped. */
static bool
is_deaf(const struct mesh_wg_found *have)
{
    return have->handshake_s != 0 && have->received <= MESH_HANDSHAKE_BYTES;
}

/* How often a peer that never shook hands is called again, and after how long. */
static unsigned
calls_of(const struct mesh_wg_peer *want)
{
    return want->calls ? MESH_CALLS : 1;
}

static int64_t
patience_ms(const struct mesh_wg_peer *want, const struct mesh_wg_found *have)
{
    if (have->handshake_s != 0)
        return MESH_DEAF_MS;
    return want->calls ? MESH_CALL_MS : MESH_TURN_MS;
}

static bool
may_call(const struct mesh_wg_peer *want, const struct mesh_wg_found *have)
{
    if (want->added_ms == 0 || want->endpoint.ip == 0 || have == NULL)
        return false;
    return have->handshake_s == 0 ? want->calls_again < calls_of(want)
                                  : want->calls_again < MESH_CALLS && is_deaf(have);
}

bool
mesh_plan_calling(const struct mesh_wg_peer *want, size_t want_count,
                  const struct mesh_wg_device *have)
{
    for (size_t k = 0; k < want_count; k++)
        if (may_call(&want[k], mesh_plan_find(have, want[k].pub)))
            return true;
    return false;
}

static void
say_peer(struct mesh_plan *plan, size_t *used, struct mesh_wg_peer *want,
         const struct mesh_wg_found *have, uint64_t now_s, int64_t now_ms)
{
    bool place = needs_endpoint(want, have, now_s);
    bool allow = have == NULL || !have->exact || have->ip != want->ip;
    char text[MESH_KEY_TEXT], host[MESH_IP_TEXT + 4];

    if (!place && !allow)
        return;
    plan->touched++;
    mesh_key_text(text, want->pub);
    say(plan, used, "peer");
    say(plan, used, text);
    if (place) {
        mesh_endpoint_text(text, want->endpoint);
        say(plan, used, "endpoint");
        say(plan, used, text);
        want->given = want->endpoint;
    }
    if (have == NULL)
        want->added_ms = now_ms;
    if (allow) {
        mesh_ip_text(host, want->ip);
        memcpy(host + strlen(host), "/32", 4);
        say(plan, used, "allowed-ips");
        say(plan, used, host);
        say(plan, used, "persistent-keepalive");
        say(plan, used, MESH_KEEPALIVE);
    }
}

/* Whether a peer of the device is to be taken out: nobody wants it, or it is to be called again. */
static bool
leaves(struct mesh_set *again, const struct mesh_wg_found *found, struct mesh_wg_peer *want,
       size_t want_count, int64_t now_ms)
{
    for (size_t k = 0; k < want_count; k++) {
        if (memcmp(want[k].pub, found->pub, 32) != 0)
            continue;
        if (!may_call(&want[k], found) || now_ms - want[k].added_ms < patience_ms(&want[k], found))
            return false;
        want[k].calls_again++;
        mesh_set_add(again, k);
        return true;
    }
    return true;
}

void
mesh_plan_make(struct mesh_plan *plan, const char *name, struct mesh_wg_peer *want,
               size_t want_count, const struct mesh_wg_device *have, uint64_t now_s, int64_t now_ms)
{
    struct mesh_set again = {0}; /* out now, in with the next plan */
    size_t used = 0;

    memset(plan, 0, sizeof *plan);
    say(plan, &used, "set");
    say(plan, &used, name);
    for (size_t i = 0; i < have->count; i++) { /* removals first: an address may have moved */
        char text[MESH_KEY_TEXT];

        if (plan->touched == MESH_PLAN_PEERS) {
            plan->more = true;
            return;
        }
        if (!leaves(&again, &have->peer[i], want, want_count, now_ms))
            continue;
        plan->touched++;
        mesh_key_text(text, have->peer[i].pub);
        say(plan, &used, "peer");
        say(plan, &used, text);
        say(plan, &used, "remove");
    }
    for (size_t k = 0; k < want_count; k++) {
        if (plan->touched == MESH_PLAN_PEERS) {
            plan->more = true;
            return;
        }
        if (!mesh_set_has(&again, k))
            say_peer(plan, &used, &want[k], mesh_plan_find(have, want[k].pub), now_s, now_ms);
    }
    if (plan->touched == 0)
        plan->argc = 0;
}
