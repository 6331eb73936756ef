/*  ka_identity -- the bring-up: Version, Info, then each key of the start, until all check out.  */
#include "ka_identity.h"

#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { STEP_VERSION, STEP_INFO, STEP_KEYS }; /* STEP_KEYS + enum ka_key */

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

    if (id->failures <= 3 || id->failures % 32 == 0)
        am_log(AM_WARN, "agent.failed", "failures=%u code=%s reason=\"%s\"", id->failures,
               am_err_name(err->code), err->text);
    say(id, refused ? KA_REFUSED : KA_STARTING, err->text);
    ev_timer_stop(id->loop, &id->retry);
    ev_timer_set(&id->retry, pause / 1000., 0.);
    ev_timer_start(id->loop, &id->retry);
}

static int
take_key(struct ka_identity *id, enum ka_key which, struct am_str body, struct am_error *err)
{
    struct ka_link link;
    int rc;

    if ((rc = ka_link_read(&link, id->keys->key[which], body, which, id->self.app_id, err)) != 0 ||
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
        return ka_version_read(id->self.agent_version, body, err);
    }
    if (id->step == STEP_INFO) {
        if ((rc = ka_info_read(&id->self, body, err)) != AM_OK)
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
    if (++id->step < STEP_KEYS + (unsigned)KA_KEYS_AT_START) {
        ask(id);
        return;
    }
    id->failures = 0;
    say(id, KA_READY, "");
}

static const char *
method_of(const struct ka_identity *id)
{
    static const char *const methods[] = {"Version", "Info", "GetKey"};

    return methods[id->step < STEP_KEYS ? id->step : STEP_KEYS];
}

static void
say_waiting(struct ka_identity *id)
{
    char waiting[sizeof id->reason];

    snprintf(waiting, sizeof waiting, "guest agent at %.128s: asked /%s, no answer yet", id->socket,
             method_of(id));
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

static void
ask(struct ka_identity *id)
{
    char json[160] = "{}";
    struct am_error err = {0};

    if (id->step >= STEP_KEYS)
        ka_key_request(json, (enum ka_key)(id->step - STEP_KEYS));
    if (ka_agent_ask(&id->ask, id->loop, id->socket, method_of(id), json, id->step >= STEP_KEYS,
                     id->deadline_s, on_answer, id, &err) != AM_OK) {
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
    ka_agent_cancel(&id->ask);
    ev_timer_stop(id->loop, &id->retry);
    ev_timer_stop(id->loop, &id->silent);
    am_secret_free(&keys);
    id->keys = NULL;
}
