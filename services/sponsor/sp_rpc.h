/*  sp_rpc -- ERC-7677's two methods: pm_getPaymasterStubData and pm_getPaymasterData.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_RPC_H
#define SP_RPC_H

#include "sp_policy.h"

struct sponsor {
    uint64_t chain_id;
    uint8_t entry_point[20], paymaster[20];
    uint8_t *key; /* 32 bytes, locked memory; borrowed */
    const char *apps_path;
    struct sp_policy policy;
};

#define SP_VALID_SECONDS 600 /* a sponsorship is for now, never to be kept */

/* Answer one JSON-RPC request.
 *
 * In:      body    whatever a client sent
 *          now     seconds since 1970
 * Returns: the response body, NUL-terminated, to be freed by the caller; NULL when memory ran out.
 *          Refusals are JSON-RPC errors with the reason: -32700, -32600 (batches too), -32601,
 *          -32602 as the specification has them, -32603 while the list cannot be read, -32001 for
 *          an app that is not on it
 * Source:  ERC-7677; JSON-RPC 2.0
 */
char *sp_rpc_answer(struct sponsor *sponsor, struct am_bin body, uint64_t now) AM_MUST_CHECK;

#endif
