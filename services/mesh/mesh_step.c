/*  mesh_step -- the newest facts in, what the pure machines decide out: one pass, whole each time
 */
#include "mesh_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_exit.h"
#include "../../common/base/am_log.h"
#include "../../common/wire/am_member.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 5000 /* chain answers with the operation's state, not with its end */

static void
ended(struct mesh *m, struct mesh_ask *ask, int code, struct am_str state,
      const struct am_error *err)
{
    enum mesh_answer answer = MESH_TAKEN;

    if (code == AM_UNAVAILABLE || code == AM_DEADLINE_EXCEEDED)
        answer = MESH_ABSENT_SERVER;
    else if (code != AM_OK || am_str_eq(state, "failed"))
        answer = MESH_REFUSED;
    snprintf(m->ask_reason, sizeof m->ask_reason, "%s", code != AM_OK ? err->text : "");
    if (code != AM_OK)
        am_log(AM_WARN, "ask.failed", "code=%s reason=\"%s\"", am_err_name(code), err->text);
    mesh_ask_end(ask, answer, am_mono_ms(), mesh_jitter());
    mesh_wake(m);
}

static void
on_registered(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct mesh *m = arg;
    const struct chain_register_reply *r = reply;

    ended(m, &m->member.enrol, code, code == AM_OK ? r->state : (struct am_str){0}, err);
}

static void
on_published(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct mesh *m = arg;
    const struct chain_publish_ed25519_reply *r = reply;

    ended(m, &m->member.publish, code, code == AM_OK ? r->state : (struct am_str){0}, err);
}

static void
on_committed(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct mesh *m = arg;
    const struct chain_commit_reply *r = reply;

    ended(m, &m->csk.commit, code, code == AM_OK ? r->state : (struct am_str){0}, err);
}

static void
on_derived(void *arg, int code, const void *reply, const struct am_error *err)
{
    struct mesh *m = arg;

    (void)reply;
    ended(m, &m->csk.derive, code, (struct am_str){0}, err);
}

static void
ask(struct mesh *m, enum bus_method method, struct mesh_ask *a, bus_reply_fn *fn)
{
    struct am_error err = {0};

    if (bus_call(m->bus, method, NULL, ASK_MS, "", fn, m, &err) != AM_OK)
        ended(m, a, err.code, (struct am_str){0}, &err);
}

/* The record or the commitment is gone: nothing that stood on it may stand. */
static void
reset(struct mesh *m)
{
    am_log(AM_ERROR, "member.reset", "block=%llu reason=\"%s\"", (unsigned long long)m->view.block,
           m->facts.record == MESH_RECORD_REMOVED ? "the cluster's owner removed our member"
           : m->member.state == MESH_STRANGER     ? "the own record carries other keys"
                                                  : "the own record or the commitment is gone");
    mesh_rpc_cancel(m);
    mesh_gate_close(&m->gate);
    mesh_holders_reset(&m->holders);
    m->beats.said = (struct mesh_set){0};
    m->applied = 0;
    m->healthy = m->csk_ever = m->csk_done = false;
    m->healthy_ms = 0;
    m->wg.look_ms = 0;
}

/* Other keys at one block may be a chain that is about to go another way; some blocks later they
 * stay until a person has looked. */
static void
step_stranger(struct mesh *m)
{
    if (m->member.state != MESH_STRANGER ||
        (m->facts.record != MESH_RECORD_OTHER && m->facts.record != MESH_RECORD_REMOVED)) {
        m->stranger_block = 0;
        return;
    }
    if (m->stranger_block == 0)
        m->stranger_block = m->view.block;
    if (m->view.block < m->stranger_block + MESH_STRANGER_BLOCKS || m->exit_code != 0)
        return;
    m->exit_code = m->facts.record == MESH_RECORD_REMOVED ? AM_EXIT_REMOVED : AM_EXIT_OTHER_KEYS;
    if (m->exit_code == AM_EXIT_REMOVED)
        am_log(AM_ERROR, "stopped", "exit=%d block=%llu reason=\"our member has a tombstone\"",
               m->exit_code, (unsigned long long)m->view.block);
    else
        am_log(AM_ERROR, "stopped",
               "exit=%d block=%llu reason=\"the chain has another %s key for our member\"",
               m->exit_code, (unsigned long long)m->view.block, mesh_key_name(m->member.other));
    ev_break(m->loop, EVBREAK_ALL);
}

