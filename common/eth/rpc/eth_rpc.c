/*  eth_rpc -- a strict JSON-RPC 2.0 client for one provider, on am_http.  */
#include "eth_rpc.h"

#include "../../base/am_clock.h"
#include "../../base/am_log.h"
#include "eth_method.h"
#include "eth_rpc_front.h"
#include "eth_rpc_read.h"
#include "eth_rpc_write.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (8u << 20)
#define BACKOFF_MS 250u
#define BACKOFF_MAX_MS 4000u
#define QUIET_MAX_MS 600000 /* so long a Retry-After is obeyed */

struct eth_rpc {
    const struct eth_rpc_front *front; /* NULL: one provider, as below */
    void *front_arg;
    struct am_http *http;
    struct ev_loop *loop;
    const char *name;
    char *url;
    char host[ETH_RPC_HOST_TEXT];
    char where[ETH_RPC_HOST_TEXT + 32];
    uint64_t next_id, elements;
    unsigned attempts;      /* at most; 0: as the method has it */
    int64_t quiet_ms;       /* asked for nothing until then: its Retry-After; monotonic */
    struct eth_range range; /* of eth_getLogs */
    struct call *calls;     /* in flight */
};

struct call {
    struct eth_rpc *rpc; /* NULL: closed, and only the HTTP answer is awaited */
    struct call *next, **link;
    const char *methods[ETH_RPC_BATCH_MAX];
    json_t *params[ETH_RPC_BATCH_MAX];
    size_t count;
    uint64_t first_id;
    int64_t deadline_ms, asked_ms;
    unsigned attempt, attempts;
    char correlation[65];
    struct ev_timer again;
    eth_rpc_fn *fn;
    void *arg;
};

static void on_http(void *arg, int code, const struct am_http_answer *http,
                    const struct am_error *err);

static void
call_free(struct call *c)
{
    for (size_t i = 0; i < c->count; i++)
        json_decref(c->params[i]);
    free(c);
}

static void
call_unlink(struct call *c)
{
    if (c->next != NULL)
        c->next->link = c->link;
    *c->link = c->next;
}

/* Send one attempt, with ids of its own: an answer that comes late fits no later question. */
static int
call_send(struct call *c, struct am_error *err)
{
    struct eth_rpc *rpc = c->rpc;
    char *body;
    int rc;

    c->first_id = rpc->next_id;
    rpc->next_id += c->count;
    c->attempt++;
    c->asked_ms = am_mono_ms();
    body = eth_rpc_write(c->methods, c->params, c->count, c->first_id);
    if (body == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s %s: no memory for the request", rpc->where,
                       c->methods[0]);
    rc = am_http_post(rpc->http, rpc->url, am_bin_of(body, strlen(body)), c->deadline_ms, BODY_MAX,
                      on_http, c, err);
    free(body);
    if (rc == AM_OK)
        rpc->elements += c->count;
    else if (err != NULL)
        eth_rpc_scrub(err->text, rpc->url);
    return rc;
}

/* Tell the asker, and forget the call. */
static void
call_end(struct call *c, const struct eth_rpc_answer *answers)
{
    call_unlink(c);
    c->fn(c->arg, answers, c->count);
    call_free(c);
}

static void
call_fail(struct call *c, int code, const char *text)
{
    struct eth_rpc_answer answers[ETH_RPC_BATCH_MAX];

    memset(answers, 0, c->count * sizeof answers[0]);
    for (size_t i = 0; i < c->count; i++)
        answers[i].code = am_fail(&answers[i].err, code, "%s %s: expected an answer, got %s",
                                  c->rpc->where, c->methods[i], text);
    call_end(c, answers);
}

static void
on_again(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct call *c = timer->data;
    struct am_error err = {0};

    (void)loop;
    (void)events;
    if (am_mono_ms() < c->rpc->quiet_ms) {
        long long s = (c->rpc->quiet_ms - am_mono_ms()) / 1000 + 1;
        char text[64];

        snprintf(text, sizeof text, "Retry-After: not before %lld s have passed", s);
        call_fail(c, AM_RESOURCE_EXHAUSTED, text);
    } else if (call_send(c, &err) != AM_OK) {
        call_fail(c, err.code, err.text);
    }
}

