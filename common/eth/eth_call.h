/*  eth_call -- call data of the contracts: build it, and take apart what keyagent must check.
 *
 *  Builders append to `out` and return AM_OK or AM_RESOURCE_EXHAUSTED (out->cap; out is then as
 *  before).  Parsers take the canonical encoding only and borrow from their input.
 *
 *  Source: protocol page 1.1-1.5
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_CALL_H
#define ETH_CALL_H

#include "eth_abi.h"
#include "eth_table.h"

/* A function without arguments, with one address, with one word (bytes32, uint256, bool). */
int eth_call_none(struct eth_buf *out, enum eth_fn fn, struct am_error *err) AM_MUST_CHECK;
int eth_call_address(struct eth_buf *out, enum eth_fn fn, const uint8_t address[static 20],
                     struct am_error *err) AM_MUST_CHECK;
int eth_call_word(struct eth_buf *out, enum eth_fn fn, const uint8_t word[static 32],
                  struct am_error *err) AM_MUST_CHECK;
int eth_call_bool(struct eth_buf *out, enum eth_fn fn, bool v, struct am_error *err) AM_MUST_CHECK;
/* Any static arguments: `count` words. */
int eth_call_words(struct eth_buf *out, enum eth_fn fn, const uint8_t (*words)[32], size_t count,
                   struct am_error *err) AM_MUST_CHECK;

/* setCskCommitment, publishEd25519Key, publishWgKey */
int eth_call_set_csk_commitment(struct eth_buf *out, const uint8_t commitment[static 32],
                                struct am_error *err) AM_MUST_CHECK;
int eth_call_publish_ed25519(struct eth_buf *out, const uint8_t key[static 32],
                             struct am_error *err) AM_MUST_CHECK;
int eth_call_publish_wg(struct eth_buf *out, const uint8_t key[static 32],
                        struct am_error *err) AM_MUST_CHECK;

/* facetAddress(bytes4) of a function: zero in the answer means this cluster has it not. */
int eth_call_facet_address(struct eth_buf *out, enum eth_fn wanted,
                           struct am_error *err) AM_MUST_CHECK;

/* MessageFacet.send */
int eth_call_send(struct eth_buf *out, const uint8_t recipient[static 32],
                  const uint8_t envelope_id[static 32], struct am_bin ciphertext,
                  struct am_error *err) AM_MUST_CHECK;

/* EntryPoint.getNonce(sender, key): the reply is key (24 bytes), sequence (8 bytes). */
int eth_call_get_nonce(struct eth_buf *out, const uint8_t sender[static 20],
                       const uint8_t key[static 24], struct am_error *err) AM_MUST_CHECK;

/* ClusterMember.execute(target, 0, inner); `inner` may not lie in out. */
int eth_call_execute(struct eth_buf *out, const uint8_t target[static 20], struct am_bin inner,
                     struct am_error *err) AM_MUST_CHECK;

/* DstackProof; the signatures carry v 27/28, public keys are compressed, purpose "ethereum". */
struct eth_proof {
    uint8_t code_id[32], message_hash[32];
    uint8_t message_sig[65], app_sig[65], kms_sig[65];
    uint8_t derived_pub[33], app_pub[33];
    struct am_str purpose; /* borrowed, at most 64 bytes */
};
struct eth_register {
    struct eth_proof proof;
    uint8_t member[20], x_pub[32], wg_pub[32];
};
int eth_call_register(struct eth_buf *out, const struct eth_register *r,
                      struct am_error *err) AM_MUST_CHECK;

/* Multicall3.aggregate3; at most ETH_CALLS_MAX calls. */
#define ETH_CALLS_MAX 1024
struct eth_call3 {
    uint8_t target[20];
    bool allow_failure;
    struct am_bin call_data;
};
int eth_call_aggregate3(struct eth_buf *out, const struct eth_call3 *calls, size_t count,
                        struct am_error *err) AM_MUST_CHECK;

/* ClusterDiamondFactory v1: fn is ETH_FN_deployCluster or ETH_FN_predictClusterAddress. */
struct eth_cluster_init {
    uint8_t owner[20], kms_root[20], member_factory[20];
    const uint8_t (*compose_hashes)[32];
    size_t compose_count;
    const uint8_t (*device_ids)[32];
    size_t device_count;
    bool allow_any_device, require_tcb;
    uint32_t cidr_ip; /* host order */
    uint8_t cidr_prefix;
};
int eth_call_cluster(struct eth_buf *out, enum eth_fn fn, const struct eth_cluster_init *init,
                     const uint8_t salt[static 32], struct am_error *err) AM_MUST_CHECK;
/* The init argument alone, as init(InitArgs) of DiamondInit. */
int eth_call_diamond_init(struct eth_buf *out, const struct eth_cluster_init *init,
                          struct am_error *err) AM_MUST_CHECK;
/* ClusterMemberFactory: fn is ETH_FN_deployMember or ETH_FN_predictMemberAddress. */
int eth_call_member(struct eth_buf *out, enum eth_fn fn, const uint8_t cluster[static 20],
                    const uint8_t salt[static 32], struct am_error *err) AM_MUST_CHECK;
/* upgradeToAndCall(implementation, data) */
int eth_call_upgrade(struct eth_buf *out, const uint8_t impl[static 20], struct am_bin data,
                     struct am_error *err) AM_MUST_CHECK;

/* Take apart.  Returns: AM_OK, AM_NOT_FOUND (another function), AM_INVALID_ARGUMENT (shape) */
struct eth_execute {
    uint8_t target[20], value[32];
    struct am_bin inner; /* borrowed */
};
int eth_parse_execute(struct eth_execute *out, struct am_bin call_data,
                      struct am_error *err) AM_MUST_CHECK;
int eth_parse_register(struct eth_register *out, struct am_bin call_data,
                       struct am_error *err) AM_MUST_CHECK;
int eth_parse_word(uint8_t out[static 32], enum eth_fn fn, struct am_bin call_data,
                   struct am_error *err) AM_MUST_CHECK;
struct eth_send {
    uint8_t recipient[32], envelope_id[32];
    struct am_bin ciphertext; /* borrowed */
};
int eth_parse_send(struct eth_send *out, struct am_bin call_data,
                   struct am_error *err) AM_MUST_CHECK;

#endif
