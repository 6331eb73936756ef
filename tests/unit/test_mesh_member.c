/*  test_mesh_member -- every cell of the table, and what facts may and may not be read as  */
#include "../../services/mesh/mesh_member.h"

#include <criterion/criterion.h>
#include <string.h>

#define REG MESH_DO_REGISTER
#define PUB MESH_DO_PUBLISH
#define CUT MESH_DO_RESET
#define CRY MESH_DO_SHOUT

Test(member, table_is_exactly_this)
{
    static const struct {
        enum mesh_state from;
        struct {
            enum mesh_state to;
            unsigned acts;
        } on[5]; /* blind, none, ours, other, unsaid */
    } rows[] = {
        {MESH_BOOTING,
         {{MESH_BOOTING, 0},
          {MESH_ABSENT, REG},
          {MESH_MEMBER, PUB},
          {MESH_STRANGER, CRY},
          {MESH_MEMBER, PUB}}},
        {MESH_ABSENT,
         {{MESH_ABSENT, 0},
          {MESH_ABSENT, REG},
          {MESH_MEMBER, PUB},
          {MESH_STRANGER, CRY},
          {MESH_MEMBER, PUB}}},
        {MESH_MEMBER,
         {{MESH_MEMBER, 0},
          {MESH_ABSENT, CUT | REG},
          {MESH_MEMBER, PUB},
          {MESH_STRANGER, CUT | CRY},
          {MESH_MEMBER, CUT | PUB}}},
        {MESH_STRANGER,
         {{MESH_STRANGER, 0},
          {MESH_STRANGER, 0},
          {MESH_MEMBER, PUB},
          {MESH_STRANGER, 0},
          {MESH_MEMBER, PUB}}},
    };

    cr_assert_eq(sizeof rows / sizeof rows[0], MESH_STATES - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int e = MESH_EV_BLIND; e < MESH_EVENTS; e++) {
            enum mesh_state next;
            unsigned acts;

            mesh_member_cell(rows[i].from, (enum mesh_event)e, &next, &acts);
            cr_assert_eq(next, rows[i].on[e - 1].to, "state %d event %d", rows[i].from, e);
            cr_assert_eq(acts, rows[i].on[e - 1].acts, "state %d event %d", rows[i].from, e);
        }
}

static struct mesh_facts
facts(enum mesh_record record, uint64_t block)
{
    return (struct mesh_facts){.identity = true,
                               .view = true,
                               .record = record,
                               .block = block,
                               .facet = true,
                               .published = true};
}

Test(member, registers_once_and_again_only_when_told_how_it_ended)
{
    struct mesh_member m = {0};
    struct mesh_facts f = facts(MESH_RECORD_NONE, 5);

    cr_assert_eq(mesh_member_step(&m, &f, 0), REG);
    cr_assert_eq(mesh_member_step(&m, &f, 60000), 0, "one question at a time");
    mesh_ask_end(&m.enrol, MESH_ABSENT_SERVER, 60000, 0);
    cr_assert_eq(mesh_member_step(&m, &f, 60249), 0);
    cr_assert_eq(mesh_member_step(&m, &f, 60250), REG);
}

Test(member, concludes_nothing_before_it_knows_itself_and_the_chain)
{
    struct mesh_member m = {0};
    struct mesh_facts f = facts(MESH_RECORD_NONE, 5);

    f.identity = false;
    cr_assert_eq(mesh_member_step(&m, &f, 0), 0);
    f.identity = true;
    f.view = false;
    cr_assert_eq(mesh_member_step(&m, &f, 0), 0);
    cr_assert_eq(m.state, MESH_BOOTING);
}

Test(member, costs_nothing_when_its_record_stands)
{
    struct mesh_member m = {0};
    struct mesh_facts f = facts(MESH_RECORD_OURS, 5);

    cr_assert_eq(mesh_member_step(&m, &f, 0), 0);
    cr_assert_eq(m.state, MESH_MEMBER);
}

Test(member, publishes_only_where_the_facet_is_and_the_key_is_not)
{
    for (int facet = 0; facet < 2; facet++)
        for (int there = 0; there < 2; there++) {
            struct mesh_member m = {0};
            struct mesh_facts f = facts(MESH_RECORD_OURS, 5);

            f.facet = facet;
            f.published = there;
            cr_assert_eq(mesh_member_step(&m, &f, 0), facet && !there ? PUB : 0u);
        }
}

