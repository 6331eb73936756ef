/*  chain_effect -- what a view says about one operation: done, to do, not yet, or never.  */
#include "chain_effect.h"

#include <stdio.h>
#include <string.h>

static enum chain_verdict
say(char *reason, enum chain_verdict verdict, const char *text)
{
    snprintf(reason, CHAIN_REASON, "%s", text);
    return verdict;
}

static enum chain_verdict
judge_register(char *reason, const struct chain_snapshot *s, const struct chain_self *self)
{
    if (!self->ready)
        return say(reason, CHAIN_EFFECT_BLOCKED, "keyagent: expected an identity, got none yet");
    if (!s->registered)
        return CHAIN_EFFECT_MISSING;
    if (memcmp(s->own.x_pub, self->x_pub, 32) == 0 && memcmp(s->own.wg_pub, self->wg_pub, 32) == 0)
        return CHAIN_EFFECT_DONE;
    return say(reason, CHAIN_EFFECT_NEVER,
               "memberOf: expected the keys that this TEE derives, got a record with other keys; "
               "this member contract belongs to another app or KMS");
}

static enum chain_verdict
judge_commit(char *reason, const struct chain_work *w, const struct chain_snapshot *s,
             const struct chain_self *self)
{
    if (memcmp(s->commitment, w->value, 32) == 0)
        return CHAIN_EFFECT_DONE;
    if (!am_is_zero(s->commitment, 32))
        return say(reason, CHAIN_EFFECT_NEVER,
                   "cskCommitment: expected none or our own, got another commitment");
    if (!self->csk_held || memcmp(self->commitment, w->value, 32) != 0)
        return say(reason, CHAIN_EFFECT_BLOCKED,
                   "keyagent: expected to hold the CSK of this commitment, got none");
    if (s->count == 0 || memcmp(s->peers[0].id, s->member_id, 32) != 0)
        return say(reason, CHAIN_EFFECT_BLOCKED,
                   "listMembers: expected the own id first, got another originator");
    if (!s->originator_confirmed)
        return say(reason, CHAIN_EFFECT_BLOCKED,
                   "own registration: expected it ATTESTMESH_CONFIRMATIONS deep, got less");
    return CHAIN_EFFECT_MISSING;
}

static enum chain_verdict
judge_publish(char *reason, const struct chain_work *w, const struct chain_snapshot *s,
              const struct chain_self *self)
{
    const struct chain_peer *own = chain_snapshot_find(s, s->member_id);

    if (own != NULL && memcmp(own->ed25519_pub, w->value, 32) == 0)
        return CHAIN_EFFECT_DONE;
    if (!self->ready)
        return say(reason, CHAIN_EFFECT_BLOCKED, "keyagent: expected an identity, got none yet");
    if (memcmp(self->ed25519_pub, w->value, 32) != 0)
        return say(reason, CHAIN_EFFECT_NEVER, "keyagent has another Ed25519 key by now");
    if (!s->ed25519_on_chain)
        return say(reason, CHAIN_EFFECT_BLOCKED,
                   "facetAddress: expected publishEd25519Key to be installed, got zero");
    if (own == NULL)
        return say(reason, CHAIN_EFFECT_BLOCKED, "the own member is not registered yet");
    return CHAIN_EFFECT_MISSING;
}

/* A message leaves nothing in the view: its inclusion is its effect. */
static enum chain_verdict
judge_message(char *reason, const struct chain_work *w, const struct chain_snapshot *s)
{
    if (w->state == CHAIN_INCLUDED || w->state == CHAIN_CONFIRMED)
        return CHAIN_EFFECT_DONE;
    if (!s->registered)
        return say(reason, CHAIN_EFFECT_BLOCKED, "the own member is not registered yet");
    if (w->sequence >= CHAIN_ATTEMPTS) /* so often it was included, paid for, and reverted */
        return say(reason, CHAIN_EFFECT_NEVER,
                   "given up: included again and again, without effect");
    return CHAIN_EFFECT_MISSING;
}

enum chain_verdict
chain_effect_judge(char reason[static CHAIN_REASON], const struct chain_work *w,
                   const struct chain_snapshot *s, const struct chain_self *self)
{
    reason[0] = '\0';
    switch (w->purpose) {
    case CHAIN_REGISTER:
        return judge_register(reason, s, self);
    case CHAIN_COMMIT:
        return judge_commit(reason, w, s, self);
    case CHAIN_PUBLISH:
        return judge_publish(reason, w, s, self);
    default:
        return judge_message(reason, w, s);
    }
}
