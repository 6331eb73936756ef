/*  eth_rpc_write -- the body of one JSON-RPC request or batch.
 *
 *  Pure but for memory.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_RPC_WRITE_H
#define ETH_RPC_WRITE_H

#include <jansson.h>
#include <stdint.h>

/* One object, or an array of more; element i has id first_id + i.  Returns: text that the caller
 * frees, NULL when memory ran out */
char *eth_rpc_write(const char *const *methods, json_t *const *params, size_t count,
                    uint64_t first_id);

#endif
