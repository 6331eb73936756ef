/*  mesh_status -- mesh.node and mesh.peer: how far the node has come, and what it waits for, in
 * words  */
#include "mesh_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PEERS_MS 250      /* between looks at every peer */
#define TELL_GATE_MS 1000 /* a storm of verdicts is one line */

struct words {
    char text[MESH_REASON];
    size_t len;
};

static void AM_PRINTF(2, 3) say(struct words *w, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(w->text + w->len, sizeof w->text - w->len, fmt, args);
    va_end(args);
    if (n > 0)
        w->len = w->len + (size_t)n < sizeof w->text ? w->len + (size_t)n : sizeof w->text - 1;
}

/* "0x54e6..:10.13.46.241": enough to find it in the chain and in the endpoints file. */
static void
say_member(struct words *w, const struct mesh *m, size_t i)
{
    char contract[41], ip[MESH_IP_TEXT];

    if (i >= m->view.count)
        return;
    am_hex(contract, m->view.member[i].contract, 20);
    mesh_ip_text(ip, m->view.member[i].ip);
    say(w, "member 0x%s (%s)", contract, ip);
}

static void
say_gate(struct words *w, const struct mesh *m)
{
    switch (m->verdict.why) {
    case MESH_GATE_LIVE:
        return;
    case MESH_GATE_NOT_MEMBER:
        say(w, "not in listMembers");
        return;
    case MESH_GATE_ALONE:
        say(w, "no other member is heard; a node that hears nobody does not open its gate while "
               "others are registered");
        return;
    case MESH_GATE_VIEW_LACKS:
        say_member(w, m, m->verdict.a);
        say(w, " does not see ");
        say_member(w, m, m->verdict.b);
        return;
    case MESH_GATE_AWAITED:
        say(w, "not heard yet, given up 15 s after its tunnel was set: ");
        say_member(w, m, m->verdict.a);
        return;
    case MESH_GATE_SETTLING:
        say(w, "all see one another; that must hold for %d ms", MESH_AGREE_MS);
        return;
    }
}

static void
say_csk(struct words *w, const struct mesh *m)
{
    static const char *const text[] = {
        [MESH_CSK_DONE] = "",
        [MESH_CSK_NOT_MEMBER] = "the CSK waits for the registration",
        [MESH_CSK_DERIVES] = "keyagent is asked to derive the CSK",
        [MESH_CSK_MISMATCH] =
            "the derived CSK is not the committed one: this TEE's seed has changed",
        [MESH_CSK_SHALLOW] = "the own registration is not deep enough to commit the CSK",
        [MESH_CSK_COMMITS] = "chain is asked to commit the CSK",
        [MESH_CSK_AWAITS] = "no CSK commitment yet; the originator must make it: ",
        [MESH_CSK_CACHE] = "keyagent has yet to look for the CSK in its cache",
        [MESH_CSK_PULLS] = "peers are asked for the CSK",
        [MESH_CSK_NO_PEER] = "no peer has a tunnel yet to pull the CSK through",
    };

    say(w, "%s", text[m->csk_why]);
    if (m->csk_why == MESH_CSK_AWAITS)
        say_member(w, m, 0);
    if (m->csk_why == MESH_CSK_AWAITS && m->view.count > 0 && m->view.member[0].removed)
        say(w, ", which was removed: this cluster never gets a CSK, make a new one");
    if (m->csk_why == MESH_CSK_PULLS && m->rpc.last[0] != '\0')
        say(w, "; last: %s", m->rpc.last);
}

