/*  ka_identity -- the bring-up: Version, Info, each key of the start, then the proof of them all.
 *
 *  Any failure starts again from Version, after a pause with full jitter, for ever; what is wrong
 *  meanwhile stands in `reason`.  Keys of another origin than the state folder records end it. When
 *  it is ready it asks no more.
 *
 *  Source: dstack page 1.7; protocol page 2.9, 6.1
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_IDENTITY_H
#define KA_IDENTITY_H

#include "ka_check.h"

#define KA_RETRY_FIRST_MS 200 /* the pause is drawn from 50 ms .. this, doubled each time, .. */
#define KA_RETRY_MOST_MS 1000 /* .. up to here */
#define KA_SILENT_MS 500      /* so long without an answer is worth saying: /healthz knows in 2 s */
#define KA_REASON_MAX 256     /* as keyagent.identity's reason */

enum ka_phase { KA_STARTING, KA_REFUSED, KA_READY };

struct ka_identity {
    struct ev_loop *loop;
    const struct ka_attestor *attestor;
    const char *socket;
    const char *state_dir; /* of identity.v1 */
    uint8_t member[20];    /* MEMBER_CONTRACT; all zero: the app id */
    double deadline_s;
    void (*changed)(
        void *arg); /* phase, reason or self is another; may be called from a question */
    void *arg;

    enum ka_phase phase;
    bool migration; /* REFUSED for good: identity.v1 records another origin, or cannot be read */
    char reason[KA_REASON_MAX + 1];
    struct ka_self self;  /* whole when READY */
    struct ka_keys *keys; /* am_secret memory */
    struct ka_check check;
    unsigned step, failures;
    struct ka_ask *ask;
    ev_timer retry, silent;
};

/* Start asking.  The caller has set the first part of the struct and zeroed the rest.
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (locked memory) */
int ka_identity_start(struct ka_identity *id, struct am_error *err) AM_MUST_CHECK;

/* Stop asking, wipe the keys. */
void ka_identity_stop(struct ka_identity *id);

/* The longest pause after so many failures in a row, milliseconds.  Pure. */
unsigned ka_retry_most_ms(unsigned failures);

/* "starting", "refused" or "ready" */
const char *ka_phase_name(enum ka_phase phase);

#endif
