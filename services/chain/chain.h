/*  chain -- the service: what it publishes, what it answers, what it follows.
 *
 *  Owns submission and the view of the chain; holds provider URLs and nothing else that is secret.
 *  A thief of this process can lie about membership and waste sponsored gas; he cannot sign.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_H
#define CHAIN_H

#include "am_settings.h"

#include "../../bus/bus.h"

struct chain;

/* Open providers, follow keyagent, serve the requests of messages/chain.def, begin to look.
 * In:      settings, bus, loop  borrowed for its life
 * Returns: AM_OK, AM_INVALID_ARGUMENT (a URL), AM_RESOURCE_EXHAUSTED, or the bus's */
int chain_start(struct chain **chain, const struct am_settings *settings, struct bus *bus,
                struct ev_loop *loop, struct am_error *err) AM_MUST_CHECK;
/* Before bus_close: start nothing more, end what runs outside. */
void chain_stop(struct chain *chain);
/* After bus_close. */
void chain_free(struct chain **chain);
/* 0, or the exit code of a setting that no retry mends (am_exit.h); the loop was left then. */
int chain_exit_code(const struct chain *chain);

#endif
