/*  test_eth_budget -- what a day's budget allows, and when reads become slow.  */
#include "eth_budget.h"

#include <criterion/criterion.h>
#include <string.h>

#define DAY 86400000LL
#define NOON (20000 * DAY + DAY / 2)

static struct eth_budget
spent(uint64_t limit, uint64_t n)
{
    struct eth_budget b = {.limit = limit};

    eth_budget_count(&b, n, NOON);
    return b;
}

static int64_t
wait(const struct eth_budget *b, int64_t wanted, uint64_t cost, int64_t now, bool expected)
{
    bool slowed = !expected;
    int64_t ms = eth_budget_wait(b, wanted, cost, now, &slowed);

    cr_expect_eq(slowed, expected);
    return ms;
}

Test(eth_budget, none_slows_nothing)
{
    struct eth_budget b = spent(0, 1000000);

    cr_assert_eq(wait(&b, 2000, 3, NOON, false), 2000);
}

Test(eth_budget, three_quarters_are_free)
{
    struct eth_budget b = spent(1000, 749);

    cr_assert_eq(wait(&b, 2000, 1, NOON, false), 2000);
    b = spent(1000, 750);
    cr_assert_eq(wait(&b, 2000, 1, NOON, true), DAY / 2 / 250);
}

Test(eth_budget, the_last_quarter_lasts_until_midnight)
{
    struct eth_budget b = spent(1000, 750);
    uint64_t total = 750;
    int64_t now = NOON;

    while (now < NOON + DAY / 2 - 1000) {
        bool slowed;

        now += eth_budget_wait(&b, 2000, 2, now, &slowed);
        total += 2;
        eth_budget_count(&b, total, now < NOON + DAY / 2 ? now : NOON + DAY / 2 - 1);
    }
    cr_assert_leq(b.spent, 1002);
    cr_assert_geq(b.spent, 990);
}

Test(eth_budget, what_is_over_leaves_one_look_an_hour)
{
    struct eth_budget b = spent(1000, 5000);

    cr_assert_eq(wait(&b, 2000, 1, NOON, true), ETH_BUDGET_SPARSE_MS);
    cr_assert_eq(wait(&b, 2000, 1, NOON + DAY / 2 - 60000, true), 60000, "midnight is nearer");
}

Test(eth_budget, a_slower_wish_stays)
{
    struct eth_budget b = spent(1000, 800);

    cr_assert_eq(wait(&b, 3000000, 1, NOON, false), 3000000);
}

Test(eth_budget, a_new_day_begins_with_nothing_spent)
{
    struct eth_budget b = spent(1000, 900);

    eth_budget_count(&b, 903, NOON + DAY);
    cr_assert_eq(b.spent, 3);
    eth_budget_count(&b, 904, NOON);
    cr_assert_eq(b.spent, 4, "a clock that goes back gives no second budget");
}

Test(eth_budget, is_split_and_never_split_to_none)
{
    cr_assert_eq(eth_budget_part(2000, 25), 500);
    cr_assert_eq(eth_budget_part(2000, 75), 1500);
    cr_assert_eq(eth_budget_part(1, 25), 1);
    cr_assert_eq(eth_budget_part(0, 25), 0, "none stays none");
}

Test(eth_budget, says_what_is_spent)
{
    struct eth_budget b = spent(500, 380);
    char text[ETH_BUDGET_TEXT];

    eth_budget_text(text, &b, 740000);
    cr_assert_not_null(strstr(text, "380 of 500"));
    cr_assert_not_null(strstr(text, "in 740 s"));
}
