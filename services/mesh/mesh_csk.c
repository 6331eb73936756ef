/*  mesh_csk -- pure: who derives the Cluster Shared Key, who commits it, who is asked for it  */
#include "mesh_csk.h"

#include <string.h>

static bool
is_before(const struct mesh_csk_facts *f, uint8_t a, uint8_t b)
{
    int rank_a = a == 0 ? 0 : mesh_set_has(&f->live, a) ? 1 : 2;
    int rank_b = b == 0 ? 0 : mesh_set_has(&f->live, b) ? 1 : 2;

    return rank_a != rank_b ? rank_a < rank_b : memcmp(f->ids[a], f->ids[b], 32) < 0;
}

static void
plan_round(struct mesh_csk *c, const struct mesh_csk_facts *f)
{
    c->order_count = c->next = 0;
    c->offered = f->configured;
    for (size_t i = 0; i < f->count; i++) {
        size_t at = c->order_count;

        if (i == f->self || !mesh_set_has(&f->configured, i))
            continue;
        for (; at > 0 && is_before(f, (uint8_t)i, c->order[at - 1]); at--)
            c->order[at] = c->order[at - 1];
        c->order[at] = (uint8_t)i;
        c->order_count++;
    }
}

static void
pull(struct mesh_csk *c, const struct mesh_csk_facts *f, struct mesh_csk_plan *plan, int64_t now,
     int jitter)
{
    plan->why = MESH_CSK_PULLS;
    if (c->pulling && c->next == c->order_count && c->in_flight == 0 && !c->taking) {
        c->pulling = false;
        mesh_ask_end(&c->round, MESH_ABSENT_SERVER, now, jitter);
    }
    if (!c->pulling && !mesh_set_eq(&c->offered, &f->configured))
        c->round = (struct mesh_ask){0}; /* a new peer: no reason to wait */
    if (!c->pulling && mesh_ask_due(&c->round, now)) {
        plan_round(c, f);
        c->pulling = c->order_count > 0;
    }
    if (c->order_count == 0)
        plan->why = MESH_CSK_NO_PEER;
    while (c->pulling && c->next < c->order_count && c->in_flight < MESH_CSK_PARALLEL) {
        plan->dial[plan->dial_count++] = c->order[c->next++];
        c->in_flight++;
    }
}

static void
originate(struct mesh_csk *c, const struct mesh_csk_facts *f, struct mesh_csk_plan *plan,
          int64_t now)
{
    if (!f->held || (f->committed && memcmp(f->held_commitment, f->commitment, 32) != 0)) {
        plan->why = f->held ? MESH_CSK_MISMATCH : MESH_CSK_DERIVES;
        plan->derive = mesh_ask_due(&c->derive, now);
        c->derive.busy = c->derive.busy || plan->derive;
    } else if (!f->confirmed) {
        plan->why = MESH_CSK_SHALLOW;
    } else {
        plan->why = MESH_CSK_COMMITS;
        plan->commit = mesh_ask_due(&c->commit, now);
        c->commit.busy = c->commit.busy || plan->commit;
    }
}

struct mesh_csk_plan
mesh_csk_step(struct mesh_csk *c, const struct mesh_csk_facts *f, int64_t now, int jitter)
{
    struct mesh_csk_plan plan = {0};

    plan.done =
        f->member && f->held && f->committed && memcmp(f->held_commitment, f->commitment, 32) == 0;
    if (plan.done) {
        c->pulling = false;
        c->round = c->derive = c->commit = (struct mesh_ask){0};
    } else if (!f->member || f->self >= f->count) {
        plan.why = MESH_CSK_NOT_MEMBER;
    } else if (f->self == 0) {
        originate(c, f, &plan, now);
    } else if (!f->committed) {
        plan.why = MESH_CSK_AWAITS;
    } else if (f->cache_pending && !c->pulling) {
        plan.why = MESH_CSK_CACHE;
    } else {
        pull(c, f, &plan, now, jitter);
    }
    return plan;
}

bool
mesh_csk_answer(struct mesh_csk *c, bool box)
{
    if (c->in_flight > 0)
        c->in_flight--;
    if (!box || c->taking)
        return false;
    c->taking = true;
    return true;
}

void
mesh_csk_accepted(struct mesh_csk *c)
{
    c->taking = false;
}

void
mesh_csk_reset(struct mesh_csk *c)
{
    *c = (struct mesh_csk){0};
}
