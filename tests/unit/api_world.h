/*  api_world -- the real api process, its neighbours played by the test, and applications of any
 * uid.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_WORLD_H
#define API_WORLD_H

#include "service_world.h"

#include <jansson.h>

#define AW_CSK_UID 7101    /* on ATTESTMESH_CSK_UIDS */
#define AW_DERIVE_UID 7102 /* on ATTESTMESH_DERIVE_UIDS */
#define AW_NOBODY 7103     /* on no list */
#define AW_KEY_HEX "c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5"

struct aw {
    struct bus *keyagent, *mesh, *chain;
    uint16_t port; /* HTTP */
    char socket[96], url[64];
    pid_t *api;
    bool csk_held, holds_quotes;
    unsigned keys_asked, quotes_asked;
    struct bus_request *quote; /* that waits, when holds_quotes */
    uint8_t nonce[64];         /* of it */
    size_t nonce_len;
    uint8_t derived_label[128];
    size_t derived_len;
};
extern struct aw aw;

/* Start api and wait until it answers; no neighbour yet. */
void aw_begin(void);
void aw_end(void); /* api must end with 0 */

/* The neighbours. */
void aw_keyagent(void); /* an identity, keys and quotes */
void aw_mesh(bool healthy);
void aw_chain(void);

/* Answer a quote request as keyagent does. */
void aw_quote(struct bus_request *request, struct am_bin nonce);
/* An application of uid makes calls (see app.mjs, blank-separated); what it printed, good until the
 * next. */
const char *aw_app(uint32_t uid, const char *calls);

#endif
