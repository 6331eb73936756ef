/*  chain_receipt -- what a bundler's receipt or EntryPoint's event says of one operation's end.  */
#include "chain_draft.h"
#include "eth_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
read_log(struct eth_log *log, uint8_t **data, const json_t *json, struct am_error *err)
{
    const json_t *topics = json_object_get(json, "topics");
    size_t count = json_array_size(topics), len = 0;
    int rc = eth_json_fixed(log->address, 20, json_object_get(json, "address"), "log address", err);

    if (rc == AM_OK && count > ETH_TOPICS_MAX)
        rc = am_fail(err, AM_INVALID_ARGUMENT, "log topics: expected at most 4, got %zu", count);
    for (size_t i = 0; rc == AM_OK && i < count; i++)
        rc = eth_json_fixed(log->topics[i], 32, json_array_get(topics, i), "log topic", err);
    log->topic_count = count;
    if (rc == AM_OK)
        rc = eth_json_data(data, &len, json_object_get(json, "data"), "log data", err);
    log->data = am_bin_of(*data, len);
    return rc;
}

/* UserOperationRevertReason among the receipt's logs; a log that is none of ours says nothing. */
static bool
revert_in_log(struct chain_receipt *out, const uint8_t user_op_hash[static 32], const json_t *json)
{
    struct eth_log log = {0};
    struct eth_event event = {0};
    uint8_t *data = NULL;
    bool found = read_log(&log, &data, json, NULL) == AM_OK &&
                 eth_log_decode(&event, &log, NULL) == AM_OK &&
                 event.id == ETH_EVENT_UserOperationRevertReason &&
                 memcmp(event.u.user_operation_reverted.hash, user_op_hash, 32) == 0;

    if (found)
        eth_revert_text(out->revert, sizeof out->revert, event.u.user_operation_reverted.reason);
    free(data);
    return found;
}

/* EntryPoint's event says more than the bundler's own field, where both are there. */
static void
revert_of(struct chain_receipt *out, const uint8_t user_op_hash[static 32], const json_t *result)
{
    const json_t *logs = json_object_get(result, "logs");
    const char *reason = json_string_value(json_object_get(result, "reason"));
    uint8_t data[256];
    size_t len = 0;

    snprintf(out->revert, sizeof out->revert, "no reason given");
    for (size_t i = 0; i < json_array_size(logs); i++)
        if (revert_in_log(out, user_op_hash, json_array_get(logs, i)))
            return;
    if (reason != NULL &&
        am_unhex_some(data, sizeof data, &len, am_str_of(reason), "reason", NULL) == AM_OK &&
        len >= 4)
        eth_revert_text(out->revert, sizeof out->revert, am_bin_of(data, len));
}

int
chain_receipt_read(struct chain_receipt *out, const uint8_t user_op_hash[static 32],
                   const json_t *result, struct am_error *err)
{
    const json_t *success = json_object_get(result, "success");
    const json_t *inner = json_object_get(result, "receipt");
    uint8_t hash[32];
    int rc =
        eth_json_fixed(hash, 32, json_object_get(result, "userOpHash"), "receipt userOpHash", err);

    *out = (struct chain_receipt){0};
    if (rc == AM_OK && memcmp(hash, user_op_hash, 32) != 0)
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "receipt userOpHash: expected the one asked for, "
                     "got another");
    if (rc == AM_OK && !json_is_boolean(success))
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "receipt success: expected true or false, got "
                     "neither");
    if (rc == AM_OK)
        rc = eth_json_u64(&out->gas_used, json_object_get(result, "actualGasUsed"),
                          "receipt actualGasUsed", err);
    if (rc == AM_OK)
        rc = eth_json_u64(&out->block, json_object_get(inner, "blockNumber"), "receipt blockNumber",
                          err);
    if (rc == AM_OK)
        rc = eth_json_fixed(out->tx_hash, 32, json_object_get(inner, "transactionHash"),
                            "receipt transactionHash", err);
    if (rc != AM_OK)
        *out = (struct chain_receipt){0};
    else
        out->success = json_is_true(success);
    if (rc == AM_OK && !out->success)
        revert_of(out, user_op_hash, result);
    return rc;
}

int
chain_event_read(struct chain_receipt *out, uint8_t user_op_hash[static 32],
                 const uint8_t sender[static 20], const uint8_t nonce[static 32],
                 const json_t *json, struct am_error *err)
{
    struct eth_log log = {0};
    struct eth_event event = {0};
    uint8_t *data = NULL;
    int rc = read_log(&log, &data, json, err);

    *out = (struct chain_receipt){0};
    memset(user_op_hash, 0, 32);
    if (rc == AM_OK)
        rc = eth_log_decode(&event, &log, err);
    if (rc == AM_OK && (event.id != ETH_EVENT_UserOperationEvent ||
                        memcmp(event.u.user_operation.sender, sender, 20) != 0))
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "eth_getLogs: expected UserOperationEvent of the own member, got another log");
    if (rc == AM_OK && memcmp(event.u.user_operation.nonce, nonce, 32) != 0)
        rc = AM_NOT_FOUND;
    if (rc == AM_OK)
        rc = eth_word_to_u64(&out->gas_used, event.u.user_operation.gas_used, "actualGasUsed", err);
    if (rc == AM_OK)
        rc =
            eth_json_u64(&out->block, json_object_get(json, "blockNumber"), "log blockNumber", err);
    if (rc == AM_OK)
        rc = eth_json_fixed(out->tx_hash, 32, json_object_get(json, "transactionHash"),
                            "log transactionHash", err);
    if (rc == AM_OK) {
        out->success = event.u.user_operation.success;
        snprintf(out->revert, sizeof out->revert, "%s",
                 out->success ? "" : "its event says no more");
        memcpy(user_op_hash, event.u.user_operation.hash, 32);
    } else {
        *out = (struct chain_receipt){0};
    }
    free(data);
    return rc;
}
