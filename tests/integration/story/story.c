/*  story -- a bring-up of two nodes, tapped: the tap tells everything, and nothing tells a key.  */
#include "story.h"
#include "tapped.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOIN_MS 60000
#define ATTACH_MS 1500 /* three times the longest pause between two attempts to connect */

bool
story_whole(struct e2e *t, void *arg)
{
    (void)arg;
    return e2e_all_live(t, 0, SCAN_NODES - 1) && e2e_same_csk(t, 0, SCAN_NODES - 1);
}

/* Tap and reader are there before the first service is; guest agent and chain do not answer until
 * both have found all endpoints: a reader without snapshots must not miss what is said once. */
static void
bring_up(struct story *s)
{
    struct e2e *t = &s->t;
    struct am_error err = {0};
    char program[600], frames[600];
    const char *const argv[] = {program, "tap", "--run", s->run, NULL};
    int64_t took;

    for (unsigned i = 0; i < SCAN_NODES; i++)
        e2e_add(t);
    s->node = &t->world.nodes[0];
    snprintf(s->run, sizeof s->run, "%s/run", s->node->dir);
    snprintf(s->tap_log, sizeof s->tap_log, "%s/tap.log", t->dir);
    snprintf(frames, sizeof frames, "%s/pub.frames", t->dir);
    snprintf(program, sizeof program, "%s/attestmesh", t->bin);
    if ((mkdir(s->node->dir, 0700) != 0 && errno != EEXIST) || mkdir(s->run, 0700) != 0 ||
        !reader_open(&s->reader, t->loop, s->run, frames))
        e2e_need(t, am_fail(&err, AM_INTERNAL, "%s: %s", s->run, strerror(errno)), &err, "reader");
    e2e_need(t, dn_start(&s->tap, &(struct dn_spawn){.argv = argv, .log = s->tap_log}, &err), &err,
             "tap");
    e2e_need(t, dn_chain_tick(1, &err), &err, "blocks");
    kill(t->world.chain.anvil, SIGSTOP);
    e2e_need(t, dn_node_start(&t->world, s->node, &err), &err, "node");
    kill(s->node->guest_agent, SIGSTOP);
    for (unsigned i = 0; i < SCAN_NODES; i++)
        e2e_start(t, &t->world.nodes[i]);
    e2e_pause(t, ATTACH_MS);
    kill(s->node->guest_agent, SIGCONT);
    kill(t->world.chain.anvil, SIGCONT);
    took = e2e_until(t, story_whole, NULL, JOIN_MS);
    e2e_check(t, took >= 0, "two nodes come up under the eyes of a tap", "%lld ms; %s",
              (long long)took, e2e_watch(t, s->node)->reason);
    e2e_pause(t, 3000); /* operations are confirmed, heartbeats are signed */
}

/* The first that was answered: one may be refused while keyagent waits for the view. */
static size_t
granted(const struct tapped *tap, size_t from, const char *method)
{
    size_t at = from, reply = TAPPED_NONE;

    while (reply == TAPPED_NONE &&
           (at = tapped_find(tap, at, "request", method, NULL, NULL)) != TAPPED_NONE)
        reply = tapped_reply(tap, at++);
    return reply;
}

static void
its_operations(struct story *s, const struct tapped *tap)
{
    static const char *const states[] = {"asked", "sponsored", "signed", "sent", "included"};
    size_t at = 0, prove, sign;

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        at = tapped_operation(tap, at, "register", states[i]);
        e2e_check(&s->t, at != TAPPED_NONE, "the registration goes through its states, in order",
                  "%s", states[i]);
    }
    prove = granted(tap, 0, "keyagent.prove");
    e2e_check(&s->t, prove != TAPPED_NONE, "the proof was asked for and given, with its time", "%s",
              "");
    sign = granted(tap, prove, "keyagent.sign_operation");
    e2e_check(&s->t, sign != TAPPED_NONE && at != TAPPED_NONE && sign < at,
              "then the signature, and only then the inclusion", "%s", "");
}

