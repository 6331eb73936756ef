/*  api_attest -- pure: what /attestation says, from the facts and a quote.  */
#include "api_attest.h"

#include "../../common/base/am_addr.h"
#include "../../common/eth/eth_word.h"
#include "../../common/evidence/am_quote.h"
#include "../../common/wire/am_member.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* v1's recipe; protocol page 3.7. */
#define BINDING                                                                                    \
    "bytes 0..32: keccak256(cluster || member_contract || x_pub || wg_pub || ed25519_pub), "       \
    "packed; "                                                                                     \
    "bytes 32..64: keccak256(nonce), or zero without a nonce"
#define DEBUG_BIT 1u /* of td_attributes, bit 0 of the first byte */

int
api_nonce_read(uint8_t *nonce, size_t *len, struct am_str text, struct am_error *err)
{
    int r = am_unhex_some(nonce, AM_NONCE_MAX, len, text, "nonce", err);

    if (r == AM_OK && *len == 0)
        r = am_fail(err, AM_INVALID_ARGUMENT, "nonce: expected 1 to %d bytes of hex, got none",
                    AM_NONCE_MAX);
    return r;
}

char *
api_attest_refusal(const char *text)
{
    json_t *root = json_pack("{s:b, s:s}", "available", 0, "error", text);
    char *page = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return page;
}

const char *
api_attest_missing(const struct api_facts *f)
{
    const struct api_identity *id = &f->id;

    if (!id->ready || id->x_pub.len != 32 || id->wg_pub.len != 32 || id->ed25519_pub.len != 32)
        return *id->reason != '\0' ? id->reason : "keyagent has no identity yet";
    if (id->cluster.len != 20 || id->member_contract.len != 20)
        return "chain has no view of the cluster yet";
    return NULL;
}

void
api_attest_report_data(uint8_t out[static 64], const struct api_facts *f, struct am_bin nonce)
{
    const struct api_identity *id = &f->id;
    struct am_report_keys keys;

    memcpy(keys.cluster, id->cluster.p, 20);
    memcpy(keys.member, id->member_contract.p, 20);
    memcpy(keys.x_pub, id->x_pub.p, 32);
    memcpy(keys.wg_pub, id->wg_pub.p, 32);
    memcpy(keys.ed25519_pub, id->ed25519_pub.p, 32);
    am_report_data(out, &keys, nonce);
}

static json_t *
hex_of(const uint8_t *p, size_t len)
{
    char *text = malloc(2 + 2 * len + 1);
    json_t *value = NULL;

    if (text == NULL)
        return NULL;
    memcpy(text, "0x", 2);
    am_hex(text + 2, p, len);
    value = json_string(text);
    free(text);
    return value;
}

static json_t *
known(const struct api_bytes *b)
{
    return b->len > 0 ? hex_of(b->p, b->len) : json_null();
}

static json_t *
address(const struct api_bytes *b)
{
    char text[ETH_ADDRESS_TEXT];

    if (b->len != 20)
        return json_null();
    eth_address_text(text, b->p);
    return json_string(text);
}

static json_t *
code_id(const struct api_bytes *app_id)
{
    uint8_t id[32];

    if (app_id->len != 20)
        return json_null();
    am_code_id(id, app_id->p);
    return hex_of(id, sizeof id);
}

static json_t *
dotted(uint32_t ip)
{
    char text[16];

    if (ip == 0)
        return json_null();
    am_ip_text(text, ip);
    return json_string(text);
}

/* Words of others may be cut inside a letter. */
static json_t *
words(const char *text)
{
    json_t *value = json_string(text);

    return value != NULL ? value : json_string("(text that is not UTF-8)");
}

static json_t *
who(const struct api_facts *f)
{
    const struct api_identity *id = &f->id;

    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:{s:o, s:o, s:o, s:o}, s:o}",
        "attestor", *id->attestor != '\0' ? id->attestor : "dstack", "member_id",
        known(&id->member_id), "member_contract", address(&id->member_contract), "cluster",
        address(&id->cluster), "mesh_ip", dotted(f->mesh_ip), "phase",
        words(*f->phase != '\0' ? f->phase : "booting"), "identity", "x_pub", known(&id->x_pub),
        "ed25519_pub", known(&id->ed25519_pub), "wg_pub", known(&id->wg_pub), "dstack", "app_id",
        known(&id->app_id), "compose_hash", known(&id->compose_hash), "instance_id",
        known(&id->instance_id), "device_id", known(&id->device_id), "code_id",
        code_id(&id->app_id));
}

