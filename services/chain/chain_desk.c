/*  chain_desk -- the operations under way: what views and answers mean for each, and doing it.  */
#include "chain_task.h"

#include "am_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLED_DEPTH 64 /* blocks over a message that a new start does not look at again */

struct chain_ticket *
chain_ticket_new(struct chain_task *t)
{
    struct chain_ticket *ticket = malloc(sizeof *ticket);

    if (ticket != NULL) {
        *ticket = (struct chain_ticket){.task = t, .generation = t->generation};
        t->tickets++;
    }
    return ticket;
}

struct chain_task *
chain_ticket_use(struct chain_ticket *ticket)
{
    struct chain_task *t = ticket->task;
    bool late = ticket->generation != t->generation || t->desk->closing;

    t->tickets--;
    free(ticket);
    return late ? NULL : t;
}

static void
on_answers(void *arg, const struct eth_rpc_answer *answers, size_t count)
{
    struct chain_ticket *ticket = arg;
    void (*fn)(struct chain_task *, const struct eth_rpc_answer *, size_t) = ticket->fn;
    struct chain_task *t = chain_ticket_use(ticket);

    if (t != NULL)
        fn(t, answers, count);
}

void
chain_task_ask(struct chain_task *t, struct eth_rpc *rpc, const struct eth_rpc_item *items,
               size_t count, void (*fn)(struct chain_task *, const struct eth_rpc_answer *, size_t))
{
    struct chain_ticket *ticket = chain_ticket_new(t);
    struct am_error err = {0};

    if (ticket == NULL) {
        for (size_t i = 0; i < count; i++)
            json_decref(items[i].params);
        (void)am_fail(&err, AM_RESOURCE_EXHAUSTED, "chain: no memory");
    } else {
        ticket->fn = fn;
        if (eth_rpc_call(rpc, items, count, t->correlation, on_answers, ticket, &err) == AM_OK)
            return;
        (void)chain_ticket_use(ticket);
    }
    chain_task_fail(t, CHAIN_EV_ERROR, &err);
}

void
chain_task_reason(struct chain_task *t, const char *text)
{
    snprintf(t->w.reason, sizeof t->w.reason, "%s", text);
}

void
chain_task_fail(struct chain_task *t, enum chain_event event, const struct am_error *err)
{
    chain_task_reason(t, err->text);
    chain_task_event(t, event);
}

static void
on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct chain_desk *d = timer->data;

    (void)loop;
    (void)events;
    for (struct chain_task *t = d->tasks; t != NULL; t = t->next)
        chain_task_look(t);
}

bool
chain_task_save(struct chain_task *t)
{
    struct am_error err = {0};

    if (chain_ledger_save(t->desk->ledger, &t->w, am_bin_of(t->call_data, t->call_data_len),
                          &err) == AM_OK)
        return true;
    am_log(AM_ERROR, "ledger.failed", "reason=\"%s\"", err.text);
    chain_task_reason(t, err.text);
    return false;
}

static void
act(struct chain_task *t, enum chain_action action)
{
    static void (*const actions[])(struct chain_task *) = {
        [CHAIN_DO_NONCE] = chain_task_nonce, [CHAIN_DO_PREPARE] = chain_task_witness,
        [CHAIN_DO_SIGN] = chain_task_sign,   [CHAIN_DO_SEND] = chain_task_send,
        [CHAIN_DO_POLL] = chain_task_poll,   [CHAIN_DO_FIND] = chain_task_find,
    };

    if (action != CHAIN_DO_NOTHING)
        actions[action](t);
}

void
chain_task_tell(const struct chain_task *t, enum chain_event event)
{
    char key[2 * CHAIN_KEY + 1], hash[65];

    am_hex(key, t->w.key, CHAIN_KEY);
    am_hex(hash, t->w.user_op_hash, 32);
    am_log(t->w.reason[0] == '\0' ? AM_INFO : AM_WARN, "operation",
           "purpose=%s state=%s after=%s key=0x%s sequence=%llu hash=0x%s block=%llu attempts=%llu "
           "correlation=%s reason=\"%s\"",
           chain_purpose_text(t->w.purpose), chain_state_name(t->w.state), chain_event_name(event),
           key, (unsigned long long)t->w.sequence, hash, (unsigned long long)t->w.block,
           (unsigned long long)t->w.attempts, t->correlation, t->w.reason);
    t->desk->o.changed(t->desk->o.arg, &t->w);
}

