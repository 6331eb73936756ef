/*  mesh_member -- pure: from nothing to a healthy member, by what the chain's newest view says  */
#include "mesh_member.h"

#include <string.h>

struct cell {
    enum mesh_state next;
    unsigned actions;
};

#define E(state, acts)                                                                             \
    {                                                                                              \
        MESH_##state, acts                                                                         \
    }
#define ASK ((unsigned)MESH_DO_REGISTER)
#define PUB ((unsigned)MESH_DO_PUBLISH)
#define CUT ((unsigned)MESH_DO_RESET)
#define CRY ((unsigned)MESH_DO_SHOUT)
/* A stranger's record that vanishes is still nobody's leave to register: a person must look. */
static const struct cell table[MESH_STATES][MESH_EVENTS] = {
    /*                BLIND           NONE              OURS            OTHER UNSAID */
    [MESH_BOOTING] =
        {{0}, E(BOOTING, 0), E(ABSENT, ASK), E(MEMBER, PUB), E(STRANGER, CRY), E(MEMBER, PUB)},
    [MESH_ABSENT] =
        {{0}, E(ABSENT, 0), E(ABSENT, ASK), E(MEMBER, PUB), E(STRANGER, CRY), E(MEMBER, PUB)},
    [MESH_MEMBER] = {{0},
                     E(MEMBER, 0),
                     E(ABSENT, CUT | ASK),
                     E(MEMBER, PUB),
                     E(STRANGER, CUT | CRY),
                     E(MEMBER, CUT | PUB)},
    [MESH_STRANGER] =
        {{0}, E(STRANGER, 0), E(STRANGER, 0), E(MEMBER, PUB), E(STRANGER, 0), E(MEMBER, PUB)},
};
#undef E

static const struct cell *
cell_of(enum mesh_state state, enum mesh_event event)
{
    return &table[state == 0 ? MESH_BOOTING : state][event];
}

void
mesh_member_cell(enum mesh_state state, enum mesh_event event, enum mesh_state *next,
                 unsigned *actions)
{
    *next = cell_of(state, event)->next;
    *actions = cell_of(state, event)->actions;
}

enum mesh_event
mesh_member_event(const struct mesh_member *m, const struct mesh_facts *f)
{
    uint64_t seen = m->record_block > f->registered_at ? m->record_block : f->registered_at;

    if (!f->identity || !f->view)
        return MESH_EV_BLIND;
    switch (f->record) {
    case MESH_RECORD_OTHER:
    case MESH_RECORD_REMOVED:
        return MESH_EV_OTHER;
    case MESH_RECORD_NONE: /* an RPC that lags behind what was already seen proves nothing */
        return f->block < seen ? MESH_EV_BLIND : MESH_EV_NONE;
    case MESH_RECORD_OURS:
        break;
    }
    if (!m->committed || (f->committed && memcmp(f->commitment, m->commitment, 32) == 0))
        return MESH_EV_OURS;
    return f->block < m->commit_block ? MESH_EV_BLIND : MESH_EV_UNSAID;
}

static void
remember(struct mesh_member *m, const struct mesh_facts *f, enum mesh_event event)
{
    if (event == MESH_EV_OTHER)
        m->other = f->other;
    if (event == MESH_EV_NONE)
        m->record_block = 0;
    if (event == MESH_EV_NONE || event == MESH_EV_OTHER || event == MESH_EV_UNSAID)
        m->committed = false;
    if (event != MESH_EV_OURS && event != MESH_EV_UNSAID)
        return;
    if (m->record_block == 0)
        m->record_block = f->block;
    if (f->committed && !m->committed) {
        m->committed = true;
        m->commit_block = f->block;
        memcpy(m->commitment, f->commitment, 32);
    }
}

unsigned
mesh_member_step(struct mesh_member *m, const struct mesh_facts *f, int64_t now)
{
    enum mesh_event event = mesh_member_event(m, f);
    const struct cell *c = cell_of(m->state, event);
    unsigned actions = c->actions;

    remember(m, f, event);
    if (c->next != m->state) { /* what was asked for before is no measure any more */
        m->enrol = (struct mesh_ask){.busy = m->enrol.busy};
        m->publish = (struct mesh_ask){.busy = m->publish.busy};
    }
    m->state = c->next;
    if (!f->facet || f->published || !mesh_ask_due(&m->publish, now))
        actions &= ~PUB;
    if (!mesh_ask_due(&m->enrol, now))
        actions &= ~ASK;
    m->publish.busy = m->publish.busy || (actions & PUB) != 0;
    m->enrol.busy = m->enrol.busy || (actions & ASK) != 0;
    return actions;
}

const char *
mesh_member_phase(const struct mesh_member *m, const struct mesh_facts *f,
                  const struct mesh_progress *p)
{
    if (m->state == MESH_ABSENT)
        return "registering";
    if (m->state != MESH_MEMBER)
        return "booting";
    if (f->facet && !f->published)
        return "subscribing"; /* peers cannot check our heartbeats yet */
    if (!p->device)
        return p->alone ? "waiting-peers" : "wg-configuring";
    if (!p->csk)
        return "pulling-csk";
    return p->gate ? "healthy" : "heartbeating";
}

const char *
mesh_key_name(enum mesh_key key)
{
    switch (key) {
    case MESH_KEY_X25519:
        return "X25519";
    case MESH_KEY_WIREGUARD:
        return "WireGuard";
    case MESH_KEY_ED25519:
        return "Ed25519";
    }
    return "no";
}
