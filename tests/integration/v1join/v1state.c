/*  v1state -- one member, one state folder: a v1 node, then ours, then the v1 node again.  */
#include "v1_peer.h"

#include "../../../common/base/am_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define JOIN_MS 60000
#define ALONE_MS 20000 /* nobody else is up */
#define KEPT_MS 10000  /* the files follow what happened by some seconds */
#define KNOWN_MS 20000 /* one question each 2 s */
#define CURSOR "indexer-cursor.v1"
#define PEERS "peer-ed25519.v1"

enum { OTHER, OURS }; /* indices: the originator, and the member that is v1's and ours in turn */

struct story {
    struct e2e t;
    struct v1_peer v1;
    char folder[600];
    unsigned runs, operations; /* v1's starts; the member's operations at its first end */
    uint64_t block;            /* of the cursor file that the one before has left */
    uint64_t seen, events;     /* indexer.cursor of ours */
    bool seen_ready;
};

static size_t
read_file(const struct story *s, const char *name, uint8_t out[static 256])
{
    size_t len = 0;

    return am_file_read(s->folder, name, out, 256, &len, NULL) == AM_OK ? len : 0;
}

/* The block of the cursor file, 0 when there is none. */
static uint64_t
cursor_block(const struct story *s)
{
    uint8_t bytes[256];

    return read_file(s, CURSOR, bytes) == 69 ? am_rd64(bytes + 53) : 0;
}

static void
check_folder(struct story *s, const char *whose)
{
    uint8_t bytes[256];
    struct e2e *t = &s->t;
    char what[80];

    snprintf(what, sizeof what, "%s leaves the three files, closed to others", whose);
    e2e_check(t,
              am_file_read(s->folder, "csk.v1", bytes, 0, &(size_t){0}, NULL) == AM_OUT_OF_RANGE &&
                  read_file(s, PEERS, bytes) == 64 && cursor_block(s) > 0,
              what, "%zu bytes of " PEERS ", cursor at %llu", read_file(s, PEERS, bytes),
              (unsigned long long)cursor_block(s));
}

