/*  chain_spend -- the day's budget on the desk: asked before each try, durable before it costs.  */
#include "am_clock.h"
#include "am_log.h"
#include "chain_task.h"

bool
chain_spend_allows(struct chain_desk *d, enum chain_purpose purpose,
                   char reason[static CHAIN_REASON])
{
    uint64_t started = 0;

    for (const struct chain_task *t = d->tasks; t != NULL; t = t->next)
        started += t->w.purpose == purpose &&
                   (t->w.state == CHAIN_NONCE || (t->w.state == CHAIN_PREPARE && !t->counted));
    chain_budget_today(&d->budget, am_wall_ms());
    return chain_budget_allows(reason, &d->budget, purpose, started);
}

static bool
write_down(struct chain_task *t)
{
    struct am_error err = {0};

    if (chain_ledger_spend(t->desk->ledger, &t->desk->budget, t->w.purpose, &err) == AM_OK)
        return true;
    am_log(AM_ERROR, "ledger.failed", "reason=\"%s\"", err.text);
    chain_task_reason(t, err.text);
    return false;
}

bool
chain_spend_try(struct chain_task *t)
{
    chain_budget_today(&t->desk->budget, am_wall_ms());
    chain_budget_try(&t->desk->budget, t->w.purpose);
    t->counted = true;
    return write_down(t);
}

/* After the fact: that it cannot be written down does not undo it. */
void
chain_spend_gas(struct chain_task *t, uint64_t gas)
{
    chain_budget_today(&t->desk->budget, am_wall_ms());
    chain_budget_gas(&t->desk->budget, t->w.purpose, gas);
    (void)write_down(t);
}

const struct chain_budget *
chain_desk_budget(struct chain_desk *d)
{
    chain_budget_today(&d->budget, am_wall_ms());
    return &d->budget;
}

const char *
chain_desk_stopped(struct chain_desk *d)
{
    static char reason[CHAIN_REASON]; /* one desk, one loop */

    reason[0] = '\0';
    for (const struct chain_task *t = d->tasks; t != NULL; t = t->next)
        if (chain_op_waits(t->w.state) && !chain_spend_allows(d, t->w.purpose, reason))
            break;
    return reason;
}