/* What its answers teach about this provider. */
static void
learn(const struct call *c, const struct eth_rpc_answer *answers, int64_t retry_after_ms)
{
    struct eth_rpc *rpc = c->rpc;

    for (size_t i = 0; i < c->count; i++) {
        uint64_t asked = eth_rpc_blocks(c->methods[i], c->params[i]);

        if (asked > 0 && answers[i].code == AM_OUT_OF_RANGE)
            eth_range_refused(&rpc->range, asked, answers[i].said != NULL ? answers[i].said : "");
        else if (asked > 0 && answers[i].code == AM_OK)
            eth_range_taken(&rpc->range, asked);
    }
    if (retry_after_ms > BACKOFF_MAX_MS)
        rpc->quiet_ms =
            am_mono_ms() + (retry_after_ms < QUIET_MAX_MS ? retry_after_ms : QUIET_MAX_MS);
}

static bool
worth_again(const struct call *c, int code)
{
    return c->attempt < c->attempts && am_mono_ms() >= c->rpc->quiet_ms &&
           (code == AM_UNAVAILABLE || code == AM_DEADLINE_EXCEEDED || code == AM_DATA_LOSS ||
            code == AM_RESOURCE_EXHAUSTED);
}

static void
call_later(struct call *c, int64_t wait_ms)
{
    ev_timer_init(&c->again, on_again, (double)wait_ms / 1e3, 0.);
    c->again.data = c;
    ev_timer_start(c->rpc->loop, &c->again);
}

/* Full jitter: anything from nothing to the doubled base, so that many nodes never come together.
 */
static void
call_again(struct call *c, int64_t retry_after_ms)
{
    uint32_t cap = BACKOFF_MS << c->attempt;
    int64_t wait_ms = randombytes_uniform(cap < BACKOFF_MAX_MS ? cap : BACKOFF_MAX_MS);

    if (retry_after_ms > wait_ms)
        wait_ms = retry_after_ms < BACKOFF_MAX_MS ? retry_after_ms : BACKOFF_MAX_MS;
    call_later(c, wait_ms);
}

static void
log_answer(const struct call *c, int code, const struct am_error *err)
{
    char what[96];

    if (c->count == 1)
        snprintf(what, sizeof what, "%s", c->methods[0]);
    else
        snprintf(what, sizeof what, "%s+%zu", c->methods[0], c->count - 1);
    am_log_call(c->rpc->where, what, am_mono_ms() - c->asked_ms,
                code == AM_NOT_FOUND ? AM_OK : code, err,
                c->correlation); /* null is how "not yet" is said */
}

static void
on_http(void *arg, int code, const struct am_http_answer *http, const struct am_error *err)
{
    struct call *c = arg;
    struct eth_rpc_answer answers[ETH_RPC_BATCH_MAX];
    struct eth_rpc_asked asked;
    json_t *tree = NULL;

    if (c->rpc == NULL) {
        call_free(c);
        return;
    }
    asked = (struct eth_rpc_asked){c->rpc->where, c->methods, c->count, c->first_id, http->status};
    if (code == AM_OK) {
        eth_rpc_read(answers, &tree, &asked, http->body, http->content_type);
    } else {
        memset(answers, 0, c->count * sizeof answers[0]);
        for (size_t i = 0; i < c->count; i++)
            answers[i].code = am_fail(&answers[i].err, code, "%s %s: expected an answer, got %s",
                                      c->rpc->where, c->methods[i], err->text);
    }
    for (size_t i = 0; i < c->count; i++)
        eth_rpc_scrub(answers[i].err.text, c->rpc->url);
    learn(c, answers, code == AM_OK ? http->retry_after_ms : -1);
    log_answer(c, answers[0].code, &answers[0].err);
    if (worth_again(c, answers[0].code))
        call_again(c, code == AM_OK ? http->retry_after_ms : -1);
    else
        call_end(c, answers);
    json_decref(tree);
}

