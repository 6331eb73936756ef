/*  test_mesh_news -- a member that others know is looked for; one that nobody finds, ever less.  */
#include "../../services/mesh/mesh_news.h"

#include <criterion/criterion.h>

Test(mesh_news, the_first_rumour_is_followed_at_once)
{
    struct mesh_news n = {0};

    cr_assert(mesh_news_heard(&n, 1));
    cr_assert_not(mesh_news_heard(&n, 1), "and is one look");
    cr_assert_not(mesh_news_heard(&n, MESH_NEWS_FIRST_MS));
    cr_assert(mesh_news_heard(&n, MESH_NEWS_FIRST_MS + 1));
}

Test(mesh_news, a_liar_costs_a_bounded_number_of_looks_a_day)
{
    struct mesh_news n = {0};
    unsigned looks = 0;

    for (int64_t now = 1; now < 86400000; now += 100)
        looks += mesh_news_heard(&n, now);
    cr_assert_leq(looks, 40, "%u", looks);
    cr_assert_geq(looks, 24);
}

Test(mesh_news, who_came_makes_the_next_rumour_urgent_again)
{
    struct mesh_news n = {0};

    for (int64_t now = 1; now < 86400000; now += 100)
        (void)mesh_news_heard(&n, now);
    cr_assert_not(mesh_news_heard(&n, 86400000));
    mesh_news_came(&n);
    cr_assert(mesh_news_heard(&n, 86400000));
}
