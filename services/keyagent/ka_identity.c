/*  ka_identity -- the bring-up: Version, Info, each key of the start, then the proof of them all.
 */
#include "ka_identity.h"

#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"
#include "ka_origin.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { STEP_VERSION, STEP_INFO, STEP_KEYS }; /* STEP_KEYS + enum ka_key */
#define STEP_PROOF (STEP_KEYS + (unsigned)KA_KEYS_AT_START)

static void ask(struct ka_identity *id);

const char *
ka_phase_name(enum ka_phase phase)
{
    static const char *const names[] = {"starting", "refused", "ready"};

    return names[phase];
}

unsigned
ka_retry_most_ms(unsigned failures)
{
    unsigned ms = KA_RETRY_FIRST_MS;

    while (failures-- > 1 && ms < KA_RETRY_MOST_MS)
        ms *= 2;
    return ms < KA_RETRY_MOST_MS ? ms : KA_RETRY_MOST_MS;
}

static void
say(struct ka_identity *id, enum ka_phase phase, const char *reason)
{
    if (id->phase == phase && strcmp(id->reason, reason) == 0)
        return;
    id->phase = phase;
    snprintf(id->reason, sizeof id->reason, "%s", reason);
    id->changed(id->arg);
}

static void
on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
    struct ka_identity *id = w->data;

    (void)loop;
    (void)events;
    id->step = STEP_VERSION;
    ask(id);
}

static void
failed(struct ka_identity *id, const struct am_error *err)
{
    unsigned most = ka_retry_most_ms(++id->failures), pause = 50 + randombytes_uniform(most - 50);
    /* Only Version being missing or too old is the agent's nature; the rest may pass. */
    bool refused = id->step == STEP_VERSION && err->code == AM_UNIMPLEMENTED;
    char words[sizeof id->reason];

    if (refused) /* what to do must stand in the reason */
        snprintf(words, sizeof words, "%.160s: %s", err->text, id->attestor->upgrade);
    else
        snprintf(words, sizeof words, "%.*s", KA_REASON_MAX, err->text);
    if (id->failures <= 3 || id->failures % 32 == 0)
        am_log(AM_WARN, "agent.failed", "failures=%u code=%s reason=\"%s\"", id->failures,
               am_err_name(err->code), words);
    say(id, refused || id->migration ? KA_REFUSED : KA_STARTING, words);
    ev_timer_stop(id->loop, &id->retry);
    if (id->migration)
        return;
    ev_timer_set(&id->retry, pause / 1000., 0.);
    ev_timer_start(id->loop, &id->retry);
}

static int
take_key(struct ka_identity *id, enum ka_key which, struct am_str body, struct am_error *err)
{
    struct ka_link link;
    int rc;

    if ((rc = id->attestor->read_key(&link, id->keys->key[which], body, which, id->self.app_id,
                                     err)) != 0 ||
        (rc = ka_link_join(&id->self, which == 0, &link, which, err)) != 0)
        return rc;
    return which == KA_KEY_OWNER ? ka_self_derive(&id->self, id->keys, &link, err) : AM_OK;
}

static int
take(struct ka_identity *id, struct am_str body, struct am_error *err)
{
    int rc;

    if (id->step == STEP_VERSION) {
        memset(&id->self, 0, sizeof id->self);
        return id->attestor->read_version(id->self.agent_version, body, err);
    }
    if (id->step == STEP_INFO) {
        if ((rc = id->attestor->read_info(&id->self, body, err)) != AM_OK)
            return rc;
        memcpy(id->self.member,
               am_is_zero(id->member, sizeof id->member) ? id->self.app_id : id->member,
               sizeof id->self.member);
        return AM_OK;
    }
    return take_key(id, (enum ka_key)(id->step - STEP_KEYS), body, err);
}

