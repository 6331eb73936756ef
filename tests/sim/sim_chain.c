/*  sim_chain -- blocks, a pool that forgets, and reorganisations  */
#include "sim.h"

#include <string.h>

const struct sim_state *
sim_head(const struct sim *s, uint64_t back)
{
    return &s->chain.block[(s->chain.height - back) % SIM_KEPT];
}

size_t
sim_index(const struct sim_state *state, size_t node)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->member[i] == node)
            return i;
    return MESH_NOBODY;
}

static bool
is_done(const struct sim_state *state, enum sim_op op, size_t node)
{
    switch (op) {
    case SIM_REGISTER:
        return sim_index(state, node) != MESH_NOBODY;
    case SIM_PUBLISH:
        return state->published[node];
    case SIM_COMMIT:
        return state->committed != 0;
    }
    return false;
}

void
sim_chain_ask(struct sim *s, enum sim_op op, size_t node)
{
    if (!is_done(sim_head(s, 0), op, node))
        s->chain.pending[op][node] = true;
}

/* The contracts' own rules: a second registration and a foreign commitment revert. */
static void
include(struct sim *s, struct sim_state *state, enum sim_op op, size_t node)
{
    size_t index = sim_index(state, node);

    s->chain.pending[op][node] = false;
    if (op == SIM_REGISTER) {
        sim_check(s, index == MESH_NOBODY, "a member registered twice");
        state->member[state->count++] = node;
    } else if (op == SIM_PUBLISH && index != MESH_NOBODY) {
        state->published[node] = true;
    } else if (op == SIM_COMMIT && index == 0) {
        sim_check(s, state->committed == 0, "a second commitment");
        sim_check(s, s->chain.ever == 0 || s->chain.ever == node + 1, "two keys were committed");
        state->committed = s->chain.ever = node + 1;
    }
}

static void
mine(struct sim *s)
{
    struct sim_state next = *sim_head(s, 0);

    for (size_t k = 0, at = sim_random(s, 3 * s->count); k < 3 * s->count; k++) {
        enum sim_op op = (enum sim_op)((at + k) % 3);
        size_t node = (at + k) / 3 % s->count;

        if (!s->chain.pending[op][node] || sim_faults(s, 20))
            continue;
        if (is_done(&next, op, node))
            s->chain.pending[op][node] = false;
        else
            include(s, &next, op, node);
    }
    s->chain.height++;
    s->chain.block[s->chain.height % SIM_KEPT] = next;
}

static void
reorganise(struct sim *s, uint64_t depth)
{
    struct sim_state old = *sim_head(s, 0), *base;

    s->chain.height -= depth;
    base = &s->chain.block[s->chain.height % SIM_KEPT];
    for (size_t n = 0; n < s->count; n++)
        for (int op = SIM_REGISTER; op <= SIM_COMMIT; op++)
            if (is_done(&old, (enum sim_op)op, n) && !is_done(base, (enum sim_op)op, n) &&
                (op != SIM_COMMIT || old.committed == n + 1) && sim_random(s, 10) < 7)
                s->chain.pending[op][n] = true; /* most fall back into the pool */
    for (uint64_t i = 0; i <= depth; i++)
        mine(s);
}

void
sim_chain_step(struct sim *s)
{
    if (sim_faults(s, 25))
        reorganise(s, 1 + sim_random(s, SIM_REORG));
    else
        mine(s);
}
