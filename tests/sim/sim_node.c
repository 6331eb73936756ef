/*  sim_node -- one node: mesh's pure steps wired to the simulated world as mesh.c wires them to
 * ours */
#include "sim.h"

#include <string.h>

static void
id_of(uint8_t id[static 32], size_t node)
{
    memset(id, (int)(0x9d * (node + 1)), 32); /* not in the order of registration */
}

static struct mesh_facts
facts_of(const struct sim_node *o, size_t n)
{
    struct mesh_facts f = {.identity = true, .view = o->seen, .block = o->block, .facet = true};

    f.record = sim_index(&o->view, n) != MESH_NOBODY ? MESH_RECORD_OURS : MESH_RECORD_NONE;
    f.published = o->view.published[n];
    f.committed = o->view.committed != 0;
    memset(f.commitment, (int)o->view.committed, 32);
    return f;
}

static void
look_at_chain(struct sim *s, size_t n)
{
    struct sim_node *o = &s->node[n];
    uint64_t lag = sim_faults(s, 30) ? 1 : 0; /* an RPC one block behind */
    uint8_t ids[SIM_NODES][32];

    if (sim_faults(s, 20))
        return;
    o->seen = true;
    o->view = *sim_head(s, lag);
    o->block = s->chain.height - lag;
    o->confirmed = o->block > SIM_CONFIRMATIONS &&
                   sim_head(s, lag + SIM_CONFIRMATIONS)->count > 0 &&
                   sim_head(s, lag + SIM_CONFIRMATIONS)->member[0] == n;
    for (size_t i = 0; i < o->view.count; i++)
        id_of(ids[i], o->view.member[i]);
    mesh_gate_members(&o->gate, (const uint8_t(*)[32])ids, o->view.count, sim_index(&o->view, n));
    for (size_t i = 0; i < o->view.count; i++)
        mesh_gate_attempted(&o->gate, i, s->now);
}

static void
ask(struct sim *s, size_t n, enum sim_op op, struct mesh_ask *a)
{
    struct sim_message m = {.kind = SIM_ANSWER, .to = n, .life = s->node[n].life, .ask = a};

    m.answer = sim_faults(s, 30) ? MESH_ABSENT_SERVER : MESH_TAKEN;
    if (m.answer == MESH_TAKEN || sim_random(s, 2) == 0) /* a lost answer may have been done */
        sim_chain_ask(s, op, n);
    sim_send(s, &m, 20 + (int64_t)sim_random(s, 500));
}

static bool
is_dark(const struct sim *s)
{
    return s->now < s->calm_at && s->now >= s->dark_from && s->now < s->dark_to;
}

static void
dial(struct sim *s, size_t n, size_t peer)
{
    const struct sim_node *p = &s->node[peer];
    struct sim_message m = {.kind = SIM_BOX, .from = peer, .to = n, .life = s->node[n].life};

    if (p->up && p->held != 0 && !sim_faults(s, s->loss) && !is_dark(s))
        m.box = p->held;
    sim_send(s, &m, m.box != 0 ? 10 + (int64_t)sim_random(s, 300) : 1000);
}

static void
pull(struct sim *s, size_t n)
{
    struct sim_node *o = &s->node[n];
    uint8_t ids[SIM_NODES][32];
    struct mesh_csk_facts f = {.count = o->view.count,
                               .self = sim_index(&o->view, n),
                               .ids = (const uint8_t(*)[32])ids,
                               .confirmed = o->confirmed,
                               .member = o->member.state == MESH_MEMBER};
    struct mesh_csk_plan plan;

    f.committed = o->view.committed != 0;
    memset(f.commitment, (int)o->view.committed, 32);
    f.held = o->held != 0;
    memset(f.held_commitment, (int)o->held, 32);
    for (size_t i = 0; i < f.count; i++) {
        id_of(ids[i], o->view.member[i]);
        mesh_set_add(&f.configured, i);
    }
    f.live = mesh_gate_connected(&o->gate, s->now);
    plan = mesh_csk_step(&o->csk, &f, s->now, (int)sim_random(s, 401) - 200);
    if (plan.derive) {
        o->held = n + 1;
        mesh_ask_end(&o->csk.derive, MESH_TAKEN, s->now, 0);
    }
    if (plan.commit)
        ask(s, n, SIM_COMMIT, &o->csk.commit);
    for (size_t i = 0; i < plan.dial_count; i++)
        dial(s, n, o->view.member[plan.dial[i]]);
    o->healthy = plan.done && o->gate.opened;
    if (o->healthy)
        sim_check(s, o->held != 0 && o->held == o->view.committed && o->held == s->chain.ever,
                  "healthy with a key that is not the committed one");
}

