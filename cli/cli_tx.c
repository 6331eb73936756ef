/*  cli_tx -- one funded key that sends EIP-1559 transactions and waits for each.  */
#include "cli_tx.h"

#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "../common/base/am_secret.h"
#include "../common/crypto/am_secp.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define INCLUSION_WAIT_MS 60000
#define LOOK_MS 50

int
cli_tx_open(struct cli_tx *tx, struct cli_rpc *rpc, const char *key_text, struct am_error *err)
{
    int r;

    memset(tx, 0, sizeof *tx);
    tx->rpc = rpc;
    if ((tx->key = am_secret_alloc(32, err)) == NULL)
        return err != NULL ? err->code : AM_RESOURCE_EXHAUSTED;
    if ((r = am_unhex(tx->key, 32, am_str_of(key_text), "key", err)) != AM_OK ||
        (r = am_address_of_secret(tx->from, tx->key, err)) != AM_OK ||
        (r = cli_rpc_u64(rpc, &tx->chain_id, "eth_chainId", json_array(), err)) != AM_OK)
        cli_tx_close(tx);
    return r;
}

void
cli_tx_close(struct cli_tx *tx)
{
    am_secret_free((void **)&tx->key);
}

/* The object of eth_call and eth_estimateGas. */
static json_t *
call_object(const struct cli_tx *tx, const uint8_t *to, uint64_t value, struct am_bin data)
{
    char from[ETH_ADDRESS_TEXT], target[ETH_ADDRESS_TEXT], wei[ETH_QUANTITY_TEXT];
    char *hex = malloc(2 * data.len + 3);
    json_t *object = NULL;

    if (hex == NULL)
        return NULL;
    memcpy(hex, "0x", 2);
    am_hex(hex + 2, data.p, data.len);
    eth_address_text(from, tx->from);
    eth_quantity_u64(wei, value);
    object = json_pack("{s:s, s:s, s:s}", "from", from, "data", hex, "value", wei);
    if (object != NULL && to != NULL) {
        eth_address_text(target, to);
        json_object_set_new(object, "to", json_string(target));
    }
    free(hex);
    return object;
}

int
cli_tx_view(struct cli_tx *tx, uint8_t *out, size_t cap, size_t *len, const uint8_t to[static 20],
            struct am_bin data, struct am_error *err)
{
    json_t *params = json_pack("[o, s]", call_object(tx, to, 0, data), "latest");

    return cli_rpc_bytes(tx->rpc, out, cap, len, "eth_call", params, err);
}

static int
fill(struct cli_tx *tx, struct eth_tx *t, const uint8_t *to, uint64_t value, struct am_bin data,
     struct am_error *err)
{
    char from[ETH_ADDRESS_TEXT];
    uint64_t gas, price, tip;
    int r;

    eth_address_text(from, tx->from);
    if ((r = cli_rpc_u64(tx->rpc, &gas, "eth_estimateGas",
                         json_pack("[o]", call_object(tx, to, value, data)), err)) != AM_OK ||
        (r = cli_rpc_u64(tx->rpc, &t->nonce, "eth_getTransactionCount",
                         json_pack("[s, s]", from, "pending"), err)) != AM_OK ||
        (r = cli_rpc_u64(tx->rpc, &price, "eth_gasPrice", json_array(), err)) != AM_OK ||
        (r = cli_rpc_u64(tx->rpc, &tip, "eth_maxPriorityFeePerGas", json_array(), err)) != AM_OK)
        return r;
    t->chain_id = tx->chain_id;
    t->gas = gas + gas / 5;
    eth_word_u64(t->max_priority_fee, tip);
    eth_word_u64(t->max_fee, 2 * price + tip);
    eth_word_u64(t->value, value);
    t->create = to == NULL;
    if (to != NULL)
        memcpy(t->to, to, 20);
    t->data = data;
    return AM_OK;
}

static int
read_receipt(struct cli_receipt *receipt, const json_t *object, struct am_error *err)
{
    const char *status = json_string_value(json_object_get(object, "status"));
    const char *block = json_string_value(json_object_get(object, "blockNumber"));
    const char *gas = json_string_value(json_object_get(object, "gasUsed"));
    const char *made = json_string_value(json_object_get(object, "contractAddress"));
    int r;

    if (status == NULL || block == NULL || gas == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "eth_getTransactionReceipt: expected status, blockNumber and gasUsed");
    if ((r = eth_quantity_read_u64(&receipt->block, am_str_of(block), "blockNumber", err)) !=
            AM_OK ||
        (r = eth_quantity_read_u64(&receipt->gas_used, am_str_of(gas), "gasUsed", err)) != AM_OK)
        return r;
    if (made != NULL &&
        (r = eth_address_read(receipt->contract, am_str_of(made), "contractAddress", err)) != AM_OK)
        return r;
    if (strcmp(status, "0x1") != 0)
        return am_fail(err, AM_ABORTED, "transaction: expected status 0x1, got %.10s: it reverted",
                       status);
    return AM_OK;
}

static int
await(struct cli_tx *tx, struct cli_receipt *receipt, struct am_error *err)
{
    int64_t until = am_mono_ms() + INCLUSION_WAIT_MS;
    char hash[67] = "0x";
    json_t *object;
    int r;

    am_hex(hash + 2, receipt->hash, 32);
    for (;;) {
        r = cli_rpc_call(tx->rpc, &object, "eth_getTransactionReceipt", json_pack("[s]", hash),
                         err);
        if (r == AM_OK) {
            r = read_receipt(receipt, object, err);
            json_decref(object);
            return r;
        }
        if (r != AM_NOT_FOUND)
            return r;
        if (am_mono_ms() > until)
            return am_fail(err, AM_DEADLINE_EXCEEDED, "transaction %s: not included within %d s",
                           hash, INCLUSION_WAIT_MS / 1000);
        poll(NULL, 0, LOOK_MS);
    }
}

int
cli_tx_send(struct cli_tx *tx, struct cli_receipt *receipt, const uint8_t *to, uint64_t value,
            struct am_bin data, struct am_error *err)
{
    struct eth_tx t = {0};
    struct eth_buf raw = {0};
    uint8_t echoed[32];
    size_t len;
    char *hex = NULL;
    int r;

    memset(receipt, 0, sizeof *receipt);
    if ((r = fill(tx, &t, to, value, data, err)) != AM_OK)
        goto out;
    raw.cap = eth_tx_size(&t);
    raw.p = malloc(raw.cap);
    hex = malloc(2 * raw.cap + 3);
    if (raw.p == NULL || hex == NULL) {
        r = am_fail(err, AM_RESOURCE_EXHAUSTED, "transaction: no memory for %zu bytes", raw.cap);
        goto out;
    }
    if ((r = eth_tx_sign(&raw, receipt->hash, &t, tx->key, err)) != AM_OK)
        goto out;
    memcpy(hex, "0x", 2);
    am_hex(hex + 2, raw.p, raw.len);
    if ((r = cli_rpc_bytes(tx->rpc, echoed, sizeof echoed, &len, "eth_sendRawTransaction",
                           json_pack("[s]", hex), err)) != AM_OK)
        goto out;
    if (len != 32 || memcmp(echoed, receipt->hash, 32) != 0) {
        r = am_fail(err, AM_DATA_LOSS,
                    "eth_sendRawTransaction: expected our transaction hash back");
        goto out;
    }
    r = await(tx, receipt, err);
out:
    free(raw.p);
    free(hex);
    return r;
}
