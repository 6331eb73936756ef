/*  eth_rpc_read -- decide what one HTTP answer says to each element of a JSON-RPC request.
 *
 *  Pure: bytes in, answers out.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_RPC_READ_H
#define ETH_RPC_READ_H

#include "eth_rpc.h"

struct eth_rpc_asked {
    const char *where;          /* "rpc example.org" */
    const char *const *methods; /* count of them */
    size_t count;
    uint64_t first_id; /* element i has id first_id + i */
};

/* Fill answers[0..count).
 * Out:     answers  each with its code; results are borrowed from *tree
 *          tree     the parsed body, which the caller releases; NULL when it is not JSON
 * In:      status   HTTP status
 */
void eth_rpc_read(struct eth_rpc_answer *answers, json_t **tree, const struct eth_rpc_asked *asked,
                  int status, struct am_bin body, const char *content_type);

/* Host and port of a URL, without user, path and query; "" when there is none. */
void eth_rpc_url_host(char out[static ETH_RPC_HOST_TEXT], const char *url);

/* Overwrite with '*' what an error text repeats of the URL's path, query or user: each run of 16 or
 * more characters between its separators. */
void eth_rpc_scrub(char *text, const char *url);

#endif