void
chain_task_event(struct chain_task *t, enum chain_event event)
{
    struct chain_step step = chain_op_step(&t->w, event);

    if (step.changed) {
        t->generation++; /* answers to the state that is over come too late */
        ev_timer_stop(t->desk->o.loop, &t->poll);
    }
    if (step.wait != CHAIN_WAIT_NONE)
        chain_task_wait(t, step.wait);
    if (step.save && !chain_task_save(t) && step.action != CHAIN_DO_NOTHING &&
        step.action != CHAIN_DO_POLL) {
        t->w.state = CHAIN_ASKED; /* nothing is asked for that a kill would forget */
        t->generation++;
        chain_task_wait(t, CHAIN_WAIT_READ);
        step.action = CHAIN_DO_NOTHING;
    }
    if (step.changed)
        chain_task_tell(t, event);
    if (step.changed &&
        (t->w.state == CHAIN_INCLUDED || t->w.state == CHAIN_REVERTED || event == CHAIN_EV_STALE))
        t->desk->o.poke(t->desk->o.arg);
    act(t, step.action);
}

bool
chain_desk_awaits(const struct chain_desk *d)
{
    for (const struct chain_task *t = d->tasks; t != NULL; t = t->next)
        if (t->w.state != CHAIN_CONFIRMED && t->w.state != CHAIN_FAILED)
            return true;
    return false;
}

void
chain_task_look(struct chain_task *t)
{
    const struct chain_snapshot *s = t->desk->s;
    bool waits = chain_op_waits(t->w.state);
    char reason[CHAIN_REASON];

    /* Below the floor a view does not know what was included since. */
    if (s == NULL || s->number < t->w.floor || t->w.state == CHAIN_FAILED)
        return;
    if (t->w.state != CHAIN_CONFIRMED && !t->desk->o.fresh(t->desk->o.arg))
        return;
    switch (chain_effect_judge(reason, &t->w, s, t->desk->o.self)) {
    case CHAIN_EFFECT_DONE:
        if (t->w.state != CHAIN_CONFIRMED)
            chain_task_event(t, CHAIN_EV_EFFECT);
        else if (t->w.purpose == CHAIN_MESSAGE)
            chain_task_settle(t);
        break;
    case CHAIN_EFFECT_MISSING:
        if (waits && chain_task_may_try(t))
            chain_task_event(t, CHAIN_EV_MISSING);
        else if (!waits)
            chain_task_gone(t);
        break;
    case CHAIN_EFFECT_BLOCKED:
        if (waits)
            chain_task_blocked(t, reason);
        break;
    case CHAIN_EFFECT_NEVER:
        chain_task_reason(t, reason);
        chain_task_event(t, CHAIN_EV_GONE);
        break;
    }
}

static void
task_free(struct chain_task *t)
{
    ev_timer_stop(t->desk->o.loop, &t->poll);
    free(t->call_data);
    free(t);
}

/* Forget the oldest finished operation; the ledger keeps it. */
static bool
make_room(struct chain_desk *d)
{
    struct chain_task **oldest = NULL;

    if (d->count < CHAIN_TASKS)
        return true;
    for (struct chain_task **at = &d->tasks; *at != NULL; at = &(*at)->next)
        if ((*at)->tickets == 0 && (*at)->w.purpose == CHAIN_MESSAGE &&
            ((*at)->w.state == CHAIN_CONFIRMED || (*at)->w.state == CHAIN_FAILED))
            oldest = at;
    if (oldest != NULL) {
        struct chain_task *t = *oldest;

        *oldest = t->next;
        d->count--;
        task_free(t);
    }
    return oldest != NULL;
}