static void
beat(struct sim *s, size_t n)
{
    struct sim_node *o = &s->node[n];
    struct mesh_set connected = mesh_gate_connected(&o->gate, s->now);
    struct sim_message m = {.kind = SIM_BEAT, .from = n};

    if (s->now < o->beat_at && mesh_set_eq(&connected, &o->said))
        return;
    o->said = connected;
    o->beat_at = s->now + MESH_INTERVAL_MS;
    for (size_t i = 0; i < o->view.count; i++)
        if (mesh_set_has(&connected, i))
            mesh_set_add(&m.set, o->view.member[i]);
    for (size_t i = 0; i < o->view.count; i++) {
        m.to = o->view.member[i];
        if (m.to != n && !sim_faults(s, s->loss) && !is_dark(s))
            sim_send(s, &m, 1 + (int64_t)sim_random(s, sim_faults(s, 30) ? 3000 : 50));
    }
}

void
sim_node_take(struct sim *s, const struct sim_message *m)
{
    struct sim_node *o = &s->node[m->to];
    struct mesh_set view = {0};
    size_t from = sim_index(&o->view, m->from);

    if (!o->up || (m->life != 0 && m->life != o->life))
        return;
    if (m->kind == SIM_ANSWER) {
        mesh_ask_end(m->ask, m->answer, s->now, (int)sim_random(s, 401) - 200);
    } else if (m->kind == SIM_BOX) {
        struct sim_message taken = {.kind = SIM_TAKEN, .to = m->to, .life = o->life, .box = m->box};

        if (mesh_csk_answer(&o->csk, m->box != 0))
            sim_send(s, &taken, 5);
    } else if (m->kind == SIM_TAKEN) { /* keyagent compares with the newest view */
        if (m->box == o->view.committed)
            o->held = m->box;
        mesh_csk_accepted(&o->csk);
    } else if (from != MESH_NOBODY && o->view.published[m->from]) {
        for (size_t i = 0; i < o->view.count; i++)
            if (mesh_set_has(&m->set, o->view.member[i]))
                mesh_set_add(&view, i);
        mesh_gate_heard(&o->gate, from, &view, s->now);
    }
}

/* A reset is believed only when what was seen is really gone from the chain. */
static void
check_gone(struct sim *s, size_t n)
{
    struct sim_node *o = &s->node[n];
    uint64_t back = s->chain.height - o->mark;
    bool gone = o->mark > s->chain.height ||
                (back < SIM_KEPT && sim_index(sim_head(s, back), n) == MESH_NOBODY);

    sim_check(s, gone || sim_head(s, 1)->committed == 0,
              "an old view was taken for a reorganisation");
    if (gone)
        o->mark = 0;
}

void
sim_node_step(struct sim *s, size_t n)
{
    struct sim_node *o = &s->node[n];
    bool was_open = o->gate.opened;
    struct mesh_facts f;
    unsigned acts;

    if (s->now % 200 == 0)
        look_at_chain(s, n);
    f = facts_of(o, n);
    acts = mesh_member_step(&o->member, &f, s->now);
    if (o->mark != 0 && (acts & (MESH_DO_RESET | MESH_DO_REGISTER)) != 0)
        check_gone(s, n);
    if (f.record == MESH_RECORD_OURS && o->mark == 0)
        o->mark = o->block;
    if ((acts & MESH_DO_RESET) != 0) {
        mesh_gate_close(&o->gate);
        mesh_csk_reset(&o->csk);
        o->held = 0;
        o->life++; /* calls in flight are cancelled */
        o->member.enrol.busy = o->member.publish.busy = false;
        acts &= ~(unsigned)(MESH_DO_REGISTER | MESH_DO_PUBLISH);
    }
    if ((acts & MESH_DO_REGISTER) != 0) {
        sim_check(s, sim_index(&o->view, n) == MESH_NOBODY, "a registered member asks to register");
        ask(s, n, SIM_REGISTER, &o->member.enrol);
    }
    if ((acts & MESH_DO_PUBLISH) != 0)
        ask(s, n, SIM_PUBLISH, &o->member.publish);
    if (o->member.state != MESH_MEMBER) {
        o->healthy = o->live = false;
        return;
    }
    beat(s, n);
    o->live = mesh_gate_step(&o->gate, s->now).live;
    if (o->gate.opened && !was_open && o->view.count > 1) {
        struct mesh_set c = mesh_gate_connected(&o->gate, s->now);

        sim_check(s, mesh_set_count(&c) > 1, "the gate opened on a node that hears nobody");
    }
    pull(s, n);
}
