/*  sp_webhook -- pure: what gas sponsors ask before they pay: Alchemy's body, and Pimlico's.  */
#include "sp_webhook.h"

#include <stdlib.h>
#include <string.h>

#define EVENT "user_operation.sponsorship.requested"

static json_t *
load(struct am_bin body)
{
    if (body.len == 0)
        return NULL;
    return json_loadb((const char *)body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
}

static bool
hex_chain(uint64_t *id, const json_t *value)
{
    struct am_error err = {0};

    return json_is_string(value) &&
           eth_quantity_read_u64(id, am_str_of(json_string_value(value)), "chainId", &err) == AM_OK;
}

static bool
any_chain(uint64_t *id, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = text != NULL ? strlen(text) : 0;

    if (json_is_integer(value) && json_integer_value(value) > 0) {
        *id = (uint64_t)json_integer_value(value);
        return true;
    }
    if (len >= 1 && len <= 18 && strspn(text, "0123456789") == len) {
        *id = strtoull(text, NULL, 10);
        return true;
    }
    return hex_chain(id, value);
}

static bool
read_call(struct sp_ask *ask, struct sp_op *op, const json_t *operation)
{
    struct am_error err = {0};

    if (sp_op_read_call(op, operation, &err) != AM_OK)
        return false;
    memcpy(ask->sender, op->sender, 20);
    ask->call_data = am_bin_of(op->call_data, op->call_data_len);
    return true;
}

const char *
sp_alchemy_read(struct sp_ask *ask, struct sp_op *op, struct am_bin body)
{
    json_t *root = load(body);
    const char *wrong = NULL;

    memset(ask, 0, sizeof *ask);
    if (root == NULL)
        return "malformed-json";
    if (!read_call(ask, op, json_object_get(root, "userOperation")))
        wrong = "malformed-userop";
    ask->chain_given = hex_chain(&ask->chain_id, json_object_get(root, "chainId"));
    json_decref(root);
    return wrong;
}

const char *
sp_pimlico_read(struct sp_ask *ask, struct sp_op *op, struct am_bin body)
{
    json_t *root = load(body);
    const json_t *data = json_object_get(root, "data"), *object = json_object_get(data, "object");
    const char *type = json_string_value(json_object_get(root, "type")), *wrong = NULL;

    memset(ask, 0, sizeof *ask);
    if (object == NULL)
        object = data;
    if (root == NULL)
        wrong = "malformed-json";
    else if (type == NULL || strcmp(type, EVENT) != 0)
        wrong = "other-event";
    else if (!read_call(ask, op, json_object_get(object, "userOperation")))
        wrong = "malformed-userop";
    ask->chain_given = any_chain(&ask->chain_id, json_object_get(object, "chainId"));
    json_decref(root);
    return wrong;
}
