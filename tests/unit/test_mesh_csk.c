/*  test_mesh_csk -- who derives, who commits, who is asked, and in which order  */
#include "../../services/mesh/mesh_csk.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t ids[MESH_MEMBERS_MAX][32];

static struct mesh_csk_facts
facts(size_t count, size_t self)
{
    struct mesh_csk_facts f = {
        .count = count, .self = self, .member = true, .ids = (const uint8_t(*)[32])ids};

    for (size_t i = 0; i < count; i++) {
        memset(ids[i], (int)(0xff - i), 32); /* ids fall while indices rise */
        if (i != self)
            mesh_set_add(&f.configured, i);
    }
    return f;
}

Test(originator, derives_first_then_commits_only_when_deep_enough)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(3, 0);
    struct mesh_csk_plan p = mesh_csk_step(&c, &f, 0, 0);

    cr_assert(p.derive && !p.commit && p.dial_count == 0);
    p = mesh_csk_step(&c, &f, 1, 0);
    cr_assert(!p.derive, "one question at a time");
    mesh_ask_end(&c.derive, MESH_TAKEN, 2, 0);
    f.held = true;
    memset(f.held_commitment, 7, 32);
    p = mesh_csk_step(&c, &f, 3, 0);
    cr_assert(!p.commit && p.why == MESH_CSK_SHALLOW && !p.done);
    f.confirmed = true;
    cr_assert(mesh_csk_step(&c, &f, 4, 0).commit);
    f.committed = true;
    memset(f.commitment, 7, 32);
    cr_assert(mesh_csk_step(&c, &f, 5, 0).done);
}

Test(originator, never_pulls_and_never_commits_over_another_key)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(3, 0);
    struct mesh_csk_plan p;

    f.confirmed = f.held = f.committed = true;
    memset(f.commitment, 1, 32);
    p = mesh_csk_step(&c, &f, 0, 0);
    cr_assert(!p.done && !p.commit && p.dial_count == 0 && p.why == MESH_CSK_MISMATCH);
}

Test(others, wait_for_a_commitment_and_derive_nothing)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(3, 1);
    struct mesh_csk_plan p = mesh_csk_step(&c, &f, 0, 0);

    f.confirmed = true;
    cr_assert(!p.derive && !p.commit && p.dial_count == 0 && p.why == MESH_CSK_AWAITS);
}

Test(others, ask_the_originator_then_the_live_then_the_rest_each_by_id)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(7, 3);
    struct mesh_csk_plan p;
    const uint8_t order[] = {0, 4, 1, 6, 5, 2};

    f.committed = true;
    mesh_set_add(&f.live, 1);
    mesh_set_add(&f.live, 4);
    p = mesh_csk_step(&c, &f, 0, 0);
    cr_assert_eq(p.dial_count, 6);
    cr_assert_arr_eq(p.dial, order, 6);
}

/* A restart of all nodes, each with its cache, asks nobody. */
Test(others, ask_nobody_before_keyagent_has_looked_at_its_cache)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(3, 1);
    struct mesh_csk_plan p;

    f.committed = f.cache_pending = true;
    p = mesh_csk_step(&c, &f, 0, 0);
    cr_assert(p.dial_count == 0 && p.why == MESH_CSK_CACHE);
    f.cache_pending = false;
    cr_assert_eq(mesh_csk_step(&c, &f, 1, 0).dial_count, 2, "at once, when there was nothing");
    f = facts(3, 0);
    f.committed = f.cache_pending = true;
    cr_assert(mesh_csk_step(&(struct mesh_csk){0}, &f, 0, 0).derive, "the originator derives");
}

Test(others, ask_eight_at_once_and_the_next_as_one_ends)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(20, 19);

    f.committed = true;
    cr_assert_eq(mesh_csk_step(&c, &f, 0, 0).dial_count, 8);
    cr_assert_eq(mesh_csk_step(&c, &f, 1, 0).dial_count, 0);
    cr_assert(!mesh_csk_answer(&c, false));
    cr_assert_eq(mesh_csk_step(&c, &f, 2, 0).dial_count, 1);
}

Test(others, offer_one_box_at_a_time_and_begin_again_when_all_failed)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(3, 2);

    f.committed = true;
    cr_assert_eq(mesh_csk_step(&c, &f, 0, 0).dial_count, 2);
    cr_assert(mesh_csk_answer(&c, true));
    cr_assert(!mesh_csk_answer(&c, true), "keyagent has one already");
    cr_assert_eq(mesh_csk_step(&c, &f, 9, 0).dial_count, 0);
    mesh_csk_accepted(&c); /* refused: the key was not the committed one */
    cr_assert_eq(mesh_csk_step(&c, &f, 10, 0).dial_count, 0);
    cr_assert_eq(mesh_csk_step(&c, &f, 259, 0).dial_count, 0);
    cr_assert_eq(mesh_csk_step(&c, &f, 260, 0).dial_count, 2);
}

Test(others, do_not_wait_when_a_new_peer_appears)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(2, 1);

    f.committed = true;
    mesh_csk_step(&c, &f, 0, 0);
    mesh_csk_answer(&c, false);
    cr_assert_eq(mesh_csk_step(&c, &f, 1, 0).dial_count, 0);
    f = facts(3, 1);
    f.committed = true;
    cr_assert_eq(mesh_csk_step(&c, &f, 2, 0).dial_count, 2);
}

Test(others, are_done_only_with_the_committed_key_as_members)
{
    struct mesh_csk c = {0};
    struct mesh_csk_facts f = facts(2, 1);

    f.committed = f.held = true;
    memset(f.commitment, 7, 32);
    cr_assert(!mesh_csk_step(&c, &f, 0, 0).done);
    memset(f.held_commitment, 7, 32);
    cr_assert(mesh_csk_step(&c, &f, 0, 0).done);
    f.member = false;
    cr_assert(!mesh_csk_step(&c, &f, 0, 0).done);
}
