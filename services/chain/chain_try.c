/*  chain_try -- when an operation may be tried: after its wait, in a free place, within budget.  */
#include "am_clock.h"
#include "chain_task.h"

#include <sodium.h>
#include <string.h>

/* Look again at the end of a wait even when no new view comes. */
static void
wake_in(struct chain_desk *d, int64_t ms)
{
    if (ev_is_active(&d->tick) && ev_timer_remaining(d->o.loop, &d->tick) * 1e3 <= (double)ms + 10)
        return;
    ev_timer_stop(d->o.loop, &d->tick);
    ev_timer_set(&d->tick, (double)ms / 1e3 + 0.01, 0.);
    ev_timer_start(d->o.loop, &d->tick);
}

void
chain_task_wait(struct chain_task *t, enum chain_wait wait)
{
    int64_t ms = chain_op_wait_ms(wait, t->w.attempts, randombytes_random());

    t->due_ms = am_mono_ms() + ms;
    wake_in(t->desk, ms);
}

static size_t
in_flight(const struct chain_desk *d)
{
    size_t n = 0;

    for (const struct chain_task *t = d->tasks; t != NULL; t = t->next)
        n += chain_op_in_flight(t->w.state) || t->w.state == CHAIN_NONCE;
    return n;
}

/* The ledger's row says why nothing happens; once, as long as it is the same. */
void
chain_task_blocked(struct chain_task *t, const char *reason)
{
    if (strcmp(reason, t->w.reason) == 0)
        return;
    chain_task_reason(t, reason);
    t->desk->o.changed(t->desk->o.arg, &t->w);
}

/* A new try needs its time, a free place, and something left of the day's budget. */
bool
chain_task_may_try(struct chain_task *t)
{
    char reason[CHAIN_REASON];
    int64_t left = t->due_ms - am_mono_ms();

    if (left > 0)
        wake_in(t->desk, left); /* a timer may end early: it counts from the loop's time */
    if (left > 0 || in_flight(t->desk) >= CHAIN_IN_FLIGHT)
        return false;
    if (chain_spend_allows(t->desk, t->w.purpose, reason))
        return true;
    chain_task_blocked(t, reason);
    wake_in(t->desk, chain_budget_left_ms(am_wall_ms()));
    return false;
}