struct chain_task *
chain_task_new(struct chain_desk *d, const struct chain_work *w, struct am_bin call_data,
               struct am_error *err)
{
    struct chain_task *t = make_room(d) ? calloc(1, sizeof *t) : NULL;

    if (t != NULL && call_data.len > 0) {
        t->call_data = malloc(call_data.len);
        if (t->call_data == NULL) {
            free(t);
            t = NULL;
        }
    }
    if (t == NULL) {
        (void)am_fail(err, AM_RESOURCE_EXHAUSTED,
                      "operations: expected fewer than %d unfinished, got that many", CHAIN_TASKS);
        return NULL;
    }
    if (call_data.len > 0)
        memcpy(t->call_data, call_data.p, call_data.len);
    t->call_data_len = call_data.len;
    t->desk = d;
    t->w = *w;
    t->poll.data = t;
    t->next = d->tasks;
    d->tasks = t;
    d->count++;
    return t;
}

struct chain_task *
chain_task_find_key(struct chain_desk *d, const uint8_t key[static CHAIN_KEY])
{
    struct chain_task *t = d->tasks;

    while (t != NULL && memcmp(t->w.key, key, CHAIN_KEY) != 0)
        t = t->next;
    return t;
}

static void
take_row(void *arg, const struct chain_work *w, struct am_bin call_data, int64_t touched)
{
    struct chain_desk *d = arg;
    struct chain_task *t = chain_task_new(d, w, call_data, NULL);

    (void)touched;
    if (t == NULL)
        return;
    t->w.state = chain_op_resume(w);
    t->unsure = w->state == CHAIN_SIGNED;
    t->settled = w->block + SETTLED_DEPTH < d->s->number;
    if (w->attempts > 0)
        chain_task_wait(t, CHAIN_WAIT_PAID); /* a crash loop must not be a way round the budget */
    if (t->w.state == CHAIN_SENT)
        chain_task_poll(t);
    d->o.changed(d->o.arg, &t->w);
}

int
chain_desk_look(struct chain_desk *d, const struct chain_snapshot *s, struct am_error *err)
{
    int rc = AM_OK;

    d->s = s;
    if (d->ledger == NULL) {
        rc = chain_ledger_open(&d->ledger, d->o.state_dir, d->o.chain_id, s->cluster, s->member,
                               err);
        if (rc == AM_OK)
            rc = chain_ledger_spent(d->ledger, &d->budget, err);
        if (rc == AM_OK)
            rc = chain_ledger_each(d->ledger, CHAIN_TASKS / 2, take_row, d, err);
    }
    for (struct chain_task *t = d->tasks; rc == AM_OK && t != NULL; t = t->next)
        chain_task_look(t);
    return rc;
}

int
chain_desk_open(struct chain_desk **desk, const struct chain_desk_options *options,
                struct am_error *err)
{
    struct chain_desk *d = calloc(1, sizeof *d);
    int rc;

    *desk = d;
    if (d == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "chain: no memory");
    d->o = *options;
    ev_timer_init(&d->tick, on_tick, 0., 0.);
    d->tick.data = d;
    memcpy(d->budget.cap, d->o.caps, sizeof d->budget.cap);
    rc = chain_dummy_check(chain_dummy_signature, sizeof chain_dummy_signature, err);
    return rc != AM_OK ? rc
                       : chain_dialect_open(&d->speech, d->o.dialect, d->o.paymaster != NULL, err);
}

void
chain_desk_stop(struct chain_desk *d)
{
    if (d != NULL)
        d->closing = true;
}

void
chain_desk_close(struct chain_desk **desk)
{
    struct chain_desk *d = *desk;

    if (d == NULL)
        return;
    ev_timer_stop(d->o.loop, &d->tick);
    while (d->tasks != NULL) {
        struct chain_task *t = d->tasks;

        d->tasks = t->next;
        task_free(t);
    }
    chain_ledger_close(&d->ledger);
    free(d);
    *desk = NULL;
}
