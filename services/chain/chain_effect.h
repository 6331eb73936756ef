/*  chain_effect -- what a view says about one operation: done, to do, not yet, or never.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_EFFECT_H
#define CHAIN_EFFECT_H

#include "chain_calls.h"
#include "chain_op.h"

/* What keyagent says of itself; all zero until it has. */
struct chain_self {
    bool ready;
    uint8_t app_id[20], x_pub[32], wg_pub[32], ed25519_pub[32], kms_root[20];
    bool csk_held;
    uint8_t commitment[32];
};

enum chain_verdict {
    CHAIN_EFFECT_DONE,
    CHAIN_EFFECT_MISSING, /* and everything that it needs is there */
    CHAIN_EFFECT_BLOCKED, /* something else must come first */
    CHAIN_EFFECT_NEVER,   /* the chain or keyagent says otherwise by now */
};

/* Out:     reason  CHAIN_REASON bytes; "" for DONE and MISSING
 * In:      s       a view at or past w->floor */
enum chain_verdict chain_effect_judge(char reason[static CHAIN_REASON], const struct chain_work *w,
                                      const struct chain_snapshot *s,
                                      const struct chain_self *self);

#endif
