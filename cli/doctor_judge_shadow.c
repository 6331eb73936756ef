/*  doctor_judge_shadow -- a running v1 node held against the chain, before it is replaced.  */
#include "doctor_judge.h"

#include <string.h>

typedef unsigned long long number;

void
doctor_judge_shadow_health(struct doctor_report *r, const struct doctor_seen_shadow *seen)
{
    const enum doctor_check id = DOCTOR_SHADOW_HEALTH;

    if (seen->err.code != AM_OK)
        doctor_bad(r, id, "%s", seen->err.text);
    else if (strcmp(seen->phase, "healthy") != 0 || !seen->csk_acquired)
        doctor_warn(r, id, "phase %s, CSK %s, %llu live peers", seen->phase,
                    seen->csk_acquired ? "held" : "not held", (number)seen->live_peers);
    else
        doctor_ok(&r->lines[id], "healthy, CSK held, %llu live peers%s", (number)seen->live_peers,
                  seen->indexer_connected ? ", indexer connected" : "");
    if (r->lines[id].outcome == DOCTOR_WARN)
        doctor_cause(&r->lines[id], "replace a node while it is healthy: wait, or find out why");
}

static bool
is_member(const struct doctor_seen_shadow *seen, const uint8_t id[static 32])
{
    for (size_t i = 0; i < seen->members && i < 256; i++)
        if (memcmp(seen->member_ids[i], id, 32) == 0)
            return true;
    return false;
}

void
doctor_judge_shadow_record(struct doctor_report *r, const struct doctor_seen_shadow *seen)
{
    const enum doctor_check id = DOCTOR_SHADOW_RECORD;
    char text[65];

    if (seen->chain_err.code != AM_OK) {
        doctor_bad(r, id, "%s", seen->chain_err.text);
        return;
    }
    if (!seen->registered) {
        doctor_bad(r, id, "a node answers, and its member is not registered");
        return;
    }
    for (size_t i = 0; i < seen->transports; i++) {
        am_hex(text, seen->transport_ids[i], 32);
        if (memcmp(seen->transport_ids[i], seen->own_id, 32) == 0) {
            doctor_bad(r, id, "it names our own member 0x%.16s.. as a peer: another node", text);
            return;
        }
        if (!is_member(seen, seen->transport_ids[i])) {
            doctor_bad(r, id, "its peer 0x%.16s.. is no member of the cluster", text);
            return;
        }
    }
    if (seen->live_peers + 1 > seen->members)
        doctor_bad(r, id, "%llu live peers in a cluster of %llu", (number)seen->live_peers,
                   (number)seen->members);
    else if (seen->csk_acquired && !seen->committed)
        doctor_bad(r, id, "it holds a CSK, and the cluster has no commitment");
    else if (seen->cursor_block > seen->head)
        doctor_bad(r, id, "its indexer cursor, block %llu, is beyond our head %llu",
                   (number)seen->cursor_block, (number)seen->head);
    else
        doctor_ok(&r->lines[id], "member registered, %zu peers all members of %llu, commitment %s",
                  seen->transports, (number)seen->members, seen->committed ? "set" : "not set");
}
