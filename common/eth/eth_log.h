/*  eth_log -- decode the event logs that AttestMesh acts on, and write v1's RLP form of a log.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_LOG_H
#define ETH_LOG_H

#include "eth_abi.h"
#include "eth_table.h"

#define ETH_TOPICS_MAX 4

struct eth_log {
    uint8_t address[20];
    uint8_t topics[ETH_TOPICS_MAX][32];
    size_t topic_count;
    struct am_bin data; /* borrowed */
};

/* One event; `id` says which member of the union holds it. */
struct eth_event {
    enum eth_event_id id;
    union {
        struct {
            uint8_t member_id[32], contract[20], attestor_id[32], x_pub[32], wg_pub[32];
        } member_registered;
        struct {
            uint8_t member_id[32], key[32];
        } key_published; /* WgKeyPublished and Ed25519KeyPublished */
        struct {
            uint8_t commitment[32];
        } csk_commitment_set;
        struct {
            uint8_t sender[32], recipient[32], envelope_id[32];
            struct am_bin ciphertext; /* borrowed from the log */
        } message_sent;
        struct {
            uint8_t member_id[32], code_id[32], derived_key[20];
        } dstack_member_registered;
        struct {
            uint8_t cluster[20], owner[20], salt[32];
        } cluster_deployed;
        struct {
            uint8_t member[20], cluster[20], salt[32];
        } member_deployed;
        struct {
            uint8_t hash[32], sender[20], paymaster[20], nonce[32];
            bool success;
            uint8_t gas_cost[32], gas_used[32];
        } user_operation;
        struct {
            uint8_t hash[32], sender[20], nonce[32];
            struct am_bin reason; /* revert data, borrowed: eth_revert_text */
        } user_operation_reverted;
    } u;
};

/* Returns: AM_OK
 *          AM_NOT_FOUND         no topic, or an event that this list does not decode
 *          AM_INVALID_ARGUMENT  a known topic0 with other topics or data than the event has
 */
int eth_log_decode(struct eth_event *out, const struct eth_log *log,
                   struct am_error *err) AM_MUST_CHECK;

/* RLP list [address, [topics...], data]: the indexer's event_data.
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (cap), AM_INVALID_ARGUMENT (shape, trailing bytes) */
int eth_log_rlp(struct eth_buf *out, const struct eth_log *log, struct am_error *err) AM_MUST_CHECK;
int eth_log_unrlp(struct eth_log *out, struct am_bin rlp, struct am_error *err) AM_MUST_CHECK;

#endif
