/*  chain_desk_world -- a desk between a keyagent, a bundler and a paymaster of the test's own
 * making.
 *
 *  The provider judges the dummy signature as production's did: 65 bytes of even hex that recover.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_DESK_WORLD_H
#define CHAIN_DESK_WORLD_H

#include "../../services/chain/chain_desk.h"
#include "../../services/chain/chain_dialect.h"
#include "dn_rpcdouble.h"

struct desk_world {
    /* the provider, as the test wants it */
    enum chain_dialect speaks;
    const char *refuse_send;    /* error of eth_sendUserOperation, or NULL */
    unsigned refuse_sends;      /* that many of them */
    const char *refuse_sponsor; /* error of each question to the paymaster, or NULL */
    bool no_price;              /* each question for a price fails, as in an outage */
    bool other_hash;            /* eth_sendUserOperation answers another hash */
    uint64_t receipt_block;     /* 0: no receipt */
    uint64_t sequence;          /* what getNonce says */
    /* what it heard */
    unsigned sends, sponsors, bad_dummies;
    char nonces[8][67]; /* of what was sent */
    /* what the desk said */
    char state[17], reason[CHAIN_REASON];
    struct chain_snapshot view;
    struct chain_self self;
    struct chain_desk *desk;
};

extern struct desk_world dw;

void dw_start(void); /* the view: one registered member, its heartbeat key not on chain yet */
void dw_stop(void);
/* Open the desk with daily caps, two confirmations and a first view, at block 10. */
void dw_open(const char *dialect, uint64_t tries_cap);
/* Open it, and ask for a publication. */
void dw_publish(const char *dialect, uint64_t tries_cap);
void dw_look(uint64_t block, bool published); /* a new view */
/* Turn the loop until the state is this, at most `ms`; false: it is not. */
bool dw_until(const char *state, int ms);
void dw_turn(int ms);
unsigned dw_asked(const char *method);

#endif
