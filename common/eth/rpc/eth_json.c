/*  eth_json -- Ethereum values out of JSON, strictly: prefix, even digits, no default for what
 * lacks.  */
#include "eth_json.h"

#include <stdlib.h>
#include <string.h>

static const char *
kind(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "text",  "a number",
                                        "a number",  "true",     "false", "null"};

    return value == NULL ? "nothing" : names[json_typeof(value)];
}

int
eth_json_text(struct am_str *out, const json_t *value, const char *what, struct am_error *err)
{
    *out = (struct am_str){NULL, 0};
    if (!json_is_string(value))
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected text, got %s", what, kind(value));
    *out = (struct am_str){json_string_value(value), json_string_length(value)};
    return AM_OK;
}

/* am_unhex takes digits without a prefix too; JSON-RPC does not. */
static int
prefixed(struct am_str *out, const json_t *value, const char *what, struct am_error *err)
{
    int rc = eth_json_text(out, value, what, err);

    if (rc != AM_OK)
        return rc;
    if (out->len < 2 || memcmp(out->p, "0x", 2) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected hex after 0x, got \"%.*s\"", what,
                       out->len < 24 ? (int)out->len : 24, out->p);
    return AM_OK;
}

int
eth_json_fixed(uint8_t *out, size_t len, const json_t *value, const char *what,
               struct am_error *err)
{
    struct am_str text;
    int rc;

    memset(out, 0, len);
    rc = prefixed(&text, value, what, err);
    return rc != AM_OK ? rc : am_unhex(out, len, text, what, err);
}

int
eth_json_data(uint8_t **out, size_t *len, const json_t *value, const char *what,
              struct am_error *err)
{
    struct am_str text;
    uint8_t *p;
    int rc;

    *out = NULL;
    *len = 0;
    rc = prefixed(&text, value, what, err);
    if (rc != AM_OK)
        return rc;
    p = malloc(text.len / 2 + 1);
    if (p == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: no memory for %zu bytes", what,
                       text.len / 2);
    rc = am_unhex_some(p, text.len / 2, len, text, what, err);
    if (rc != AM_OK) {
        free(p);
        *len = 0;
        return rc;
    }
    *out = p;
    return AM_OK;
}

int
eth_json_u64(uint64_t *out, const json_t *value, const char *what, struct am_error *err)
{
    struct am_str text;
    int rc;

    *out = 0;
    rc = eth_json_text(&text, value, what, err);
    return rc != AM_OK ? rc : eth_quantity_read_u64(out, text, what, err);
}

int
eth_json_word(uint8_t out[static 32], const json_t *value, const char *what, struct am_error *err)
{
    struct am_str text;
    int rc;

    memset(out, 0, ETH_WORD);
    rc = eth_json_text(&text, value, what, err);
    return rc != AM_OK ? rc : eth_quantity_read(out, text, what, err);
}

json_t *
eth_json_of_data(const uint8_t *p, size_t len)
{
    char *text = malloc(2 * len + 3);
    json_t *out = NULL;

    if (text != NULL) {
        memcpy(text, "0x", 3);
        if (len > 0)
            am_hex(text + 2, p, len);
        out = json_stringn(text, 2 * len + 2);
    }
    free(text);
    return out;
}

json_t *
eth_json_of_u64(uint64_t v)
{
    char text[ETH_QUANTITY_TEXT];

    eth_quantity_u64(text, v);
    return json_string(text);
}

json_t *
eth_json_of_word(const uint8_t word[static 32])
{
    char text[ETH_QUANTITY_TEXT];

    eth_quantity(text, word);
    return json_string(text);
}
