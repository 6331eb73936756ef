/*  keyagent -- every key and signature of the node, behind a bus; the only client of the agent.
 *
 *  Trust:   believes the guest agent for keys, `chain` for the view (ka_view says how far), and
 *           who asks by uid.  It never takes a hash to sign nor a recipient's key from the asker,
 *           except a one-time key to which the asker's own answer is sealed.
 *  Threads: one, the loop's.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KEYAGENT_H
#define KEYAGENT_H

#include "../../bus/bus.h"
#include "../../common/base/am_settings.h"

struct keyagent;

/* Serve on this bus and start asking the guest agent.  Answers hello and refuses the rest with a
 * reason from here on.
 *
 * In:      settings, bus, loop   borrowed for the life of it
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (locked memory), what bus_serve and bus_subscribe say
 */
int keyagent_start(struct keyagent **keyagent, const struct am_settings *settings, struct bus *bus,
                   struct ev_loop *loop, struct am_error *err) AM_MUST_CHECK;

/* 0, or the code of am_exit.h for which the loop was left. */
int keyagent_exit_code(const struct keyagent *keyagent);

/* Wipe everything.  Call before bus_close.  NULL inside is accepted. */
void keyagent_stop(struct keyagent **keyagent);

#endif
