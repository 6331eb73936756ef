/*  chain_follow -- nonce, signature, submission, and the search for what landed unseen.  */
#include "am_clock.h"
#include "chain_fault.h"
#include "chain_task.h"

#include "am_log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGN_MS 10000
#define FIND_RANGE 2000  /* blocks in one eth_getLogs: what providers allow */
#define FIND_DEPTH 20000 /* blocks behind the head, when the ledger knows no better */

int
chain_task_read_nonce(uint64_t *now, const struct chain_task *t, const struct eth_rpc_answer *a,
                      struct am_error *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = a->code;

    *err = a->err;
    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, a->result, "eth_call getNonce", err);
    if (rc == AM_OK)
        rc = eth_ret_nonce(now, t->w.key, am_bin_of(data, len), "getNonce", err);
    free(data);
    return rc;
}

static void
on_nonce(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct am_error err;
    uint64_t now = 0;
    enum chain_event event;
    int rc = chain_task_read_nonce(&now, t, &a[0], &err);

    (void)count;
    if (rc != AM_OK) { /* never zero for an answer that did not come */
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
        return;
    }
    if (now < t->w.sequence)
        am_log(AM_WARN, "nonce.back", "purpose=%s was=%llu now=%llu",
               chain_purpose_text(t->w.purpose), (unsigned long long)t->w.sequence,
               (unsigned long long)now);
    event = chain_op_nonce(&t->w, now, t->asked_block);
    if (event == CHAIN_EV_NONCE_USED) {
        t->used = now - 1;
        t->find_to = t->asked_block;
    }
    chain_task_event(t, event);
}

/* At the block of the newest view: what it shows missing and what is unused are then one moment. */
void
chain_task_ask_nonce(struct chain_task *t,
                     void (*fn)(struct chain_task *, const struct eth_rpc_answer *, size_t))
{
    const struct chain_snapshot *s = t->desk->s;
    uint8_t data[68];
    struct eth_buf buf = ETH_BUF(data);
    struct eth_rpc_item item;
    struct am_error err = {0};

    t->asked_block = s->number;
    if (eth_call_get_nonce(&buf, s->member, t->w.key, &err) != AM_OK) {
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
        return;
    }
    item = (struct eth_rpc_item){"eth_call", json_pack("[{soso}{so}]", "to",
                                                       eth_json_of_data(t->desk->o.entry_point, 20),
                                                       "data", eth_json_of_data(data, buf.len),
                                                       "blockHash", eth_json_of_data(s->hash, 32))};
    chain_task_ask(t, t->desk->o.rpc, &item, 1, fn);
}

void
chain_task_nonce(struct chain_task *t)
{
    chain_task_ask_nonce(t, on_nonce);
}

static void
on_signed(void *arg, int code, const void *reply, const struct am_error *err)
{
    const struct keyagent_sign_operation_reply *r = reply;
    struct chain_task *t = chain_ticket_use(arg);
    struct am_error why = {0};

    if (t == NULL)
        return;
    if (code != AM_OK) {
        chain_task_fail(t, CHAIN_EV_ERROR, err);
        return;
    }
    if (memcmp(r->user_op_hash.p, t->w.user_op_hash, 32) != 0) {
        (void)am_fail(
            &why, AM_INTERNAL,
            "keyagent.sign_operation: expected the hash that chain computes, got another; "
            "compare CHAIN_ID and ATTESTMESH_ENTRY_POINT of both");
        chain_task_fail(t, CHAIN_EV_ERROR, &why);
        return;
    }
    if (!chain_op_is_fresh(am_mono_ms() - t->sponsored_ms)) {
        chain_task_reason(t, "keyagent.sign_operation: expected a signature while the sponsorship "
                             "is fresh, got it too late");
        chain_task_event(t, CHAIN_EV_LAPSED);
        return;
    }
    memcpy(t->signature, r->signature.p, 65);
    t->w.reason[0] = '\0';
    chain_task_event(t, CHAIN_EV_SIGNATURE);
}

void
chain_task_sign(struct chain_task *t)
{
    struct chain_desk *d = t->desk;
    struct chain_ticket *ticket = chain_ticket_new(t);
    struct am_error err = {0};
    struct eth_op op;

    if (ticket == NULL) {
        (void)am_fail(&err, AM_RESOURCE_EXHAUSTED, "chain: no memory");
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
        return;
    }
    if (chain_draft_pack(&op, &t->draft, &err) == AM_OK) {
        struct keyagent_sign_operation ask = {
            .nonce = AM_BIN(op.nonce),
            .call_data = op.call_data,
            .account_gas_limits = AM_BIN(op.account_gas_limits),
            .pre_verification_gas = AM_BIN(op.pre_verification_gas),
            .gas_fees = AM_BIN(op.gas_fees),
            .paymaster_and_data = op.paymaster_and_data,
        };

        eth_op_hash(t->w.user_op_hash, &op, d->o.entry_point, d->o.chain_id);
        if (bus_call(d->o.bus, BUS_METHOD_keyagent_sign_operation, &ask, SIGN_MS, t->correlation,
                     on_signed, ticket, &err) == AM_OK)
            return;
    }
    (void)chain_ticket_use(ticket);
    chain_task_fail(t, CHAIN_EV_ERROR, &err);
}

