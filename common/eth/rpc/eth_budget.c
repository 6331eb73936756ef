/*  eth_budget -- so many JSON-RPC elements a day, and how slow reads become when they run out.  */
#include "eth_budget.h"

#include <stdio.h>

#define DAY_MS 86400000

uint64_t
eth_budget_part(uint64_t daily, uint64_t percent)
{
    uint64_t part = daily * percent / 100;

    return daily > 0 && part == 0 ? 1 : part;
}

void
eth_budget_count(struct eth_budget *b, uint64_t total, int64_t wall_ms)
{
    uint64_t day = wall_ms > 0 ? (uint64_t)wall_ms / DAY_MS : 0;

    if (day > b->day) { /* a clock that goes back gives no new day */
        b->day = day;
        b->spent = 0;
    }
    b->spent += total - b->seen;
    b->seen = total;
}

int64_t
eth_budget_wait(const struct eth_budget *b, int64_t wanted_ms, uint64_t cost, int64_t wall_ms,
                bool *slowed)
{
    int64_t rest_ms = DAY_MS - (wall_ms > 0 ? wall_ms % DAY_MS : 0), wait = ETH_BUDGET_SPARSE_MS;
    uint64_t left = b->spent < b->limit ? b->limit - b->spent : 0, reads;

    *slowed = false;
    if (b->limit == 0 || left > b->limit / 4)
        return wanted_ms;
    reads = left / (cost > 0 ? cost : 1);
    if (reads > 0 && rest_ms / (int64_t)reads < wait)
        wait = rest_ms / (int64_t)reads;
    if (wait > rest_ms)
        wait = rest_ms; /* the next day has a budget of its own */
    *slowed = wait > wanted_ms;
    return *slowed ? wait : wanted_ms;
}

void
eth_budget_text(char out[static ETH_BUDGET_TEXT], const struct eth_budget *b, int64_t wait_ms)
{
    snprintf(out, ETH_BUDGET_TEXT,
             "RPC budget: %llu of %llu calls of the day are spent: one look in %lld s",
             (unsigned long long)b->spent, (unsigned long long)b->limit,
             (long long)(wait_ms / 1000));
}
