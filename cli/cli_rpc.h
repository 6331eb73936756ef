/*  cli_rpc -- the JSON-RPC client for a program that waits for each answer.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_RPC_H
#define CLI_RPC_H

#include "../common/base/am_bytes.h"

#include <jansson.h>

struct cli_rpc;

/* In: url  copied; shown in errors as host and port only
 *     name static text for errors: "rpc", "bundler", "paymaster" */
int cli_rpc_open_as(struct cli_rpc **rpc, const char *name, const char *url,
                    struct am_error *err) AM_MUST_CHECK;
/* The same, as "rpc". */
int cli_rpc_open(struct cli_rpc **rpc, const char *url, struct am_error *err) AM_MUST_CHECK;
void cli_rpc_close(struct cli_rpc **rpc);

/* Ask and wait, at most 20 s.
 * Out:     result  a new reference owned by the caller, never JSON null, NULL unless AM_OK
 * In:      params  a new reference, taken; NULL (memory ran out) is AM_RESOURCE_EXHAUSTED
 * Returns: AM_OK, AM_NOT_FOUND (the result is null), or what the client says of transport and
 *          provider, with the provider's words */
int cli_rpc_call(struct cli_rpc *rpc, json_t **result, const char *method, json_t *params,
                 struct am_error *err) AM_MUST_CHECK;

/* The same for results that are quantities, and for bytes of any length up to cap. */
int cli_rpc_u64(struct cli_rpc *rpc, uint64_t *out, const char *method, json_t *params,
                struct am_error *err) AM_MUST_CHECK;
int cli_rpc_bytes(struct cli_rpc *rpc, uint8_t *out, size_t cap, size_t *len, const char *method,
                  json_t *params, struct am_error *err) AM_MUST_CHECK;

/* Hear every exchange from now on; all is borrowed for the call.
 * In: result  NULL when the call failed; then error_code is the error object's, or 0, and words
 * what the client says of it, the URL's secrets starred out */
typedef void cli_rpc_heard_fn(void *arg, const char *method, const json_t *params,
                              const json_t *result, int64_t error_code, const char *words);
void cli_rpc_listen(struct cli_rpc *rpc, cli_rpc_heard_fn *fn, void *arg);

#endif