static void
its_story(struct story *s)
{
    static const struct {
        const char *name, *field, *text, *what;
    } facts[] = {
        {"keyagent.identity", "phase", "ready", "who the node is"},
        {"chain.view", NULL, NULL, "what the chain says"},
        {"mesh.node", "registered", "true", "that it is a member"},
        {"mesh.node", "first_converged", "true", "that the gate has opened"},
        {"mesh.node", "healthy", "true", "that it is healthy"},
    };
    struct e2e *t = &s->t;
    struct tapped tap;
    size_t at = 0, count, none;

    tapped_open(&tap, s->tap_log);
    e2e_check(t, tap.broken == 0 && json_array_size(tap.lines) > 0,
              "every line of the tap is one JSON object", "%zu lines, %zu not",
              json_array_size(tap.lines), tap.broken);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        at = tapped_find(&tap, at, "fact", facts[i].name, facts[i].field, facts[i].text);
        e2e_check(t, at != TAPPED_NONE, "the tap tells, in this order", "%s", facts[i].what);
    }
    at = tapped_find(&tap, 0, "fact", "mesh.node", "registered", "true");
    at = tapped_find(&tap, at, "fact", "keyagent.csk", "held", "true");
    e2e_check(t, at != TAPPED_NONE, "the tap tells that the CSK is held, after the registration",
              "%s", "");
    its_operations(s, &tap);
    none = tapped_unanswered(&tap, 2000, &count);
    e2e_check(t, none == 0 && count > 0, "each request has its reply", "%zu requests, %zu without",
              count, none);
    at = tapped_reply(&tap, tapped_find(&tap, 0, "request", "keyagent.wg_key", NULL, NULL));
    e2e_check(t,
              at != TAPPED_NONE &&
                  tapped_find(&tap, at, "reply", "keyagent.wg_key", "sealed", "<secret 80>") == at,
              "a sealed key is shown as so many secret bytes", "%s", "");
    tapped_close(&tap);
}

static void
by_name(struct story *s)
{
    struct reader *r = &s->reader;
    struct e2e *t = &s->t;

    for (int i = 0; i < BUS_TOPIC_COUNT; i++)
        e2e_check(t, r->seen[i] > 0, "msgpack-c reads each field of a fact by its name",
                  "%s, %u times", bus_topic_row((enum bus_topic)i)->name, r->seen[i]);
    e2e_check(t, r->wrong == 0 && r->beacons > 0 && r->traces > 0,
              "no frame of any .pub endpoint says anything else",
              "%u beacons, %u traces, %u wrong%s%s", r->beacons, r->traces, r->wrong,
              r->wrong > 0 ? ": " : "", r->why);
}

static void
tell(struct story *s, const struct scan_found *f, const char *what, const char *of)
{
    e2e_check(&s->t, f->places == 0 && f->looked > 0 && f->bytes > 0, what,
              "%u %s, %llu KiB; %u kept from us; %u allowed; %u not allowed", f->looked, of,
              (unsigned long long)(f->bytes >> 10), f->refused, f->allowed, f->places);
    for (unsigned i = 0; i < f->places && i < sizeof f->where / sizeof f->where[0]; i++)
        printf("     %s\n", f->where[i]);
}

/* The searches find what is there: a key in each form, and a key that lies about in a process. */
static void
search_works(struct story *s)
{
    struct e2e *t = &s->t;
    struct holders h = {.core = {0}};
    unsigned tried, missed = scan_missed(SCAN_NODES, &tried);
    pid_t leak = 0;

    e2e_check(t, missed == 0, "the search finds a key wherever it stands in bytes, hex, base64",
              "%u tried, %u missed", tried, missed);
    leak_start(t, &leak);
    holders_process(&h, t, leak);
    dn_stop(&leak, SIGKILL, 1000);
    e2e_check(t, h.core.places > 0 && h.memory.places == h.core.places + 1,
              "a key that lies about is found in a core, the one in locked memory only outside it",
              "%u in memory, %u in a core", h.memory.places, h.core.places);
}

static void
no_key(struct story *s)
{
    struct e2e *t = &s->t;
    struct holders h;
    struct scan_found f;

    holders_open(t, e2e_watch(t, &t->world.nodes[0])->originator ? 0 : 1);
    search_works(s);
    holders_processes(&h, t);
    tell(s, &h.memory, "no process holds a key that the table does not give it", "processes");
    e2e_check(t, h.memory.allowed > 0, "those that the table names do hold theirs", "%u places",
              h.memory.allowed);
    tell(s, &h.core, "no core would hold a key that the table does not give it", "processes");
    holders_files(&f, t->dir);
    tell(s, &f, "no file of the run folder holds a key: logs, state, tap, messages", "files");
}

int
main(int argc, char **argv)
{
    static struct story s;
    struct scan_found f;

    if (argc == 2 && strcmp(argv[1], "leak") == 0)
        return leak_main();
    e2e_open(&s.t, "story");
    bring_up(&s);
    its_story(&s);
    no_key(&s);
    absent_each(&s);
    absent_all(&s);
    by_name(&s);
    reader_close(&s.reader);
    dn_stop(&s.tap, SIGTERM, 3000);
    holders_files(&f, s.t.dir);
    tell(&s, &f, "nor do they when all is over", "files");
    return e2e_close(&s.t);
}
