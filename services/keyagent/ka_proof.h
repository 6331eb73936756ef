/*  ka_proof -- the registration proof: dstack_register for the own member, and nothing else.
 *
 *  Pure.  Source: protocol page 1.3, 2.3, 2.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_PROOF_H
#define KA_PROOF_H

#include "../../common/eth/eth_call.h"
#include "ka_view.h"

#define KA_PROOF_MAX 4096

/* Whether this node may register at all: a KMS chain, to a root that the cluster allows, for the
 * member contract that the chain names.
 * Returns: AM_OK; AM_UNAVAILABLE: no view yet; AM_FAILED_PRECONDITION: no KMS behind the agent,
 *          MEMBER_CONTRACT is not the app id, or the root is not (yet) said to be allowed */
int ka_proof_ready(const struct ka_self *self, const struct ka_view *view,
                   struct am_error *err) AM_MUST_CHECK;

/* Build the call data.
 *
 * Out:     out     room for KA_PROOF_MAX bytes
 * In:      cluster, member   what the asker named: must be the view's cluster and the own member
 *          owner   32 bytes, the secret that signs
 * Returns: AM_OK, what ka_proof_ready says, AM_PERMISSION_DENIED (another cluster or member)
 */
int ka_proof_build(struct eth_buf *out, const struct ka_self *self, const struct ka_view *view,
                   struct am_bin cluster, struct am_bin member, const uint8_t owner[static 32],
                   struct am_error *err) AM_MUST_CHECK;

/* Hold a registration that is to be signed against the own keys.
 * Returns: AM_OK, what ka_proof_ready says, or AM_PERMISSION_DENIED naming the field */
int ka_proof_check(const struct ka_self *self, const struct ka_view *view, struct am_bin inner,
                   struct am_error *err) AM_MUST_CHECK;

#endif
