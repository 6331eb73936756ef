/*  ka_check -- the proof of the derivations: each key is asked for again and held against the
 * first. */
#include "ka_check.h"

#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_secp.h"

#include <string.h>

#define STEPS (1 + KA_KEYS_AT_START) /* the version, then each key */

static int
take_key(struct ka_check *c, struct am_str body, struct am_error *err)
{
    const enum ka_key which = (enum ka_key)(c->step - 1);
    struct ka_self self = *c->self; /* the join only compares; not to trust it with the original */
    struct ka_link link;
    int rc;

    if ((rc = c->attestor->read_key(&link, c->key, body, which, self.app_id, err)) != AM_OK)
        return rc;
    if (!am_ct_eq(c->key, c->keys->key[which], 32))
        return am_fail(err, AM_UNAUTHENTICATED,
                       "guest agent /GetKey %s: expected the key of the first answer, got another",
                       ka_key_path(which));
    return ka_link_join(&self, false, &link, which, err);
}

static int ask(struct ka_check *c, struct am_error *err);

static void
on_answer(void *arg, int code, struct am_str body, const struct am_error *why)
{
    struct ka_check *c = arg;
    struct am_error err = {0};

    c->ask = NULL;
    if (code != AM_OK)
        err = *why;
    else if ((code = c->step == 0 ? c->attestor->read_version(c->version, body, &err)
                                  : take_key(c, body, &err)) == AM_OK &&
             ++c->step < STEPS && (code = ask(c, &err)) == AM_OK)
        return;
    am_secret_free(&c->key);
    am_secp_rest(); /* nobody recovers again until the next proof */
    c->fn(c->arg, code, &err);
}

static int
ask(struct ka_check *c, struct am_error *err)
{
    const struct ka_question question = {.what = c->step == 0 ? KA_ASK_VERSION : KA_ASK_KEY,
                                         .key = (enum ka_key)(c->step == 0 ? 0 : c->step - 1)};

    return c->attestor->ask(&c->ask, c->loop, c->socket, &question, c->deadline_s, on_answer, c,
                            err);
}

int
ka_check_start(struct ka_check *c, struct am_error *err)
{
    int rc;

    if (c->key != NULL)
        return am_fail(err, AM_ABORTED, "the derivations are being proved just now; ask again");
    c->step = 0;
    if ((c->key = am_secret_alloc(32, err)) == NULL)
        return AM_RESOURCE_EXHAUSTED;
    if ((rc = ask(c, err)) != AM_OK)
        am_secret_free(&c->key);
    return rc;
}

void
ka_check_stop(struct ka_check *c)
{
    if (c->key == NULL)
        return;
    c->attestor->cancel(&c->ask);
    am_secret_free(&c->key);
}
