/*  cli_tx -- one funded key that sends EIP-1559 transactions and waits for each.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_TX_H
#define CLI_TX_H

#include "../common/eth/eth_tx.h"
#include "cli_rpc.h"

struct cli_tx {
    struct cli_rpc *rpc; /* borrowed */
    uint8_t *key;        /* 32 bytes, locked memory, owned */
    uint8_t from[20];
    uint64_t chain_id;
};

/* In:      key_text  32 bytes of hex; copied to locked memory
 * Returns: AM_OK, AM_INVALID_ARGUMENT (key), or what the RPC says of eth_chainId */
int cli_tx_open(struct cli_tx *tx, struct cli_rpc *rpc, const char *key_text,
                struct am_error *err) AM_MUST_CHECK;
void cli_tx_close(struct cli_tx *tx);

struct cli_receipt {
    uint8_t hash[32], contract[20]; /* contract: all zero unless this created one */
    uint64_t block, gas_used;
};

/* Estimate, sign, send, wait for inclusion (at most 60 s), look at the status.
 *
 * In:      to     20 bytes, or NULL to create a contract from data
 *          value  wei
 * Returns: AM_OK, AM_ABORTED (included and reverted), AM_DEADLINE_EXCEEDED (not included), or what
 *          the RPC says; a revert at estimation is told with its custom error's name */
int cli_tx_send(struct cli_tx *tx, struct cli_receipt *receipt, const uint8_t *to, uint64_t value,
                struct am_bin data, struct am_error *err) AM_MUST_CHECK;

/* eth_call at latest.  len: how many bytes came. */
int cli_tx_view(struct cli_tx *tx, uint8_t *out, size_t cap, size_t *len,
                const uint8_t to[static 20], struct am_bin data,
                struct am_error *err) AM_MUST_CHECK;

#endif
