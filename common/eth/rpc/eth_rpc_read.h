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
    int status;        /* HTTP status of the answer */
};

/* Fill answers[0..count).
 * Out:     answers  each with its code; results are borrowed from *tree
 *          tree     the parsed body, which the caller releases; NULL when it is not JSON
 * */
void eth_rpc_read(struct eth_rpc_answer *answers, json_t **tree, const struct eth_rpc_asked *asked,
                  struct am_bin body, const char *content_type);

/* How many blocks an eth_getLogs asks for; 0: another method, or it does not say with numbers. */
uint64_t eth_rpc_blocks(const char *method, const json_t *params);

/* Host and port of a URL, without user, path and query; "" when there is none. */
void eth_rpc_url_host(char out[static ETH_RPC_HOST_TEXT], const char *url);

/* Overwrite with '*' what an error text repeats of the URL's path, query or user: each run of 16 or
 * more characters between its separators. */
void eth_rpc_scrub(char *text, const char *url);

#endif
