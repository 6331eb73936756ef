/*  ka_state -- what the files of keyagent share: its state and the handlers of its requests.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_STATE_H
#define KA_STATE_H

#include "ka_csk.h"
#include "ka_identity.h"
#include "keyagent.h"

struct keyagent {
    const struct am_settings *settings;
    struct bus *bus;
    struct ev_loop *loop;
    struct ka_identity id;
    struct ka_view view;
    struct ka_csk csk;
    uint8_t *csk_key;                /* am_secret memory, 32 bytes */
    struct ka_ask *csk_ask;          /* the agent is asked for the CSK .. */
    struct bus_request *csk_waiting; /* .. for this request */
    char view_refused[KA_REASON_MAX + 1];
};

/* Say keyagent.csk anew. */
void ka_publish_csk(struct keyagent *k);

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

#endif
