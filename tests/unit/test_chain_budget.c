/*  test_chain_budget -- daily caps hold over restarts and clocks, and a runaway loop ends in them.
 */
#include "../../services/chain/chain_budget.h"

#include <criterion/criterion.h>

#define DAY INT64_C(86400000)
#define NOON (20000 * DAY + DAY / 2)

static char reason[CHAIN_REASON];

static struct chain_budget
capped(uint64_t count, uint64_t gas)
{
    struct chain_budget b = {.day = 0};

    for (int i = 0; i < CHAIN_PURPOSE_COUNT; i++)
        b.cap[i] = (struct chain_spent){count, gas};
    chain_budget_today(&b, NOON);
    return b;
}

static bool
allows(const struct chain_budget *b, enum chain_purpose purpose)
{
    bool yes = chain_budget_allows(reason, b, purpose, 0);

    cr_assert(yes == (reason[0] == '\0'));
    return yes;
}

Test(chain_budget, the_cap_is_reached_and_not_passed)
{
    for (int p = 0; p < CHAIN_PURPOSE_COUNT; p++) {
        struct chain_budget b = capped(3, 1000);
        enum chain_purpose purpose = (enum chain_purpose)p;

        for (int i = 0; i < 3; i++) {
            cr_assert(allows(&b, purpose));
            chain_budget_try(&b, purpose);
        }
        cr_assert(!allows(&b, purpose));
        for (int other = 0; other < CHAIN_PURPOSE_COUNT; other++)
            cr_assert(allows(&b, (enum chain_purpose)other) == (other != p), "each has its own");
    }
}

Test(chain_budget, tries_under_way_count)
{
    struct chain_budget b = capped(3, 1000);

    chain_budget_try(&b, CHAIN_MESSAGE);
    cr_assert(chain_budget_allows(reason, &b, CHAIN_MESSAGE, 1));
    cr_assert(!chain_budget_allows(reason, &b, CHAIN_MESSAGE, 2));
}

Test(chain_budget, gas_has_a_cap_of_its_own)
{
    struct chain_budget b = capped(100, 1000);

    chain_budget_gas(&b, CHAIN_MESSAGE, 999);
    cr_assert(allows(&b, CHAIN_MESSAGE));
    chain_budget_gas(&b, CHAIN_MESSAGE, 1);
    cr_assert(!allows(&b, CHAIN_MESSAGE));
    chain_budget_gas(&b, CHAIN_MESSAGE, UINT64_MAX);
    chain_budget_gas(&b, CHAIN_MESSAGE, 7);
    cr_assert(!allows(&b, CHAIN_MESSAGE), "a huge number does not wrap");
}

Test(chain_budget, the_reason_names_the_setting)
{
    struct chain_budget b = capped(1, 10);

    chain_budget_try(&b, CHAIN_REGISTER);
    (void)allows(&b, CHAIN_REGISTER);
    cr_assert_str_eq(reason, "daily cap: register has used 1 of 1 tries today "
                             "(ATTESTMESH_OPS_DAILY_REGISTER); stopped until 00:00 UTC");
    chain_budget_gas(&b, CHAIN_MESSAGE, 12);
    (void)allows(&b, CHAIN_MESSAGE);
    cr_assert_str_eq(reason, "daily cap: message has used 12 of 10 gas today "
                             "(ATTESTMESH_OPS_DAILY_MESSAGE_GAS); stopped until 00:00 UTC");
}

Test(chain_budget, a_day_begins_at_midnight_utc_and_never_again)
{
    struct chain_budget b = capped(1, 10);

    cr_assert(chain_budget_left_ms(NOON) == DAY / 2);
    cr_assert(chain_budget_left_ms(NOON + DAY / 2 - 1) == 1);
    cr_assert(chain_budget_left_ms(NOON + DAY / 2) == DAY);
    cr_assert(chain_budget_left_ms(-5) == DAY);
    chain_budget_try(&b, CHAIN_COMMIT);
    chain_budget_today(&b, NOON + DAY / 2 - 1);
    cr_assert(!allows(&b, CHAIN_COMMIT));
    chain_budget_today(&b, NOON + DAY / 2);
    cr_assert(allows(&b, CHAIN_COMMIT));
    chain_budget_try(&b, CHAIN_COMMIT);
    chain_budget_today(&b, NOON);
    cr_assert(!allows(&b, CHAIN_COMMIT), "a clock set back gives nothing away");
    chain_budget_today(&b, -1);
    cr_assert(!allows(&b, CHAIN_COMMIT));
}

Test(chain_budget, what_a_ledger_gives_back)
{
    struct chain_budget b = capped(5, 10);

    chain_budget_restore(&b, CHAIN_MESSAGE, 19999, 5, 10);
    cr_assert(allows(&b, CHAIN_MESSAGE), "yesterday's");
    chain_budget_restore(&b, CHAIN_MESSAGE, 20000, 5, 0);
    chain_budget_restore(&b, CHAIN_COMMIT, 20000, 4, 0);
    cr_assert(!allows(&b, CHAIN_MESSAGE) && allows(&b, CHAIN_COMMIT));
    chain_budget_restore(&b, CHAIN_REGISTER, 20001, 5, 0);
    cr_assert(!allows(&b, CHAIN_REGISTER), "written by a clock that was ahead: still spent");
    cr_assert(allows(&b, CHAIN_MESSAGE));
}

