/*  ka_state -- what the files of keyagent share: its state and the handlers of its requests.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_STATE_H
#define KA_STATE_H

#include "ka_csk.h"
#include "ka_identity.h"
#include "keyagent.h"

#define KA_QUOTES_MAX 4 /* one with the agent, the others waiting for it */

struct keyagent {
    const struct am_settings *settings;
    struct bus *bus;
    struct ev_loop *loop;
    struct ka_identity id;
    struct ka_view view;
    char view_refused[KA_REASON_MAX + 1];

    struct ka_csk csk;
    uint8_t *csk_key;                /* am_secret memory, 32 bytes */
    struct ka_ask *csk_ask;          /* the agent is asked for the CSK .. */
    struct bus_request *csk_waiting; /* .. for this request */
    bool cache_pending;              /* csk.v1 is still to be looked at, */
    bool cache_looked;               /* or was .. */
    uint8_t cache_for[32];           /* .. for this commitment */

    struct { /* in the order of asking; the first is with the agent */
        struct bus_request *request;
        uint8_t report_data[64];
    } quotes[KA_QUOTES_MAX];
    size_t quote_count;
    struct ka_ask *quote_ask;

    struct ka_check check;
    struct bus_request *check_waiting;
    uint64_t checked_ms;                  /* wall clock of the newest proof */
    char proof_failed[KA_REASON_MAX + 1]; /* what differed in it; "" when nothing did */

    int exit_code; /* of am_exit.h; 0 while nothing stops it */
};

/* Say keyagent.identity and keyagent.csk anew. */
void ka_publish_identity(struct keyagent *k);
void ka_publish_csk(struct keyagent *k);

/* "derived", "allowed" or "failed", as keyagent.self_check; reason: "" with allowed. */
const char *ka_proof_word(const struct keyagent *k, const char **reason);

/* Refuse and log: what a caller may not do is worth a line. */
void ka_refuse(struct bus_request *request, const struct am_error *err);

/* Refuses, and returns true, while the identity is not there. */
bool ka_not_ready(struct keyagent *k, struct bus_request *request);

/* Seal 32 secret bytes to a key; false: the request was refused. */
bool ka_seal_key(uint8_t out[static 80], struct bus_request *request, const uint8_t key[static 32],
                 const uint8_t to[static 32]);

/* bus_serve_fn of each method; arg is the keyagent. */
void ka_serve_prove(void *arg, struct bus_request *request, const void *message);
void ka_serve_sign_operation(void *arg, struct bus_request *request, const void *message);
void ka_serve_sign_heartbeat(void *arg, struct bus_request *request, const void *message);
void ka_serve_open_box(void *arg, struct bus_request *request, const void *message);
void ka_serve_wg_key(void *arg, struct bus_request *request, const void *message);
void ka_serve_csk_originate(void *arg, struct bus_request *request, const void *message);
void ka_serve_csk_accept(void *arg, struct bus_request *request, const void *message);
void ka_serve_csk_seal_for(void *arg, struct bus_request *request, const void *message);
void ka_serve_csk_give(void *arg, struct bus_request *request, const void *message);
void ka_serve_derive(void *arg, struct bus_request *request, const void *message);
void ka_serve_quote(void *arg, struct bus_request *request, const void *message);
void ka_serve_self_check(void *arg, struct bus_request *request, const void *message);

#endif
