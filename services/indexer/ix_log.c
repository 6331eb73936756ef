/*  ix_log -- pure: one log out of eth_getLogs, checked against what was asked for.  */
#include "ix_log.h"

#include "../../common/eth/rpc/eth_json.h"

#include <stdlib.h>
#include <string.h>

static int
read_topics(struct ix_log *log, const json_t *topics, struct am_error *err)
{
    size_t count = json_array_size(topics);
    int r = AM_OK;

    if (!json_is_array(topics) || count < 1 || count > 4)
        return am_fail(err, AM_INVALID_ARGUMENT, "eth_getLogs topics: expected 1 to 4, got %zu",
                       count);
    for (size_t i = 0; r == AM_OK && i < count; i++)
        r = eth_json_fixed(log->topics[i], 32, json_array_get(topics, i), "eth_getLogs topics",
                           err);
    log->topic_count = count;
    return r;
}

static int
check(const struct ix_log *log, const json_t *value, const uint8_t address[20],
      const struct ix_range *range, struct am_error *err)
{
    const json_t *removed = json_object_get(value, "removed");

    if (removed != NULL && !json_is_false(removed))
        return am_fail(err, AM_INVALID_ARGUMENT, "eth_getLogs removed: expected false");
    if (memcmp(address, range->address, 20) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "eth_getLogs address: expected the cluster's, got another");
    if (log->block_number < range->from || log->block_number > range->to)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "eth_getLogs blockNumber: expected %llu to %llu, got %llu",
                       (unsigned long long)range->from, (unsigned long long)range->to,
                       (unsigned long long)log->block_number);
    return AM_OK;
}

int
ix_log_read(struct ix_log *log, const json_t *value, const struct ix_range *range,
            struct am_error *err)
{
    uint8_t address[20];
    int r;

    memset(log, 0, sizeof *log);
    if ((r = eth_json_u64(&log->block_number, json_object_get(value, "blockNumber"),
                          "eth_getLogs blockNumber", err)) != AM_OK ||
        (r = eth_json_u64(&log->log_index, json_object_get(value, "logIndex"),
                          "eth_getLogs logIndex", err)) != AM_OK ||
        (r = eth_json_fixed(log->tx_hash, 32, json_object_get(value, "transactionHash"),
                            "eth_getLogs transactionHash", err)) != AM_OK ||
        (r = eth_json_fixed(address, 20, json_object_get(value, "address"), "eth_getLogs address",
                            err)) != AM_OK ||
        (r = read_topics(log, json_object_get(value, "topics"), err)) != AM_OK ||
        (r = check(log, value, address, range, err)) != AM_OK ||
        (r = eth_json_data(&log->data, &log->data_len, json_object_get(value, "data"),
                           "eth_getLogs data", err)) != AM_OK)
        memset(log, 0, sizeof *log);
    return r;
}

void
ix_log_free(struct ix_log *log)
{
    free(log->data);
    log->data = NULL;
}