static void
on_answer(void *arg, int code, struct am_str body, const struct am_error *why)
{
    struct ka_identity *id = arg;
    struct am_error err = {0};

    id->ask = NULL;
    ev_timer_stop(id->loop, &id->silent);
    if (code != AM_OK)
        err = *why;
    else
        code = take(id, body, &err);
    if (code != AM_OK) {
        failed(id, &err);
        return;
    }
    id->step++;
    ask(id);
}

/* The keys are there and were given twice: are they the ones of last time? */
static void
on_proof(void *arg, int code, const struct am_error *why)
{
    struct ka_identity *id = arg;
    struct am_error err = {0};

    ev_timer_stop(id->loop, &id->silent);
    if (code != AM_OK) {
        err = *why;
    } else {
        code = ka_origin_hold(id->state_dir, id->attestor->name, &id->self, &err);
        id->migration = code == AM_FAILED_PRECONDITION || code == AM_DATA_LOSS;
    }
    if (code != AM_OK) {
        failed(id, &err);
        return;
    }
    id->failures = 0;
    say(id, KA_READY, "");
}

static void
say_waiting(struct ka_identity *id)
{
    const enum ka_what what = id->step == STEP_VERSION ? KA_ASK_VERSION
                              : id->step == STEP_INFO  ? KA_ASK_INFO
                                                       : KA_ASK_KEY;
    char waiting[sizeof id->reason];

    snprintf(waiting, sizeof waiting, "guest agent at %.128s: asked /%s, no answer yet", id->socket,
             ka_what_name(what));
    say(id, KA_STARTING, waiting);
}

/* The agent was wrong before and says nothing now: that is the news, not in 20 s. */
static void
on_silent(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    say_waiting(w->data);
}

static int
ask_step(struct ka_identity *id, struct am_error *err)
{
    struct ka_question question = {.what = KA_ASK_KEY};

    if (id->step == STEP_PROOF)
        return ka_check_start(&id->check, err);
    if (id->step < STEP_KEYS)
        question.what = id->step == STEP_VERSION ? KA_ASK_VERSION : KA_ASK_INFO;
    else
        question.key = (enum ka_key)(id->step - STEP_KEYS);
    return id->attestor->ask(&id->ask, id->loop, id->socket, &question, id->deadline_s, on_answer,
                             id, err);
}

static void
ask(struct ka_identity *id)
{
    struct am_error err = {0};

    if (ask_step(id, &err) != AM_OK) {
        failed(id, &err);
        return;
    }
    /* Said before the answer, so that a silent agent is named at once and not after 20 s; said
     * over an error only after a while. */
    if (id->failures == 0) {
        say_waiting(id);
        return;
    }
    ev_timer_set(&id->silent, KA_SILENT_MS / 1000., 0.);
    ev_timer_start(id->loop, &id->silent);
}

int
ka_identity_start(struct ka_identity *id, struct am_error *err)
{
    if ((id->keys = am_secret_alloc(sizeof *id->keys, err)) == NULL)
        return AM_RESOURCE_EXHAUSTED;
    ev_timer_init(&id->retry, on_retry, 0., 0.);
    ev_init(&id->silent, on_silent);
    id->retry.data = id->silent.data = id;
    id->check = (struct ka_check){.attestor = id->attestor,
                                  .loop = id->loop,
                                  .socket = id->socket,
                                  .deadline_s = id->deadline_s,
                                  .self = &id->self,
                                  .keys = id->keys,
                                  .fn = on_proof,
                                  .arg = id};
    id->step = STEP_VERSION;
    ask(id);
    return AM_OK;
}

void
ka_identity_stop(struct ka_identity *id)
{
    void *keys = id->keys;

    if (id->keys == NULL)
        return;
    id->attestor->cancel(&id->ask);
    ka_check_stop(&id->check);
    ev_timer_stop(id->loop, &id->retry);
    ev_timer_stop(id->loop, &id->silent);
    am_secret_free(&keys);
    id->keys = NULL;
}
