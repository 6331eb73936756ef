/*  keyagent -- every key and signature of the node, behind a bus; the only client of the agent.  */
#include "keyagent.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_exit.h"
#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"
#include "../../common/wire/am_member.h"
#include "ka_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
publish(struct keyagent *k, enum bus_topic topic, const void *fact)
{
    struct am_error err = {0};

    if (bus_publish(k->bus, topic, fact, &err) != AM_OK)
        am_log(AM_ERROR, "bus.publish", "reason=\"%s\"", err.text);
}

void
ka_publish_csk(struct keyagent *k)
{
    struct keyagent_csk fact = {.held = k->csk.held, .cache_pending = k->cache_pending};

    if (k->csk.held) {
        fact.commitment = AM_BIN(k->csk.commitment);
        fact.source = am_str_of(ka_csk_source_name(k->csk.source));
    }
    publish(k, BUS_TOPIC_keyagent_csk, &fact);
}

/* What it runs on, in words. */
static void
runs_on(const struct keyagent *k, char out[static KA_REASON_MAX + 1])
{
    const char *reason;

    (void)ka_proof_word(k, &reason);
    snprintf(out, KA_REASON_MAX + 1, "runs on %s %s; its derivations are proved; %.128s",
             k->id.attestor->name, k->id.self.agent_version,
             reason[0] != '\0' ? reason : "the cluster allows its KMS root");
}

static void
show_status(struct keyagent *k)
{
    char words[KA_REASON_MAX + 1];

    if (k->view_refused[0] != '\0') {
        bus_status(k->bus, "failing", k->view_refused);
    } else if (k->id.phase != KA_READY) {
        bus_status(k->bus, k->id.phase == KA_REFUSED ? "failing" : "starting", k->id.reason);
    } else if (k->proof_failed[0] != '\0') {
        bus_status(k->bus, "failing", k->proof_failed);
    } else {
        runs_on(k, words);
        bus_status(k->bus, "ready", words);
    }
}

void
ka_publish_identity(struct keyagent *k)
{
    const struct ka_self *self = &k->id.self;
    struct keyagent_identity fact = {.phase = am_str_of(ka_phase_name(k->id.phase)),
                                     .reason = am_str_of(k->id.reason),
                                     .attestor = am_str_of(k->id.attestor->name)};
    const char *reason;

    if (k->id.phase == KA_READY) {
        fact.agent_version = am_str_of(self->agent_version);
        fact.app_id = AM_BIN(self->app_id);
        fact.compose_hash = AM_BIN(self->compose_hash);
        fact.instance_id = am_bin_of(self->instance_id, self->instance_id_len);
        fact.device_id = AM_BIN(self->device_id);
        fact.x_pub = AM_BIN(self->x_pub);
        fact.ed25519_pub = AM_BIN(self->ed25519_pub);
        fact.wg_pub = AM_BIN(self->wg_pub);
        fact.owner = AM_BIN(self->owner);
        fact.kms_root = am_bin_of(self->kms_root, self->has_kms ? sizeof self->kms_root : 0);
        fact.proof = am_str_of(ka_proof_word(k, &reason));
        fact.proof_reason = am_str_of(reason);
        fact.checked_ms = k->checked_ms;
    }
    publish(k, BUS_TOPIC_keyagent_identity, &fact);
    show_status(k);
}

static void
on_view(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct keyagent *k = arg;
    struct am_error err = {0};

    (void)topic;
    if (change != BUS_VALUE || k->id.phase != KA_READY)
        return; /* a lost chain leaves yesterday's view; ready subscribes again, see on_identity */
    if (ka_view_take(&k->view, fact, &k->id.self, k->settings->chain_id, &err) != AM_OK) {
        am_log(AM_ERROR, "view.refused", "reason=\"%s\"", err.text);
        memcpy(k->view_refused, err.text, KA_REASON_MAX);
        show_status(k);
        return;
    }
    k->view_refused[0] = '\0';
    ka_keep_judge(k);
    ka_publish_identity(k); /* what the proof is worth depends on the view */
}