int
eth_rpc_call(struct eth_rpc *rpc, const struct eth_rpc_item *items, size_t count,
             const char *correlation, eth_rpc_fn *fn, void *arg, struct am_error *err)
{
    struct call *c;
    int rc = AM_OK;

    if (rpc->front != NULL)
        return rpc->front->call(rpc->front_arg, items, count, correlation, fn, arg, err);
    c = count >= 1 && count <= ETH_RPC_BATCH_MAX ? calloc(1, sizeof *c) : NULL;

    if (c == NULL) {
        for (size_t i = 0; i < count; i++)
            json_decref(items[i].params);
        return am_fail(err, count == 0 ? AM_INVALID_ARGUMENT : AM_RESOURCE_EXHAUSTED,
                       "%s: expected 1 to %d elements, got %zu", rpc->where, ETH_RPC_BATCH_MAX,
                       count);
    }
    c->rpc = rpc;
    c->attempts = rpc->attempts > 0 ? rpc->attempts : UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct eth_method *m = eth_method_of(items[i].method);

        c->methods[i] = items[i].method;
        c->params[i] = items[i].params;
        if (m->attempts < c->attempts)
            c->attempts = m->attempts;
        if (m->deadline_ms > c->deadline_ms)
            c->deadline_ms = m->deadline_ms;
    }
    c->count = count;
    c->fn = fn;
    c->arg = arg;
    snprintf(c->correlation, sizeof c->correlation, "%s", correlation);
    if (am_mono_ms() < rpc->quiet_ms)
        call_later(c, 0);
    else
        rc = call_send(c, err);
    if (rc != AM_OK) {
        call_free(c);
        return rc;
    }
    c->link = &rpc->calls;
    c->next = rpc->calls;
    if (c->next != NULL)
        c->next->link = &c->next;
    rpc->calls = c;
    return AM_OK;
}

int
eth_rpc_open(struct eth_rpc **rpc, struct am_http *http, struct ev_loop *loop, const char *name,
             const char *url, struct am_error *err)
{
    struct eth_rpc *r;

    *rpc = NULL;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "%s: expected a URL with http:// or https://, got another form", name);
    r = calloc(1, sizeof *r);
    if (r == NULL || (r->url = strdup(url)) == NULL) {
        free(r);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: no memory", name);
    }
    r->http = http;
    r->loop = loop;
    r->name = name;
    r->next_id = 1;
    eth_rpc_url_host(r->host, url);
    snprintf(r->where, sizeof r->where, "%s@%s", name, r->host);
    *rpc = r;
    return AM_OK;
}

void
eth_rpc_close(struct eth_rpc **rpc)
{
    struct eth_rpc *r = *rpc;

    if (r == NULL)
        return;
    *rpc = NULL;
    if (r->front != NULL)
        r->front->close(r->front_arg);
    while (r->calls != NULL) {
        struct call *c = r->calls;
        struct eth_rpc_answer answers[ETH_RPC_BATCH_MAX];
        bool waits = ev_is_active(&c->again);

        memset(answers, 0, c->count * sizeof answers[0]);
        for (size_t i = 0; i < c->count; i++)
            answers[i].code =
                am_fail(&answers[i].err, AM_CANCELLED, "%s %s: expected an answer, got closed",
                        r->where, c->methods[i]);
        ev_timer_stop(r->loop, &c->again);
        call_unlink(c);
        c->fn(c->arg, answers, c->count);
        c->rpc = NULL;
        if (waits) /* else on_http comes once more and frees it */
            call_free(c);
    }
    free(r->url);
    free(r);
}

uint64_t
eth_rpc_count(const struct eth_rpc *rpc)
{
    return rpc->front != NULL ? rpc->front->count(rpc->front_arg) : rpc->elements;
}

const char *
eth_rpc_host(const struct eth_rpc *rpc)
{
    return rpc->front != NULL ? rpc->front->host(rpc->front_arg) : rpc->host;
}

uint64_t
eth_rpc_range(const struct eth_rpc *rpc, uint64_t wanted)
{
    return rpc->front != NULL ? rpc->front->range(rpc->front_arg, wanted)
                              : eth_range_of(&rpc->range, wanted);
}

int
eth_rpc_open_front(struct eth_rpc **rpc, const struct eth_rpc_front *front, void *arg,
                   struct am_error *err)
{
    *rpc = calloc(1, sizeof **rpc);
    if (*rpc == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc: no memory");
    (*rpc)->front = front;
    (*rpc)->front_arg = arg;
    return AM_OK;
}

void *
eth_rpc_front_of(const struct eth_rpc *rpc, const struct eth_rpc_front *front)
{
    return rpc->front == front ? rpc->front_arg : NULL;
}

void
eth_rpc_once(struct eth_rpc *rpc)
{
    rpc->attempts = 1;
}

int64_t
eth_rpc_quiet_ms(const struct eth_rpc *rpc)
{
    return rpc->quiet_ms;
}
