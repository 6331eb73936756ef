/*  chain_poll -- the receipt of an operation that the bundler has: when it is asked for.  */
#include "chain_task.h"

#include "am_clock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_MS 60000        /* accepted, and no receipt: getNonce decides */
#define UNSURE_WINDOW_MS 5000  /* the bundler never said that it has it */
#define POLL_SAME_HEAD_MS 2000 /* asked again although our RPC shows no new block */

static void
poll_in(struct chain_task *t, int64_t ms)
{
    ms = ms * 3 / 4 + (int64_t)randombytes_uniform((uint32_t)ms / 2);
    ev_timer_stop(t->desk->o.loop, &t->poll);
    ev_timer_set(&t->poll, (double)ms / 1e3, 0.);
    ev_timer_start(t->desk->o.loop, &t->poll);
}

static int64_t
poll_ms(const struct chain_task *t)
{
    int64_t ms = t->desk->o.poll_ms / 2;

    return ms < 250 ? 250 : ms > 2000 ? 2000 : ms;
}

static void
poll_again(struct chain_task *t)
{
    if (am_mono_ms() < t->expires_ms) {
        poll_in(t, poll_ms(t));
        return;
    }
    if (t->w.reason[0] == '\0')
        chain_task_reason(t, "bundler: expected a receipt in time, got none");
    chain_task_event(t, CHAIN_EV_EXPIRED);
}

/* While it is polled no state changes, and an operator still must see what comes back. */
static void
show(struct chain_task *t, const char *text)
{
    bool known = strncmp(t->w.reason, text, sizeof t->w.reason - 1) == 0;

    chain_task_reason(t, text);
    if (!known)
        t->desk->o.changed(t->desk->o.arg, &t->w);
}

static void
on_receipt(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_receipt r;
    struct am_error err = a[0].err;
    int rc = a[0].code;

    (void)count;
    if (rc == AM_OK)
        rc = chain_receipt_read(&r, t->w.user_op_hash, a[0].result, &err);
    if (rc == AM_OK && !chain_op_is_stale(&t->w, r.block)) {
        chain_task_landed(t, &r);
        return;
    }
    if (rc == AM_OK)
        show(t, "bundler: expected a receipt of this chain, got one of a block that "
                "a reorg replaced");
    else if (rc != AM_NOT_FOUND) /* null: not yet */
        show(t, err.text);
    poll_again(t);
}

/* A receipt comes with a block: at the same head the last answer still stands, unless the bundler
 * runs ahead of the RPC.  When a view shows the effect already, the receipt is bookkeeping and
 * gives way to what waits for that block. */
static bool
may_come(struct chain_task *t, int64_t now)
{
    const struct chain_snapshot *s = t->desk->s;
    char reason[CHAIN_REASON];
    bool moved = s->number != t->polled_block;

    if (moved && !t->shown && s->number >= t->w.floor &&
        chain_effect_judge(reason, &t->w, s, t->desk->o.self) == CHAIN_EFFECT_DONE) {
        t->shown = true;
        t->polled_ms = now - POLL_SAME_HEAD_MS / 2;
        t->polled_block = s->number;
        return false;
    }
    return moved || now - t->polled_ms >= POLL_SAME_HEAD_MS;
}

static void
on_poll(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct chain_task *t = timer->data;
    unsigned asked = t->tickets;
    int64_t now = am_mono_ms();
    struct eth_rpc_item item;

    (void)loop;
    (void)events;
    if (!may_come(t, now)) {
        poll_again(t);
        return;
    }
    t->polled_block = t->desk->s->number;
    t->polled_ms = now;
    item = (struct eth_rpc_item){"eth_getUserOperationReceipt",
                                 json_pack("[o]", eth_json_of_data(t->w.user_op_hash, 32))};
    chain_task_ask(t, t->desk->o.bundler, &item, 1, on_receipt);
    if (t->tickets == asked) /* it could not even be put */
        poll_again(t);
}

void
chain_task_poll(struct chain_task *t)
{
    t->expires_ms = am_mono_ms() + (t->unsure ? UNSURE_WINDOW_MS : WINDOW_MS);
    t->polled_block = t->desk->s->number;
    t->polled_ms = am_mono_ms();
    t->shown = false;
    ev_timer_init(&t->poll, on_poll, 0., 0.);
    t->poll.data = t;
    poll_in(t, poll_ms(t));
}
