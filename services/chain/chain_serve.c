/*  chain_serve -- the request table: each command ends in its operation's state or in a refusal. */
#include "chain_int.h"

#include <string.h>

#define ROWS 64 /* of chain.operations */

/* Each command ends in the state of its operation or in a refusal. */
#define ANSWER(method, call)                                                                       \
    static void serve_##method(void *arg, struct bus_request *request, const void *message)        \
    {                                                                                              \
        struct chain *c = arg;                                                                     \
        const char *state;                                                                         \
        struct am_error err = {0};                                                                 \
        int rc;                                                                                    \
                                                                                                   \
        (void)message;                                                                             \
        rc = call;                                                                                 \
        if (rc == AM_OK) {                                                                         \
            struct chain_##method##_reply reply = {.state = am_str_of(state)};                     \
                                                                                                   \
            bus_reply(request, &reply);                                                            \
        } else {                                                                                   \
            bus_refuse(request, &err);                                                             \
        }                                                                                          \
    }

static int
ask_value(struct chain *c, const char **state, enum chain_purpose purpose, const uint8_t *value,
          const struct bus_request *request, struct am_error *err)
{
    if (am_is_zero(value, 32))
        /* mesh may have heard keyagent before we did: not a refusal, which would cost it a long
         * pause */
        return am_fail(err, AM_UNAVAILABLE, "%s: expected a value from keyagent, got none",
                       chain_purpose_text(purpose));
    return chain_desk_ask(c->desk, state, purpose, value, bus_request_correlation(request), err);
}

static int
ask_send(struct chain *c, const char **state, const struct chain_send *m,
         const struct bus_request *request, struct am_error *err)
{
    return chain_desk_send(c->desk, state, m->recipient.p, m->envelope_id.p, m->ciphertext,
                           bus_request_correlation(request), err);
}

ANSWER(register, chain_desk_ask(c->desk, &state, CHAIN_REGISTER, NULL,
                                bus_request_correlation(request), &err))
ANSWER(commit, ask_value(c, &state, CHAIN_COMMIT, c->self.commitment, request, &err))
ANSWER(publish_ed25519, ask_value(c, &state, CHAIN_PUBLISH, c->self.ed25519_pub, request, &err))
ANSWER(send, ask_send(c, &state, message, request, &err))

static struct chain_op
op_of(const struct chain_row *row)
{
    const struct chain_work *w = &row->w;

    return (struct chain_op){
        .key = AM_BIN(w->key),
        .sequence = w->sequence,
        .purpose = am_str_of(chain_purpose_text(w->purpose)),
        .state = am_str_of(chain_state_text(w->state)),
        .user_op_hash = chain_some(w->user_op_hash, 32),
        .tx_hash = chain_some(w->tx_hash, 32),
        .block_number = w->block,
        .gas_used = w->gas_used,
        .reason = {w->reason, strnlen(w->reason, CHAIN_REASON - 1)},
        .attempts = w->attempts,
        .age_ms = (uint64_t)row->age_ms,
        .next_ms = (uint64_t)row->next_ms,
    };
}

static void
serve_operations(void *arg, struct bus_request *request, const void *message)
{
    static struct chain_row rows[ROWS];
    static struct chain_operations_reply reply;
    struct chain *c = arg;
    struct am_error err = {0};
    size_t count;

    (void)message;
    if (chain_desk_rows(c->desk, rows, ROWS, &count, &err) != AM_OK) {
        bus_refuse(request, &err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        reply.operations[i] = op_of(&rows[i]);
    reply.operations_count = count;
    bus_reply(request, &reply);
}

static void
serve_spending(void *arg, struct bus_request *request, const void *message)
{
    struct chain *c = arg;
    const struct chain_budget *b = chain_desk_budget(c->desk);
    struct chain_spending_reply reply = {.day = b->day,
                                         .stopped = am_str_of(chain_desk_stopped(c->desk)),
                                         .costs_count = CHAIN_PURPOSE_COUNT};

    (void)message;
    for (size_t i = 0; i < CHAIN_PURPOSE_COUNT; i++)
        reply.costs[i] = (struct chain_cost){
            .purpose = am_str_of(chain_purpose_text((enum chain_purpose)i)),
            .tries = b->spent[i].count,
            .tries_cap = b->cap[i].count,
            .gas = b->spent[i].gas,
            .gas_cap = b->cap[i].gas,
        };
    bus_reply(request, &reply);
}

/* Whoever asks knows that what the newest view says is not all: it comes with chain.view. */
static void
serve_look(void *arg, struct bus_request *request, const void *message)
{
    struct chain *c = arg;
    struct chain_look_reply reply = {.head = chain_viewer_head(c->viewer)};

    (void)message;
    chain_viewer_hurry(c->viewer);
    bus_reply(request, &reply);
}

static const struct {
    enum bus_method method;
    bus_serve_fn *fn;
} requests[] = {
    {BUS_METHOD_chain_register, serve_register},
    {BUS_METHOD_chain_commit, serve_commit},
    {BUS_METHOD_chain_publish_ed25519, serve_publish_ed25519},
    {BUS_METHOD_chain_send, serve_send},
    {BUS_METHOD_chain_operations, serve_operations},
    {BUS_METHOD_chain_spending, serve_spending},
    {BUS_METHOD_chain_look, serve_look},
};

int
chain_serve(struct chain *c, struct am_error *err)
{
    int rc = AM_OK;

    for (size_t i = 0; rc == AM_OK && i < sizeof requests / sizeof requests[0]; i++)
        rc = bus_serve(c->bus, requests[i].method, requests[i].fn, c, err);
    return rc;
}
