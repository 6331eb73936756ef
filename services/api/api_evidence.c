/*  api_evidence -- gets quotes from keyagent: one at a time, at a pace no asker can raise.  */
#include "api_evidence.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include <stdlib.h>
#include <string.h>

struct asker {
    api_evidence_fn *fn;
    void *arg;
    uint8_t nonce[AM_NONCE_MAX];
    size_t len;
};

struct api_evidence {
    struct ev_loop *loop;
    struct bus *bus;
    const struct api_facts *facts;
    ev_timer turn;
    struct asker askers[API_QUOTE_ASKERS]; /* [0] came first */
    size_t count;
    struct asker asked;               /* whose nonce keyagent has */
    bool busy;                        /* keyagent has it */
    int64_t begun_ms, gap_ms;         /* of the last quote; and how far apart the next must be */
    struct keyagent_quote_reply kept; /* the last without a nonce; its bytes are ours */
    int64_t kept_ms;
};

static bool
same_nonce(const struct asker *a, const struct asker *b)
{
    return am_bin_eq(am_bin_of(a->nonce, a->len), am_bin_of(b->nonce, b->len));
}

static void
forget_kept(struct api_evidence *e)
{
    free((void *)(uintptr_t)e->kept.quote.p);
    free((void *)(uintptr_t)e->kept.event_log.p);
    e->kept = (struct keyagent_quote_reply){0};
}

static void
keep(struct api_evidence *e, const struct keyagent_quote_reply *r)
{
    uint8_t *quote = malloc(r->quote.len);
    char *event_log = malloc(r->event_log.len + 1);

    forget_kept(e);
    if (quote == NULL || event_log == NULL) { /* then each asks */
        free(quote);
        free(event_log);
        return;
    }
    memcpy(quote, r->quote.p, r->quote.len);
    if (r->event_log.len > 0)
        memcpy(event_log, r->event_log.p, r->event_log.len);
    e->kept.quote = am_bin_of(quote, r->quote.len);
    e->kept.event_log = (struct am_str){event_log, r->event_log.len};
    e->kept_ms = am_mono_ms();
}

static struct api_answer
page(struct api_evidence *e, const struct asker *a, const struct keyagent_quote_reply *r,
     const char *error)
{
    struct api_quote quote = {.error = error};
    struct api_answer answer = {0};

    if (r != NULL) {
        quote.quote = r->quote;
        quote.event_log = r->event_log;
    }
    answer.text = api_attestation(e->facts, am_bin_of(a->nonce, a->len), &quote, &answer.status);
    return answer;
}

/* Answer who waits for this nonce; after a failure everybody: the cause is the same. */
static void
answer_all(struct api_evidence *e, const struct keyagent_quote_reply *r, const char *error)
{
    struct asker served[API_QUOTE_ASKERS];
    size_t n = 0, left = 0;

    for (size_t i = 0; i < e->count; i++) {
        if (error != NULL || same_nonce(&e->askers[i], &e->asked))
            served[n++] = e->askers[i];
        else
            e->askers[left++] = e->askers[i];
    }
    e->count = left; /* fn may ask again */
    for (size_t i = 0; i < n; i++)
        served[i].fn(served[i].arg, page(e, &served[i], r, error));
}

static void
set_turn(struct api_evidence *e)
{
    int64_t wait = e->begun_ms + e->gap_ms - am_mono_ms();

    if (e->busy || e->count == 0)
        return;
    ev_timer_stop(e->loop, &e->turn);
    ev_timer_set(&e->turn, wait > 0 ? (double)wait / 1000.0 : 0.0, 0.0);
    ev_timer_start(e->loop, &e->turn);
}

static void
on_quote(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct api_evidence *e = arg;
    int64_t took = am_mono_ms() - e->begun_ms;

    e->busy = false;
    e->gap_ms = 2 * took < API_QUOTE_GAP_MS       ? API_QUOTE_GAP_MS
                : 2 * took > API_QUOTE_GAP_MAX_MS ? API_QUOTE_GAP_MAX_MS
                                                  : 2 * took;
    am_log_call("keyagent", "quote", took, code, err, "");
    if (code == AM_OK && e->asked.len == 0)
        keep(e, reply);
    answer_all(e, reply, code == AM_OK ? NULL : err->text);
    set_turn(e);
}

