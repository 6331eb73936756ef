/*  v1join -- a v1 node joins three of ours: heartbeats and the CSK pass both ways.  */
#include "v1_peer.h"

#include "../../../common/wire/am_member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define OURS 3
#define JOIN_MS 60000
#define BEATS_MS 8000    /* four heartbeats of everybody */
#define SILENT_MS 40000  /* our gate gives a silent member up after 15 s */
#define CSK_MS 20000     /* rounds that begin with members who are gone cost 1 s each */
#define RESTART_MS 40000 /* guest agent, WireGuard, view, heartbeats */
#define LOST_MS 20000    /* a node is lost after 6 s; all must agree on that for two intervals */

struct story {
    struct e2e t;
    struct v1_peer v1;
    uint8_t id[OURS][32], commitment[32];
    unsigned forgetful; /* the one of ours that will lose the CSK: not the originator */
    bool fell;          /* one of ours was not healthy when it should have been */
    char why[256];
};

static const struct watch_peer *
seen_by(struct story *s, unsigned i)
{
    const struct watch *w = &s->t.watches[i];

    for (size_t k = 0; k < w->peer_count; k++)
        if (memcmp(w->peers[k].member_id, s->v1.id, 32) == 0)
            return &w->peers[k];
    return NULL;
}

static bool
takes_v1(struct story *s, unsigned i)
{
    const struct watch *w = &s->t.watches[i];
    const struct watch_peer *p = seen_by(s, i);
    bool good =
        w->healthy && w->live && p != NULL && strcmp(p->state, "live") == 0 && p->reason[0] == '\0';

    if (!good)
        snprintf(s->why, sizeof s->why, "node %u: healthy %d, live %d, v1 peer %s%s%s; %.120s",
                 i + 1, w->healthy, w->live, p != NULL ? p->state : "unknown",
                 p != NULL && p->reason[0] != '\0' ? ": " : "", p != NULL ? p->reason : "",
                 w->reason);
    return good;
}

static bool
all_take_v1(struct e2e *t, void *arg)
{
    struct story *s = arg;

    (void)t;
    for (unsigned i = 0; i < OURS; i++)
        if (!takes_v1(s, i))
            return false;
    return true;
}

static bool
one_rejects_v1(struct e2e *t, void *arg)
{
    return !all_take_v1(t, arg);
}

static bool
ours_whole(struct e2e *t, void *arg)
{
    (void)arg;
    return e2e_all_live(t, 0, OURS - 1) && e2e_same_csk(t, 0, OURS - 1);
}

static void
three_of_ours(struct story *s)
{
    struct e2e *t = &s->t;
    struct am_error err = {0};
    int64_t took;

    for (int i = 0; i < OURS; i++)
        e2e_add(t);
    e2e_need(t, dn_chain_tick(1, &err), &err, "blocks");
    for (unsigned i = 0; i < OURS; i++) {
        e2e_start(t, &t->world.nodes[i]);
        am_member_id(s->id[i], t->world.deployed.cluster, t->world.nodes[i].member,
                     am_attestor_dstack);
    }
    took = e2e_until(t, ours_whole, NULL, JOIN_MS);
    e2e_check(t, took >= 0, "three of ours are healthy", "%lld ms; %s", (long long)took,
              t->watches[0].reason);
    memcpy(s->commitment, t->watches[0].commitment, 32);
    for (unsigned i = 0; i < OURS; i++)
        if (!t->watches[i].originator)
            s->forgetful = i;
}

/* Both ends of "all gates open", and on the way nobody of ours may lose what it had. */
static bool
joined(struct e2e *t, void *arg)
{
    struct story *s = arg;

    for (unsigned i = 0; i < OURS; i++)
        s->fell = s->fell || !t->watches[i].healthy;
    if (!v1_peer_runs(&s->v1))
        return true; /* it will never be more than it is */
    if (v1_peer_count(&s->v1, "phase", "phase", "healthy") > 0)
        return all_take_v1(t, s);
    snprintf(s->why, sizeof s->why, "the v1 peer is not healthy");
    return false;
}

