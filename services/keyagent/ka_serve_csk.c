/*  ka_serve_csk -- the Cluster Shared Key on its ways in and out.  */
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_member.h"
#include "ka_keep.h"

#include <string.h>

static bool
not_held(struct keyagent *k, struct bus_request *request)
{
    struct am_error err = {0};

    if (k->csk.held)
        return false;
    am_fail(&err, AM_FAILED_PRECONDITION, "CSK: expected to hold it, it is not held");
    bus_refuse(request, &err);
    return true;
}

static void
reply_originated(struct keyagent *k, struct bus_request *request)
{
    bus_reply(request,
              &(struct keyagent_csk_originate_reply){.commitment = AM_BIN(k->csk.commitment)});
}

/* Judge the derived key in `key` against the newest view, and keep it. */
static int
keep_derived(struct keyagent *k, const uint8_t key[static 32], const struct ka_link *link,
             struct am_error *err)
{
    int rc;

    if ((rc = ka_link_join(&k->id.self, false, link, KA_KEY_CSK, err)) != AM_OK)
        return rc;
    return ka_keep_take(k, key, KA_CSK_DERIVED, err);
}

static void
on_csk_answer(void *arg, int code, struct am_str body, const struct am_error *why)
{
    struct keyagent *k = arg;
    struct bus_request *request = k->csk_waiting;
    struct am_error err = {0};
    struct ka_link link;
    void *key = NULL;

    k->csk_ask = NULL;
    k->csk_waiting = NULL;
    if (code != AM_OK)
        err = *why;
    else if ((key = am_secret_alloc(AM_CSK_LEN, &err)) == NULL)
        code = AM_RESOURCE_EXHAUSTED;
    else if ((code = k->id.attestor->read_key(&link, key, body, KA_KEY_CSK, k->id.self.app_id,
                                              &err)) == AM_OK)
        code = keep_derived(k, key, &link, &err);
    am_secret_free(&key);
    am_secp_rest();
    if (code != AM_OK)
        ka_refuse(request, &err);
    else
        reply_originated(k, request);
}

void
ka_serve_csk_originate(void *arg, struct bus_request *request, const void *message)
{
    struct keyagent *k = arg;
    struct am_error err = {0};
    const struct ka_question question = {.what = KA_ASK_KEY, .key = KA_KEY_CSK};
    int rc;

    (void)message;
    if (ka_not_ready(k, request))
        return;
    if ((rc = ka_csk_may_originate(&k->view, &err)) == AM_OK && k->csk.held) {
        reply_originated(k, request);
        return;
    }
    if (rc == AM_OK && k->csk_waiting != NULL)
        rc = am_fail(&err, AM_ABORTED, "CSK: the guest agent is being asked for it; ask again");
    if (rc == AM_OK)
        rc = k->id.attestor->ask(&k->csk_ask, k->loop, k->id.socket, &question, k->id.deadline_s,
                                 on_csk_answer, k, &err);
    if (rc != AM_OK)
        ka_refuse(request, &err);
    else
        k->csk_waiting = request;
}

void
ka_serve_csk_accept(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_csk_accept *m = message;
    struct keyagent *k = arg;
    struct am_error err = {0};
    void *key = NULL;
    size_t len;
    int rc;

    if (ka_not_ready(k, request))
        return;
    if ((key = am_secret_alloc(AM_CSK_LEN, &err)) == NULL)
        rc = AM_RESOURCE_EXHAUSTED;
    else
        rc = am_box_open(key, AM_CSK_LEN, &len, m->sealed, k->id.keys->key[KA_KEY_IDENTITY], &err);
    if (rc == AM_OK)
        rc = ka_keep_take(k, key, KA_CSK_PULLED, &err);
    am_secret_free(&key);
    if (rc != AM_OK) {
        ka_refuse(request, &err);
        return;
    }
    bus_reply(request, NULL);
}

void
ka_serve_csk_seal_for(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_csk_seal_for *m = message;
    const struct ka_view_member *member;
    struct keyagent *k = arg;
    struct am_error err = {0};
    uint8_t sealed[80];

    if (ka_not_ready(k, request) || not_held(k, request))
        return;
    if ((member = ka_view_member(&k->view, m->member_id)) == NULL) {
        am_fail(&err, AM_PERMISSION_DENIED,
                "keyagent.csk_seal_for member_id: expected a member of chain.view, got another");
        ka_refuse(request, &err);
        return;
    }
    if (ka_seal_key(sealed, request, k->csk_key, member->x_pub))
        bus_reply(request, &(struct keyagent_csk_seal_for_reply){.sealed = AM_BIN(sealed)});
}

void
ka_serve_csk_give(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_csk_give *m = message;
    struct keyagent *k = arg;
    uint8_t sealed[80];

    if (!ka_not_ready(k, request) && !not_held(k, request) &&
        ka_seal_key(sealed, request, k->csk_key, m->reply_to.p))
        bus_reply(request, &(struct keyagent_csk_give_reply){.sealed = AM_BIN(sealed)});
}

void
ka_serve_derive(void *arg, struct bus_request *request, const void *message)
{
    const struct keyagent_derive *m = message;
    struct keyagent *k = arg;
    struct am_error err = {0};
    uint8_t sealed[80];
    void *secret = NULL;
    int rc;

    if (ka_not_ready(k, request) || not_held(k, request))
        return;
    if ((secret = am_secret_alloc(32, &err)) == NULL)
        rc = AM_RESOURCE_EXHAUSTED;
    else
        rc = ka_csk_derive(secret, k->csk_key, m->label, &err);
    if (rc != AM_OK)
        ka_refuse(request, &err);
    else if (ka_seal_key(sealed, request, secret, m->reply_to.p))
        bus_reply(request, &(struct keyagent_derive_reply){.sealed = AM_BIN(sealed)});
    am_secret_free(&secret);
}