static json_t *
quote_json(const struct am_quote *q)
{
    char raw[11];

    snprintf(raw, sizeof raw, "0x%08x", (unsigned)q->tee_type);
    return json_pack("{s:s, s:s, s:I, s:o, s:{s:i, s:i, s:s, s:s, s:i, s:i, s:o, s:o}}", "provider",
                     "dstack", "format", "raw", "len", (json_int_t)q->whole.len, "bytes",
                     hex_of(q->whole.p, q->whole.len), "header", "version", (int)q->version,
                     "attestation_key_type", (int)q->attestation_key_type, "tee_type", "tdx",
                     "tee_type_raw", raw, "qe_svn", (int)q->qe_svn, "pce_svn", (int)q->pce_svn,
                     "qe_vendor_id", hex_of(q->qe_vendor_id, 16), "user_data",
                     hex_of(q->user_data, 20));
}

static json_t *
measurements(const struct am_quote *q)
{
    json_t *object = json_object();

#define MEASURED(name, offset, bytes) json_object_set_new(object, #name, hex_of(q->name, bytes));
    AM_QUOTE_BODY(MEASURED)
#undef MEASURED
    json_object_del(object, "report_data"); /* stands at the top */
    json_object_set_new(object, "debug", json_boolean((q->td_attributes[0] & DEBUG_BIT) != 0));
    return object;
}

/* What the quote adds; false, with errors.quote, when it is none of this node. */
static bool
add_quote(json_t *root, json_t *errors, const struct api_quote *given, const uint8_t *expected)
{
    struct am_error err = {0};
    struct am_quote q;

    if (given->error != NULL) {
        json_object_set_new(errors, "quote", words(given->error));
        return false;
    }
    if (am_quote_parse(&q, given->quote, &err) != AM_OK) {
        json_object_set_new(errors, "quote", words(err.text));
        return false;
    }
    if (memcmp(q.report_data, expected, 64) != 0) {
        json_object_set_new(errors, "quote",
                            json_string("quote: expected the report data of the public keys shown "
                                        "here, got other"));
        return false;
    }
    json_object_set_new(root, "quote", quote_json(&q));
    json_object_set_new(root, "measurements", measurements(&q));
    return true;
}

static void
add_event_log(json_t *root, json_t *errors, struct am_str text)
{
    json_t *log = text.len > 0 ? json_loadb(text.p, text.len, 0, NULL) : json_null();

    if (log != NULL && (json_is_array(log) || text.len == 0)) {
        json_object_set_new(root, "event_log", log);
        return;
    }
    json_decref(log);
    json_object_set_new(errors, "event_log",
                        json_string("event log: expected a JSON array, got something else"));
}

static void
add_evidence(json_t *root, json_t *errors, const struct api_facts *f, struct am_bin nonce,
             const struct api_quote *quote)
{
    const char *missing = api_attest_missing(f);
    uint8_t expected[64];

    if (missing != NULL) {
        json_object_set_new(errors, "info", words(missing));
        return;
    }
    api_attest_report_data(expected, f, nonce);
    json_object_set_new(root, "report_data", hex_of(expected, sizeof expected));
    if (quote != NULL && add_quote(root, errors, quote, expected))
        add_event_log(root, errors, quote->event_log);
}

char *
api_attestation(const struct api_facts *f, struct am_bin nonce, const struct api_quote *quote,
                unsigned *status)
{
    static const char *const later[] = {"report_data", "quote", "measurements", "event_log"};
    json_t *root = who(f), *errors = json_object();
    char *text = NULL;
    bool available;

    *status = 503;
    if (root == NULL || errors == NULL)
        goto out;
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        json_object_set_new(root, later[i], json_null());
    json_object_set_new(root, "report_data_binding", json_string(BINDING));
    json_object_set_new(root, "fresh", json_boolean(nonce.len > 0));
    json_object_set_new(root, "nonce", nonce.len > 0 ? hex_of(nonce.p, nonce.len) : json_null());
    add_evidence(root, errors, f, nonce, quote);
    available = json_object_size(errors) == 0 && json_is_object(json_object_get(root, "quote"));
    json_object_set_new(root, "available", json_boolean(available));
    json_object_set(root, "errors", errors);
    *status = available ? 200 : 503;
    text = json_dumps(root, JSON_COMPACT);
out:
    json_decref(root);
    json_decref(errors);
    return text;
}
