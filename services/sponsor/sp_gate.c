/*  sp_gate -- one operation after another through the policy: facts, caps, counting, the answer.
 */
#include "sp_gate.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000

struct sp_gate {
    struct sp_lookup *lookup;
    struct sp_store *store;
    const struct sp_rules *rules;
    struct sp_case *granted; /* not yet durable */
    struct sp_record last[SP_LAST_COUNT];
    char told[SP_LAST_COUNT][SP_RECORD_TEXT]; /* as text; at first what the store kept */
    uint64_t decided[SP_ROUTE_COUNT][SP_REASON_COUNT];
};

static uint64_t
today(void)
{
    return (uint64_t)am_wall_ms() / DAY_MS;
}

static void
note(struct sp_gate *g, enum sp_route route, const char *stage, const char *deny,
     const uint8_t *sender, const char *computed, const char *received)
{
    struct sp_record r = {.at_ms = am_wall_ms(), .route = route, .stage = stage, .deny = deny};

    if ((r.decided = sender != NULL))
        memcpy(r.sender, sender, 20);
    if (computed != NULL)
        am_str_copy(r.computed, sizeof r.computed, am_str_of(computed));
    if (received != NULL)
        am_str_copy(r.received, sizeof r.received, am_str_of(received));
    g->last[SP_LAST_ANY] = r;
    if (route == SP_PIMLICO)
        g->last[SP_LAST_PIMLICO] = r;
}

static void
note_case(struct sp_gate *g, const struct sp_case *c)
{
    note(g, c->route, "decision", c->reason == SP_APPROVED ? NULL : sp_reason_text(c->reason),
         c->ask.sender, c->computed, c->received);
}

static void
finish(struct sp_case *c)
{
    char sender[41], cluster[41]; /* all zero: not known */

    am_hex(sender, c->ask.sender, 20);
    am_hex(cluster, c->facts.cluster, 20);
    am_log(c->reason == SP_APPROVED ? AM_INFO : AM_WARN, "sponsor.decided",
           "route=%s sender=0x%s cluster=0x%s counted=%d outcome=%s", sp_route_text(c->route),
           sender, cluster, c->counts && c->reason == SP_APPROVED, sp_reason_text(c->reason));
    c->gate->decided[c->route][c->reason]++;
    c->done(c);
}

static void
decide(struct sp_case *c, enum sp_reason reason)
{
    struct sp_gate *g = c->gate;
    struct am_error err = {0};
    struct sp_spent spent;
    int r = AM_OK;

    if (reason == SP_APPROVED && (r = sp_store_spent(g->store, &spent, today(), c->ask.sender,
                                                     c->facts.cluster, &err)) == AM_OK)
        reason = sp_policy_cap(g->rules, &spent, c->gwei);
    if (r == AM_OK && reason == SP_APPROVED && c->counts)
        r = sp_store_add(g->store, today(), c->ask.sender, c->facts.cluster, c->gwei, &err);
    if (r != AM_OK) {
        am_log(AM_ERROR, "sponsor.not_counted", "reason=\"%s\"", err.text);
        reason = SP_INTERNAL;
    }
    c->reason = reason;
    if (reason == SP_APPROVED && c->counts) {
        c->next = g->granted;
        g->granted = c;
        return;
    }
    note_case(g, c);
    finish(c);
}

static void on_fact(void *arg, enum sp_truth truth, const uint8_t value[static 20]);

static void
take(struct sp_case *c, enum sp_truth truth, const uint8_t value[static 20])
{
    c->facts.is[c->need] = truth;
    if (c->need == SP_CLUSTER_OF && truth == SP_YES)
        memcpy(c->facts.cluster, value, 20);
}

static void
go_on(struct sp_case *c)
{
    struct sp_gate *g = c->gate;
    enum sp_reason reason;

    while ((reason = sp_policy_judge(&c->need, g->rules, &c->ask, &c->facts)) == SP_WAITS) {
        struct sp_subject subject = {.fact = c->need};
        enum sp_truth truth;
        uint8_t value[20];

        if (c->need == SP_DEPLOYED || c->need == SP_APP_ALLOWED)
            memcpy(subject.cluster, c->facts.cluster, 20);
        if (c->need != SP_DEPLOYED)
            memcpy(subject.account, c->ask.sender, 20);
        c->waiter = (struct sp_waiter){.fn = on_fact, .arg = c};
        truth = sp_lookup_ask(g->lookup, value, &subject, &c->waiter);
        if (truth == SP_UNASKED)
            return;
        take(c, truth, value);
    }
    decide(c, reason);
}