static void
v1_joins(struct story *s)
{
    struct e2e *t = &s->t;
    struct e2e_ping ping;
    unsigned sent;
    int64_t took;
    int lost;

    e2e_ping(t, &ping, &t->world.nodes[0], t->watches[1].mesh_ip);
    v1_peer_start(t, &s->v1);
    took = e2e_until(t, joined, s, JOIN_MS);
    lost = e2e_ping_end(&ping, &sent);
    e2e_check(t, took >= 0 && v1_peer_runs(&s->v1),
              "a v1 peer joins: it is healthy, and ours take it for live", "%lld ms; %s",
              (long long)took,
              !v1_peer_runs(&s->v1) ? "it has ended"
              : took < 0            ? s->why
                                    : "");
    e2e_check(t, !s->fell, "ours stay healthy meanwhile", "%s", "");
    e2e_check(t, lost == 0 && sent >= 15, "a ping between two of ours loses nothing meanwhile",
              "%d of %u lost", lost, sent);
}

static void
its_operations(struct story *s)
{
    struct e2e *t = &s->t;
    bool twice; /* v1 has one nonce key for everything: a second use is not a repetition */
    unsigned n = e2e_operations(t, s->v1.node->member, &twice);

    e2e_check(t,
              v1_peer_count(&s->v1, "operation-sent", "label", "dstack_register") == 1 &&
                  v1_peer_count(&s->v1, "operation-included", "label", "dstack_register") == 1,
              "it registers with one operation", "%s", "");
    e2e_check(t, v1_peer_count(&s->v1, "operation-included", "label", "publishEd25519Key") == 1,
              "it publishes its heartbeat key", "%s", "");
    e2e_check(t, n == 2, "the chain has these two operations of it and no other", "%u", n);
    e2e_check(t, e2e_messages(t) == 0, "nobody sends it a PeerEndpoint message", "%s", "");
}

static void
its_health(struct story *s)
{
    struct e2e *t = &s->t;
    struct am_error err = {0};
    json_t *h;
    char *text;

    e2e_need(t, v1_peer_health(&s->v1, &h, &err), &err, "/healthz of the v1 peer");
    text = json_dumps(h, JSON_COMPACT);
    e2e_check(t,
              json_integer_value(json_object_get(h, "http")) == 200 &&
                  json_is_true(json_object_get(h, "first_converged")) &&
                  json_is_true(json_object_get(h, "csk_acquired")) &&
                  json_integer_value(json_object_get(h, "live_peers")) == OURS,
              "its /healthz says 200, converged, CSK acquired, 3 peers live", "%s",
              text != NULL ? text : "");
    free(text);
    json_decref(h);
}

static void
no_refusals(struct story *s)
{
    char *text = v1_peer_refusal(&s->v1);

    e2e_check(&s->t, text == NULL, "it refuses no heartbeat of ours after the first it accepted",
              "%u before%s%s", v1_peer_count(&s->v1, "heartbeat-refused", NULL, NULL),
              text != NULL ? "; " : "", text != NULL ? text : "");
    free(text);
}

static void
heartbeats_pass_both_ways(struct story *s)
{
    struct e2e *t = &s->t;
    char id[V1_ID_TEXT];
    int64_t when;

    for (unsigned i = 0; i < OURS; i++) {
        v1_id_text(id, s->id[i]);
        e2e_check(t, v1_peer_count(&s->v1, "peer-live", "peer", id) == 1,
                  "it accepts heartbeats of ours", "node %u", i + 1);
    }
    when = e2e_until(t, one_rejects_v1, s, BEATS_MS);
    e2e_check(t, when < 0, "ours accept its heartbeats, one after the other, and stay live",
              "%d ms%s%s", BEATS_MS, when < 0 ? "" : "; ", when < 0 ? "" : s->why);
    no_refusals(s);
}

static void
v1_pulled_the_csk(struct story *s)
{
    struct e2e *t = &s->t;
    json_t *all = v1_peer_lines(&s->v1, "csk-held"), *held = json_array_get(all, 0);
    const char *from = json_string_value(json_object_get(held, "from"));
    const char *commitment = json_string_value(json_object_get(held, "commitment"));
    char id[V1_ID_TEXT], ours[V1_ID_TEXT];
    bool known = false;

    v1_id_text(ours, s->commitment);
    for (unsigned i = 0; i < OURS; i++) {
        v1_id_text(id, s->id[i]);
        known = known || (from != NULL && strcmp(from, id) == 0);
    }
    e2e_check(t, json_array_size(all) == 1 && known, "it pulled the CSK from one of ours",
              "from %s", from != NULL ? from : "nobody");
    e2e_check(t, commitment != NULL && strcmp(commitment, ours) == 0,
              "its CSK has the commitment of ours", "%s", commitment != NULL ? commitment : "none");
    json_decref(all);
}

static bool
one_is_gone(struct e2e *t, void *arg)
{
    const struct watch *w = &t->watches[((struct story *)arg)->forgetful];

    return !w->heard && !w->csk_held;
}

