/*  test_mesh_holders -- who is known to hold the CSK, who is asked, and what is forgotten  */
#include "../../services/mesh/mesh_holders.h"

#include <criterion/criterion.h>
#include <string.h>

static struct mesh_view views[2];
static struct mesh_holders holders;
static struct mesh_set live;

static struct mesh_view *
make(struct mesh_view *v, size_t count, size_t self)
{
    memset(v, 0, sizeof *v);
    v->known = v->committed = true;
    v->count = count;
    v->self = self;
    for (size_t i = 0; i < count; i++) {
        struct mesh_known *k = &v->member[i];

        memset(k->id, (int)i + 1, 32);
        memset(v->ids[i], (int)i + 1, 32);
        memset(k->x_pub, 0x40, 32);
        memset(k->wg_pub, 0x50, 32);
        memset(k->ed25519_pub, 0x60, 32);
        k->has_ed25519 = true;
    }
    return v;
}

static void
set_up(void)
{
    make(&views[0], 4, 1);
    for (size_t i = 0; i < 4; i++)
        mesh_set_add(&live, i);
}

static size_t
step(bool ask, int64_t now)
{
    return mesh_holders_step(&holders, &views[0], &live, ask, now);
}

static void
turn(size_t expected, bool holds, int64_t now) /* one question that is asked and answered now */
{
    size_t i = step(true, now);

    cr_assert_eq(i, expected, "at %lld: %zu", (long long)now, i);
    if (holds)
        mesh_holders_proved(&holders, i, now);
    mesh_holders_ended(&holders, now, 0);
}

static size_t
count(void)
{
    return mesh_holders_count(&holders, &views[0], true);
}

TestSuite(holders, .init = set_up);

Test(holders, are_asked_one_after_the_other_and_once_while_they_hold)
{
    cr_assert_eq(count(), 1, "the own one");
    turn(2, true, 1000);
    cr_assert_eq(step(true, 2999), MESH_NOBODY, "slowly");
    turn(3, true, 3000);
    turn(0, true, 5000);
    cr_assert_eq(count(), 4);
    cr_assert_eq(step(true, 1000000), MESH_NOBODY);
    cr_assert_eq(mesh_holders_count(&holders, &views[0], false), 3);
}

Test(holders, are_not_asked_twice_at_once_nor_before_this_node_is_healthy)
{
    cr_assert_eq(step(false, 1000), MESH_NOBODY);
    cr_assert_eq(step(true, 1000), 2);
    cr_assert_eq(step(true, 100000), MESH_NOBODY, "one is out");
}

Test(holders, who_did_not_prove_it_are_asked_again_after_all_others_and_more_slowly)
{
    turn(2, false, 1000);
    turn(3, true, 3000);
    turn(0, false, 5000);
    cr_assert_eq(step(true, 34999), MESH_NOBODY);
    turn(2, false, 35000);
    turn(0, true, 65000);
    turn(2, true, 95000);
    cr_assert_eq(count(), 4);
}

Test(holders, wait_with_jitter)
{
    cr_assert_eq(step(true, 0), 2);
    mesh_holders_ended(&holders, 0, -200);
    cr_assert_eq(step(true, 1599), MESH_NOBODY);
    cr_assert_eq(step(true, 1600), 3);
    mesh_holders_ended(&holders, 2000, 200);
    cr_assert_eq(step(true, 4399), MESH_NOBODY);
    cr_assert_eq(step(true, 4400), 0);
}

Test(holders, who_are_not_live_are_not_asked_and_count_for_a_minute)
{
    live = (struct mesh_set){0};
    mesh_set_add(&live, 3);
    turn(3, true, 1000);
    cr_assert_eq(step(true, 200000), MESH_NOBODY);
    cr_assert_eq(count(), 2);
    live = (struct mesh_set){0};
    step(true, 259999);
    cr_assert_eq(count(), 2, "a restart is no loss");
    step(true, 260000);
    cr_assert_eq(count(), 1);
    mesh_set_add(&live, 3);
    turn(3, true, 260001);
    cr_assert_eq(count(), 2, "back, and asked again");
}

Test(holders, keep_what_is_known_when_indices_move)
{
    make(&views[1], 3, 0);
    for (size_t i = 0; i < 3; i++) { /* the first one has left: all move up */
        views[1].member[i] = views[0].member[i + 1];
        memcpy(views[1].ids[i], views[0].ids[i + 1], 32);
    }
    mesh_holders_proved(&holders, 0, 1);
    mesh_holders_proved(&holders, 3, 1);
    mesh_holders_view(&holders, &views[0], &views[1]);
    cr_assert(holders.member[2].holds && !holders.member[0].holds && !holders.member[1].holds);
    cr_assert_eq(holders.era, 1, "who left may have an answer under way");
}

Test(holders, forget_a_member_with_each_of_its_keys)
{
    for (size_t key = 0; key < 3; key++) {
        struct mesh_known *k = &make(&views[1], 4, 1)->member[2];
        uint8_t *bytes[] = {k->x_pub, k->wg_pub, k->ed25519_pub};
        uint32_t era = holders.era;

        mesh_holders_proved(&holders, 2, 1);
        mesh_holders_proved(&holders, 3, 1);
        mesh_holders_view(&holders, &views[0], &views[1]);
        cr_assert_eq(count(), 3, "the same again");
        cr_assert_eq(holders.era, era);
        bytes[key][31] ^= 1;
        mesh_holders_view(&holders, &views[0], &views[1]);
        cr_assert_eq(count(), 2, "key %zu", key);
        cr_assert_neq(holders.era, era);
    }
}

Test(holders, a_first_heartbeat_key_changes_nothing_and_its_loss_does)
{
    make(&views[1], 4, 1)->member[2].has_ed25519 = false;
    memset(views[1].member[2].ed25519_pub, 0, 32);
    mesh_holders_proved(&holders, 2, 1);
    mesh_holders_view(&holders, &views[1], &views[0]);
    cr_assert_eq(count(), 2);
    mesh_holders_view(&holders, &views[0], &views[1]);
    cr_assert_eq(count(), 1);
}

Test(holders, forget_everything_with_the_commitment)
{
    for (int gone = 0; gone < 2; gone++) {
        uint32_t era = holders.era;

        mesh_holders_proved(&holders, 2, 1);
        make(&views[1], 4, 1);
        views[1].commitment[0] = gone ? 0 : 1;
        views[1].committed = !gone;
        mesh_holders_view(&holders, &views[0], &views[1]);
        cr_assert_eq(count(), 1);
        cr_assert_neq(holders.era, era);
    }
}