static void
say_booting(struct words *w, const struct mesh *m)
{
    if (m->member.state == MESH_STRANGER && m->facts.record == MESH_RECORD_REMOVED)
        say(w, "the cluster's owner removed our member; that cannot be taken back, and nothing is "
               "registered: give the node a new member contract");
    else if (m->member.state == MESH_STRANGER)
        say(w,
            "the chain has another %s key for our member than this TEE derives; check "
            "MEMBER_CONTRACT, the app id and the KMS; nothing is registered",
            mesh_key_name(m->member.other));
    else if (m->keyagent_lost || !m->identity.known)
        say(w, "keyagent does not answer");
    else if (!m->identity.ready)
        say(w, "keyagent: %s", m->identity.reason[0] != '\0' ? m->identity.reason : "starting");
    else if (m->chain_lost || !m->view.known)
        say(w, "chain has published no view yet");
    else
        say(w, "the view of block %llu is older than what was seen",
            (unsigned long long)m->view.block);
}

static void
say_phase(struct words *w, const struct mesh *m)
{
    if (m->member.state == MESH_ABSENT ||
        (m->facts.facet && !m->facts.published && m->member.state == MESH_MEMBER)) {
        say(w, "%s", m->member.state == MESH_ABSENT ? "registration" : "heartbeat key");
        if (m->ask_reason[0] != '\0')
            say(w, ": %s", m->ask_reason);
        else
            say(w, ": %s", m->operation[0] != '\0' ? m->operation : "chain is asked");
    } else if (m->member.state != MESH_MEMBER) {
        say_booting(w, m);
    } else if (!m->wg.up) {
        say(w, "%s", m->wg.reason[0] != '\0' ? m->wg.reason : "the WireGuard device is set up");
    } else if (!m->csk_done) {
        say_csk(w, m);
        if ((m->csk_why == MESH_CSK_DERIVES || m->csk_why == MESH_CSK_COMMITS) &&
            m->ask_reason[0] != '\0')
            say(w, ": %s", m->ask_reason);
    } else {
        say_gate(w, m);
    }
}

static void
say_always(struct words *w, const struct mesh *m)
{
    if (m->skew_s > MESH_SKEW_SHOWN_S || m->skew_s < -MESH_SKEW_SHOWN_S)
        say(w, "%sown clock is %lld s %s block time; peers refuse more than 10 s",
            w->len > 0 ? "; " : "", (long long)(m->skew_s < 0 ? -m->skew_s : m->skew_s),
            m->skew_s < 0 ? "behind" : "ahead of");
    for (size_t i = 0; i < m->view.count; i++)
        if (mesh_set_has(&m->rivals, i)) {
            say(w, "%smesh IP or key taken by a lower index: ", w->len > 0 ? "; " : "");
            say_member(w, m, i);
        }
    if (m->endpoints_reason[0] != '\0')
        say(w, "%s%s", w->len > 0 ? "; " : "", m->endpoints_reason);
}

/* For the log: what the gate waited for, when it is over. */
static void
tell_gate(struct mesh *m, int64_t now)
{
    const struct mesh_gate_verdict *v = &m->verdict, *told = &m->verdict_told;
    struct words w = {0};

    if ((v->why == told->why && v->a == told->a && v->b == told->b) ||
        now < m->verdict_told_ms + TELL_GATE_MS)
        return;
    say_gate(&w, m);
    am_log(AM_INFO, v->live ? "gate.live" : "gate.waits", "reason=\"%s\"", w.text);
    m->verdict_told = *v;
    m->verdict_told_ms = now;
}

/* Those who may hold the CSK. */
static size_t
standing(const struct mesh_view *v)
{
    size_t n = 0;

    for (size_t i = 0; i < v->count; i++)
        n += !v->member[i].removed;
    return n;
}

/* Said once when it changes; at one, what is lost with this node is the cluster. */
static size_t
holders(struct mesh *m)
{
    size_t n = mesh_holders_count(&m->holders, &m->view, m->csk_done);

    if (n != m->holders_said)
        am_log(n == 1 && m->view.count > 1 && m->healthy ? AM_WARN : AM_INFO, "csk.holders",
               "known=%zu members=%zu", n, m->view.count);
    m->holders_said = n;
    return n;
}

