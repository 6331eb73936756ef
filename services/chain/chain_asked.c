/*  chain_asked -- what mesh and api ask for: find the operation or begin it, and say its state.  */
#include "am_clock.h"
#include "am_keccak.h"
#include "chain_nonce.h"
#include "chain_task.h"

#include <stdio.h>
#include <string.h>

static int
no_view(const struct chain_desk *d, struct am_error *err)
{
    if (d->s != NULL && d->ledger != NULL)
        return AM_OK;
    return am_fail(err, AM_UNAVAILABLE, "chain: expected a view of the cluster, got none yet");
}

/* The operation with this key, or a new one.  A view that already shows the effect needs none. */
static int
ask_for(struct chain_desk *d, const char **state, const struct chain_work *wanted,
        struct am_bin call_data, const char *correlation, struct am_error *err)
{
    struct chain_task *t = chain_task_find_key(d, wanted->key);
    char reason[CHAIN_REASON];
    enum chain_verdict verdict =
        chain_effect_judge(reason, t != NULL ? &t->w : wanted, d->s, d->o.self);

    *state = chain_state_text(CHAIN_CONFIRMED);
    if (t == NULL && verdict == CHAIN_EFFECT_DONE)
        return AM_OK;
    if (verdict == CHAIN_EFFECT_NEVER)
        return am_fail(err, AM_FAILED_PRECONDITION, "%s", reason);
    if (t == NULL) {
        t = chain_task_new(d, wanted, call_data, err);
        if (t == NULL)
            return AM_RESOURCE_EXHAUSTED;
        snprintf(t->correlation, sizeof t->correlation, "%s", correlation);
        chain_task_tell(t, CHAIN_EV_MISSING);
    } else if (t->w.state == CHAIN_FAILED && t->w.purpose != CHAIN_MESSAGE) {
        t->w.state = CHAIN_ASKED; /* the chain went another way, or other keys are here */
    }
    chain_task_look(t);
    *state = chain_state_text(t->w.state);
    return AM_OK;
}

int
chain_desk_ask(struct chain_desk *d, const char **state, enum chain_purpose purpose,
               const uint8_t *value, const char *correlation, struct am_error *err)
{
    struct chain_work w = {.purpose = purpose, .state = CHAIN_ASKED};
    struct chain_task *t;
    int rc = no_view(d, err);

    *state = chain_state_text(CHAIN_FAILED);
    if (rc != AM_OK)
        return rc;
    if (purpose == CHAIN_REGISTER)
        chain_nonce_register(w.key);
    else if (purpose == CHAIN_COMMIT)
        chain_nonce_commit(w.key);
    else
        chain_nonce_publish(w.key, value);
    if (value != NULL)
        memcpy(w.value, value, 32);
    t = chain_task_find_key(d, w.key);
    if (t != NULL && memcmp(t->w.value, w.value, 32) != 0) {
        if (chain_op_in_flight(t->w.state) || t->w.state == CHAIN_INCLUDED)
            return am_fail(err, AM_FAILED_PRECONDITION,
                           "%s: expected the value that is under way, got another",
                           chain_purpose_text(purpose));
        memcpy(t->w.value, w.value, 32);
        t->w.state = CHAIN_ASKED;
        t->generation++;
    }
    return ask_for(d, state, &w, am_bin_of(NULL, 0), correlation, err);
}

int
chain_desk_send(struct chain_desk *d, const char **state, const uint8_t recipient[static 32],
                const uint8_t envelope_id[static 32], struct am_bin ciphertext,
                const char *correlation, struct am_error *err)
{
    static uint8_t inner[CHAIN_INNER], outer[CHAIN_CALL_DATA];
    struct eth_buf in = ETH_BUF(inner), out = ETH_BUF(outer);
    struct chain_work w = {.purpose = CHAIN_MESSAGE, .state = CHAIN_ASKED};
    struct chain_task *t;
    int rc = no_view(d, err);

    *state = chain_state_text(CHAIN_FAILED);
    if (rc == AM_OK && chain_snapshot_find(d->s, recipient) == NULL)
        rc = am_fail(err, AM_NOT_FOUND, "send: expected a member of the cluster, got another id");
    if (rc == AM_OK)
        rc = eth_call_send(&in, recipient, envelope_id, ciphertext, err);
    if (rc == AM_OK)
        rc = eth_call_execute(&out, d->s->cluster, eth_bin(&in), err);
    if (rc != AM_OK)
        return rc;
    chain_nonce_message(w.key, recipient, envelope_id);
    am_keccak256(w.call_hash, outer, out.len);
    t = chain_task_find_key(d, w.key);
    if (t != NULL && memcmp(t->w.call_hash, w.call_hash, 32) != 0)
        return am_fail(err, AM_ALREADY_EXISTS,
                       "send: expected the ciphertext of this envelope id, got another");
    return ask_for(d, state, &w, eth_bin(&out), correlation, err);
}

struct rows {
    struct chain_desk *desk;
    struct chain_row *at;
    size_t count;
};

static void
take_out(void *arg, const struct chain_work *w, struct am_bin call_data, int64_t touched)
{
    struct rows *r = arg;
    struct chain_row *row = &r->at[r->count++];
    const struct chain_task *t = chain_task_find_key(r->desk, w->key);
    int64_t age = am_wall_ms() - touched, next = t != NULL ? t->due_ms - am_mono_ms() : 0;

    (void)call_data;
    row->w = t != NULL ? t->w : *w; /* what is not worth a write is in memory alone */
    row->age_ms = age > 0 ? age : 0;
    row->next_ms = next > 0 && chain_op_waits(row->w.state) ? next : 0;
}

int
chain_desk_rows(struct chain_desk *d, struct chain_row *rows, size_t max, size_t *count,
                struct am_error *err)
{
    struct rows r = {d, rows, 0};
    int rc = no_view(d, err);

    if (rc == AM_OK)
        rc = chain_ledger_each(d->ledger, max, take_out, &r, err);
    *count = rc == AM_OK ? r.count : 0;
    return rc;
}
