/*  sp_rpc -- pure: ERC-7677's two methods, as JSON: pm_getPaymasterStubData and
 * pm_getPaymasterData.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_RPC_H
#define SP_RPC_H

#include "sp_op.h"
#include "sp_policy.h"

struct sp_served { /* which operations, paid by whom */
    uint64_t chain_id;
    uint8_t entry_point[20], paymaster[20];
};

struct sp_rpc_request {
    json_t *id; /* owned, to be released; NULL until there is one */
    bool stub;
};

/* Read one JSON-RPC request.
 *
 * Out:     number  the JSON-RPC error, unless AM_OK: -32700, -32600 (batches too), -32601, -32602
 * In:      body    whatever a client sent
 * Returns: AM_OK, AM_INVALID_ARGUMENT with the reason
 * Source:  ERC-7677; JSON-RPC 2.0 */
int sp_rpc_read(struct sp_rpc_request *rq, struct sp_op *op, int *number, struct am_bin body,
                const struct sp_served *served, struct am_error *err) AM_MUST_CHECK;

/* Response bodies, to be freed by the caller; NULL when memory ran out. */
char *sp_rpc_error(const struct sp_rpc_request *rq, int number, const char *text);
/* -32603 for what is ours (rpc-failure, internal-error), -32001 else; data.reason is the reason. */
char *sp_rpc_denial(const struct sp_rpc_request *rq, enum sp_reason reason,
                    const uint8_t sender[static 20]);
char *sp_rpc_result(const struct sp_rpc_request *rq, const struct sp_served *served,
                    const uint8_t data[static SP_DATA_LEN]);

#endif
