/*  sp_gate -- one operation after another through the policy: facts, caps, counting, the answer.
 *
 *  One thread, one loop: the HTTP server, the RPC client and this share libev's.  A case that needs
 *  a fact waits for it while others go on; a case that is granted waits for sp_gate_flush, which
 *  makes all grants of this turn of the loop durable with one commit and only then lets them go.
 *
 *  Clock: monotonic for the cache, wall (UTC day) for the caps.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_GATE_H
#define SP_GATE_H

#include "sp_lookup.h"
#include "sp_record.h"
#include "sp_store.h"

struct sp_gate;

struct sp_case { /* the asker's memory until done is called */
    enum sp_route route;
    struct sp_ask ask;
    uint64_t gwei;                   /* the most it can cost our paymaster */
    bool counts;                     /* a grant is counted, and durable before done is called */
    const char *computed, *received; /* Pimlico's signatures, for the record; may be NULL */
    void (*done)(struct sp_case *c); /* reason is there; may be called inside sp_gate_judge */
    enum sp_reason reason;

    struct sp_gate *gate; /* from here on the gate's */
    struct sp_facts facts;
    enum sp_fact need;
    struct sp_waiter waiter;
    struct sp_case *next;
};

/* In:      lookup, store, rules  borrowed for its life
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED, AM_DATA_LOSS (the store) */
int sp_gate_open(struct sp_gate **gate, struct sp_lookup *lookup, struct sp_store *store,
                 const struct sp_rules *rules, struct am_error *err) AM_MUST_CHECK;
void sp_gate_close(struct sp_gate **gate); /* after the lookup's RPC, and a last flush */

void sp_gate_judge(struct sp_gate *gate, struct sp_case *c);

/* Commit what was granted since the last time, and end those cases.  If the disk refuses, they end
 * as internal-error: nothing is granted that is not counted. */
void sp_gate_flush(struct sp_gate *gate);
bool sp_gate_waits(const struct sp_gate *gate); /* for a flush */

/* A fact about a cluster, for /check and /healthz; as sp_lookup_ask. */
enum sp_truth sp_gate_fact(struct sp_gate *gate, enum sp_fact fact,
                           const uint8_t cluster[static 20], struct sp_waiter *waiter);
/* Whether a deployed cluster is served, and the caps of today leave room for it. */
int sp_gate_room(struct sp_gate *gate, const uint8_t cluster[static 20], bool *room,
                 struct am_error *err) AM_MUST_CHECK;

/* A request that failed before it was a case: kept as the last decision.
 * In:      stage  static text: "verify", "parse" */
void sp_gate_note(struct sp_gate *gate, enum sp_route route, const char *stage, const char *reason,
                  const char *computed, const char *received);
/* JSON, "" when there is none; good until the next call. */
const char *sp_gate_last(struct sp_gate *gate, enum sp_last which);
uint64_t sp_gate_decided(const struct sp_gate *gate, enum sp_route route, enum sp_reason reason);

#endif
