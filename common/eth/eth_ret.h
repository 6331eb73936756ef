/*  eth_ret -- what view functions return.
 *
 *  Exact length and canonical encoding, or AM_INVALID_ARGUMENT with outputs zero.  `what` names
 *  the call in the error, e.g. "memberOf".  Empty return data is never a value.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_RET_H
#define ETH_RET_H

#include "eth_abi.h"

int eth_ret_word(uint8_t out[static 32], struct am_bin data, const char *what,
                 struct am_error *err) AM_MUST_CHECK;
int eth_ret_u64(uint64_t *out, struct am_bin data, const char *what,
                struct am_error *err) AM_MUST_CHECK;
int eth_ret_bool(bool *out, struct am_bin data, const char *what,
                 struct am_error *err) AM_MUST_CHECK;
int eth_ret_address(uint8_t out[static 20], struct am_bin data, const char *what,
                    struct am_error *err) AM_MUST_CHECK;

/* listMembers() and any other bytes32[]: at most cap ids, AM_RESOURCE_EXHAUSTED above. */
int eth_ret_words(uint8_t (*out)[32], size_t cap, size_t *count, struct am_bin data,
                  const char *what, struct am_error *err) AM_MUST_CHECK;

/* memberOf, memberById.  member_contract all zero: there is no such member. */
struct eth_member {
    uint8_t attestor_id[32], contract[20], x_pub[32], wg_pub[32];
    uint64_t registered_at; /* seconds, chain clock */
};
int eth_ret_member(struct eth_member *out, struct am_bin data, const char *what,
                   struct am_error *err) AM_MUST_CHECK;

/* meshCidr() */
int eth_ret_cidr(uint32_t *ip, uint8_t *prefix, struct am_bin data, const char *what,
                 struct am_error *err) AM_MUST_CHECK;

/* EntryPoint.getNonce: 24-byte key as asked for, 64-bit sequence; another key is refused. */
int eth_ret_nonce(uint64_t *sequence, const uint8_t key[static 24], struct am_bin data,
                  const char *what, struct am_error *err) AM_MUST_CHECK;

/* IndexerRegistry.current(): four values */
struct eth_indexer {
    struct am_str endpoint; /* borrowed */
    uint8_t code_id[32], pub_key[32];
    uint64_t updated_at;
};
int eth_ret_indexer(struct eth_indexer *out, struct am_bin data, const char *what,
                    struct am_error *err) AM_MUST_CHECK;

/* isAppAllowed: (bool, string) */
int eth_ret_app_allowed(bool *allowed, struct am_str *reason, struct am_bin data, const char *what,
                        struct am_error *err) AM_MUST_CHECK;

/* Multicall3.aggregate3: exactly `count` results, in order; data is borrowed. */
struct eth_result {
    bool success;
    struct am_bin data;
};
int eth_ret_aggregate3(struct eth_result *out, size_t count, struct am_bin data, const char *what,
                       struct am_error *err) AM_MUST_CHECK;

/* Multicall3.getBlockNumber and the like are words: eth_ret_u64. */

#endif