static void
on_fact(void *arg, enum sp_truth truth, const uint8_t value[static 20])
{
    take(arg, truth, value);
    go_on(arg);
}

void
sp_gate_judge(struct sp_gate *g, struct sp_case *c)
{
    c->gate = g;
    memset(&c->facts, 0, sizeof c->facts);
    go_on(c);
}

void
sp_gate_flush(struct sp_gate *g)
{
    const char *last[SP_LAST_COUNT] = {NULL};
    struct sp_case *c = g->granted, *next;
    struct am_error err = {0};
    int r;

    if (c == NULL)
        return;
    g->granted = NULL;
    for (next = c; next != NULL; next = next->next)
        note_case(g, next);
    for (int i = 0; i < SP_LAST_COUNT; i++)
        last[i] = *sp_gate_last(g, (enum sp_last)i) != '\0' ? g->told[i] : NULL;
    if ((r = sp_store_commit(g->store, last, &err)) != AM_OK)
        am_log(AM_ERROR, "sponsor.not_counted", "reason=\"%s\"", err.text);
    for (; c != NULL; c = next) {
        next = c->next;
        if (r != AM_OK) {
            c->reason = SP_INTERNAL;
            note_case(g, c);
        }
        finish(c);
    }
}

bool
sp_gate_waits(const struct sp_gate *g)
{
    return g->granted != NULL;
}

enum sp_truth
sp_gate_fact(struct sp_gate *g, enum sp_fact fact, const uint8_t cluster[static 20],
             struct sp_waiter *waiter)
{
    struct sp_subject subject = {.fact = fact};
    uint8_t value[20];

    memcpy(subject.cluster, cluster, 20);
    return sp_lookup_ask(g->lookup, value, &subject, waiter);
}

int
sp_gate_room(struct sp_gate *g, const uint8_t cluster[static 20], bool *room, struct am_error *err)
{
    static const uint8_t nobody[20];
    struct sp_spent spent;
    int r = sp_store_spent(g->store, &spent, today(), nobody, cluster, err);

    *room = r == AM_OK && sp_policy_serves(g->rules, cluster) &&
            sp_policy_cap(g->rules, &spent, 0) == SP_APPROVED;
    return r;
}

void
sp_gate_note(struct sp_gate *g, enum sp_route route, const char *stage, const char *reason,
             const char *computed, const char *received)
{
    note(g, route, stage, reason, NULL, computed, received);
    am_log(AM_WARN, "sponsor.refused", "route=%s stage=%s outcome=%s", sp_route_text(route), stage,
           reason);
}

const char *
sp_gate_last(struct sp_gate *g, enum sp_last which)
{
    if (g->last[which].at_ms != 0)
        sp_record_text(g->told[which], &g->last[which]);
    return g->told[which];
}

uint64_t
sp_gate_decided(const struct sp_gate *g, enum sp_route route, enum sp_reason reason)
{
    return g->decided[route][reason];
}

int
sp_gate_open(struct sp_gate **gate, struct sp_lookup *lookup, struct sp_store *store,
             const struct sp_rules *rules, struct am_error *err)
{
    struct sp_gate *g = calloc(1, sizeof *g);
    int r = AM_OK;

    *gate = NULL;
    if (g == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor: no memory");
    g->lookup = lookup;
    g->store = store;
    g->rules = rules;
    for (int i = 0; r == AM_OK && i < SP_LAST_COUNT; i++) {
        char *text;

        r = sp_store_last(store, (enum sp_last)i, &text, err);
        if (text != NULL && strlen(text) < SP_RECORD_TEXT)
            strcpy(g->told[i], text);
        free(text);
    }
    if (r != AM_OK)
        sp_gate_close(&g);
    *gate = g;
    return r;
}

void
sp_gate_close(struct sp_gate **gate)
{
    free(*gate);
    *gate = NULL;
}
