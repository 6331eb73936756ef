/*  chain_op -- one operation's life as a table: (state, event) -> (state, action).
 *
 *  Pure: no socket, no clock, no chance.  The driver turns what happens into events and does what
 *  an action says; which of the two comes first after a kill is decided here and tested cell by
 *  cell.
 *
 *      asked -> (getNonce, build, sponsor) -> sponsored -> signed -> sent -> included -> confirmed
 *
 *  The nonce sequence is only ever what getNonce says; a sequence that was used without effect is
 *  marked spent, and the next one is taken only after a view that shows the effect missing.
 *
 *  Source: design/traps.md "Chain"; ERC-4337 EntryPoint v0.7 nonces
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_OP_H
#define CHAIN_OP_H

#include "am_bytes.h"

#define CHAIN_KEY 24
#define CHAIN_REASON 256
#define CHAIN_ATTEMPTS 5         /* paid attempts before the long wait */
#define CHAIN_LONG_WAIT_MS 60000 /* at least, from then on; it doubles up to 15 minutes */
#define CHAIN_FRESH_MS 60000     /* a sponsorship that waited longer for its signature is lapsed */
#define CHAIN_IN_FLIGHT 4        /* per sender: ERC-7562 */

#define CHAIN_PURPOSES(X)                                                                          \
    X(REGISTER, register) X(COMMIT, commit) X(PUBLISH, publish) X(MESSAGE, message)

/* state, what the bus calls it */
#define CHAIN_STATES(X)                                                                            \
    X(ASKED, "asked")         /* waits for a view, a prerequisite, a slot or the end of a wait */  \
    X(NONCE, "asked")         /* getNonce in flight */                                             \
    X(PREPARE, "asked")       /* call data, ledger, gas price, estimate, sponsor in flight */      \
    X(SPONSORED, "sponsored") /* at keyagent for its signature */                                  \
    X(SIGNED, "signed")       /* at the bundler, not accepted yet */                               \
    X(SENT, "sent")           /* accepted, or perhaps: its receipt is polled */                    \
    X(FIND, "sent")           /* the sequence is used: its UserOperationEvent is looked for */     \
    X(INCLUDED, "included")   /* with success; a view of that block is awaited */                  \
    X(REVERTED, "failed")     /* included without success; the same */                             \
    X(CONFIRMED, "confirmed") /* a view shows the effect */                                        \
    X(FAILED, "failed")       /* for good */

#define CHAIN_EVENTS(X)                                                                            \
    X(EFFECT)     /* a view at or past the floor shows the effect */                               \
    X(MISSING)    /* such a view shows that it is missing, and a try is due */                     \
    X(NONCE_FREE) /* getNonce: the sequence is unused */                                           \
    X(NONCE_USED) /* getNonce: it is used, by what we do not know */                               \
    X(PREPARED)   /* everything but the signature is there */                                      \
    X(SIGNATURE)  /* keyagent signed the hash that we compute too */                               \
    X(ACCEPTED)   /* the bundler answered with that hash */                                        \
    X(UNSURE)     /* the send ended without an answer */                                           \
    X(STALE)      /* AA25: the nonce moved */                                                      \
    X(LAPSED)     /* the sponsorship is too old, or its paymaster takes it no more */              \
    X(SUCCESS)    /* receipt or event: included, success true */                                   \
    X(REVERT)     /* receipt or event: included, success false */                                  \
    X(VANISHED)   /* such a view shows that what was included is gone: a reorg */                  \
    X(EXPIRED)    /* no receipt within the window */                                               \
    X(NOT_FOUND)  /* no event for a used sequence */                                               \
    X(NOT_YET)    /* keyagent has not what it needs yet: nothing was paid */                       \
    X(ERROR)      /* what this state waits for failed */                                           \
    X(GONE)       /* it must not be done any more */

enum chain_purpose {
#define X(upper, lower) CHAIN_##upper,
    CHAIN_PURPOSES(X)
#undef X
        CHAIN_PURPOSE_COUNT
};

