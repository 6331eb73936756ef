/*  chain_budget -- how many tries and how much gas each purpose may cost in one UTC day.  */
#include "chain_budget.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static const char *const settings[] = {
#define X(upper, lower) "ATTESTMESH_OPS_DAILY_" #upper,
    CHAIN_PURPOSES(X)
#undef X
};

static void
begin_day(struct chain_budget *b, uint64_t day)
{
    if (day <= b->day)
        return;
    b->day = day;
    memset(b->spent, 0, sizeof b->spent);
}

void
chain_budget_today(struct chain_budget *b, int64_t wall_ms)
{
    begin_day(b, wall_ms > 0 ? (uint64_t)(wall_ms / DAY_MS) : 0);
}

bool
chain_budget_allows(char reason[static CHAIN_REASON], const struct chain_budget *b,
                    enum chain_purpose purpose, uint64_t started)
{
    const struct chain_spent *spent = &b->spent[purpose], *cap = &b->cap[purpose];
    bool by_gas = spent->gas >= cap->gas;

    reason[0] = '\0';
    if (!by_gas && spent->count + started < cap->count)
        return true;
    snprintf(reason, CHAIN_REASON,
             "daily cap: %s has used %llu of %llu %s today (%s%s); stopped until 00:00 UTC",
             chain_purpose_text(purpose), (unsigned long long)(by_gas ? spent->gas : spent->count),
             (unsigned long long)(by_gas ? cap->gas : cap->count), by_gas ? "gas" : "tries",
             settings[purpose], by_gas ? "_GAS" : "");
    return false;
}

void
chain_budget_try(struct chain_budget *b, enum chain_purpose purpose)
{
    b->spent[purpose].count++;
}

void
chain_budget_gas(struct chain_budget *b, enum chain_purpose purpose, uint64_t gas)
{
    uint64_t *sum = &b->spent[purpose].gas;

    if (gas > INT64_MAX - *sum) /* a provider's word; the ledger keeps 63 bits */
        *sum = INT64_MAX;
    else
        *sum += gas;
}

void
chain_budget_restore(struct chain_budget *b, enum chain_purpose purpose, uint64_t day,
                     uint64_t count, uint64_t gas)
{
    begin_day(b, day);
    if (day == b->day)
        b->spent[purpose] = (struct chain_spent){count, gas};
}

int64_t
chain_budget_left_ms(int64_t wall_ms)
{
    return DAY_MS - (wall_ms > 0 ? wall_ms % DAY_MS : 0);
}
