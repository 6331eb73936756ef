/*  am_evidence_read -- the forms in which evidence comes, taken apart.  */
#include "../base/am_text.h"
#include "am_evidence.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* object[key] as bytes of exactly, or at most, cap. */
static int
hex_field(uint8_t *out, size_t cap, size_t *len, const json_t *object, const char *key,
          struct am_error *err)
{
    const json_t *v = json_object_get(object, key);

    if (!json_is_string(v))
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected text with hex", key);
    if (len == NULL)
        return am_unhex(out, cap, am_str_of(json_string_value(v)), key, err);
    return am_unhex_some(out, cap, len, am_str_of(json_string_value(v)), key, err);
}

/* As the guest agent writes it, text that holds JSON; or that JSON itself. */
static int
read_log(struct am_evidence *e, const json_t *root, struct am_error *err)
{
    const json_t *v = json_object_get(root, "event_log");

    if (v == NULL || json_is_null(v))
        return AM_OK;
    if (json_is_string(v))
        e->log_text = strdup(json_string_value(v));
    else if (json_is_array(v))
        e->log_text = json_dumps(v, JSON_COMPACT);
    else
        return am_fail(err, AM_INVALID_ARGUMENT, "event_log: expected text or an array");
    if (e->log_text == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "event_log: no memory");
    return AM_OK;
}

static int
read_nonce(struct am_evidence *e, const json_t *root, struct am_error *err)
{
    int r;

    if (json_is_null(json_object_get(root, "nonce")))
        return AM_OK;
    if ((r = hex_field(e->nonce, AM_NONCE_MAX, &e->nonce_len, root, "nonce", err)) != AM_OK)
        return r;
    if (e->nonce_len == 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "nonce: expected null or 1 to %d bytes of hex",
                       AM_NONCE_MAX);
    return AM_OK;
}

static int
read_fields(struct am_evidence *e, const json_t *root, struct am_error *err)
{
    const json_t *quote = json_object_get(root, "quote"),
                 *identity = json_object_get(root, "identity");
    struct am_report_keys *k = &e->keys;
    int r;

    if ((r = read_log(e, root, err)) != AM_OK)
        return r;
    if (json_is_string(quote)) /* GetQuote's answer */
        return hex_field(e->quote_bytes, AM_QUOTE_MAX, &e->quote_len, root, "quote", err);
    if ((r = hex_field(e->quote_bytes, AM_QUOTE_MAX, &e->quote_len, quote, "bytes", err)) !=
            AM_OK ||
        (r = hex_field(k->cluster, 20, NULL, root, "cluster", err)) != AM_OK ||
        (r = hex_field(k->member, 20, NULL, root, "member_contract", err)) != AM_OK ||
        (r = hex_field(k->x_pub, 32, NULL, identity, "x_pub", err)) != AM_OK ||
        (r = hex_field(k->wg_pub, 32, NULL, identity, "wg_pub", err)) != AM_OK ||
        (r = hex_field(k->ed25519_pub, 32, NULL, identity, "ed25519_pub", err)) != AM_OK)
        return r;
    e->has_keys = true;
    return read_nonce(e, root, err);
}

/* A node that has no quote says why, with a text for each of its sources (page 6.4). */
static int
check_available(const json_t *root, struct am_error *err)
{
    const char *one = json_string_value(json_object_get(root, "error")), *source;
    char said[256] = "";
    struct am_text words = {said, sizeof said, 0, false};
    const json_t *value;

    if (!json_is_false(json_object_get(root, "available")))
        return AM_OK;
    if (one != NULL)
        am_text(&words, ": %.200s", one);
    json_object_foreach(json_object_get(root, "errors"), source, value) if (json_is_string(value))
        am_text(&words, ": %.20s: %.100s", source, json_string_value(value));
    return am_fail(err, AM_UNAVAILABLE, "the node has no evidence%s", said);
}

static int
read_json(struct am_evidence *e, struct am_bin in, struct am_error *err)
{
    json_error_t why;
    int r;

    e->tree = json_loadb((const char *)in.p, in.len, JSON_REJECT_DUPLICATES, &why);
    if (e->tree == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT, "expected evidence in JSON, line %d: %s", why.line,
                       why.text);
    if ((r = check_available(e->tree, err)) == AM_OK)
        (void)read_fields(e, e->tree, &e->answer);
    return r;
}

int
am_evidence_read(struct am_evidence *e, struct am_bin in, struct am_error *err)
{
    struct am_bin text = in;

    memset(e, 0, sizeof *e);
    if (in.len > AM_EVIDENCE_MAX)
        return am_fail(err, AM_OUT_OF_RANGE, "expected at most %u bytes of evidence, got %zu",
                       AM_EVIDENCE_MAX, in.len);
    while (text.len > 0 && isspace(*text.p)) {
        text.p++;
        text.len--;
    }
    while (text.len > 0 && isspace(text.p[text.len - 1]))
        text.len--;
    if (text.len > 0 && *text.p == '{')
        return read_json(e, text, err);
    if (text.len > 0 && isxdigit(*text.p))
        return am_unhex_some(e->quote_bytes, AM_QUOTE_MAX, &e->quote_len,
                             (struct am_str){(const char *)text.p, text.len}, "quote", err);
    if (in.len < AM_QUOTE_SIGNED_LEN || in.len > AM_QUOTE_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "expected a JSON object, hex of a quote, or a quote; got %zu other bytes",
                       in.len);
    memcpy(e->quote_bytes, in.p, in.len);
    e->quote_len = in.len;
    return AM_OK;
}

void
am_evidence_clear(struct am_evidence *e)
{
    free(e->log_text);
    json_decref(e->tree);
    memset(e, 0, sizeof *e);
}