enum chain_state {
#define X(name, text) CHAIN_##name,
    CHAIN_STATES(X)
#undef X
        CHAIN_STATE_COUNT
};

enum chain_event {
#define X(name) CHAIN_EV_##name,
    CHAIN_EVENTS(X)
#undef X
        CHAIN_EVENT_COUNT
};

enum chain_action { /* what the driver starts; its end is one event */
                    CHAIN_DO_NOTHING,
                    CHAIN_DO_NONCE,
                    CHAIN_DO_PREPARE,
                    CHAIN_DO_SIGN,
                    CHAIN_DO_SEND,
                    CHAIN_DO_POLL,
                    CHAIN_DO_FIND,
};

enum chain_wait {
    CHAIN_WAIT_NONE,
    CHAIN_WAIT_SOON, /* a neighbour that has only just started */
    CHAIN_WAIT_READ,
    CHAIN_WAIT_PAID
};

/* What an operation is, as the ledger keeps it. */
struct chain_work {
    enum chain_purpose purpose;
    enum chain_state state;
    uint8_t key[CHAIN_KEY];
    uint64_t sequence;
    bool spent;            /* this sequence is used and had no effect */
    uint8_t value[32];     /* commit, publish: what goes on chain */
    uint8_t call_hash[32]; /* keccak of callData; zero until built */
    uint64_t from_block;   /* head when the sequence was taken: its event is not before */
    uint64_t floor;        /* a view below this block says nothing about the effect */
    uint8_t user_op_hash[32], tx_hash[32]; /* zero while unknown */
    uint64_t block, gas_used;              /* of inclusion */
    uint64_t attempts;                     /* paid ones since the last confirmation */
    char reason[CHAIN_REASON];
};

struct chain_step {
    enum chain_action action;
    enum chain_wait wait; /* before MISSING may be given again */
    bool save;            /* the row must be durable before the action starts */
    bool changed;         /* the state is another one */
};

/* Take one event.  An event that a state does not know changes nothing: it is an answer that came
 * too late. */
struct chain_step chain_op_step(struct chain_work *w, enum chain_event event);

/* What getNonce's answer means, and take the sequence over where that is safe.
 * In:      now     the sequence at the block of the newest view, which is not below w->floor
 * Returns: CHAIN_EV_NONCE_FREE or CHAIN_EV_NONCE_USED */
enum chain_event chain_op_nonce(struct chain_work *w, uint64_t now, uint64_t block);

/* A sequence that was used in vain: the next getNonce may go past it. */
void chain_op_spend(struct chain_work *w, uint64_t sequence);

/* After a restart: in which state a stored row goes on. */
enum chain_state chain_op_resume(const struct chain_work *w);

/* The wait before the next try, in ms, after success and failure alike: full jitter below a ceiling
 * that doubles; from CHAIN_ATTEMPTS on never less than half of it.
 * In:      chance  uniform over all 32 bits */
int64_t chain_op_wait_ms(enum chain_wait wait, uint64_t attempts, uint32_t chance);

/* Is a sponsorship young enough to be signed and sent?  Providers' end after minutes: one that
 * waited while the machine slept is asked for anew. */
bool chain_op_is_fresh(int64_t age_ms);

/* Is this answer from before a reorg?  It names a block whose view already showed the effect
 * missing. */
bool chain_op_is_stale(const struct chain_work *w, uint64_t receipt_block);

bool chain_op_waits(enum chain_state state);          /* for a view, and the end of a wait */
bool chain_op_in_flight(enum chain_state state);      /* counts against CHAIN_IN_FLIGHT */
const char *chain_state_text(enum chain_state state); /* the bus's word */
const char *chain_state_name(enum chain_state state); /* ours, for logs and the ledger */
const char *chain_event_name(enum chain_event event);
const char *chain_purpose_text(enum chain_purpose purpose);
int chain_state_by_name(const char *name);   /* -1: unknown */
int chain_purpose_by_text(const char *text); /* -1: unknown */

#endif
