/*  dn_rpcfault -- what each fault does to one request and to its answer.  */
#include "dn_rpcfault.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET_NONCE "0x35567e1a"

static const struct {
    const char *text, *method;
    enum dn_how how;
    int number;
    const char *words;
} faults[] = {
#define X(name, text, method, how, number, words, doc) {text, method, DN_##how, number, words},
    DN_RPC_FAULTS(X)
#undef X
};

int
dn_fault_read(struct dn_fault *fault, const char *text, struct am_error *err)
{
    size_t len = strcspn(text, "@:\r\n ");
    const char *method = text[len] == '@' ? text + len + 1 : NULL;
    const char *times = strchr(text, ':');

    *fault = (struct dn_fault){.times = UINT_MAX};
    for (int i = 0; i < DN_RPC_FAULT_COUNT; i++)
        if (strlen(faults[i].text) == len && memcmp(faults[i].text, text, len) == 0) {
            fault->name = (enum dn_rpc_fault)i;
            fault->how = faults[i].how;
            fault->number = faults[i].number;
            fault->words = faults[i].words;
            if (method == NULL)
                snprintf(fault->method, sizeof fault->method, "%s", faults[i].method);
            else
                snprintf(fault->method, sizeof fault->method, "%.*s",
                         (int)strcspn(method, ":\r\n "), method);
            if (times != NULL)
                fault->times = (unsigned)strtoul(times + 1, NULL, 10);
            return AM_OK;
        }
    return am_fail(err, AM_NOT_FOUND,
                   "fault: expected a name that rpc-double without arguments lists, got \"%.32s\"",
                   text);
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
hits_one(const struct dn_fault *fault, const json_t *r)
{
    if (fault->how == DN_PASS)
        return false;
    if (strcmp(fault->method, DN_NONCE) == 0)
        return is_get_nonce(r);
    return fault->method[0] == '\0' || strcmp(fault->method, method_of(r)) == 0;
}

bool
dn_fault_hits(const struct dn_fault *fault, const json_t *request)
{
    for (size_t i = 0; element(request, i) != NULL; i++)
        if (hits_one(fault, element(request, i)))
            return true;
    return false;
}

bool
dn_fault_hits_all(const struct dn_fault *fault, const json_t *request)
{
    for (size_t i = 0; element(request, i) != NULL; i++)
        if (!hits_one(fault, element(request, i)))
            return false;
    return true;
}

void
dn_fault_older(const struct dn_fault *fault, json_t *request, uint64_t head)
{
    uint64_t back = (uint64_t)fault->number;
    char text[24];

    snprintf(text, sizeof text, "0x%llx", (unsigned long long)(head > back ? head - back : 0));
    for (size_t i = 0; element(request, i) != NULL; i++) {
        json_t *params = json_object_get(element(request, i), "params");
        const char *tag = json_string_value(json_array_get(params, 0));

        if (hits_one(fault, element(request, i)) && tag != NULL && strcmp(tag, "latest") == 0)
            json_array_set_new(params, 0, json_string(text));
    }
}

static void
put_error(const struct dn_fault *fault, json_t *answer)
{
    json_object_del(answer, "result");
    json_object_set_new(answer, "error",
                        json_pack("{siss}", "code", fault->number, "message", fault->words));
}

/* The result itself, or one field of it where there is one. */
static void
put_value(const struct dn_fault *fault, json_t *answer)
{
    size_t len = fault->number == 0 ? 0 : strcspn(fault->words, " ");
    json_t *value = json_loads(fault->words + len, JSON_DECODE_ANY, NULL);
    json_t *result = json_object_get(answer, "result");
    char field[32];

    if (json_object_get(answer, "error") != NULL) {
        json_decref(value);
        return;
    }
    snprintf(field, sizeof field, "%.*s", (int)len, fault->words);
    if (len == 0)
        json_object_set_new(answer, "result", value);
    else if (json_object_get(result, field) != NULL)
        json_object_set_new(result, field, value);
    else
        json_decref(value);
}

/* As long as the true one, and well-formed. */
static void
turn_digit(json_t *answer, const char *result, size_t len)
{
    char *text = len > 3 ? strdup(result) : NULL;

    if (text != NULL) {
        text[len - 1] = text[len - 1] == '0' ? '1' : '0';
        json_object_set_new(answer, "result", json_string(text));
    }
    free(text);
}

static void
spoil_one(const struct dn_fault *fault, json_t *answer)
{
    json_t *result = json_object_get(answer, "result");
    size_t len = json_string_length(result);

    switch (fault->how) {
    case DN_ERROR:
        put_error(fault, answer);
        break;
    case DN_SET:
        put_value(fault, answer);
        break;
    case DN_CUT:
        if (json_is_string(result) && len > 3)
            json_object_set_new(answer, "result", json_stringn(json_string_value(result), len - 1));
        break;
    case DN_TURN:
        turn_digit(answer, json_string_value(result), len);
        break;
    case DN_ID:
        json_object_set_new(answer, "id",
                            json_integer(json_integer_value(json_object_get(answer, "id")) + 7777));
        break;
    default:
        break;
    }
}

void
dn_fault_spoil(const struct dn_fault *fault, json_t *answers, const json_t *request)
{
    for (size_t i = 0; element(answers, i) != NULL; i++)
        if (element(request, i) != NULL && hits_one(fault, element(request, i)))
            spoil_one(fault, element(answers, i));
}
