/*  eth_tx -- EIP-1559 transactions, and the addresses that deployments get.
 *
 *  Source: EIP-2718, EIP-1559, EIP-1014
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_TX_H
#define ETH_TX_H

#include "eth_word.h"

struct eth_tx {
    uint64_t chain_id, nonce, gas;
    uint8_t max_priority_fee[32], max_fee[32], value[32]; /* wei */
    bool create;                                          /* no recipient: data is init code */
    uint8_t to[20];
    struct am_bin data; /* borrowed */
};

/* Bytes that the signed transaction needs at most. */
size_t eth_tx_size(const struct eth_tx *tx);

/* What is signed: keccak256(0x02, rlp of the 9 fields).  work: scratch of eth_tx_size bytes. */
int eth_tx_digest(uint8_t out[static 32], const struct eth_tx *tx, struct eth_buf *work,
                  struct am_error *err) AM_MUST_CHECK;

/* Sign and encode.
 *
 * Out:     raw     gets the bytes for eth_sendRawTransaction appended; eth_tx_size of room
 *          hash    the transaction hash
 * In:      secret  32 bytes
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (raw->cap), AM_INVALID_ARGUMENT (secret)
 */
int eth_tx_sign(struct eth_buf *raw, uint8_t hash[static 32], const struct eth_tx *tx,
                const uint8_t secret[static 32], struct am_error *err) AM_MUST_CHECK;

/* Addresses of a deployment by CREATE and by CREATE2. */
void eth_create_address(uint8_t out[static 20], const uint8_t from[static 20], uint64_t nonce);
void eth_create2_address(uint8_t out[static 20], const uint8_t from[static 20],
                         const uint8_t salt[static 32], const uint8_t init_code_hash[static 32]);

#endif
