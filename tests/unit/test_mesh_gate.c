/*  test_mesh_gate -- when the gate must stay shut, and the few ways in which it opens  */
#include "../../services/mesh/mesh_gate.h"

#include <criterion/criterion.h>
#include <string.h>

enum { SELF, A, B, C };

static struct mesh_gate
gate_of(size_t count)
{
    struct mesh_gate g = {0};
    uint8_t ids[4][32];

    for (size_t i = 0; i < 4; i++)
        memset(ids[i], (int)(0x40 + i), 32);
    mesh_gate_members(&g, (const uint8_t(*)[32])ids, count, SELF);
    for (size_t i = 1; i < count; i++)
        mesh_gate_attempted(&g, i, 0);
    return g;
}

static void
hear(struct mesh_gate *g, size_t from, const char *sees, int64_t now)
{
    struct mesh_set view = {0};

    for (; *sees != '\0'; sees++)
        mesh_set_add(&view, (size_t)(*sees - '0'));
    mesh_gate_heard(g, from, &view, now);
}

static enum mesh_gate_why
why(struct mesh_gate *g, int64_t now)
{
    return mesh_gate_step(g, now).why;
}

static bool
is_connected(const struct mesh_gate *g, size_t i, int64_t now)
{
    struct mesh_set set = mesh_gate_connected(g, now);

    return mesh_set_has(&set, i);
}

Test(gate, opens_at_once_for_a_cluster_of_one)
{
    struct mesh_gate g = gate_of(1);

    cr_assert(mesh_gate_step(&g, 0).live);
}

Test(gate, never_opens_for_a_node_that_is_no_member)
{
    struct mesh_gate g = gate_of(1);

    g.self = MESH_NOBODY;
    cr_assert_eq(why(&g, 0), MESH_GATE_NOT_MEMBER);
    cr_assert_eq(why(&g, 1000000), MESH_GATE_NOT_MEMBER);
}

Test(gate, stays_shut_on_a_partitioned_boot_however_long_it_lasts)
{
    struct mesh_gate g = gate_of(3);

    for (int64_t now = 0; now < 600000; now += 1000)
        cr_assert_eq(why(&g, now), MESH_GATE_ALONE);
    cr_assert(!g.opened);
}

Test(gate, opens_for_two_after_two_intervals_of_agreement)
{
    struct mesh_gate g = gate_of(2);

    hear(&g, A, "1", 0); /* it does not see us yet */
    cr_assert_eq(why(&g, 0), MESH_GATE_VIEW_LACKS);
    for (int64_t now = 1000; now < 5000; now += 500) {
        hear(&g, A, "10", now);
        cr_assert_eq(why(&g, now), MESH_GATE_SETTLING);
    }
    cr_assert_eq(why(&g, 4999), MESH_GATE_SETTLING);
    cr_assert_eq(why(&g, 5000), MESH_GATE_LIVE);
}

Test(gate, begins_again_when_agreement_breaks)
{
    struct mesh_gate g = gate_of(2);

    hear(&g, A, "10", 0);
    cr_assert_eq(why(&g, 0), MESH_GATE_SETTLING);
    hear(&g, A, "1", 3000);
    cr_assert_eq(why(&g, 3000), MESH_GATE_VIEW_LACKS);
    hear(&g, A, "10", 3500);
    cr_assert_eq(why(&g, 3500), MESH_GATE_SETTLING);
    hear(&g, A, "10", 5500);
    cr_assert_eq(why(&g, 7499), MESH_GATE_SETTLING);
    cr_assert_eq(why(&g, 7500), MESH_GATE_LIVE);
}

Test(gate, accepts_a_v1_view_that_lists_a_dead_member)
{
    struct mesh_gate g = gate_of(3);

    for (int64_t now = 0; now <= 14000; now += 1000) {
        hear(&g, A, "012", now); /* v1 lists all it has configured */
        cr_assert(!mesh_gate_step(&g, now).live, "B may still answer");
    }
    hear(&g, A, "012", 15000);
    cr_assert_eq(why(&g, 15000), MESH_GATE_LIVE);
}

Test(gate, waits_for_a_silent_member_from_its_tunnel_on_and_for_ever_without_one)
{
    struct mesh_gate g = gate_of(2), never;
    uint8_t ids[3][32] = {{0x40}, {0x41}, {0x77}};

    memset(ids[0], 0x40, 32);
    memset(ids[1], 0x41, 32);
    mesh_gate_members(&g, (const uint8_t(*)[32])ids, 3, SELF);
    never = g;
    mesh_gate_attempted(&g, B, 20000);
    mesh_gate_attempted(&g, B, 30000); /* only the first counts */
    for (int64_t now = 20000; now < 35000; now += 1000) {
        hear(&g, A, "01", now);
        hear(&never, A, "01", now);
        cr_assert_eq(why(&g, now), MESH_GATE_AWAITED);
        why(&never, now);
    }
    cr_assert_eq(why(&g, 35000), MESH_GATE_LIVE);
    cr_assert_eq(mesh_gate_step(&never, 35000).a, B);
}

