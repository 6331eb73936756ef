/*  sp_rpc -- ERC-7677's two methods: pm_getPaymasterStubData and pm_getPaymasterData.  */
#include "sp_rpc.h"

#include "../../common/base/am_log.h"
#include "sp_op.h"

#include <stdio.h>
#include <string.h>

/* VerifyingPaymaster's validation costs about 21,000 and has no postOp; Alto wants at least 1. */
#define STUB_VERIFICATION_GAS "0xea60"
#define STUB_POST_OP_GAS "0x1"

static json_t *
error_of(int number, const char *text)
{
    return json_pack("{s:i, s:s}", "code", number, "message", text);
}

/* params: [user operation, entry point, chain id, context] */
static int
check_target(const struct sponsor *sp, const json_t *params, struct am_error *err)
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
    if (id != sp->chain_id)
        return am_fail(err, AM_INVALID_ARGUMENT, "chain id: expected %llu, got %llu",
                       (unsigned long long)sp->chain_id, (unsigned long long)id);
    if (memcmp(address, sp->entry_point, 20) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "entry point: this sponsor serves v0.7 only");
    return AM_OK;
}

static int
sign_for(struct sponsor *sp, const json_t *params, bool stub, uint64_t now,
         uint8_t data[static SP_DATA_LEN], struct am_error *err)
{
    static struct sp_op op;
    int r;

    if ((r = check_target(sp, params, err)) != AM_OK ||
        (r = sp_op_read(&op, json_array_get(params, 0), !stub, err)) != AM_OK)
        return r;
    /* The list is read at each question: an operator's edit holds at once, a broken edit is told
     * to whoever asks and changes nothing. */
    if (sp_policy_load(&sp->policy, sp->apps_path, err) != AM_OK)
        return err->code = AM_FAILED_PRECONDITION; /* ours, not the asker's */
    if ((r = sp_policy_check(&sp->policy, op.sender, err)) != AM_OK)
        return r;
    return sp_op_sign(data, &op, sp->paymaster, sp->chain_id, now + SP_VALID_SECONDS, sp->key, err);
}

static json_t *
result_of(const struct sponsor *sp, const uint8_t data[static SP_DATA_LEN], bool stub)
{
    char paymaster[ETH_ADDRESS_TEXT], hex[2 + 2 * SP_DATA_LEN + 1] = "0x";
    json_t *result;

    eth_address_text(paymaster, sp->paymaster);
    am_hex(hex + 2, data, SP_DATA_LEN);
    result = json_pack("{s:s, s:s}", "paymaster", paymaster, "paymasterData", hex);
    if (stub && result != NULL)
        json_object_update_new(
            result, json_pack("{s:s, s:s, s:b, s:{s:s}}", "paymasterVerificationGasLimit",
                              STUB_VERIFICATION_GAS, "paymasterPostOpGasLimit", STUB_POST_OP_GAS,
                              "isFinal", 0, "sponsor", "name", "attestmesh-sponsor"));
    return result;
}

static int
number_of(int code)
{
    switch (code) {
    case AM_PERMISSION_DENIED:
        return -32001;
    case AM_FAILED_PRECONDITION:
        return -32603;
    default:
        return -32602;
    }
}

/* The member to put beside "id": "result" or "error". */
static json_t *
decide(struct sponsor *sp, const json_t *request, uint64_t now, const char **member)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    const json_t *params = json_object_get(request, "params");
    uint8_t data[SP_DATA_LEN];
    struct am_error err = {0};
    bool stub;
    int r;

    *member = "error";
    if (method == NULL)
        return error_of(-32600, "expected a JSON-RPC request with a method");
    stub = strcmp(method, "pm_getPaymasterStubData") == 0;
    if (!stub && strcmp(method, "pm_getPaymasterData") != 0)
        return error_of(-32601, "this sponsor has pm_getPaymasterStubData and pm_getPaymasterData");
    if (!json_is_array(params) || json_array_size(params) < 3 || json_array_size(params) > 4)
        return error_of(-32602, "params: expected [operation, entry point, chain id, context]");
    r = sign_for(sp, params, stub, now, data, &err);
    am_log(r == AM_OK ? AM_INFO : AM_WARN, "sponsor.decided", "method=%s outcome=%s reason=\"%s\"",
           stub ? "stub" : "data", am_err_name(r), err.text);
    if (r != AM_OK)
        return error_of(number_of(r), err.text);
    *member = "result";
    return result_of(sp, data, stub);
}

char *
sp_rpc_answer(struct sponsor *sp, struct am_bin body, uint64_t now)
{
    json_t *request = json_loadb((const char *)body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *member = "error";
    json_t *value, *id, *response;
    char *text = NULL;

    if (json_is_object(request))
        value = decide(sp, request, now, &member);
    else
        value = error_of(request == NULL ? -32700 : -32600, "expected one JSON-RPC object");
    id = json_object_get(request, "id");
    response =
        json_pack("{s:s, s:O?, s:o}", "jsonrpc", "2.0", "id",
                  id != NULL && (json_is_string(id) || json_is_integer(id)) ? id : json_null(),
                  member, value);
    if (response != NULL)
        text = json_dumps(response, JSON_COMPACT);
    json_decref(response);
    json_decref(request);
    return text;
}