/* ---- the storm: a provider that refuses everything, and a caller that never tires ---- */

#define PEERS 19
#define ASK_MS 15000 /* what v1 did: each peer's envelope anew every 15 s */
#define DAYS 7

struct op {
    struct chain_work w;
    int64_t due_ms;
};

static struct {
    struct chain_budget budget;
    uint64_t tries[CHAIN_PURPOSE_COUNT][DAYS + 1], most[CHAIN_PURPOSE_COUNT];
} storm;

/* As the desk does it: time, budget, then getNonce, the sponsor, and its refusal. */
static void
turn(struct op *op, int64_t now, uint32_t chance)
{
    enum chain_purpose purpose = op->w.purpose;
    struct chain_step step;

    chain_budget_today(&storm.budget, now);
    if (!chain_op_waits(op->w.state) || now < op->due_ms || !allows(&storm.budget, purpose))
        return;
    (void)chain_op_step(&op->w, CHAIN_EV_MISSING);
    (void)chain_op_step(&op->w, chain_op_nonce(&op->w, 0, 1));
    chain_budget_try(&storm.budget, purpose);
    storm.tries[purpose][(now - NOON + DAY / 2) / DAY]++;
    step = chain_op_step(&op->w, CHAIN_EV_ERROR);
    op->due_ms = now + chain_op_wait_ms(step.wait, op->w.attempts, chance);
    if (purpose == CHAIN_MESSAGE && op->w.attempts >= CHAIN_ATTEMPTS)
        (void)chain_op_step(&op->w, CHAIN_EV_GONE);
}

/* chance 0 is the shortest wait that there is. */
static void
run_storm(uint32_t chance, uint64_t restart_ms)
{
    struct op reg = {.w = {.purpose = CHAIN_REGISTER}}, peers[PEERS] = {0};

    memset(&storm, 0, sizeof storm);
    storm.budget = capped(24, 1000);
    storm.budget.cap[CHAIN_MESSAGE].count = 500;
    for (int64_t ms = 0; ms < DAYS * DAY; ms += ASK_MS) {
        if (restart_ms != 0 && (uint64_t)ms % restart_ms == 0)
            reg.due_ms = 0; /* a crash loop */
        for (int i = 0; i < PEERS; i++)
            if (!chain_op_waits(peers[i].w.state) || ms == 0)
                peers[i] = (struct op){.w = {.purpose = CHAIN_MESSAGE}};
        turn(&reg, NOON + ms, chance);
        for (int i = 0; i < PEERS; i++)
            turn(&peers[i], NOON + ms, chance);
    }
    for (int p = 0; p < CHAIN_PURPOSE_COUNT; p++)
        for (int d = 0; d <= DAYS; d++)
            if (storm.tries[p][d] > storm.most[p])
                storm.most[p] = storm.tries[p][d];
}

Test(chain_budget, seven_days_of_refusal_stay_under_the_caps)
{
    static const uint32_t chances[] = {0, UINT32_MAX / 2, UINT32_MAX};

    for (size_t i = 0; i < 3; i++) {
        run_storm(chances[i], 0);
        cr_assert(storm.most[CHAIN_MESSAGE] <= 500, "%llu messages in a day",
                  (unsigned long long)storm.most[CHAIN_MESSAGE]);
        cr_assert(storm.most[CHAIN_REGISTER] <= 24, "%llu registrations in a day",
                  (unsigned long long)storm.most[CHAIN_REGISTER]);
        for (int d = 0; d <= DAYS; d++)
            cr_assert(storm.tries[CHAIN_REGISTER][d] > 0 && storm.tries[CHAIN_MESSAGE][d] > 0,
                      "day %d: it goes on the next day", d);
    }
}

Test(chain_budget, nor_is_a_crash_loop_a_way_round_them)
{
    run_storm(0, 60000);
    cr_assert(storm.most[CHAIN_REGISTER] == 24);
}

/* Without any cap the waits alone keep one operation's tries few. */
Test(chain_budget, one_operation_that_fails_backs_off)
{
    struct op reg = {.w = {.purpose = CHAIN_REGISTER}};
    uint64_t all = 0;

    memset(&storm, 0, sizeof storm);
    storm.budget = capped(UINT64_MAX, UINT64_MAX);
    for (int64_t ms = 0; ms < DAYS * DAY; ms += 5000)
        turn(&reg, NOON + ms, 0);
    for (int d = 0; d <= DAYS; d++)
        all += storm.tries[CHAIN_REGISTER][d];
    cr_assert(all <= 7 * 96 + 16, "%llu in seven days, by the shortest waits",
              (unsigned long long)all);
}
