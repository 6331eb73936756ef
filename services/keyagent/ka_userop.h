/*  ka_userop -- which user operations the owner key signs, and their hash.
 *
 *  Pure.  Never takes a hash from the asker: it is built here from the fields, for the own member,
 *  the configured chain and EntryPoint.
 *
 *  Source: EIP-4337 v0.7; protocol page 2.6, 2.7
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_USEROP_H
#define KA_USEROP_H

#include "ka_view.h"

struct ka_userop_rules { /* borrowed */
    const struct ka_self *self;
    const struct ka_view *view;
    uint64_t chain_id;
    const uint8_t *entry_point; /* 20 bytes */
    bool csk_held;
    const uint8_t *commitment; /* 32 bytes: of the held CSK */
};

/* Judge an operation and give its hash.
 *
 * Out:     hash    userOpHash, before EIP-191; zero on failure
 * In:      op      decoded: fixed lengths hold
 * Returns: AM_OK
 *          AM_UNAVAILABLE          no view yet
 *          AM_FAILED_PRECONDITION  what ka_proof_ready says of a registration
 *          AM_PERMISSION_DENIED    not execute(own cluster, 0, inner); inner not on the list; a
 *                                  key, commitment or proof that is not the own: named in the text
 */
int ka_userop_judge(uint8_t hash[static 32], const struct ka_userop_rules *rules,
                    const struct keyagent_sign_operation *op, struct am_error *err) AM_MUST_CHECK;

#endif
