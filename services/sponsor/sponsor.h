/*  sponsor -- the operator's gate to free gas: what it is set to, and its parts.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SPONSOR_H
#define SPONSOR_H

#include "../../common/base/am_settings.h"
#include "sp_auth.h"
#include "sp_gate.h"

struct sponsor_secrets { /* locked memory */
    uint8_t key[32];     /* VerifyingPaymaster's signer */
    char webhook_token[AM_SETTING_TEXT], rpc_token[AM_SETTING_TEXT]; /* "": none is set */
    uint8_t pimlico_key[SP_PIMLICO_KEY_MAX];
};

struct sponsor {
    struct ev_loop *loop;
    struct sp_rules rules;
    struct sp_chain chain;
    uint8_t entry_point[20], paymaster[20], signer[20];
    uint64_t valid_s; /* how long a sponsorship holds */
    bool pimlico;     /* a secret is set; whether it could be decoded is in pimlico_key_len */
    size_t pimlico_key_len;
    struct sponsor_secrets *secrets;
    struct am_http *http;
    struct eth_rpc *rpc;
    struct sp_cache *cache;
    struct sp_lookup *lookup;
    struct sp_store *store;
    struct sp_gate *gate;
    struct sp_http *server;
};

/* Take the settings, wiping the secrets there.  Before the sandbox.
 * Returns: AM_OK, AM_INVALID_ARGUMENT (the setting is named), AM_RESOURCE_EXHAUSTED */
int sponsor_configure(struct sponsor *sp, struct am_settings *settings,
                      struct am_error *err) AM_MUST_CHECK;

/* Open store, RPC and server, inside the sandbox.
 * Returns: AM_OK, AM_FAILED_PRECONDITION (the store), AM_UNAVAILABLE (cannot listen), ... */
int sponsor_open(struct sponsor *sp, struct ev_loop *loop, const struct am_settings *settings,
                 struct am_error *err) AM_MUST_CHECK;
void sponsor_close(struct sponsor *sp);

#endif
