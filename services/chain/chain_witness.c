/*  chain_witness -- what is never done on the word of one provider: a second one is asked first.
 *
 *  A registration and a commitment cannot be taken back.  When there is a second RPC it must say
 * the same of the whole cluster, at the block of the view that they stand on.  One that does not
 * know that block yet is asked some times more; one that says otherwise is not.
 */
#include "chain_task.h"
#include "eth_pool.h"

#define WITNESS_TRIES 8

static void ask_both(struct chain_task *t);

static void
on_again(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    ask_both(timer->data);
}

static void
ask_again(struct chain_task *t)
{
    ev_timer_init(&t->poll, on_again, (double)t->desk->o.poll_ms / 1e3, 0.);
    t->poll.data = t;
    ev_timer_start(t->desk->o.loop, &t->poll); /* another state stops it */
}

static void
on_agreed(void *arg, int code, const struct am_error *err)
{
    struct chain_task *t = chain_ticket_use(arg);

    if (t == NULL)
        return;
    if (code == AM_OK) {
        chain_task_prepare(t);
    } else if (code != AM_ABORTED && t->witness < WITNESS_TRIES) {
        chain_task_reason(t, err->text);
        ask_again(t);
    } else {
        chain_task_fail(t, CHAIN_EV_ERROR, err);
    }
}

static void
ask_both(struct chain_task *t)
{
    static uint8_t data[4096]; /* one loop, one thread */
    const struct chain_snapshot *s = t->desk->s;
    struct chain_ticket *ticket = chain_ticket_new(t);
    struct eth_buf buf = ETH_BUF(data);
    struct eth_rpc_item item = {"eth_call", NULL};
    struct am_error err = {0};
    int rc = ticket != NULL ? chain_calls_cluster(&buf, s, NULL, &err)
                            : am_fail(&err, AM_RESOURCE_EXHAUSTED, "chain: no memory");

    t->witness++;
    if (rc == AM_OK) {
        item.params =
            json_pack("[{soso}{so}]", "to", eth_json_of_data(t->desk->o.multicall, 20), "data",
                      eth_json_of_data(buf.p, buf.len), "blockHash", eth_json_of_data(s->hash, 32));
        rc = eth_pool_agree(t->desk->o.rpc, item, t->correlation, on_agreed, ticket, &err);
    }
    if (rc == AM_OK)
        return;
    if (ticket != NULL)
        (void)chain_ticket_use(ticket);
    chain_task_fail(t, CHAIN_EV_ERROR, &err);
}

void
chain_task_witness(struct chain_task *t)
{
    bool once = t->w.purpose == CHAIN_REGISTER || t->w.purpose == CHAIN_COMMIT;

    t->witness = 0;
    if (once && eth_pool_has_second(t->desk->o.rpc))
        ask_both(t);
    else
        chain_task_prepare(t);
}