Test(gate, does_not_await_who_was_heard_once_or_is_ignored)
{
    struct mesh_gate g = gate_of(4);

    mesh_gate_ignore(&g, C);
    hear(&g, B, "012", 0); /* then it dies */
    for (int64_t now = 0; now <= 10000; now += 1000) {
        hear(&g, A, "01", now);
        why(&g, now);
    }
    cr_assert_eq(why(&g, 10500), MESH_GATE_LIVE);
}

Test(gate, is_not_opened_by_an_ignored_neighbour_that_sees_nothing_nor_held_by_it)
{
    struct mesh_gate g = gate_of(3);

    mesh_gate_ignore(&g, B);
    for (int64_t now = 0; now <= 5000; now += 1000) {
        hear(&g, B, "", now);
        cr_assert_eq(why(&g, now), MESH_GATE_ALONE);
    }
    for (int64_t now = 6000; now <= 10000; now += 1000) {
        hear(&g, A, "01", now);
        hear(&g, B, "", now);
        why(&g, now);
    }
    cr_assert_eq(why(&g, 10000), MESH_GATE_LIVE);
}

Test(gate, neither_awaits_nor_counts_who_was_removed)
{
    struct mesh_gate g = gate_of(3);

    hear(&g, A, "01", 0);
    hear(&g, B, "012", 0);
    cr_assert(is_connected(&g, B, 0));
    mesh_gate_remove(&g, B, true);
    cr_assert_not(is_connected(&g, B, 0));
    for (int64_t now = 0; now <= 4000; now += 500) {
        hear(&g, A, "01", now);
        hear(&g, B, "012", now); /* it goes on speaking */
        cr_assert_eq(why(&g, now) == MESH_GATE_LIVE, now == 4000);
    }
    mesh_gate_remove(&g, B, false); /* the block with the tombstone is gone */
    cr_assert(is_connected(&g, B, 4000));
}

Test(gate, latches_opened_and_not_live)
{
    struct mesh_gate g = gate_of(2);

    hear(&g, A, "10", 0);
    why(&g, 0);
    hear(&g, A, "10", 4000);
    cr_assert(mesh_gate_step(&g, 4000).live);
    cr_assert(!mesh_gate_step(&g, 10000).live, "6 s are not within 6 s");
    cr_assert(g.opened);
    mesh_gate_close(&g);
    cr_assert(!g.opened);
}

Test(gate, counts_as_connected_within_six_seconds_and_with_its_path_up)
{
    struct mesh_gate g = gate_of(2);
    struct mesh_set c;

    hear(&g, A, "10", 100);
    c = mesh_gate_connected(&g, 6099);
    cr_assert_eq(mesh_set_count(&c), 2);
    c = mesh_gate_connected(&g, 6100);
    cr_assert_eq(mesh_set_count(&c), 1);
    hear(&g, A, "10", 200);
    mesh_gate_path(&g, A, false);
    c = mesh_gate_connected(&g, 200);
    cr_assert_eq(mesh_set_count(&c), 1);
}

Test(gate, believes_a_device_that_has_waited_long_enough_before_this_life)
{
    struct mesh_gate g = gate_of(3);

    mesh_gate_silent(&g, B, 1000);
    for (int64_t now = 1000; now < 5000; now += 1000) {
        hear(&g, A, "01", now);
        cr_assert_eq(why(&g, now), MESH_GATE_SETTLING);
    }
    cr_assert_eq(why(&g, 5000), MESH_GATE_LIVE);
    g = gate_of(3);
    mesh_gate_silent(&g, A, 1000);
    mesh_gate_silent(&g, B, 1000);
    cr_assert_eq(why(&g, 600000), MESH_GATE_ALONE, "not even then for a node that hears nobody");
}

Test(gate, keeps_what_it_knows_when_a_reorganisation_moves_the_indices)
{
    struct mesh_gate g = gate_of(3);
    uint8_t ids[3][32]; /* B, A, SELF */

    for (size_t i = 0; i < 3; i++)
        memset(ids[i], (int)(0x42 - i), 32);
    hear(&g, A, "01", 0);
    hear(&g, B, "2", 0);
    mesh_gate_members(&g, (const uint8_t(*)[32])ids, 3, 2);
    cr_assert(g.peer[1].heard && g.peer[0].heard && !g.peer[2].heard);
    cr_assert(mesh_set_has(&g.peer[1].view, 2) && mesh_set_has(&g.peer[1].view, 1));
    cr_assert(!mesh_set_has(&g.peer[1].view, 0));
    cr_assert(mesh_set_has(&g.peer[0].view, 0) && mesh_set_count(&g.peer[0].view) == 1);
}
