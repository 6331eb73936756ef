/*  sp_rpc -- pure: ERC-7677's two methods, as JSON: pm_getPaymasterStubData and
 * pm_getPaymasterData.  */
#include "sp_rpc.h"

#include <stdio.h>
#include <string.h>

/* VerifyingPaymaster's validation costs about 21,000 and has no postOp; Alto wants at least 1. */
#define STUB_VERIFICATION_GAS "0xea60"
#define STUB_POST_OP_GAS "0x1"

/* params: [user operation, entry point, chain id, context] */
static int
check_target(const struct sp_served *served, const json_t *params, struct am_error *err)
{
    const json_t *entry = json_array_get(params, 1), *chain = json_array_get(params, 2);
    uint8_t address[20];
    uint64_t id;
    int r;

    if (!json_is_string(entry) || !json_is_string(chain))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "params: expected [operation, entry point, chain id, context]");
    if ((r = eth_address_read(address, am_str_of(json_string_value(entry)), "entry point", err)) !=
            AM_OK ||
        (r = eth_quantity_read_u64(&id, am_str_of(json_string_value(chain)), "chain id", err)) !=
            AM_OK)
        return r;
    if (id != served->chain_id)
        return am_fail(err, AM_INVALID_ARGUMENT, "chain id: expected %llu, got %llu",
                       (unsigned long long)served->chain_id, (unsigned long long)id);
    if (memcmp(address, served->entry_point, 20) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "entry point: this sponsor serves v0.7 only");
    return AM_OK;
}

static int
read_object(struct sp_rpc_request *rq, struct sp_op *op, int *number, const json_t *request,
            const struct sp_served *served, struct am_error *err)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    const json_t *params = json_object_get(request, "params");
    int r;

    *number = -32600;
    if (method == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT, "expected a JSON-RPC request with a method");
    *number = -32601;
    rq->stub = strcmp(method, "pm_getPaymasterStubData") == 0;
    if (!rq->stub && strcmp(method, "pm_getPaymasterData") != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "this sponsor has pm_getPaymasterStubData and pm_getPaymasterData");
    *number = -32602;
    if (!json_is_array(params) || json_array_size(params) < 3 || json_array_size(params) > 4)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "params: expected [operation, entry point, chain id, context]");
    if ((r = check_target(served, params, err)) != AM_OK)
        return r;
    return sp_op_read(op, json_array_get(params, 0), !rq->stub, err) == AM_OK ? AM_OK
                                                                              : AM_INVALID_ARGUMENT;
}

int
sp_rpc_read(struct sp_rpc_request *rq, struct sp_op *op, int *number, struct am_bin body,
            const struct sp_served *served, struct am_error *err)
{
    json_t *request =
        body.len == 0 ? NULL
                      : json_loadb((const char *)body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *id = json_object_get(request, "id");
    int r;

    *rq = (struct sp_rpc_request){.id = json_is_string(id) || json_is_integer(id) ? json_incref(id)
                                                                                  : NULL};
    if (json_is_object(request)) {
        r = read_object(rq, op, number, request, served, err);
    } else {
        *number = request == NULL ? -32700 : -32600;
        r = am_fail(err, AM_INVALID_ARGUMENT, "expected one JSON-RPC object");
    }
    json_decref(request);
    return r;
}

/* member: "result" or "error"; value is consumed. */
static char *
response(const struct sp_rpc_request *rq, const char *member, json_t *value)
{
    json_t *root = json_pack("{s:s, s:O?, s:o}", "jsonrpc", "2.0", "id",
                             rq->id != NULL ? rq->id : json_null(), member, value);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return text;
}

char *
sp_rpc_error(const struct sp_rpc_request *rq, int number, const char *text)
{
    return response(rq, "error", json_pack("{s:i, s:s}", "code", number, "message", text));
}

char *
sp_rpc_denial(const struct sp_rpc_request *rq, enum sp_reason reason,
              const uint8_t sender[static 20])
{
    bool ours = reason == SP_RPC_FAILURE || reason == SP_INTERNAL;
    char address[ETH_ADDRESS_TEXT], text[160];

    eth_address_text(address, sender);
    snprintf(text, sizeof text, "sponsor: %s: no gas for the operation of %s",
             sp_reason_text(reason), address);
    return response(rq, "error",
                    json_pack("{s:i, s:s, s:{s:s}}", "code", ours ? -32603 : -32001, "message",
                              text, "data", "reason", sp_reason_text(reason)));
}

char *
sp_rpc_result(const struct sp_rpc_request *rq, const struct sp_served *served,
              const uint8_t data[static SP_DATA_LEN])
{
    char paymaster[ETH_ADDRESS_TEXT], hex[2 + 2 * SP_DATA_LEN + 1] = "0x";
    json_t *result;

    eth_address_text(paymaster, served->paymaster);
    am_hex(hex + 2, data, SP_DATA_LEN);
    result = json_pack("{s:s, s:s}", "paymaster", paymaster, "paymasterData", hex);
    if (rq->stub && result != NULL)
        json_object_update_new(
            result, json_pack("{s:s, s:s, s:b, s:{s:s}}", "paymasterVerificationGasLimit",
                              STUB_VERIFICATION_GAS, "paymasterPostOpGasLimit", STUB_POST_OP_GAS,
                              "isFinal", 0, "sponsor", "name", "attestmesh-sponsor"));
    return response(rq, "result", result);
}
