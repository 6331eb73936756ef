/*  chain_task -- one operation in memory, and the parts of the desk that see it (private).
 *
 *  Every question to the outside carries a ticket with the task's generation: an answer to a state
 *  that is over finds another generation and is dropped.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_TASK_H
#define CHAIN_TASK_H

#include "chain_desk.h"
#include "chain_dialect.h"
#include "chain_draft.h"
#include "chain_ledger.h"

struct chain_task {
    struct chain_desk *desk;
    struct chain_task *next;
    struct chain_work w;
    uint8_t *call_data; /* owned; NULL until built */
    size_t call_data_len;
    struct chain_draft draft;
    struct chain_speech spoken; /* what the desk knew when it asked */
    unsigned stage, again;      /* PREPARE: of the dialect; questions that found out only */
    bool counted;               /* PREPARE: its try is in the budget */
    int64_t sponsored_ms;       /* when the paymaster answered; monotonic */
    uint8_t signature[65];
    uint64_t generation;
    unsigned tickets;      /* answers still to come */
    unsigned witness;      /* PREPARE: how often a second provider was asked */
    int64_t due_ms;        /* before that no new try; monotonic */
    int64_t expires_ms;    /* SENT: end of the receipt's window */
    bool unsure;           /* SENT without the bundler's word */
    uint64_t used;         /* FIND: the sequence to look for */
    uint64_t find_to;      /* FIND: newest block of the next range */
    uint64_t asked_block;  /* NONCE, CONFIRMED: block that getNonce is asked at */
    uint64_t polled_block; /* SENT: head of the last question for the receipt, */
    int64_t polled_ms;     /* and when that was; monotonic */
    bool shown;            /* SENT: a view shows the effect */
    bool settled;          /* CONFIRMED: a message that is deep enough to stay */
    struct ev_timer poll;
    char correlation[65];
};

struct chain_desk {
    struct chain_desk_options o;
    struct chain_ledger *ledger;
    const struct chain_snapshot *s;
    struct chain_task *tasks;
    size_t count;
    struct chain_speech speech;
    struct chain_budget budget;
    uint8_t max_fee[32], max_priority_fee[32]; /* the last price, */
    int64_t priced_ms;                         /* and when; monotonic, 0 never */
    struct ev_timer tick;                      /* the earliest due_ms */
    bool closing;
};

struct chain_ticket {
    struct chain_task *task;
    uint64_t generation;
    void (*fn)(struct chain_task *task, const struct eth_rpc_answer *answers, size_t count);
};

/* The desk (chain_desk.c). */
void chain_task_event(struct chain_task *t, enum chain_event event);
void chain_task_reason(struct chain_task *t, const char *text);
void chain_task_fail(struct chain_task *t, enum chain_event event, const struct am_error *err);
/* Make the row durable.  On failure the task is back in ASKED and waits. */
bool chain_task_save(struct chain_task *t);
/* Ask; fn runs only while the task is in the state that asked.  A question that cannot be put
 * ends in `otherwise`. */
void chain_task_ask(struct chain_task *t, struct eth_rpc *rpc, const struct eth_rpc_item *items,
                    size_t count,
                    void (*fn)(struct chain_task *, const struct eth_rpc_answer *, size_t));
struct chain_ticket *chain_ticket_new(struct chain_task *t);
/* The task, or NULL when the answer came too late.  Frees the ticket. */
struct chain_task *chain_ticket_use(struct chain_ticket *ticket);

/* Requests (chain_asked.c) find their task, or make one; look at it as after a new view. */
struct chain_task *chain_task_find_key(struct chain_desk *d, const uint8_t key[static CHAIN_KEY]);
struct chain_task *chain_task_new(struct chain_desk *d, const struct chain_work *w,
                                  struct am_bin call_data, struct am_error *err);
void chain_task_look(struct chain_task *t);
/* Log the state and hand it to the desk's owner. */
void chain_task_tell(const struct chain_task *t, enum chain_event event);

/* An error object of whoever was asked while preparing (chain_build.c). */
void chain_task_refused(struct chain_task *t, const struct eth_rpc_answer *a);
/* Price, estimate and sponsor; ends in PREPARED (chain_sponsor.c). */
void chain_task_sponsor(struct chain_task *t);

/* When it may be tried (chain_try.c). */
void chain_task_wait(struct chain_task *t, enum chain_wait wait);  /* and look again at its end */
bool chain_task_may_try(struct chain_task *t);                     /* if not: looks again in time */
void chain_task_blocked(struct chain_task *t, const char *reason); /* said once */

/* The day's budget (chain_spend.c). */
bool chain_spend_allows(struct chain_desk *d, enum chain_purpose purpose,
                        char reason[static CHAIN_REASON]);
bool chain_spend_try(struct chain_task *t);               /* durable, or false with a reason */
void chain_spend_gas(struct chain_task *t, uint64_t gas); /* what was included has used it */

/* What stays included and what does not (chain_settle.c). */
void chain_task_gone(struct chain_task *t);   /* the view shows that the effect is missing */
void chain_task_settle(struct chain_task *t); /* a confirmed message, once it is deep enough */
/* Ask EntryPoint.getNonce at the block of the newest view (chain_follow.c). */
void chain_task_ask_nonce(struct chain_task *t,
                          void (*fn)(struct chain_task *, const struct eth_rpc_answer *, size_t));
int chain_task_read_nonce(uint64_t *now, const struct chain_task *t, const struct eth_rpc_answer *a,
                          struct am_error *err) AM_MUST_CHECK;

/* The actions (chain_build.c, chain_follow.c, chain_poll.c). */
void chain_task_nonce(struct chain_task *t);
void chain_task_prepare(struct chain_task *t);
/* Prepare, once a second provider agrees where one is needed (chain_witness.c). */
void chain_task_witness(struct chain_task *t);
void chain_task_sign(struct chain_task *t);
void chain_task_send(struct chain_task *t);
void chain_task_poll(struct chain_task *t);
void chain_task_find(struct chain_task *t);
/* Included: how it ended decides between the two, a view of that block between what follows. */
void chain_task_landed(struct chain_task *t, const struct chain_receipt *r);

#endif