static void
on_turn(struct ev_loop *loop, ev_timer *w, int events)
{
    struct api_evidence *e = w->data;
    struct keyagent_quote ask = {0};
    struct am_error err = {0};

    (void)loop, (void)events;
    e->asked = e->askers[0];
    ask.nonce = am_bin_of(e->asked.nonce, e->asked.len);
    e->begun_ms = am_mono_ms();
    e->gap_ms = API_QUOTE_GAP_MS;
    e->busy = bus_call(e->bus, BUS_METHOD_keyagent_quote, &ask, API_QUOTE_MS, "", on_quote, e,
                       &err) == AM_OK;
    if (!e->busy)
        answer_all(e, NULL, err.text);
}

/* How long the last in the queue would wait: a gap for each nonce before it, at worst. */
static int64_t
wait_ms(const struct api_evidence *e)
{
    int64_t gap = e->gap_ms > API_QUOTE_GAP_MS ? e->gap_ms : API_QUOTE_GAP_MS;

    return (int64_t)(e->count + 1) * gap;
}

static bool
answer_kept(struct api_evidence *e, const struct asker *a, struct api_answer *answer)
{
    if (a->len > 0 || e->kept.quote.len == 0 || am_mono_ms() - e->kept_ms > API_QUOTE_KEEP_MS)
        return false;
    *answer = page(e, a, &e->kept, NULL);
    if (answer->status == 200)
        return true;
    free(answer->text); /* made for a cluster or keys that are no longer ours */
    forget_kept(e);
    return false;
}

bool
api_evidence_ask(struct api_evidence *e, struct am_bin nonce, struct api_answer *answer,
                 api_evidence_fn *fn, void *arg)
{
    struct asker a = {.fn = fn, .arg = arg, .len = nonce.len};
    bool joins = false;

    *answer = (struct api_answer){0};
    AM_ASSERT(nonce.len <= AM_NONCE_MAX);
    if (nonce.len > 0)
        memcpy(a.nonce, nonce.p, nonce.len);
    if (api_attest_missing(e->facts) != NULL) {
        answer->text = api_attestation(e->facts, nonce, NULL, &answer->status);
        return true;
    }
    if (answer_kept(e, &a, answer))
        return true;
    for (size_t i = 0; i < e->count && !joins; i++)
        joins = same_nonce(&a, &e->askers[i]);
    if (e->count == API_QUOTE_ASKERS || (!joins && wait_ms(e) > API_QUOTE_WAIT_MS)) {
        answer->status = 503;
        answer->retry_after_s = (unsigned)(wait_ms(e) / 1000);
        answer->text = api_attest_refusal("quotes are made one at a time and others wait: ask "
                                          "again later");
        return true;
    }
    e->askers[e->count++] = a;
    set_turn(e);
    return false;
}

int
api_evidence_open(struct api_evidence **out, struct ev_loop *loop, struct bus *bus,
                  const struct api_facts *facts, struct am_error *err)
{
    struct api_evidence *e = calloc(1, sizeof *e);

    *out = e;
    if (e == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "api: no memory for its quotes");
    e->loop = loop;
    e->bus = bus;
    e->facts = facts;
    e->begun_ms = am_mono_ms() - API_QUOTE_GAP_MS;
    e->gap_ms = API_QUOTE_GAP_MS;
    ev_timer_init(&e->turn, on_turn, 0.0, 0.0);
    e->turn.data = e;
    return AM_OK;
}

void
api_evidence_close(struct api_evidence **evidence)
{
    struct api_evidence *e = *evidence;

    if (e == NULL)
        return;
    AM_ASSERT(!e->busy);
    ev_timer_stop(e->loop, &e->turn);
    answer_all(e, NULL, "api stops");
    forget_kept(e);
    free(e);
    *evidence = NULL;
}
