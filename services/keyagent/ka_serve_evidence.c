/*  ka_serve_evidence -- quotes over the own public keys, and the proof of the derivations.  */
#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"
#include "../../common/wire/am_member.h"
#include "ka_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- quotes: the first of the queue is with the agent ---- */

static void next_quote(struct keyagent *k);

static struct bus_request *
take_first(struct keyagent *k, uint8_t report_data[static 64])
{
    struct bus_request *request = k->quotes[0].request;

    memcpy(report_data, k->quotes[0].report_data, 64);
    memmove(k->quotes, k->quotes + 1, --k->quote_count * sizeof *k->quotes);
    return request;
}

static void
on_quote(void *arg, int code, struct am_str body, const struct am_error *why)
{
    struct keyagent *k = arg;
    struct am_error err = {0};
    struct ka_quote *quote = malloc(sizeof *quote);
    uint8_t report_data[64];
    struct bus_request *request = take_first(k, report_data);

    k->quote_ask = NULL;
    if (code != AM_OK)
        err = *why;
    else if (quote == NULL)
        code = am_fail(&err, AM_RESOURCE_EXHAUSTED, "no memory for a quote");
    else
        code = k->id.attestor->read_quote(quote, body, report_data, &err);
    if (code != AM_OK)
        ka_refuse(request, &err);
    else
        bus_reply(request,
                  &(struct keyagent_quote_reply){.report_data = AM_BIN(report_data),
                                                 .quote = am_bin_of(quote->bytes, quote->len),
                                                 .event_log = {quote->events, quote->events_len}});
    free(quote);
    next_quote(k);
}

static void
next_quote(struct keyagent *k)
{
    struct am_error err = {0};

    while (k->quote_count > 0 && k->quote_ask == NULL) {
        const struct ka_question question = {.what = KA_ASK_QUOTE,
                                             .report_data = k->quotes[0].report_data};
        uint8_t report_data[64];

        if (k->id.attestor->ask(&k->quote_ask, k->loop, k->id.socket, &question,
                                KA_QUOTE_DEADLINE_S, on_quote, k, &err) != AM_OK)
            ka_refuse(take_first(k, report_data), &err);
    }
}

void
ka_serve_quote(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_quote *m = message;
    const struct ka_self *self;
    struct keyagent *k = arg;
    struct am_error err = {0};

    if (ka_not_ready(k, request))
        return;
    self = &k->id.self;
    if (!k->view.known)
        am_fail(&err, AM_FAILED_PRECONDITION,
                "chain.view: expected a view before a quote over its cluster, got none yet");
    else if (k->quote_count == KA_QUOTES_MAX)
        am_fail(&err, AM_RESOURCE_EXHAUSTED,
                "keyagent.quote: expected at most %d at a time, got one more; ask again",
                KA_QUOTES_MAX);
    if (err.code != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    am_report_data_node(k->quotes[k->quote_count].report_data, k->view.cluster, self->member,
                        self->x_pub, self->wg_pub, self->ed25519_pub, m->nonce);
    k->quotes[k->quote_count++].request = request;
    next_quote(k);
}

/* ---- the proof ---- */

const char *
ka_proof_word(const struct keyagent *k, const char **reason)
{
    const struct ka_self *self = &k->id.self;

    *reason = k->proof_failed;
    if (k->proof_failed[0] != '\0')
        return "failed";
    if (!self->has_kms)
        *reason = "the guest agent has no KMS behind it";
    else if (!k->view.known)
        *reason = "no view of the cluster yet";
    else if (!k->view.has_root || memcmp(k->view.kms_root, self->kms_root, 20) != 0)
        *reason = "the cluster does not allow the KMS root that the chain recovers to";
    return **reason == '\0' ? "allowed" : "derived";
}

static void
on_checked(void *arg, int code, const struct am_error *why)
{
    struct keyagent *k = arg;
    struct bus_request *request = k->check_waiting;
    struct keyagent_self_check_reply reply = {0};
    const char *reason;

    k->check_waiting = NULL;
    if (code != AM_OK && code != AM_UNAUTHENTICATED) {
        ka_refuse(request, why); /* not asked, so nothing is proved either way */
        return;
    }
    snprintf(k->proof_failed, sizeof k->proof_failed, "%.*s", KA_REASON_MAX,
             code != AM_OK ? why->text : "");
    if (code != AM_OK)
        am_log(AM_ERROR, "proof.failed", "reason=\"%s\"", k->proof_failed);
    memcpy(k->id.self.agent_version, k->check.version, sizeof k->check.version);
    k->checked_ms = (uint64_t)am_wall_ms();
    ka_publish_identity(k);
    reply.proof = am_str_of(ka_proof_word(k, &reason));
    reply.reason = am_str_of(reason);
    reply.agent_version = am_str_of(k->id.self.agent_version);
    reply.checked_ms = k->checked_ms;
    bus_reply(request, &reply);
}

void
ka_serve_self_check(void *arg, struct bus_request *request, const void *message)
{
    struct keyagent *k = arg;
    struct am_error err = {0};

    (void)message;
    if (ka_not_ready(k, request))
        return;
    k->check.attestor = k->id.attestor;
    k->check.loop = k->loop;
    k->check.socket = k->id.socket;
    k->check.deadline_s = k->id.deadline_s;
    k->check.self = &k->id.self;
    k->check.keys = k->id.keys;
    k->check.fn = on_checked;
    k->check.arg = k;
    if (ka_check_start(&k->check, &err) != AM_OK)
        ka_refuse(request, &err);
    else
        k->check_waiting = request;
}
