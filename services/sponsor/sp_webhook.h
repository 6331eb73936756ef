/*  sp_webhook -- pure: what gas sponsors ask before they pay: Alchemy's body, and Pimlico's.
 *
 *  Source: protocol page 7.1, 7.5
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_WEBHOOK_H
#define SP_WEBHOOK_H

#include "sp_op.h"
#include "sp_policy.h"

/* {userOperation: {sender, callData, ...}, chainId: hex text, ...}
 *
 * Out:     ask  but for the token; call data borrowed from op.  A chain id that is absent or no
 *               quantity is not given
 * Returns: NULL, or v1's error: malformed-json, malformed-userop */
const char *sp_alchemy_read(struct sp_ask *ask, struct sp_op *op, struct am_bin body);

/* {type: "user_operation.sponsorship.requested", data: {object: {userOperation, chainId, ...}}}, or
 * with the members in data itself; chainId a number, hex or decimal text.
 *
 * Returns: NULL, or malformed-json, other-event, malformed-userop: v1 sponsors none of them */
const char *sp_pimlico_read(struct sp_ask *ask, struct sp_op *op, struct am_bin body);

#endif