/* An error object is a refusal; anything else leaves open whether the bundler has it. */
static enum chain_event
judge_send(struct chain_task *t, const struct eth_rpc_answer *a)
{
    struct am_error err = a->err;
    uint8_t hash[32];

    if (a->code == AM_OK) {
        if (eth_json_fixed(hash, 32, a->result, "eth_sendUserOperation", &err) == AM_OK) {
            if (memcmp(hash, t->w.user_op_hash, 32) == 0)
                return CHAIN_EV_ACCEPTED;
            (void)am_fail(&err, AM_INTERNAL,
                          "eth_sendUserOperation: expected the hash that was signed, got another");
        }
    } else if (a->error_code != 0 && strstr(err.text, "lready known") == NULL) {
        return chain_fault_judge(t->w.reason, a);
    } /* already known: from a time that we do not remember */
    chain_task_reason(t, err.text);
    return CHAIN_EV_UNSURE;
}

static void
on_sent(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    enum chain_event event = judge_send(t, &a[0]);

    (void)count;
    t->unsure = event == CHAIN_EV_UNSURE;
    chain_task_event(t, event);
}

void
chain_task_send(struct chain_task *t)
{
    struct eth_rpc_item item = {"eth_sendUserOperation",
                                json_pack("[oo]", chain_draft_json(&t->draft, t->signature),
                                          eth_json_of_data(t->desk->o.entry_point, 20))};

    chain_task_ask(t, t->desk->o.bundler, &item, 1, on_sent);
}

/* Included: how it ended decides between the two, a view of that block between what follows. */
void
chain_task_landed(struct chain_task *t, const struct chain_receipt *r)
{
    if (t->w.state == CHAIN_FIND)
        t->w.sequence = t->used;
    t->w.block = t->w.floor = r->block;
    t->w.gas_used = r->gas_used;
    chain_spend_gas(t, r->gas_used);
    memcpy(t->w.tx_hash, r->tx_hash, 32);
    t->w.reason[0] = '\0';
    if (r->success) {
        chain_task_event(t, CHAIN_EV_SUCCESS);
        return;
    }
    /* A bundler's word alone spends nothing: the chain's event does. */
    if (t->w.state == CHAIN_FIND)
        chain_op_spend(&t->w, t->used);
    snprintf(t->w.reason, CHAIN_REASON, "receipt: expected success true, got false; %s", r->revert);
    chain_task_event(t, CHAIN_EV_REVERT);
}

static uint64_t
find_floor(const struct chain_task *t)
{
    uint64_t newest = t->asked_block, depth = newest < FIND_DEPTH ? newest : FIND_DEPTH;

    return t->w.from_block > newest - depth ? t->w.from_block : newest - depth;
}

/* Nothing in all the blocks that may hold it.  A message is never sent twice: its envelope may be
 * out there.  For the others the view of the same moment already says that the effect is missing.
 */
static void
not_found(struct chain_task *t)
{
    char text[160];

    snprintf(text, sizeof text,
             "nonce sequence %llu is used, and no UserOperationEvent of it since block %llu",
             (unsigned long long)t->used, (unsigned long long)find_floor(t));
    chain_task_reason(t, text);
    chain_op_spend(&t->w, t->used);
    t->w.floor = t->asked_block;
    chain_task_event(t, t->w.purpose == CHAIN_MESSAGE ? CHAIN_EV_GONE : CHAIN_EV_NOT_FOUND);
}

static uint64_t
find_from(const struct chain_task *t)
{
    uint64_t floor = find_floor(t);

    return t->find_to - floor < FIND_RANGE ? floor : t->find_to - FIND_RANGE + 1;
}

static void
on_logs(struct chain_task *t, const struct eth_rpc_answer *a, size_t count)
{
    struct am_error err = a[0].err;
    uint8_t nonce[32];
    int rc = a[0].code;

    (void)count;
    if (rc == AM_OK && !json_is_array(a[0].result))
        rc = am_fail(&err, AM_INVALID_ARGUMENT, "eth_getLogs: expected an array, got another type");
    eth_op_nonce(nonce, t->w.key, t->used);
    for (size_t i = 0; rc == AM_OK && i < json_array_size(a[0].result); i++) {
        struct chain_receipt r;
        uint8_t hash[32];

        rc = chain_event_read(&r, hash, t->desk->s->member, nonce, json_array_get(a[0].result, i),
                              &err);
        if (rc == AM_OK) {
            memcpy(t->w.user_op_hash, hash, 32);
            chain_task_landed(t, &r);
            return;
        }
        if (rc == AM_NOT_FOUND)
            rc = AM_OK;
    }
    if (rc != AM_OK) {
        chain_task_fail(t, CHAIN_EV_ERROR, &err);
    } else if (find_from(t) <= find_floor(t)) {
        not_found(t);
    } else {
        t->find_to = find_from(t) - 1;
        chain_task_find(t);
    }
}

/* From the newest block downwards: what is asked for is most often recent. */
void
chain_task_find(struct chain_task *t)
{
    uint8_t topic[32], sender[32];
    struct eth_rpc_item item;

    eth_topic(topic, ETH_EVENT_UserOperationEvent);
    eth_word_address(sender, t->desk->s->member);
    item = (struct eth_rpc_item){
        "eth_getLogs",
        json_pack("[{sosososo}]", "address", eth_json_of_data(t->desk->o.entry_point, 20), "topics",
                  json_pack("[ono]", eth_json_of_data(topic, 32), eth_json_of_data(sender, 32)),
                  "fromBlock", eth_json_of_u64(find_from(t)), "toBlock",
                  eth_json_of_u64(t->find_to))};
    chain_task_ask(t, t->desk->o.rpc, &item, 1, on_logs);
}
