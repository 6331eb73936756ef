/*  chain_sponsor -- price, estimate and sponsor: the stages of a dialect, one question at a time.
 *
 *  Node methods go to the RPC, bundler methods to the bundler, the sponsor's to the paymaster's
 *  URL, or to the bundler's while none is named.
 */
#include "am_clock.h"
#include "chain_task.h"

#include <string.h>

#define AGAIN_MAX 12        /* questions of one try that only find out what the provider speaks */
#define PRICE_FRESH_MS 4000 /* two blocks of Base */

static void ask(struct chain_task *t);

static struct eth_rpc *
provider(const struct chain_desk *d, enum chain_provider at)
{
    if (at == CHAIN_AT_RPC)
        return d->o.rpc;
    return at == CHAIN_AT_PAYMASTER && d->o.paymaster != NULL ? d->o.paymaster : d->o.bundler;
}

static json_t *
price_params(enum chain_price price)
{
    return price == CHAIN_PRICE_HISTORY ? json_pack("[ss[i]]", "0x4", "latest", 50) : json_array();
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

/* Protocol page 7.4; the third element is left out without a policy. */
static json_t *
sponsor_params(const struct chain_task *t)
{
    const struct chain_desk_options *o = &t->desk->o;
    json_t *params = json_pack("[oo]", chain_draft_json(&t->draft, chain_dummy_signature),
                               eth_json_of_data(o->entry_point, 20));

    if (o->policy_id[0] != '\0')
        json_array_append_new(params, json_pack("{ss}", "sponsorshipPolicyId", o->policy_id));
    return params;
}

static json_t *
grant_params(const struct chain_task *t)
{
    const struct chain_desk_options *o = &t->desk->o;
    const struct chain_draft *d = &t->draft;

    return json_pack("[{sssososo}]", "policyId", o->policy_id, "entryPoint",
                     eth_json_of_data(o->entry_point, 20), "dummySignature",
                     eth_json_of_data(chain_dummy_signature, 65), "userOperation",
                     json_pack("{sosososo}", "sender", eth_json_of_data(d->sender, 20), "nonce",
                               eth_json_of_word(d->nonce), "callData",
                               eth_json_of_data(d->call_data.p, d->call_data.len), "signature",
                               eth_json_of_data(chain_dummy_signature, 65)));
}

static json_t *
params_of(const struct chain_task *t, enum chain_stage stage)
{
    switch (stage) {
    case CHAIN_STAGE_PRICE:
        return price_params(t->spoken.price);
    case CHAIN_STAGE_ESTIMATE:
        return json_pack("[oo]", chain_draft_json(&t->draft, chain_dummy_signature),
                         eth_json_of_data(t->desk->o.entry_point, 20));
    case CHAIN_STAGE_SPONSOR:
        return sponsor_params(t);
    case CHAIN_STAGE_GRANT:
        return grant_params(t);
    default:
        return paymaster_params(t);
    }
}

static int
take_price(struct chain_task *t, const json_t *result, struct am_error *err)
{
    static int (*const readers[])(struct chain_draft *, const json_t *, struct am_error *) = {
        [CHAIN_PRICE_PIMLICO] = chain_draft_price_pimlico,
        [CHAIN_PRICE_HISTORY] = chain_draft_price_history,
        [CHAIN_PRICE_PLAIN] = chain_draft_price_plain,
    };

    struct chain_desk *d = t->desk;
    int rc = readers[t->spoken.price](&t->draft, result, err);

    if (rc != AM_OK)
        return rc;
    memcpy(d->max_fee, t->draft.max_fee, 32);
    memcpy(d->max_priority_fee, t->draft.max_priority_fee, 32);
    d->priced_ms = am_mono_ms();
    return AM_OK;
}

/* A price of a moment ago serves the next operation as well; a try after a failure asks anew. */
static bool
priced(struct chain_task *t)
{
    const struct chain_desk *d = t->desk;

    if (d->priced_ms == 0 || t->w.attempts > 0 || am_mono_ms() - d->priced_ms >= PRICE_FRESH_MS)
        return false;
    memcpy(t->draft.max_fee, d->max_fee, 32);
    memcpy(t->draft.max_priority_fee, d->max_priority_fee, 32);
    return true;
}

static int
take(struct chain_task *t, enum chain_stage stage, const json_t *result, struct am_error *err)
{
    switch (stage) {
    case CHAIN_STAGE_PRICE:
        return take_price(t, result, err);
    case CHAIN_STAGE_STUB:
        return chain_draft_paymaster(&t->draft, result, true, err);
    case CHAIN_STAGE_ESTIMATE:
        return chain_draft_estimate(&t->draft, result, err);
    case CHAIN_STAGE_SPONSOR:
        return chain_draft_sponsor(&t->draft, result, err);
    case CHAIN_STAGE_GRANT:
        return chain_draft_grant(&t->draft, result, err);
    default:
        return chain_draft_paymaster(&t->draft, result, false, err);
    }
}

/* None of them is known there: which three were tried, and where. */
static void
no_dialect(struct chain_task *t, const struct eth_rpc_answer *a)
{
    struct am_error err = {0};

    (void)am_fail(&err, AM_UNIMPLEMENTED,
                  "paymaster: expected one of pm_getPaymasterStubData, pm_sponsorUserOperation and "
                  "alchemy_requestGasAndPaymasterAndData, got none; %.100s",
                  a->err.text);
    chain_task_fail(t, CHAIN_EV_ERROR, &err);
}

static void
on_stage(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_speech *s = &t->desk->speech;
    enum chain_stage stage = chain_dialect_stage(t->spoken.dialect, t->stage, t->draft.final);
    struct am_error err = {0};

    (void)count;
    switch (chain_dialect_hear(s, &t->spoken, stage, a[0].code, a[0].error_code, a[0].err.text)) {
    case CHAIN_HEARD_AGAIN:
        t->stage = 0;
        if (++t->again <= AGAIN_MAX)
            ask(t);
        else
            chain_task_fail(t, CHAIN_EV_ERROR, &a[0].err);
        return;
    case CHAIN_HEARD_FAIL:
        if (!s->settled && stage == CHAIN_STAGE_GRANT && s->dialect != t->spoken.dialect)
            no_dialect(t, &a[0]);
        else
            chain_task_refused(t, &a[0]);
        return;
    case CHAIN_HEARD_TAKE:
        break;
    }
    if (take(t, stage, a[0].result, &err) != AM_OK) {
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
        return;
    }
    t->stage++;
    ask(t);
}

static void
ask(struct chain_task *t)
{
    const struct chain_speech *s = &t->desk->speech;
    enum chain_stage stage = chain_dialect_stage(s->dialect, t->stage, t->draft.final);
    struct eth_rpc_item item;

    if (stage == CHAIN_STAGE_PRICE && priced(t))
        stage = chain_dialect_stage(s->dialect, ++t->stage, t->draft.final);
    if (stage == CHAIN_STAGE_READY) {
        t->sponsored_ms = am_mono_ms();
        chain_task_event(t, CHAIN_EV_PREPARED);
        return;
    }
    /* A price costs nothing: an outage of the bundler does not use up the day. */
    if (stage != CHAIN_STAGE_PRICE && !t->counted && !chain_spend_try(t)) {
        chain_task_event(t, CHAIN_EV_ERROR);
        return;
    }
    t->spoken = *s;
    item = (struct eth_rpc_item){chain_stage_method(s, stage), params_of(t, stage)};
    chain_task_ask(t, provider(t->desk, chain_stage_at(s, stage)), &item, 1, on_stage);
}

void
chain_task_sponsor(struct chain_task *t)
{
    t->stage = t->again = 0;
    ask(t);
}