static const char *
v1_said(const struct story *s, const char *step, const char *field)
{
    static char text[256];
    json_t *all = v1_peer_lines(&s->v1, step);
    const json_t *last = json_array_get(all, json_array_size(all) - 1);
    const json_t *value = json_object_get(last, field);

    text[0] = '\0';
    if (json_is_string(value))
        snprintf(text, sizeof text, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    json_decref(all);
    return text;
}

static bool
v1_healthy(struct e2e *t, void *arg)
{
    struct story *s = arg;

    (void)t;
    return v1_peer_count(&s->v1, "phase", "phase", "healthy") == s->runs || !v1_peer_runs(&s->v1);
}

static bool
v1_kept_more(struct e2e *t, void *arg)
{
    struct story *s = arg;

    (void)t;
    return cursor_block(s) > s->block;
}

static void
v1_runs(struct story *s, const char *what)
{
    struct e2e *t = &s->t;
    char commitment[V1_ID_TEXT];
    int64_t took;

    s->runs++;
    took = e2e_until(t, v1_healthy, s, JOIN_MS);
    e2e_check(t, took >= 0 && v1_peer_runs(&s->v1), what, "%lld ms", (long long)took);
    v1_id_text(commitment, t->watches[OTHER].commitment);
    e2e_check(t, strcmp(v1_said(s, "csk-held", "commitment"), commitment) == 0,
              "its CSK has the commitment of the cluster", "%s", commitment);
    e2e_check(t, v1_peer_count(&s->v1, "state-ignored", NULL, NULL) == 0,
              "it ignores no file of its folder", "%s", v1_said(s, "state-ignored", "reason"));
    s->block = cursor_block(s);
    took = e2e_until(t, v1_kept_more, s, KEPT_MS);
    e2e_check(t, took >= 0, "it moves its cursor", "from %llu to %llu",
              (unsigned long long)s->block, (unsigned long long)cursor_block(s));
}

static void
v1_ends(struct story *s)
{
    int status = v1_peer_end(&s->v1, 10000);

    e2e_check(&s->t, status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "SIGTERM ends the v1 node", "wait status %d", status);
    check_folder(s, "the v1 node");
    s->block = cursor_block(s);
}

static bool
other_originates(struct e2e *t, void *arg)
{
    static const uint8_t none[32];

    (void)arg;
    return t->watches[OTHER].csk && memcmp(t->watches[OTHER].commitment, none, 32) != 0;
}

static void
v1_is_first(struct story *s)
{
    struct e2e *t = &s->t;
    struct am_error err = {0};
    int64_t took;
    bool twice;

    e2e_add(t);
    e2e_need(t, dn_chain_tick(1, &err), &err, "blocks");
    e2e_start(t, &t->world.nodes[OTHER]);
    took = e2e_until(t, other_originates, NULL, JOIN_MS);
    e2e_check(t, took >= 0, "another member has committed the CSK", "%lld ms; %s", (long long)took,
              t->watches[OTHER].reason);
    v1_peer_start(t, &s->v1);
    snprintf(s->folder, sizeof s->folder, "%s/state", s->v1.node->dir);
    v1_runs(s, "a v1 node joins, with a state folder");
    v1_ends(s);
    s->operations = e2e_operations(t, s->v1.node->member, &twice);
}

static void
on_cursor(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct indexer_cursor *c = fact;
    struct story *s = arg;

    (void)topic;
    s->seen_ready = change == BUS_VALUE && am_str_eq(c->phase, "ready") && c->reason.len == 0;
    s->seen = change == BUS_VALUE ? c->block_number : 0;
    s->events = change == BUS_VALUE ? c->events : 0;
}

static bool
ours_from_the_folder(struct e2e *t, void *arg)
{
    const struct watch *w = &t->watches[OURS];
    struct story *s = arg;

    return w->csk && w->csk_held && w->registered && s->seen_ready && s->seen > s->block;
}

/* The only other holder is off: what ours has without it, it has from the folder and its TEE. */
static void
ours_takes_over(struct story *s)
{
    struct e2e *t = &s->t;
    const struct watch *w = &t->watches[OURS], *other = &t->watches[OTHER];
    uint8_t commitment[32];
    struct am_error err = {0};
    int64_t took;
    bool twice;

    memcpy(commitment, other->commitment, 32);
    dn_node_off(&t->world.nodes[OTHER]);
    e2e_start(t, &t->world.nodes[OURS]);
    e2e_need(t, bus_subscribe(w->bus, BUS_TOPIC_indexer_cursor, on_cursor, s, &err), &err,
             "indexer.cursor");
    took = e2e_until(t, ours_from_the_folder, s, ALONE_MS);
    e2e_check(t, took >= 0, "ours is that member, on that folder, while nobody else is up",
              "%lld ms; %s: %s", (long long)took, w->phase, w->reason);
    e2e_check(t, strcmp(w->csk_source, "cached") == 0 && memcmp(w->commitment, commitment, 32) == 0,
              "it has the CSK, and from the cache", "%s", w->csk_source);
    e2e_check(t, s->events == 0 && s->seen > s->block,
              "its indexer goes on behind v1's cursor: what was before is not read again",
              "cursor %llu, at %llu, %llu events", (unsigned long long)s->block,
              (unsigned long long)s->seen, (unsigned long long)s->events);
    e2e_check(t, e2e_operations(t, s->v1.node->member, &twice) == s->operations,
              "its identity is the one on chain: no operation", "%u", s->operations);
}

static bool
both_known(struct e2e *t, void *arg)
{
    (void)arg;
    for (unsigned i = OTHER; i <= OURS; i++)
        if (!t->watches[i].live || t->watches[i].csk_holders != 2 || t->watches[i].csk_members != 2)
            return false;
    return true;
}

static void
both_hold(struct story *s)
{
    struct e2e *t = &s->t;
    const struct watch *w = &t->watches[OURS];
    int64_t took;

    e2e_check(t, w->csk_holders == 1 && w->csk_members == 2, "it knows of one holder, itself",
              "%llu of %llu", (unsigned long long)w->csk_holders,
              (unsigned long long)w->csk_members);
    e2e_start(t, &t->world.nodes[OTHER]);
    took = e2e_until(t, both_known, s, JOIN_MS + KNOWN_MS);
    e2e_check(t, took >= 0, "the other comes back; each learns that both hold the CSK",
              "%lld ms, %llu and %llu of 2", (long long)took,
              (unsigned long long)t->watches[OTHER].csk_holders,
              (unsigned long long)w->csk_holders);
    e2e_check(t, strcmp(w->csk_source, "cached") == 0, "to have asked changes nothing", "%s",
              w->csk_source);
}

static void
ours_ends(struct story *s)
{
    dn_node_stop(&s->t.world.nodes[OURS], SIGTERM);
    check_folder(s, "ours");
    e2e_check(&s->t, cursor_block(s) > s->block, "and its cursor is behind v1's", "%llu, %llu",
              (unsigned long long)s->block, (unsigned long long)cursor_block(s));
    s->block = cursor_block(s);
}

static void
v1_takes_over(struct story *s, const char *what)
{
    struct e2e *t = &s->t;
    char block[24];
    bool twice;

    snprintf(block, sizeof block, "%llu", (unsigned long long)s->block);
    v1_peer_again(t, &s->v1);
    v1_runs(s, what);
    e2e_check(t, strcmp(v1_said(s, "csk-held", "from"), "cache") == 0,
              "it has the CSK from the cache", "from %s", v1_said(s, "csk-held", "from"));
    e2e_check(t, strcmp(v1_said(s, "state", "learned"), "1") == 0, "it knows its peer's key", "%s",
              v1_said(s, "state", "learned"));
    e2e_check(t, strcmp(v1_said(s, "state", "block"), block) == 0,
              "its cursor is the one that ours has left", "%s", v1_said(s, "state", "block"));
    e2e_check(t, e2e_operations(t, s->v1.node->member, &twice) == s->operations,
              "its identity is still the one on chain: no operation", "%u", s->operations);
}

static bool
ours_pulled(struct e2e *t, void *arg)
{
    const struct watch *w = &t->watches[OURS];
    struct story *s = arg;

    return w->live && w->healthy && s->seen_ready && cursor_block(s) > 0;
}

/* v1 read its own csk.v1 until now: this one is of ours. */
static void
ours_begins_anew(struct story *s)
{
    struct e2e *t = &s->t;
    struct am_error err = {0};
    int64_t took;

    e2e_need(t, dn_node_forget(&t->world.nodes[OURS], &err), &err, "forget");
    s->block = 0;
    e2e_start(t, &t->world.nodes[OURS]);
    took = e2e_until(t, ours_pulled, s, JOIN_MS);
    e2e_check(t, took >= 0 && strcmp(t->watches[OURS].csk_source, "pulled") == 0,
              "ours with an empty folder pulls the CSK", "%lld ms; %s", (long long)took,
              t->watches[OURS].reason);
    ours_ends(s);
}

int
main(void)
{
    static struct story s;

    e2e_open(&s.t, "v1state");
    v1_is_first(&s);
    ours_takes_over(&s);
    both_hold(&s);
    ours_ends(&s);
    v1_takes_over(&s, "the v1 node is back on the folder that ours has left");
    v1_ends(&s);
    ours_begins_anew(&s);
    v1_takes_over(&s, "the v1 node starts on a folder that only ours has written");
    return e2e_close(&s.t);
}
