/*  dn_rpcstrict -- what a strict provider refuses of a user operation: odd hex, and a signature
 * from which nobody can be recovered.  Alto takes the first and pads it.
 *
 *  Pure.  Source: docs/devnet.md; geth's hexutil ("hex string of odd length"); OpenZeppelin ECDSA
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCSTRICT_H
#define DN_RPCSTRICT_H

#include "am_bytes.h"

#include <jansson.h>

/* Returns: NULL, or a new error object for this request (one element, not a batch) */
json_t *dn_strict(const json_t *request);

#endif