static void
publish_node(struct mesh *m, const struct mesh_set *connected)
{
    struct mesh_progress p = {
        .device = m->wg.up, .alone = m->view.count < 2, .csk = m->csk_ever, .gate = m->gate.opened};
    const char *phase = mesh_member_phase(&m->member, &m->facts, &p);
    struct mesh_node fact = {0};
    struct words w = {0};
    struct am_error err = {0};
    size_t heard = mesh_set_count(connected);

    say_phase(&w, m);
    say_always(&w, m);
    fact.phase = am_str_of(phase);
    fact.reason = (struct am_str){w.text, w.len};
    fact.registered = m->member.state == MESH_MEMBER;
    fact.originator = fact.registered && m->view.self == 0;
    fact.first_converged = m->gate.opened;
    fact.csk_acquired = m->csk_ever;
    fact.healthy = m->healthy;
    fact.live = m->verdict.live;
    fact.mesh_ip = m->wg.ip;
    fact.members = m->view.count;
    fact.live_peers = heard > 0 ? heard - 1 : 0;
    fact.csk_members = m->view.committed ? standing(&m->view) : 0;
    fact.csk_holders = fact.csk_members > 0 ? holders(m) : 0;
    fact.healthy_ms = m->healthy_ms;
    fact.block_number = m->view.block;
    bus_status(m->bus,
               m->healthy                         ? "ready"
               : m->member.state == MESH_STRANGER ? "failing"
                                                  : "starting",
               w.text);
    if (bus_publish(m->bus, BUS_TOPIC_mesh_node, &fact, &err) != AM_OK)
        am_log(AM_ERROR, "publish.failed", "reason=\"%s\"", err.text);
}

static const char *
peer_state(const struct mesh *m, const struct mesh_set *connected, size_t i, int64_t now)
{
    const struct mesh_gate_peer *p = &m->gate.peer[i];

    if (m->view.member[i].removed)
        return "removed";
    if (mesh_set_has(&m->rivals, i))
        return "collides";
    if (mesh_set_has(connected, i))
        return "live";
    if (mesh_set_has(&m->ignored, i))
        return "ignored";
    if (p->heard)
        return "lost";
    return p->attempted && now - p->attempted_ms >= MESH_SILENT_MS ? "silent" : "configured";
}

static void
publish_peer(struct mesh *m, const struct mesh_set *connected, size_t i)
{
    const struct mesh_known *k = &m->view.member[i];
    const struct mesh_beat_peer *b = &m->peer[i].beat;
    struct mesh_endpoint e = mesh_endpoints_of(&m->endpoints, k->contract);
    struct mesh_peer fact = {.member_id = AM_BIN(k->id), .mesh_ip = k->ip};
    char endpoint[MESH_ENDPOINT_TEXT] = "", reason[128] = "";
    struct am_error err = {0};

    if (e.ip != 0)
        mesh_endpoint_text(endpoint, e);
    if (b->why != MESH_BEAT_ACCEPTED)
        snprintf(reason, sizeof reason, "%s (%llu refused)", mesh_beat_text(b->why),
                 (unsigned long long)b->refused);
    fact.state = am_str_of(peer_state(m, connected, i, am_mono_ms()));
    fact.endpoint = am_str_of(endpoint);
    fact.reason = am_str_of(reason);
    fact.heard_ms = m->peer[i].heard_wall_ms;
    if (bus_publish(m->bus, BUS_TOPIC_mesh_peer, &fact, &err) != AM_OK)
        am_log(AM_ERROR, "publish.failed", "reason=\"%s\"", err.text);
}

void
mesh_publish(struct mesh *m)
{
    struct mesh_set connected = mesh_gate_connected(&m->gate, am_mono_ms());

    tell_gate(m, am_mono_ms());
    publish_node(m, &connected);
    if (am_mono_ms() < m->publish_due_ms)
        return;
    m->publish_due_ms = am_mono_ms() + PEERS_MS;
    for (size_t i = 0; i < m->view.count; i++)
        if (i != m->view.self)
            publish_peer(m, &connected, i);
}
