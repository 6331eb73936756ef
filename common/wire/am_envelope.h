/*  am_envelope -- what an indexer signs: events and checkpoints.
 *
 *  Source: protocol page 3.6
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_ENVELOPE_H
#define AM_ENVELOPE_H

#include "../eth/eth_log.h"

#define AM_REPRO_METHOD "eth_getLogs"
#define AM_CHECKPOINT_INDEX UINT64_MAX
#define AM_REPRO_MAX 512 /* bytes of params text for 4 topics, NUL included */

struct am_envelope { /* all borrowed */
    struct am_bin event_data, cluster, tx_hash;
    uint64_t block_number, log_index;
    struct am_str repro_method, repro_params; /* empty: no rpc_repro */
};

/* params_json of rpc_repro, v1's exact text, NUL-terminated.
 * Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (cap) */
int am_repro_params(char *out, size_t cap, const struct eth_log *log, uint64_t block_number,
                    struct am_error *err) AM_MUST_CHECK;

/* The CBOR array(7) that the signing input covers.  out may be NULL to learn the length.
 * Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (cap; *out_len is what it needs) */
int am_envelope_cbor(uint8_t *out, size_t cap, size_t *out_len, const struct am_envelope *e,
                     struct am_error *err) AM_MUST_CHECK;

/* keccak256("attestmesh.indexer.envelope.v1", cbor), computed without holding the CBOR. */
void am_envelope_digest(uint8_t out[static 32], const struct am_envelope *e);

/* Whether it is a checkpoint: no event, no transaction, no repro, log index 2^64 - 1. */
bool am_envelope_is_checkpoint(const struct am_envelope *e);

#endif
