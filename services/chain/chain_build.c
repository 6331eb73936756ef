/*  chain_build -- make one operation ready to be sponsored: call data, and the ledger first.
 *
 *  Sponsor first, sign last: the paymaster's fields are inside the hash.  The ledger is durable
 *  before the first word to the paymaster.
 */
#include "am_exit.h"
#include "am_keccak.h"
#include "chain_fault.h"
#include "chain_task.h"
#include "eth_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROVE_MS 30000

/* The chain itself was asked: would the cluster register us?  Only its own custom error, at the
 * block of the view, is certain; whatever else came leaves the refusal as it was. */
static void
on_judged(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    const char *text = json_string_value(a[0].error_data);
    char member[ETH_ADDRESS_TEXT], reason[256];
    uint8_t data[4] = {0};
    size_t len = 0;

    (void)count;
    if (a[0].error_code != 0 && text != NULL &&
        am_unhex_some(data, sizeof data, &len, am_str_of(text), "revert data", NULL) == AM_OK &&
        eth_error_of(am_bin_of(data, len)) == ETH_ERROR_NotOurMember) {
        eth_address_text(member, t->desk->s->member);
        snprintf(reason, sizeof reason,
                 "dstack_register of member %s at block %llu: expected it to be known to the "
                 "cluster, got NotOurMember",
                 member, (unsigned long long)t->desk->s->number);
        chain_task_reason(t, reason);
        t->desk->o.fatal(t->desk->o.arg, AM_EXIT_NOT_A_MEMBER, reason);
        return;
    }
    chain_task_event(t, CHAIN_EV_ERROR);
}

/* As the EntryPoint would call it, but for nothing. */
static void
ask_judge(struct chain_task *t)
{
    const struct chain_snapshot *s = t->desk->s;
    struct eth_rpc_item item = {"eth_call",
                                json_pack("[{sososo}{so}]", "from",
                                          eth_json_of_data(t->desk->o.entry_point, 20), "to",
                                          eth_json_of_data(s->member, 20), "data",
                                          eth_json_of_data(t->call_data, t->call_data_len),
                                          "blockHash", eth_json_of_data(s->hash, 32))};

    chain_task_ask(t, t->desk->o.rpc, &item, 1, on_judged);
}

void
chain_task_refused(struct chain_task *t, const struct eth_rpc_answer *a)
{
    enum chain_event event = chain_fault_judge(t->w.reason, a);

    if (event == CHAIN_EV_ERROR && t->w.purpose == CHAIN_REGISTER && a->error_code != 0)
        ask_judge(t);
    else
        chain_task_event(t, event);
}

/* Call data is there: write the row, then go out. */
static void
built(struct chain_task *t)
{
    am_keccak256(t->w.call_hash, t->call_data, t->call_data_len);
    memset(t->w.user_op_hash, 0, 32);
    memset(t->w.tx_hash, 0, 32);
    t->w.block = t->w.gas_used = 0;
    t->draft.call_data = am_bin_of(t->call_data, t->call_data_len);
    if (chain_task_save(t))
        chain_task_sponsor(t);
    else
        chain_task_event(t, CHAIN_EV_ERROR);
}

static void
wrap(struct chain_task *t, struct am_bin inner)
{
    uint8_t *p = malloc(inner.len + 256);
    struct eth_buf out = {p, inner.len + 256, 0};
    struct am_error err = {0};
    int rc = p != NULL ? eth_call_execute(&out, t->desk->s->cluster, inner, &err)
                       : am_fail(&err, AM_RESOURCE_EXHAUSTED, "chain: no memory");

    if (rc != AM_OK) {
        free(p);
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
        return;
    }
    free(t->call_data);
    t->call_data = p;
    t->call_data_len = out.len;
    built(t);
}

static void
on_proved(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct chain_task *t = chain_ticket_use(arg);

    if (t == NULL)
        return;
    if (code == AM_OK)
        wrap(t, ((const struct keyagent_prove_reply *)reply)->call_data);
    else
        chain_task_fail(t, code == AM_UNAVAILABLE ? CHAIN_EV_NOT_YET : CHAIN_EV_ERROR, err);
}

static void
ask_proof(struct chain_task *t)
{
    const struct chain_snapshot *s = t->desk->s;
    struct keyagent_prove ask = {.cluster = AM_BIN(s->cluster), .member = AM_BIN(s->member)};
    struct chain_ticket *ticket = chain_ticket_new(t);
    struct am_error err = {0};

    if (ticket == NULL) {
        (void)am_fail(&err, AM_RESOURCE_EXHAUSTED, "chain: no memory");
    } else {
        if (bus_call(t->desk->o.bus, BUS_METHOD_keyagent_prove, &ask, PROVE_MS, t->correlation,
                     on_proved, ticket, &err) == AM_OK)
            return;
        (void)chain_ticket_use(ticket);
    }
    chain_task_fail(t, CHAIN_EV_ERROR, &err);
}

void
chain_task_prepare(struct chain_task *t)
{
    uint8_t inner[36];
    struct eth_buf buf = ETH_BUF(inner);
    struct am_error err = {0};
    int rc = AM_OK;

    t->draft = (struct chain_draft){0};
    t->counted = false;
    memcpy(t->draft.sender, t->desk->s->member, 20);
    eth_op_nonce(t->draft.nonce, t->w.key, t->w.sequence);
    switch (t->w.purpose) {
    case CHAIN_REGISTER:
        ask_proof(t);
        return;
    case CHAIN_MESSAGE:
        built(t);
        return;
    case CHAIN_COMMIT:
        rc = eth_call_set_csk_commitment(&buf, t->w.value, &err);
        break;
    default:
        rc = eth_call_publish_ed25519(&buf, t->w.value, &err);
        break;
    }
    if (rc == AM_OK)
        wrap(t, eth_bin(&buf));
    else
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
}
