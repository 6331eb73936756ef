/*  sp_identity -- proof of which sponsor answers on a route, for which chain and contracts.
 *
 *  Who asks brings a nonce and compares address with VerifyingPaymaster.verifyingSigner() on chain:
 *  another server on that route, or an older one, cannot answer so.
 *
 *  Pure.  Source: ours
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_IDENTITY_H
#define SP_IDENTITY_H

#include "sponsor.h"

#define SP_NONCE_TEXT 67 /* "0x", 64 digits, NUL */

/* What the signer signs (EIP-191, over its keccak256): "attestmesh.sponsor.identity.v1", the nonce,
 * the chain id in decimal, entry point, paymaster, and the factories joined with ',': each after a
 * line feed, in lower-case hex with 0x.
 * Returns: the text, to be freed by the caller; NULL when memory ran out */
char *sp_identity_text(const struct sponsor *sp, const char nonce[static SP_NONCE_TEXT]);

/* The answer of GET /identity.
 * In:      nonce  as in the query; NULL when there was none
 * Out:     status 200; 400 when the nonce is not "0x" and 64 hex digits
 * Returns: JSON, to be freed by the caller; NULL when memory ran out */
char *sp_identity_answer(const struct sponsor *sp, unsigned *status, const char *nonce);

#endif