Test(member, does_not_take_an_rpc_that_lags_for_a_missing_record)
{
    struct mesh_member m = {0};
    struct mesh_facts included = facts(MESH_RECORD_NONE, 6), old, gone;

    included.registered_at = 7;
    cr_assert_eq(mesh_member_step(&m, &included, 0), 0, "included at 7, this is block 6");
    included = facts(MESH_RECORD_OURS, 7);
    mesh_member_step(&m, &included, 0);
    old = facts(MESH_RECORD_NONE, 6);
    cr_assert_eq(mesh_member_step(&m, &old, 0), 0);
    cr_assert_eq(m.state, MESH_MEMBER);
    gone = facts(MESH_RECORD_NONE, 7);
    cr_assert_eq(mesh_member_step(&m, &gone, 0), CUT | REG, "block 7 without it: reorganised");
    cr_assert_eq(m.state, MESH_ABSENT);
}

Test(member, begins_again_when_the_commitment_is_gone_or_another)
{
    for (int gone = 0; gone < 2; gone++) {
        struct mesh_member m = {0};
        struct mesh_facts f = facts(MESH_RECORD_OURS, 9);

        f.committed = true;
        f.commitment[0] = 1;
        mesh_member_step(&m, &f, 0);
        f.block = 8;
        f.committed = false;
        cr_assert_eq(mesh_member_step(&m, &f, 0), 0, "an older block proves nothing");
        f.block = 9;
        f.committed = !gone;
        f.commitment[0] = 2;
        cr_assert_eq(mesh_member_step(&m, &f, 0), CUT);
        cr_assert_eq(mesh_member_step(&m, &f, 0), 0, "once");
    }
}

Test(member, stops_for_other_keys_and_never_registers_after)
{
    struct mesh_member m = {0};
    struct mesh_facts f = facts(MESH_RECORD_OTHER, 9);
    struct mesh_progress p = {.device = true, .csk = true, .gate = true};

    f.other = MESH_KEY_WIREGUARD;
    cr_assert_eq(mesh_member_step(&m, &f, 0), CRY);
    cr_assert_eq(mesh_member_step(&m, &f, 99999), 0, "said once");
    cr_assert_str_eq(mesh_key_name(m.other), "WireGuard");
    f = facts(MESH_RECORD_NONE, 10);
    cr_assert_eq(mesh_member_step(&m, &f, 999999), 0);
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "booting");
}

Test(member, stops_for_a_tombstone_and_never_registers_after)
{
    struct mesh_member m = {0};
    struct mesh_facts f = facts(MESH_RECORD_OURS, 10);

    (void)mesh_member_step(&m, &f, 0);
    cr_assert_eq(m.state, MESH_MEMBER);
    f.record = MESH_RECORD_REMOVED;
    f.block = 11;
    cr_assert_eq(mesh_member_step(&m, &f, 1), (unsigned)(CUT | CRY));
    cr_assert_eq(m.state, MESH_STRANGER);
    f.record = MESH_RECORD_NONE;
    for (int64_t now = 2; now < 200000; now += 1000)
        cr_assert_eq(mesh_member_step(&m, &f, now), 0u);
}

Test(member, phases_are_v1s_words_for_what_is_missing_first)
{
    struct mesh_member m = {0};
    struct mesh_facts f = facts(MESH_RECORD_NONE, 1);
    struct mesh_progress p = {.alone = true};

    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "booting");
    mesh_member_step(&m, &f, 0);
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "registering");
    f = facts(MESH_RECORD_OURS, 2);
    f.published = false;
    mesh_member_step(&m, &f, 0);
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "subscribing");
    f.published = true;
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "waiting-peers");
    p.alone = false;
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "wg-configuring");
    p.device = true;
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "pulling-csk");
    p.csk = true;
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "heartbeating");
    p.gate = true;
    cr_assert_str_eq(mesh_member_phase(&m, &f, &p), "healthy");
}

Test(ask, backs_off_within_its_bounds_and_forgets_when_taken)
{
    struct mesh_ask a = {0};
    const int64_t quick[] = {250, 500, 1000, 2000, 2000},
                  slow[] = {4000, 8000, 16000, 30000, 30000};

    for (size_t i = 0; i < 5; i++) {
        mesh_ask_end(&a, MESH_ABSENT_SERVER, 0, 0);
        cr_assert_eq(a.due_ms, quick[i]);
    }
    a.failures = 4;
    for (size_t i = 0; i < 5; i++) {
        mesh_ask_end(&a, MESH_REFUSED, 0, 0);
        cr_assert_eq(a.due_ms, slow[i]);
    }
    mesh_ask_end(&a, MESH_TAKEN, 0, 0);
    cr_assert_eq(a.due_ms, MESH_ASK_AGAIN_MS);
    mesh_ask_end(&a, MESH_ABSENT_SERVER, 0, -200);
    cr_assert_eq(a.due_ms, 250, "jitter stays within the bounds");
    mesh_ask_end(&a, MESH_ABSENT_SERVER, 0, 200);
    cr_assert_eq(a.due_ms, 600);
    a.failures = 9;
    mesh_ask_end(&a, MESH_ABSENT_SERVER, 0, 200);
    cr_assert_eq(a.due_ms, 2000);
}