static void
step_member(struct mesh *m, int64_t now)
{
    enum mesh_state before = m->member.state;
    unsigned acts;

    m->facts = mesh_view_facts(&m->view, &m->identity, m->registered_at);
    acts = mesh_member_step(&m->member, &m->facts, now);
    if (m->member.state != before)
        am_log(AM_INFO, "member.state", "from=%d to=%d block=%llu", (int)before,
               (int)m->member.state, (unsigned long long)m->view.block);
    if ((acts & MESH_DO_RESET) != 0)
        reset(m);
    if ((acts & MESH_DO_SHOUT) != 0 && m->facts.record == MESH_RECORD_REMOVED)
        am_log(AM_ERROR, "member.removed", "reason=\"the cluster's owner removed our member\"");
    else if ((acts & MESH_DO_SHOUT) != 0)
        am_log(AM_ERROR, "member.stranger",
               "reason=\"the chain has another %s key for our member\"",
               mesh_key_name(m->member.other));
    if ((acts & MESH_DO_REGISTER) != 0)
        ask(m, BUS_METHOD_chain_register, &m->member.enrol, on_registered);
    if ((acts & MESH_DO_PUBLISH) != 0)
        ask(m, BUS_METHOD_chain_publish_ed25519, &m->member.publish, on_published);
}

/* The device stands before the registration; its peers only once they may know us, because an
 * initiation that nobody understands is not repeated for 5 s.  A removed member has none left. */
static void
step_device(struct mesh *m)
{
    static struct mesh_wg_peer want[MESH_MEMBERS_MAX];
    uint32_t ip;
    size_t n = 0;

    if (!m->identity.ready || !m->view.known ||
        (m->member.state == MESH_STRANGER && m->facts.record != MESH_RECORD_REMOVED) ||
        am_mesh_ip(&ip, m->view.own_id, m->view.cidr_ip, m->view.prefix, NULL) != AM_OK)
        return;
    memset(want, 0, sizeof want);
    for (size_t i = 0; i < m->view.count && m->member.state == MESH_MEMBER; i++) {
        const struct mesh_known *k = &m->view.member[i];

        if (i == m->view.self || k->removed || mesh_set_has(&m->rivals, i))
            continue;
        memcpy(want[n].pub, k->wg_pub, 32);
        want[n].ip = k->ip;
        want[n].calls = i > m->view.self;
        want[n++].endpoint = mesh_endpoints_of(&m->endpoints, k->contract);
    }
    mesh_wg_want(&m->wg, m->identity.wg_pub, ip, m->view.prefix, want, n);
    mesh_wg_run(&m->wg);
}

static void
step_gate(struct mesh *m, int64_t now)
{
    uint64_t now_s = (uint64_t)am_wall_ms() / 1000;

    for (size_t i = 0; i < m->view.count && m->applied != m->wg.applied; i++) {
        const struct mesh_wg_found *found = mesh_plan_find(&m->wg.have, m->view.member[i].wg_pub);

        if (i == m->view.self || (found == NULL && !mesh_set_has(&m->rivals, i)))
            continue;
        if (!m->gate.peer[i].attempted)
            m->beats.wanted = true; /* traffic is what starts a handshake */
        mesh_gate_attempted(&m->gate, i, now);
        if (found != NULL && mesh_plan_silent(found, now_s))
            mesh_gate_silent(&m->gate, i, now);
        if (found != NULL && found->handshake_s + MESH_PATH_S < now_s)
            mesh_gate_path(&m->gate, i,
                           m->gate.peer[i].heard &&
                               now - m->gate.peer[i].heard_ms < MESH_WINDOW_MS);
    }
    m->applied = m->wg.applied;
    for (size_t i = 0; i < m->view.count && m->wg.ifindex == 0; i++)
        mesh_gate_path(&m->gate, i, false);
    m->verdict = mesh_gate_step(&m->gate, now);
}

static void
step_csk(struct mesh *m, int64_t now)
{
    struct mesh_csk_facts f = {.count = m->view.count,
                               .self = m->view.self,
                               .ids = m->view.ids,
                               .member = m->member.state == MESH_MEMBER,
                               .confirmed = m->view.confirmed,
                               .committed = m->view.committed,
                               .held = m->held,
                               .cache_pending = m->cache_pending,
                               .live = mesh_gate_connected(&m->gate, now)};
    struct mesh_csk_plan plan;

    memcpy(f.commitment, m->view.commitment, 32);
    memcpy(f.held_commitment, m->held_commitment, 32);
    for (size_t i = 0; i < m->view.count; i++)
        if (i != m->view.self && m->gate.peer[i].attempted && !m->gate.peer[i].removed &&
            !mesh_set_has(&m->rivals, i))
            mesh_set_add(&f.configured, i);
    plan = mesh_csk_step(&m->csk, &f, now, mesh_jitter());
    m->csk_why = plan.why;
    if (plan.done && !m->csk_done)
        mesh_rpc_cancel(m);
    m->csk_done = plan.done;
    m->csk_ever = m->csk_ever || plan.done;
    if (plan.derive)
        ask(m, BUS_METHOD_keyagent_csk_originate, &m->csk.derive, on_derived);
    if (plan.commit)
        ask(m, BUS_METHOD_chain_commit, &m->csk.commit, on_committed);
    for (size_t i = 0; i < plan.dial_count; i++)
        mesh_rpc_dial(m, plan.dial[i], false);
}