static void
on_identity(void *arg)
{
    struct keyagent *k = arg;
    struct am_error err = {0};

    if (k->id.phase == KA_READY)
        k->checked_ms = (uint64_t)am_wall_ms();
    ka_publish_identity(k);
    if (k->id.migration) {
        k->exit_code = AM_EXIT_KEY_MIGRATION;
        am_log(AM_ERROR, "stopped", "exit=%d reason=\"%s\"", k->exit_code, k->id.reason);
        ev_break(k->loop, EVBREAK_ALL);
    }
    if (k->id.phase != KA_READY)
        return;
    am_log(AM_INFO, "identity.ready", "attestor=%s version=%s", k->id.attestor->name,
           k->id.self.agent_version);
    /* Only now can a view be judged, so only now is it asked for; READY comes once. */
    if (bus_subscribe(k->bus, BUS_TOPIC_chain_view, on_view, k, &err) != AM_OK)
        am_log(AM_ERROR, "bus.subscribe", "reason=\"%s\"", err.text);
}

/* Every question that is answered; who may ask stands in keyagent.def. */
static const struct {
    enum bus_method method;
    bus_serve_fn *fn;
} served[] = {
    {BUS_METHOD_keyagent_prove, ka_serve_prove},
    {BUS_METHOD_keyagent_sign_operation, ka_serve_sign_operation},
    {BUS_METHOD_keyagent_sign_heartbeat, ka_serve_sign_heartbeat},
    {BUS_METHOD_keyagent_open_box, ka_serve_open_box},
    {BUS_METHOD_keyagent_wg_key, ka_serve_wg_key},
    {BUS_METHOD_keyagent_csk_originate, ka_serve_csk_originate},
    {BUS_METHOD_keyagent_csk_accept, ka_serve_csk_accept},
    {BUS_METHOD_keyagent_csk_seal_for, ka_serve_csk_seal_for},
    {BUS_METHOD_keyagent_csk_give, ka_serve_csk_give},
    {BUS_METHOD_keyagent_derive, ka_serve_derive},
    {BUS_METHOD_keyagent_quote, ka_serve_quote},
    {BUS_METHOD_keyagent_self_check, ka_serve_self_check},
};

static void
set_up(struct keyagent *k, const struct am_settings *settings, struct bus *bus,
       struct ev_loop *loop)
{
    k->settings = settings;
    k->bus = bus;
    k->loop = loop;
    k->cache_pending = true;
    k->id.loop = loop;
    k->id.attestor = &ka_dstack;
    k->id.socket = settings->dstack_socket;
    k->id.state_dir = settings->state_dir;
    k->id.deadline_s = KA_AGENT_DEADLINE_S;
    k->id.changed = on_identity;
    k->id.arg = k;
    memcpy(k->id.member, settings->member_contract, sizeof k->id.member);
}

int
keyagent_start(struct keyagent **keyagent, const struct am_settings *settings, struct bus *bus,
               struct ev_loop *loop, struct am_error *err)
{
    struct keyagent *k = calloc(1, sizeof *k);
    int rc = AM_OK;

    *keyagent = NULL;
    if (k == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "keyagent: no memory");
    set_up(k, settings, bus, loop);
    if ((k->csk_key = am_secret_alloc(AM_CSK_LEN, err)) == NULL)
        rc = AM_RESOURCE_EXHAUSTED;
    for (size_t i = 0; rc == AM_OK && i < sizeof served / sizeof *served; i++)
        rc = bus_serve(bus, served[i].method, served[i].fn, k, err);
    if (rc == AM_OK) {
        ka_publish_csk(k);
        rc = ka_identity_start(&k->id, err);
    }
    if (rc == AM_OK)
        *keyagent = k;
    else
        keyagent_stop(&k);
    return rc;
}

int
keyagent_exit_code(const struct keyagent *k)
{
    return k->exit_code;
}

static void
refuse_waiting(struct bus_request **request)
{
    struct am_error err = {0};

    if (*request == NULL)
        return;
    am_fail(&err, AM_UNAVAILABLE, "keyagent stops");
    bus_refuse(*request, &err);
    *request = NULL;
}

void
keyagent_stop(struct keyagent **keyagent)
{
    struct keyagent *k = *keyagent;
    void *key;

    if (k == NULL)
        return;
    k->id.attestor->cancel(&k->csk_ask);
    k->id.attestor->cancel(&k->quote_ask);
    ka_check_stop(&k->check);
    refuse_waiting(&k->csk_waiting);
    refuse_waiting(&k->check_waiting);
    while (k->quote_count > 0)
        refuse_waiting(&k->quotes[--k->quote_count].request);
    ka_identity_stop(&k->id);
    key = k->csk_key;
    am_secret_free(&key);
    free(k);
    *keyagent = NULL;
}
