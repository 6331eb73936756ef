/*  ix_log -- pure: one log out of eth_getLogs, checked against what was asked for.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef IX_LOG_H
#define IX_LOG_H

#include "../../common/base/am_bytes.h"

#include <jansson.h>

struct ix_log {
    uint64_t block_number, log_index;
    uint8_t tx_hash[32], topics[4][32];
    size_t topic_count;
    uint8_t *data; /* owned: ix_log_free */
    size_t data_len;
};

struct ix_range {
    uint8_t address[20];
    uint64_t from, to; /* both asked for */
};

/* Read one element.
 * Returns: AM_OK; AM_INVALID_ARGUMENT when a field has another shape, or the log is of another
 *          address, outside the range, removed, or not mined; AM_RESOURCE_EXHAUSTED
 * Source:  Ethereum JSON-RPC, eth_getLogs */
int ix_log_read(struct ix_log *log, const json_t *value, const struct ix_range *range,
                struct am_error *err) AM_MUST_CHECK;
void ix_log_free(struct ix_log *log);

#endif
