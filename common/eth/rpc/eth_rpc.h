/*  eth_rpc -- a strict JSON-RPC 2.0 client for one provider, on am_http.
 *
 *  Trust:   the provider may lie; it may not confuse.  An answer counts only with the right id,
 *           exactly one of result and error, and whole JSON without duplicate keys.
 *  Threads: the loop's.
 *  Clock:   monotonic, in am_http and libev.
 *  Secrets: the URL's path and query may be a key: errors and logs show the host alone.
 *
 *  Source: https://www.jsonrpc.org/specification
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_RPC_H
#define ETH_RPC_H

#include "../../net/am_http.h"
#include "eth_json.h"

#define ETH_RPC_BATCH_MAX 64
#define ETH_RPC_HOST_TEXT 128

struct eth_rpc;

/* One element asked.  params: an array or object; the reference is taken over, always. */
struct eth_rpc_item {
    const char *method; /* static text */
    json_t *params;
};

/* One element answered.  Everything is borrowed for the callback. */
struct eth_rpc_answer {
    int code;            /* AM_OK              result holds a value that is not null
                            AM_NOT_FOUND       the result is null
                            AM_UNIMPLEMENTED   the provider has no such method
                            AM_FAILED_PRECONDITION  another error object
                            AM_INVALID_ARGUMENT     not JSON-RPC: wrong id, shape, HTML, ...
                            AM_RESOURCE_EXHAUSTED   rate limit, or it is too early by its Retry-After
                            AM_OUT_OF_RANGE         too many blocks or results, or too large: ask for less
                            AM_UNAVAILABLE, AM_DEADLINE_EXCEEDED, AM_DATA_LOSS,
                            AM_CANCELLED       as in am_http.h */
    json_t *result;      /* NULL unless AM_OK */
    int64_t error_code;  /* of the error object; 0 when there is none */
    json_t *error_data;  /* of the error object; may be NULL */
    const char *said;    /* of the error object: its message; may be NULL */
    struct am_error err; /* host, method, and the provider's own words */
};

/* Called once, from the loop, never from inside eth_rpc_call. */
typedef void eth_rpc_fn(void *arg, const struct eth_rpc_answer *answers, size_t count);

/* Open a provider.
 * In:      http, loop  borrowed for its life
 *          name        static text for logs and errors: "rpc", "bundler", "paymaster"
 *          url         copied
 * Returns: AM_OK, AM_INVALID_ARGUMENT (url), AM_RESOURCE_EXHAUSTED */
int eth_rpc_open(struct eth_rpc **rpc, struct am_http *http, struct ev_loop *loop, const char *name,
                 const char *url, struct am_error *err) AM_MUST_CHECK;
void eth_rpc_close(struct eth_rpc **rpc); /* calls in flight end with AM_CANCELLED first */

/* Ask 1..ETH_RPC_BATCH_MAX elements, in one HTTP request; more than one is a batch.
 * How long and how often is one table by method: reads are asked again after a transport error,
 * with full jitter; what may act (send, sponsor) is asked once.
 * In:      correlation  for the log, may be ""
 * Returns: AM_OK, AM_INVALID_ARGUMENT (count), AM_RESOURCE_EXHAUSTED; fn is not called then */
int eth_rpc_call(struct eth_rpc *rpc, const struct eth_rpc_item *items, size_t count,
                 const char *correlation, eth_rpc_fn *fn, void *arg,
                 struct am_error *err) AM_MUST_CHECK;

uint64_t eth_rpc_count(const struct eth_rpc *rpc); /* elements sent since the start, repeats too */
const char *eth_rpc_host(const struct eth_rpc *rpc); /* host and port, nothing else of the URL */
/* How many blocks of eth_getLogs to ask for who wants so many: what this provider has refused is
 * learned, and tried again slowly. */
uint64_t eth_rpc_range(const struct eth_rpc *rpc, uint64_t wanted);

#endif
