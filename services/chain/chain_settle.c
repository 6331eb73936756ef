/*  chain_settle -- whether what was included stays included: a reorg may take it back.
 *
 *  Registration, commitment and publication show in every view.  A message does not: once its block
 *  is ATTESTMESH_CONFIRMATIONS deep, getNonce says whether its sequence is still used.
 */
#include "am_log.h"
#include "chain_task.h"

static void
vanished(struct chain_task *t, uint64_t at)
{
    am_log(AM_WARN, "operation.vanished", "purpose=%s block=%llu missing_at=%llu",
           chain_purpose_text(t->w.purpose), (unsigned long long)t->w.block,
           (unsigned long long)at);
    t->w.floor = at; /* a receipt from below is of the chain that is gone */
    t->unsure = t->settled = false;
    chain_task_reason(t, "view: expected what was included to stay, got a block without it: a "
                         "reorg took it back");
    chain_task_event(t, CHAIN_EV_VANISHED);
}

void
chain_task_gone(struct chain_task *t)
{
    if (am_is_zero(t->w.user_op_hash, 32))
        chain_task_event(t, CHAIN_EV_MISSING); /* another's doing; nothing to follow */
    else if (t->w.state == CHAIN_INCLUDED || t->w.state == CHAIN_CONFIRMED)
        vanished(t, t->desk->s->number);
}

static void
on_settled(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct am_error err;
    uint64_t now = 0;

    (void)count;
    if (chain_task_read_nonce(&now, t, &a[0], &err) != AM_OK)
        return; /* the next view asks again */
    if (now > t->w.sequence)
        t->settled = true;
    else
        vanished(t, t->asked_block);
}

void
chain_task_settle(struct chain_task *t)
{
    const struct chain_snapshot *s = t->desk->s;

    if (t->settled || t->w.block == 0 || s->number < t->w.block + t->desk->o.confirmations ||
        t->asked_block == s->number)
        return;
    chain_task_ask_nonce(t, on_settled);
    if (t->w.state == CHAIN_CONFIRMED)
        t->w.reason[0] = '\0'; /* that it could not be put is no news of the operation */
}
