/*  dn_rpcfault -- what each fault does to one request and to its answer.  */
#include "dn_rpcfault.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET_NONCE "0x35567e1a"

static const char *const names[] = {
#define X(name, text, doc) text,
    DN_RPC_FAULTS(X)
#undef X
};

int
dn_fault_read(enum dn_rpc_fault *fault, unsigned *times, const char *name, struct am_error *err)
{
    size_t len = strcspn(name, ":\r\n ");

    *fault = DN_RPC_NONE;
    *times = name[len] == ':' ? (unsigned)strtoul(name + len + 1, NULL, 10) : UINT_MAX;
    for (int i = 0; i < DN_RPC_FAULT_COUNT; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *fault = (enum dn_rpc_fault)i;
            return AM_OK;
        }
    return am_fail(
        err, AM_NOT_FOUND,
        "fault: expected getnonce-error, behind-one-block, null-receipt, odd-hex, html, "
        "stall, error-object, wrong-id, truncate, other-value, send-lost or none, got \"%.32s\"",
        name);
}

/* Element i of a batch, or the one request. */
static json_t *
element(const json_t *all, size_t i)
{
    if (json_is_array(all))
        return json_array_get(all, i);
    return i == 0 ? (json_t *)(uintptr_t)all : NULL;
}

static const char *
method_of(const json_t *request)
{
    const char *m = json_string_value(json_object_get(request, "method"));

    return m != NULL ? m : "";
}

static bool
is_get_nonce(const json_t *request)
{
    const json_t *call = json_array_get(json_object_get(request, "params"), 0);
    const char *data = json_string_value(json_object_get(call, "data"));

    return strcmp(method_of(request), "eth_call") == 0 && data != NULL &&
           strncmp(data, GET_NONCE, strlen(GET_NONCE)) == 0;
}

static bool
hits_one(enum dn_rpc_fault fault, const json_t *r)
{
    switch (fault) {
    case DN_RPC_NONE:
        return false;
    case DN_RPC_GETNONCE_ERROR:
        return is_get_nonce(r);
    case DN_RPC_BEHIND:
        return strcmp(method_of(r), "eth_getBlockByNumber") == 0;
    case DN_RPC_NULL_RECEIPT:
        return strcmp(method_of(r), "eth_getUserOperationReceipt") == 0;
    case DN_RPC_ODD_HEX:
    case DN_RPC_OTHER_VALUE:
        return strcmp(method_of(r), "eth_call") == 0;
    case DN_RPC_SEND_LOST:
        return strcmp(method_of(r), "eth_sendUserOperation") == 0;
    default:
        return true;
    }
}

bool
dn_fault_hits(enum dn_rpc_fault fault, const json_t *request)
{
    for (size_t i = 0; element(request, i) != NULL; i++)
        if (hits_one(fault, element(request, i)))
            return true;
    return false;
}

void
dn_fault_older(json_t *request, uint64_t head)
{
    char text[24];

    snprintf(text, sizeof text, "0x%llx", (unsigned long long)(head > 0 ? head - 1 : 0));
    for (size_t i = 0; element(request, i) != NULL; i++) {
        json_t *params = json_object_get(element(request, i), "params");
        const char *tag = json_string_value(json_array_get(params, 0));

        if (hits_one(DN_RPC_BEHIND, element(request, i)) && tag != NULL &&
            strcmp(tag, "latest") == 0)
            json_array_set_new(params, 0, json_string(text));
    }
}

static void
put_error(json_t *answer, const char *message)
{
    json_object_del(answer, "result");
    json_object_set_new(answer, "error", json_pack("{siss}", "code", -32000, "message", message));
}

/* As long as the true one, and well-formed. */
static void
other_value(json_t *answer, const json_t *result, size_t len)
{
    char *text = json_is_string(result) && len > 3 ? strdup(json_string_value(result)) : NULL;

    if (text != NULL) {
        text[len - 1] = text[len - 1] == '0' ? '1' : '0';
        json_object_set_new(answer, "result", json_string(text));
    }
    free(text);
}

static void
spoil_one(enum dn_rpc_fault fault, json_t *answer)
{
    json_t *result = json_object_get(answer, "result");
    size_t len = json_string_length(result);

    switch (fault) {
    case DN_RPC_GETNONCE_ERROR:
    case DN_RPC_ERROR_OBJECT:
        put_error(answer, "the double was told to fail");
        break;
    case DN_RPC_NULL_RECEIPT:
        json_object_set_new(answer, "result", json_null());
        break;
    case DN_RPC_ODD_HEX:
        if (json_is_string(result) && len > 3)
            json_object_set_new(answer, "result", json_stringn(json_string_value(result), len - 1));
        break;
    case DN_RPC_OTHER_VALUE:
        other_value(answer, result, len);
        break;
    case DN_RPC_WRONG_ID:
        json_object_set_new(answer, "id",
                            json_integer(json_integer_value(json_object_get(answer, "id")) + 7777));
        break;
    default:
        break;
    }
}

void
dn_fault_spoil(enum dn_rpc_fault fault, json_t *answers, const json_t *request)
{
    for (size_t i = 0; element(answers, i) != NULL; i++)
        if (element(request, i) != NULL && hits_one(fault, element(request, i)))
            spoil_one(fault, element(answers, i));
}