static bool
one_holds(struct e2e *t, void *arg)
{
    struct story *s = arg;
    const struct watch *w = &t->watches[s->forgetful];

    return w->csk_held && memcmp(w->commitment, s->commitment, 32) == 0;
}

static bool
one_takes_v1(struct e2e *t, void *arg)
{
    struct story *s = arg;

    (void)t;
    return takes_v1(s, s->forgetful);
}

/* The originator could derive it again and the other still holds it: both are gone before the one
 * forgets, so that the v1 peer alone can answer. */
static void
v1_gives_the_csk(struct story *s)
{
    struct e2e *t = &s->t;
    struct dn_node *one = &t->world.nodes[s->forgetful];
    unsigned asked, before, after;
    struct am_error err = {0};
    char id[V1_ID_TEXT];
    int64_t took;
    bool twice;

    v1_id_text(id, s->id[s->forgetful]);
    asked = v1_peer_count(&s->v1, "csk-served", "requester", id);
    before = e2e_operations(t, one->member, &twice);
    for (unsigned i = 0; i < OURS; i++)
        dn_node_off(&t->world.nodes[i]);
    e2e_need(t, dn_node_forget(one, &err), &err, "forget");
    e2e_check(t, e2e_until(t, one_is_gone, s, 10000) >= 0, "one of ours is off and holds nothing",
              "node %u", one->number);
    e2e_start(t, one);
    took = e2e_until(t, one_holds, s, CSK_MS);
    e2e_check(t, took >= 0, "one of ours pulls the CSK from the v1 peer, the only holder left",
              "%lld ms; %s", (long long)took, t->watches[s->forgetful].reason);
    e2e_check(t, v1_peer_count(&s->v1, "csk-served", "requester", id) > asked,
              "the v1 peer has served it", "%s", id);
    took = e2e_until(t, one_takes_v1, s, SILENT_MS);
    e2e_check(t, took >= 0, "beside the v1 peer alone its gate opens", "%lld ms; %s",
              (long long)took, took < 0 ? s->why : "");
    after = e2e_operations(t, one->member, &twice);
    e2e_check(t, after == before, "its restart costs no operation", "%u before, %u after", before,
              after);
}

static void
the_others_return(struct story *s)
{
    struct e2e *t = &s->t;
    int64_t took;

    for (unsigned i = 0; i < OURS; i++)
        if (i != s->forgetful)
            e2e_start(t, &t->world.nodes[i]);
    took = e2e_until(t, all_take_v1, s, RESTART_MS);
    e2e_check(t, took >= 0, "the others return to a mesh that the v1 peer has kept", "%lld ms; %s",
              (long long)took, took < 0 ? s->why : "");
    e2e_check(t, e2e_same_csk(t, 0, OURS - 1) && one_holds(t, s), "the CSK is the same everywhere",
              "%s", "");
    no_refusals(s);
    its_health(s);
}

static bool
all_miss_v1(struct e2e *t, void *arg)
{
    struct story *s = arg;

    for (unsigned i = 0; i < OURS; i++) {
        const struct watch_peer *p = seen_by(s, i);

        if (p == NULL || strcmp(p->state, "lost") != 0)
            return false;
    }
    return e2e_all_live(t, 0, OURS - 1);
}

static void
v1_ends(struct story *s)
{
    const char *const argv[] = {"wg", "show", "attestmesh0", "peers", NULL};
    struct e2e *t = &s->t;
    struct am_error err = {0};
    char peers[4096] = "";
    int64_t took;
    int status = v1_peer_end(&s->v1, 10000);

    e2e_check(t, status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "SIGTERM ends it with exit status 0", "wait status %d", status);
    e2e_need(t, dn_run(argv, &s->v1.node->ns, NULL, peers, sizeof peers, &err), &err, "wg show");
    e2e_check(t, peers[0] == '\0', "it leaves the device without peers", "%s", peers);
    took = e2e_until(t, all_miss_v1, s, LOST_MS);
    e2e_check(t, took >= 0, "ours miss it, and are live without it", "%lld ms; %s", (long long)took,
              t->watches[0].reason);
}

int
main(void)
{
    static struct story s;

    e2e_open(&s.t, "v1join");
    three_of_ours(&s);
    v1_joins(&s);
    its_operations(&s);
    its_health(&s);
    heartbeats_pass_both_ways(&s);
    v1_pulled_the_csk(&s);
    v1_gives_the_csk(&s);
    the_others_return(&s);
    v1_ends(&s);
    return e2e_close(&s.t);
}
