/*  chain_op -- one operation's life as a table: (state, event) -> (state, action).  */
#include "chain_op.h"

#include <string.h>

#define SOON_WAIT_MS 200
#define READ_WAIT_MS 1000
#define READ_WAIT_MAX_MS 10000
#define LONG_WAIT_MAX_MS (30 * 60000) /* half of it at least is waited */

struct cell {
    bool known; /* an empty cell: the event changes nothing here */
    enum chain_state next;
    enum chain_action action;
    enum chain_wait wait;
    bool save, paid; /* paid: one more attempt that cost somebody something */
};

#define TO(state) .known = true, .next = CHAIN_##state
#define DO(what) .action = CHAIN_DO_##what
#define FAIL_PAID TO(ASKED), .wait = CHAIN_WAIT_PAID, .save = true, .paid = true
#define FAIL_READ TO(ASKED), .wait = CHAIN_WAIT_READ
#define FAIL_SOON TO(ASKED), .wait = CHAIN_WAIT_SOON

/* What is in the bundler's hands (SIGNED, SENT) is followed to its receipt even when a view
 * already shows the effect: the receipt names the transaction and what it cost. */
static const struct cell table[CHAIN_STATE_COUNT][CHAIN_EVENT_COUNT] =
    {
        [CHAIN_ASKED] =
            {
                [CHAIN_EV_EFFECT] = {TO(CONFIRMED), .save = true},
                [CHAIN_EV_MISSING] = {TO(NONCE), DO(NONCE)},
                [CHAIN_EV_GONE] = {TO(FAILED), .save = true},
            },
        [CHAIN_NONCE] =
            {
                [CHAIN_EV_EFFECT] = {TO(CONFIRMED), .save = true},
                [CHAIN_EV_NONCE_FREE] = {TO(PREPARE), DO(PREPARE)},
                [CHAIN_EV_NONCE_USED] = {TO(FIND), DO(FIND)},
                [CHAIN_EV_ERROR] = {FAIL_READ},
                [CHAIN_EV_GONE] = {TO(FAILED), .save = true},
            },
        [CHAIN_PREPARE] =
            {
                [CHAIN_EV_EFFECT] = {TO(CONFIRMED), .save = true},
                [CHAIN_EV_PREPARED] = {TO(SPONSORED), DO(SIGN), .save = true},
                [CHAIN_EV_STALE] = {FAIL_PAID},
                [CHAIN_EV_NOT_YET] = {FAIL_SOON},
                [CHAIN_EV_LAPSED] = {FAIL_PAID},
                [CHAIN_EV_ERROR] = {FAIL_PAID},
                [CHAIN_EV_GONE] = {TO(FAILED), .save = true},
            },
        [CHAIN_SPONSORED] =
            {
                [CHAIN_EV_EFFECT] = {TO(CONFIRMED), .save = true},
                [CHAIN_EV_SIGNATURE] = {TO(SIGNED), DO(SEND), .save = true},
                [CHAIN_EV_LAPSED] = {FAIL_PAID},
                [CHAIN_EV_ERROR] = {FAIL_PAID},
                [CHAIN_EV_GONE] = {TO(FAILED), .save = true},
            },
        [CHAIN_SIGNED] =
            {
                [CHAIN_EV_ACCEPTED] = {TO(SENT), DO(POLL), .save = true},
                [CHAIN_EV_UNSURE] = {TO(SENT), DO(POLL), .save = true},
                [CHAIN_EV_STALE] = {FAIL_PAID},
                [CHAIN_EV_LAPSED] = {FAIL_PAID},
                [CHAIN_EV_ERROR] = {FAIL_PAID},
            },
        [CHAIN_SENT] =
            {
                [CHAIN_EV_SUCCESS] = {TO(INCLUDED), .save = true},
                /* so the bundler says; FIND counts it when the chain's event says the same */
                [CHAIN_EV_REVERT] = {TO(REVERTED), .wait = CHAIN_WAIT_READ, .save = true},
                [CHAIN_EV_EXPIRED] = {FAIL_PAID},
            },
        [CHAIN_FIND] =
            {
                [CHAIN_EV_SUCCESS] = {TO(INCLUDED), .save = true},
                [CHAIN_EV_REVERT] = {TO(REVERTED), .wait = CHAIN_WAIT_PAID, .save = true,
                                     .paid = true},
                [CHAIN_EV_NOT_FOUND] = {TO(REVERTED), .wait = CHAIN_WAIT_PAID, .save = true,
                                        .paid = true},
                [CHAIN_EV_ERROR] = {FAIL_READ},
                [CHAIN_EV_GONE] = {TO(FAILED), .save = true},
            },
        [CHAIN_INCLUDED] =
            {
                [CHAIN_EV_EFFECT] = {TO(CONFIRMED), .save = true},
                [CHAIN_EV_VANISHED] = {TO(SENT), DO(POLL), .save = true}, /* it may land again */
            },
        [CHAIN_REVERTED] =
            {
                [CHAIN_EV_EFFECT] = {TO(CONFIRMED), .save = true},
                [CHAIN_EV_MISSING] = {TO(NONCE), DO(NONCE)},
                [CHAIN_EV_GONE] = {TO(FAILED), .save = true},
            },
        [CHAIN_CONFIRMED] =
            {
                [CHAIN_EV_VANISHED] = {TO(SENT), DO(POLL), .save = true},
                [CHAIN_EV_MISSING] = {TO(ASKED), .save = true}, /* it was not ours that did it */
            },
};

