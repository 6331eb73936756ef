/*  chain_build -- make one operation ready to sign: call data, ledger, price, estimate, sponsor.
 *
 *  Sponsor first, sign last: the paymaster's fields are inside the hash.  The ledger is durable
 *  before the first word to the paymaster.
 */
#include "am_clock.h"
#include "am_exit.h"
#include "am_keccak.h"
#include "chain_task.h"
#include "eth_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROVE_MS 30000
#define PRICE_FRESH_MS 4000 /* two blocks of Base */

static void ask_price(struct chain_task *t);
static void ask_stub(struct chain_task *t);
static void ask_estimate(struct chain_task *t);
static void ask_sponsor(struct chain_task *t);

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

/* What an error object says about the nonce: AA25 is not a failure of ours. */
static void
refused(struct chain_task *t, const struct eth_rpc_answer *a)
{
    if (strstr(a->err.text, "AA25") != NULL) {
        chain_task_fail(t, CHAIN_EV_STALE, &a->err);
    } else if (t->w.purpose == CHAIN_REGISTER && a->error_code != 0) {
        chain_task_reason(t, a->err.text);
        ask_judge(t);
    } else {
        chain_task_fail(t, CHAIN_EV_ERROR, &a->err);
    }
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
        ask_price(t);
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

/* Which of the three ways a provider knows is found out once, by what answers. */
static bool
next_price(struct chain_desk *d, int code)
{
    if (d->price == CHAIN_PRICE_UNKNOWN &&
        (code == AM_UNIMPLEMENTED || code == AM_FAILED_PRECONDITION))
        d->price = CHAIN_PRICE_HISTORY;
    else if (d->price == CHAIN_PRICE_HISTORY && code == AM_UNIMPLEMENTED)
        d->price = CHAIN_PRICE_PLAIN;
    else
        return false;
    return true;
}

static void
priced(struct chain_task *t)
{
    if (t->desk->o.paymaster != NULL)
        ask_stub(t);
    else
        ask_estimate(t);
}

static void
on_price(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_desk *d = t->desk;
    struct am_error err = a[0].err;
    int rc = a[0].code;

    (void)count;
    if (rc != AM_OK && next_price(d, rc)) {
        ask_price(t);
        return;
    }
    if (rc == AM_OK && d->price == CHAIN_PRICE_HISTORY)
        rc = chain_draft_price_history(&t->draft, a[0].result, &err);
    else if (rc == AM_OK && d->price == CHAIN_PRICE_PLAIN)
        rc = chain_draft_price_plain(&t->draft, a[0].result, &err);
    else if (rc == AM_OK)
        rc = chain_draft_price_pimlico(&t->draft, a[0].result, &err);
    if (rc != AM_OK) {
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
        return;
    }
    if (d->price == CHAIN_PRICE_UNKNOWN)
        d->price = CHAIN_PRICE_PIMLICO;
    memcpy(d->max_fee, t->draft.max_fee, 32);
    memcpy(d->max_priority_fee, t->draft.max_priority_fee, 32);
    d->priced_ms = am_mono_ms();
    priced(t);
}

/* A price of a moment ago serves the next operation as well; a try that failed asks anew. */
static void
ask_price(struct chain_task *t)
{
    struct chain_desk *d = t->desk;
    struct eth_rpc_item item = {"pimlico_getUserOperationGasPrice", NULL};
    struct eth_rpc *rpc = d->o.bundler;

    if (d->priced_ms != 0 && t->w.attempts == 0 && am_mono_ms() - d->priced_ms < PRICE_FRESH_MS) {
        memcpy(t->draft.max_fee, d->max_fee, 32);
        memcpy(t->draft.max_priority_fee, d->max_priority_fee, 32);
        priced(t);
        return;
    }
    if (d->price == CHAIN_PRICE_HISTORY || d->price == CHAIN_PRICE_PLAIN)
        rpc = d->o.rpc;
    if (d->price == CHAIN_PRICE_HISTORY)
        item = (struct eth_rpc_item){"eth_feeHistory", json_pack("[ss[i]]", "0x4", "latest", 50)};
    else if (d->price == CHAIN_PRICE_PLAIN)
        item = (struct eth_rpc_item){"eth_gasPrice", json_array()};
    else
        item.params = json_array();
    chain_task_ask(t, rpc, &item, 1, on_price);
}

/* ERC-7677: operation, EntryPoint, chain id, context. */
static json_t *
paymaster_params(const struct chain_task *t)
{
    const struct chain_desk_options *o = &t->desk->o;
    json_t *context =
        o->policy_id[0] != '\0' ? json_pack("{ss}", "policyId", o->policy_id) : json_object();

    return json_pack("[oooo]", chain_draft_json(&t->draft, chain_dummy_signature),
                     eth_json_of_data(o->entry_point, 20), eth_json_of_u64(o->chain_id), context);
}

static void
on_stub(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct am_error err = {0};

    (void)count;
    if (a[0].code != AM_OK)
        refused(t, &a[0]);
    else if (chain_draft_paymaster(&t->draft, a[0].result, true, &err) != AM_OK)
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
    else
        ask_estimate(t);
}

static void
ask_stub(struct chain_task *t)
{
    struct eth_rpc_item item = {"pm_getPaymasterStubData", paymaster_params(t)};

    chain_task_ask(t, t->desk->o.paymaster, &item, 1, on_stub);
}

static void
on_estimate(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct am_error err = {0};

    (void)count;
    if (a[0].code != AM_OK)
        refused(t, &a[0]);
    else if (chain_draft_estimate(&t->draft, a[0].result, &err) != AM_OK)
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
    else if (t->draft.sponsored && !t->draft.final)
        ask_sponsor(t);
    else
        chain_task_event(t, CHAIN_EV_PREPARED);
}

static void
ask_estimate(struct chain_task *t)
{
    struct eth_rpc_item item = {"eth_estimateUserOperationGas",
                                json_pack("[oo]",
                                          chain_draft_json(&t->draft, chain_dummy_signature),
                                          eth_json_of_data(t->desk->o.entry_point, 20))};

    chain_task_ask(t, t->desk->o.bundler, &item, 1, on_estimate);
}

static void
on_sponsor(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct am_error err = {0};

    (void)count;
    if (a[0].code != AM_OK)
        refused(t, &a[0]);
    else if (chain_draft_paymaster(&t->draft, a[0].result, false, &err) != AM_OK)
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
    else
        chain_task_event(t, CHAIN_EV_PREPARED);
}

static void
ask_sponsor(struct chain_task *t)
{
    struct eth_rpc_item item = {"pm_getPaymasterData", paymaster_params(t)};

    chain_task_ask(t, t->desk->o.paymaster, &item, 1, on_sponsor);
}
