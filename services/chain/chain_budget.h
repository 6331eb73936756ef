/*  chain_budget -- how many tries and how much gas each purpose may cost in one UTC day.
 *
 *  A loop that runs away stops here, whatever started it.  What counts as a try is the moment
 *  before the first word to a sponsor, or to the bundler where there is none; gas counts when it is
 * used.
 *
 *  Pure.  The clock may jump: a day that is over never comes back, so a clock that is set back
 *  and forth gives nothing away twice.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_BUDGET_H
#define CHAIN_BUDGET_H

#include "chain_op.h"

struct chain_spent {
    uint64_t count, gas;
};

struct chain_budget {
    uint64_t day; /* UTC, since 1970 */
    struct chain_spent spent[CHAIN_PURPOSE_COUNT], cap[CHAIN_PURPOSE_COUNT];
};

/* The day it is: a newer one than the budget's begins with nothing spent. */
void chain_budget_today(struct chain_budget *b, int64_t wall_ms);

/* May one more be tried today?
 * Out:     reason   CHAIN_REASON bytes, "" when it may; else which cap, its setting, until when
 * In:      started  tries of this purpose under way that are not counted yet */
bool chain_budget_allows(char reason[static CHAIN_REASON], const struct chain_budget *b,
                         enum chain_purpose purpose, uint64_t started);

void chain_budget_try(struct chain_budget *b, enum chain_purpose purpose);
void chain_budget_gas(struct chain_budget *b, enum chain_purpose purpose, uint64_t gas);

/* What the ledger knows of a purpose; counts when its day is the budget's or newer. */
void chain_budget_restore(struct chain_budget *b, enum chain_purpose purpose, uint64_t day,
                          uint64_t count, uint64_t gas);

/* Until the next UTC midnight, in ms; at least 1. */
int64_t chain_budget_left_ms(int64_t wall_ms);

#endif
