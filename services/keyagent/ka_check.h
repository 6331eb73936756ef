/*  ka_check -- the proof of the derivations: each key is asked for again and held against the
 * first.
 *
 *  The same path must give the same key, over a chain of the same app key and KMS root.  It is done
 *  once before the node is ready, and whenever somebody asks.
 *
 *  Source: dstack page 1.3; traps page, "Whom keyagent believes"
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_CHECK_H
#define KA_CHECK_H

#include "ka_attestor.h"

/* code: AM_OK           every key is what it was; `version` is what the attestor runs now
 *       AM_UNAUTHENTICATED   it derives otherwise: err names path and part
 *       else            it could not be asked, see ka_agent_ask; nothing is proved either way */
typedef void ka_check_fn(void *arg, int code, const struct am_error *err);

struct ka_check {
    const struct ka_attestor *attestor;
    struct ev_loop *loop;
    const char *socket;
    double deadline_s;          /* of each question */
    const struct ka_self *self; /* what to hold the answers against; borrowed until fn is called */
    const struct ka_keys *keys;
    ka_check_fn *fn; /* called once for each start, never from inside it */
    void *arg;

    char version[65]; /* of the attestor, asked anew */
    unsigned step;
    struct ka_ask *ask;
    void *key; /* am_secret memory, while it runs */
};

/* Start.  The caller has set the first part.
 * Returns: AM_OK, AM_ABORTED (it runs already), AM_RESOURCE_EXHAUSTED (locked memory), what
 *          ka_agent_ask says; fn is not called then */
int ka_check_start(struct ka_check *check, struct am_error *err) AM_MUST_CHECK;

/* Forget it; fn is not called.  What was never started is accepted. */
void ka_check_stop(struct ka_check *check);

#endif