static void
step_holders(struct mesh *m, int64_t now)
{
    struct mesh_set live = mesh_gate_connected(&m->gate, now);
    size_t i = mesh_holders_step(&m->holders, &m->view, &live, m->healthy && m->csk_done, now);

    if (i != MESH_NOBODY)
        mesh_rpc_dial(m, i, true);
}

void
mesh_step(struct mesh *m)
{
    int64_t now = am_mono_ms();
    bool was = m->gate.opened;

    mesh_file_run(m);
    mesh_cache_run(m, false);
    step_member(m, now);
    step_stranger(m);
    step_device(m);
    if (m->member.state == MESH_MEMBER) {
        step_gate(m, now);
        mesh_rpc_run(m);
        mesh_beats_run(m);
    } else {
        m->verdict = (struct mesh_gate_verdict){.why = MESH_GATE_NOT_MEMBER};
    }
    if (m->view.known) {
        step_csk(m, now);
        step_holders(m, now);
    }
    if (m->gate.opened && !was)
        am_log(AM_INFO, "gate.opened", "members=%zu", m->view.count);
    if (m->gate.opened && m->csk_done && !m->healthy) {
        m->healthy = true;
        m->healthy_ms = (uint64_t)am_wall_ms();
        am_log(AM_INFO, "node.healthy", "block=%llu", (unsigned long long)m->view.block);
    }
    mesh_publish(m);
}

/* What is known of a member stays with its id. */
static void
move_peers(struct mesh *m, const struct mesh_view *next)
{
    static struct mesh_peer_state moved[MESH_MEMBERS_MAX];

    memset(moved, 0, sizeof moved);
    for (size_t i = 0; i < next->count; i++) {
        size_t old = mesh_view_find(&m->view, next->ids[i]);
        const uint8_t *key =
            next->member[i].removed ? NULL : mesh_edkeys_of(&m->edkeys, &next->member[i]);
        struct mesh_beat_peer *b = &moved[i].beat;

        if (old != MESH_NOBODY)
            moved[i] = m->peer[old];
        if (key != NULL && !b->has_key)
            m->beats.wanted = true; /* what it said until now was refused: it answers this one */
        b->ip = next->member[i].ip;
        b->has_key = key != NULL;
        if (b->has_key)
            memcpy(b->ed25519_pub, key, 32);
    }
    for (size_t i = 0; i < m->view.count; i++)
        if (mesh_view_find(next, m->view.ids[i]) == MESH_NOBODY)
            bus_retract(m->bus, BUS_TOPIC_mesh_peer, am_bin_of(m->view.ids[i], 32));
    memcpy(m->peer, moved, sizeof moved);
}

void
mesh_take_view(struct mesh *m, const struct chain_view *fact)
{
    uint64_t before = m->view.block;

    mesh_view_take(&m->next, fact);
    if (m->view.known && m->next.block < before) {
        am_log(AM_DEBUG, "view.old", "block=%llu newest=%llu", (unsigned long long)m->next.block,
               (unsigned long long)before);
        return; /* an RPC behind the one before: what is known stays */
    }
    if (!mesh_view_continues(&m->view, &m->next))
        mesh_rpc_cancel(m); /* indices have moved */
    mesh_cache_learn(m, &m->next);
    if (m->next.count != m->view.count || !mesh_view_continues(&m->view, &m->next))
        mesh_news_came(&m->news);
    move_peers(m, &m->next);
    mesh_holders_view(&m->holders, &m->view, &m->next);
    m->view = m->next;
    mesh_gate_members(&m->gate, m->view.ids, m->view.count, m->view.self);
    m->rivals = m->ignored = (struct mesh_set){0};
    for (size_t i = 0; i < m->view.count; i++) {
        mesh_gate_remove(&m->gate, i, m->view.member[i].removed);
        if (mesh_view_rival(&m->view, i) != MESH_NOBODY)
            mesh_set_add(&m->rivals, i);
        if (i != m->view.self && mesh_ignore_has(m->settings->ignore_members, &m->view.member[i])) {
            mesh_set_add(&m->ignored, i);
            mesh_gate_ignore(&m->gate, i);
        }
    }
    if (m->view.block != before)
        m->skew_s = am_wall_ms() / 1000 - (int64_t)m->view.block_time;
}
