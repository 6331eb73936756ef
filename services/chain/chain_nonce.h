/*  chain_nonce -- which 192-bit nonce key an operation uses.
 *
 *  EntryPoint v0.7 counts each key on its own, so one key for one purpose gives at-most-once and
 *  nothing blocks anything.  Registration and commitment have one constant each: bootstrap accepts
 *  any key, and two bootstraps on two keys would both be paid for.
 *
 *  Pure.  Source: design/traps.md "Chain"; ERC-4337 v0.7 semi-abstracted nonces
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_NONCE_H
#define CHAIN_NONCE_H

#include "chain_op.h"

void chain_nonce_register(uint8_t key[static CHAIN_KEY]); /* "attestmesh.register", zeros */
void chain_nonce_commit(uint8_t key[static CHAIN_KEY]);   /* "attestmesh.commit", zeros */
/* First 24 bytes of keccak256("attestmesh.publish" || value). */
void chain_nonce_publish(uint8_t key[static CHAIN_KEY], const uint8_t value[static 32]);
/* First 24 bytes of keccak256(recipient || envelope id). */
void chain_nonce_message(uint8_t key[static CHAIN_KEY], const uint8_t recipient[static 32],
                         const uint8_t envelope_id[static 32]);

#endif