struct chain_step
chain_op_step(struct chain_work *w, enum chain_event event)
{
    const struct cell *c = &table[w->state][event];
    struct chain_step step = {0};

    if (!c->known)
        return step;
    step.action = c->action;
    step.wait = c->wait;
    step.save = c->save;
    step.changed = c->next != w->state;
    w->state = c->next;
    if (c->paid)
        w->attempts++;
    if (c->next == CHAIN_CONFIRMED) {
        w->attempts = 0;
        w->reason[0] = '\0';
    }
    return step;
}

enum chain_event
chain_op_nonce(struct chain_work *w, uint64_t now, uint64_t block)
{
    if (now > w->sequence && !w->spent)
        return CHAIN_EV_NONCE_USED;
    if (now != w->sequence || w->from_block == 0)
        w->from_block = block;
    w->sequence = now; /* lower than before: a reorg gave it back */
    w->spent = false;
    return CHAIN_EV_NONCE_FREE;
}

void
chain_op_spend(struct chain_work *w, uint64_t sequence)
{
    w->sequence = sequence;
    w->spent = true;
}

enum chain_state
chain_op_resume(const struct chain_work *w)
{
    switch (w->state) {
    case CHAIN_SIGNED: /* perhaps sent: its receipt tells, or the window ends */
    case CHAIN_SENT:
    case CHAIN_FIND:
        return am_is_zero(w->user_op_hash, sizeof w->user_op_hash) ? CHAIN_ASKED : CHAIN_SENT;
    case CHAIN_INCLUDED:
    case CHAIN_REVERTED:
    case CHAIN_CONFIRMED:
    case CHAIN_FAILED:
        return w->state;
    default:
        return CHAIN_ASKED;
    }
}

static int64_t
ceiling_ms(int64_t ms, int64_t max, uint64_t doublings)
{
    while (doublings-- > 0 && ms < max)
        ms *= 2;
    return ms < max ? ms : max;
}

int64_t
chain_op_wait_ms(enum chain_wait wait, uint64_t attempts, uint32_t chance)
{
    bool longer = wait == CHAIN_WAIT_PAID && attempts >= CHAIN_ATTEMPTS;
    int64_t max, min;

    if (wait == CHAIN_WAIT_NONE)
        return 0;
    if (wait == CHAIN_WAIT_SOON)
        return SOON_WAIT_MS / 2 + (int64_t)(((uint64_t)(SOON_WAIT_MS / 2) * chance) >> 32);
    max = longer ? ceiling_ms(2 * CHAIN_LONG_WAIT_MS, LONG_WAIT_MAX_MS, attempts - CHAIN_ATTEMPTS)
                 : ceiling_ms(READ_WAIT_MS, READ_WAIT_MAX_MS, attempts > 1 ? attempts - 1 : 0);
    min = longer ? max / 2 : 0;
    return min + (int64_t)(((uint64_t)(max - min) * chance) >> 32);
}

bool
chain_op_is_fresh(int64_t age_ms)
{
    return age_ms >= 0 && age_ms <= CHAIN_FRESH_MS;
}

bool
chain_op_is_stale(const struct chain_work *w, uint64_t receipt_block)
{
    return receipt_block <= w->floor;
}

bool
chain_op_waits(enum chain_state state)
{
    return state == CHAIN_ASKED || state == CHAIN_REVERTED;
}

bool
chain_op_in_flight(enum chain_state state)
{
    return state == CHAIN_PREPARE || state == CHAIN_SPONSORED || state == CHAIN_SIGNED ||
           state == CHAIN_SENT;
}

const char *
chain_state_text(enum chain_state state)
{
    static const char *const texts[] = {
#define X(name, text) text,
        CHAIN_STATES(X)
#undef X
    };

    return texts[state];
}

static const char *const state_names[] = {
#define X(name, text) #name,
    CHAIN_STATES(X)
#undef X
};

static const char *const purpose_texts[] = {
#define X(upper, lower) #lower,
    CHAIN_PURPOSES(X)
#undef X
};

const char *
chain_state_name(enum chain_state state)
{
    return state_names[state];
}

const char *
chain_event_name(enum chain_event event)
{
    static const char *const names[] = {
#define X(name) #name,
        CHAIN_EVENTS(X)
#undef X
    };

    return names[event];
}

const char *
chain_purpose_text(enum chain_purpose purpose)
{
    return purpose_texts[purpose];
}

int
chain_state_by_name(const char *name)
{
    for (int i = 0; i < CHAIN_STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0)
            return i;
    return -1;
}

int
chain_purpose_by_text(const char *text)
{
    for (int i = 0; i < CHAIN_PURPOSE_COUNT; i++)
        if (strcmp(purpose_texts[i], text) == 0)
            return i;
    return -1;
}
