/*  dn_guest -- what the guest agent knows and answers: keys, info, quotes.  */
#include "dn_answer.h"

#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_hkdf.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_dstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t dn_fixture_root[32] = {
    0x4b, 0x4d, 0x53, 0x2d, 0x72, 0x6f, 0x6f, 0x74, 0x2d, 0x74, 0x65, 0x73, 0x74, 0x2d, 0x6b, 0x65,
    0x79, 0x2d, 0x64, 0x6f, 0x2d, 0x6e, 0x6f, 0x74, 0x2d, 0x75, 0x73, 0x65, 0x21, 0x21, 0x21, 0x01,
};

int
dn_guest_issue(struct dn_guest *g, const uint8_t root[static 32], struct am_error *err)
{
    uint8_t digest[32];
    int rc;

    if ((rc = am_dstack_app_key(g->app_key, root, g->app_id, err)) != 0 ||
        (rc = am_secp_pub(g->app_pub, g->app_key, err)) != 0)
        return rc;
    am_dstack_kms_digest(digest, g->app_id, g->app_pub);
    if ((rc = am_secp_sign(g->kms_signature, digest, root, AM_V_RECID, err)) != 0)
        return rc;
    g->kms_signature_len = sizeof g->kms_signature;
    return AM_OK;
}

int
dn_guest_load(struct dn_guest *g, const uint8_t app_key[static 32], struct am_bin signature,
              struct am_error *err)
{
    if (signature.len != 0 && signature.len != sizeof g->kms_signature)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "--k256-signature: expected 65 bytes or none, got %zu", signature.len);
    memcpy(g->app_key, app_key, 32);
    if (signature.len > 0)
        memcpy(g->kms_signature, signature.p, signature.len);
    g->kms_signature_len = signature.len;
    return am_secp_pub(g->app_pub, g->app_key, err);
}

int
dn_guest_key(const struct dn_guest *g, struct dn_key *out, struct am_str path,
             struct am_str purpose, bool ed25519, struct am_error *err)
{
    uint8_t pub[33], digest[32];
    int rc;

    memset(out, 0, sizeof *out);
    if ((rc = am_dstack_key(out->key, g->app_key, path, err)) != 0)
        return rc;
    rc = ed25519 ? am_ed25519_pub(pub, out->key, err) : am_secp_pub(pub, out->key, err);
    if (rc != 0 ||
        (rc = am_dstack_app_digest(digest, purpose, am_bin_of(pub, ed25519 ? 32 : 33), err)) != 0)
        return rc;
    return am_secp_sign(out->chain0, digest, g->app_key, AM_V_RECID, err);
}

/* ---- answers ---- */

void
dn_answer_json(struct dn_answer *a, int status, json_t *value, size_t flags)
{
    a->status = status;
    a->type = "application/json";
    a->body = json_dumps(value, flags | JSON_ENCODE_ANY);
    a->len = a->body != NULL ? strlen(a->body) : 0;
    json_decref(value);
}

void
dn_answer_error(struct dn_answer *a, int status, const char *text)
{
    dn_answer_json(a, status, json_pack("{s:s}", "error", text), JSON_INDENT(2));
}

/* ---- requests ---- */

/* Text of a field; "" when absent.  false: null or another type. */
static bool
field(json_t *in, const char *name, const char **text)
{
    json_t *v = json_object_get(in, name);

    *text = v != NULL ? json_string_value(v) : "";
    return *text != NULL;
}

static json_t *
hex_json(const void *p, size_t len)
{
    char text[2 * DN_QUOTE_LEN + 1];

    AM_ASSERT(len <= DN_QUOTE_LEN);
    am_hex(text, p, len);
    return json_string(text);
}

/* Which claim an algorithm asks for; false: this version refuses it. */
static bool
choose(const struct dn_guest *g, const char *algorithm, bool *ed25519)
{
    /* unknown there: an Ed25519 request gets a secp256k1 claim, and no warning */
    const char *a = g->compat < DN_COMPAT_0_5_6 ? "" : algorithm;

    *ed25519 = strcmp(a, "ed25519") == 0;
    return *ed25519 || a[0] == '\0' || strcmp(a, "secp256k1") == 0 ||
           strcmp(a, g->compat == DN_COMPAT_0_5_6 ? "secp256k1_prehashed" : "k256") == 0;
}

static void
get_key(const struct dn_guest *g, json_t *in, struct dn_answer *a)
{
    const char *path, *purpose, *algorithm;
    static unsigned asked;
    char wander[640];
    struct am_error err = {0};
    struct dn_key k;
    bool ed25519;

    if (!field(in, "path", &path) || !field(in, "purpose", &purpose) ||
        !field(in, "algorithm", &algorithm)) {
        dn_answer_error(a, 400, "invalid type: expected a string");
        return;
    }
    if (!choose(g, algorithm, &ed25519)) {
        dn_answer_error(a, 400, "Unsupported algorithm");
        return;
    }
    if (a->fault == DN_FAULT_WANDER) {
        snprintf(wander, sizeof wander, "%.600s %u", path, ++asked);
        path = wander;
    }
    if (a->fault == DN_FAULT_WRONG_CHAIN) { /* a chain for another key */
        struct dn_key other;

        if (dn_guest_key(g, &other, am_str_of("another path"), am_str_of(purpose), ed25519, &err) !=
                0 ||
            dn_guest_key(g, &k, am_str_of(path), am_str_of(purpose), ed25519, &err) != 0) {
            dn_answer_error(a, 400, err.text);
            return;
        }
        memcpy(k.chain0, other.chain0, sizeof k.chain0);
    } else if (dn_guest_key(g, &k, am_str_of(path), am_str_of(purpose), ed25519, &err) != 0) {
        dn_answer_error(a, 400, err.text);
        return;
    }
    dn_answer_json(a, 200,
                   json_pack("{s:o, s:[o, o]}", "key",
                             hex_json(k.key, a->fault == DN_FAULT_WRONG_KEY_LENGTH ? 31 : 32),
                             "signature_chain", hex_json(k.chain0, sizeof k.chain0),
                             hex_json(g->kms_signature,
                                      a->fault == DN_FAULT_EMPTY_CHAIN ? 0 : g->kms_signature_len)),
                   JSON_COMPACT);
}

/* Leading "0x" are stripped, any number of them; "0X" is an error. */
static int
report_data(uint8_t out[static 64], json_t *in, struct dn_answer *a)
{
    struct am_error err = {0};
    struct am_str text;
    const char *p;
    size_t len;

    memset(out, 0, 64);
    if (!field(in, "report_data", &p)) {
        dn_answer_error(a, 400, "invalid type: expected a string");
        return AM_INVALID_ARGUMENT;
    }
    while (strncmp(p, "0x", 2) == 0)
        p += 2;
    text = am_str_of(p);
    if (text.len > 128) {
        dn_answer_error(a, 400, "Report data is too long");
        return AM_INVALID_ARGUMENT;
    }
    if (text.len > 0 && am_unhex_some(out, 64, &len, text, "report_data", &err) != 0) {
        dn_answer_error(a, 400, err.text);
        return err.code;
    }
    return AM_OK;
}

static const char vm_config[] = "{\"spec_version\":1,\"cpu_count\":1,\"memory_size\":2147483648}";

static void
get_quote(const struct dn_guest *g, json_t *in, struct dn_answer *a)
{
    struct am_error err = {0};
    struct dn_quote q;
    uint8_t data[64];
    json_t *o;

    if (report_data(data, in, a) != 0)
        return;
    if (a->fault == DN_FAULT_WRONG_REPORT_DATA)
        data[0] ^= 1;
    if (dn_quote_make(&q, g, data, &err) != 0) {
        dn_answer_error(a, 400, err.text);
        return;
    }
    o = json_pack("{s:o, s:s, s:o}", "quote", hex_json(q.bytes, sizeof q.bytes), "event_log",
                  q.events, "report_data", hex_json(data, sizeof data));
    if (g->compat >= DN_COMPAT_0_5_5)
        json_object_set_new(o, "vm_config", json_string(vm_config));
    if (g->compat == DN_COMPAT_NEXT)
        json_object_set_new(o, "attestation", hex_json(q.bytes, 1)); /* the first byte says: V0 */
    dn_answer_json(a, 200, o, JSON_COMPACT);
    free(q.events);
}

static char *
tcb_info(const struct dn_guest *g, const struct dn_quote *q, const char *device_id)
{
    json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:o}", "mrtd", hex_json(dn_mrtd, 48), "rtmr0",
                          hex_json(dn_rtmr[0], 48), "rtmr1", hex_json(dn_rtmr[1], 48), "rtmr2",
                          hex_json(dn_rtmr[2], 48), "rtmr3", hex_json(q->rtmr3, 48));
    char *text;

    json_object_set_new(o, "mr_aggregated", hex_json(q->mr_aggregated, 32));
    json_object_set_new(o, "os_image_hash", hex_json(dn_os_image_hash, 32));
    json_object_set_new(o, "compose_hash", hex_json(g->compose_hash, 32));
    json_object_set_new(o, "device_id", json_string(device_id));
    json_object_set_new(o, "event_log", json_loads(q->events, 0, NULL));
    json_object_set_new(o, "app_compose",
                        json_string("{\"manifest_version\":2,\"name\":\"attestmesh\"}"));
    text = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    return text;
}

/* Up to 0.5.5 a hash of the user data in the quote's header, then of nothing. */
static void
device_id(char out[static 65], const struct dn_guest *g, const struct dn_quote *q)
{
    uint8_t hash[32];

    am_sha256(hash, q->bytes + 28, g->compat <= DN_COMPAT_0_5_5 ? 20 : 0);
    am_hex(out, hash, sizeof hash);
}

static void
info(const struct dn_guest *g, struct dn_answer *a)
{
    static const uint8_t zero[64];
    char device[65];
    const bool kms = g->kms_signature_len > 0;
    struct am_error err = {0};
    struct dn_quote q;
    char *tcb;
    json_t *o;

    if (dn_quote_make(&q, g, zero, &err) != 0) {
        dn_answer_error(a, 400, "no quote");
        return;
    }
    device_id(device, g, &q);
    if ((tcb = tcb_info(g, &q, device)) == NULL) {
        dn_answer_error(a, 400, "no quote");
        return;
    }
    o = json_pack("{s:o, s:o, s:s, s:s, s:s, s:s}", "app_id", hex_json(g->app_id, 20),
                  "instance_id", hex_json(g->instance_id, 20), "app_cert", "", "tcb_info", tcb,
                  "app_name", "attestmesh", "device_id", device);
    json_object_set_new(o, "mr_aggregated", hex_json(q.mr_aggregated, 32));
    json_object_set_new(
        o, "key_provider_info",
        json_string(kms ? "{\"name\":\"kms\",\"id\":\"\"}" : "{\"name\":\"none\",\"id\":\"\"}"));
    json_object_set_new(o, "compose_hash", hex_json(g->compose_hash, 32));
    if (g->compat < DN_COMPAT_0_5_3) {
        json_object_set_new(o, "public_logs", json_true());
        json_object_set_new(o, "public_sysinfo", json_true());
    } else {
        json_object_set_new(o, "os_image_hash", hex_json(dn_os_image_hash, 32));
        json_object_set_new(o, "vm_config", json_string(vm_config));
    }
    if (g->compat >= DN_COMPAT_0_5_6) {
        json_object_set_new(o, "cloud_vendor", json_string("simulator"));
        json_object_set_new(o, "cloud_product", json_string("simulator"));
    }
    free(tcb);
    free(q.events);
    dn_answer_json(a, 200, o, JSON_COMPACT);
}

static void
emit_event(const struct dn_guest *g, struct dn_answer *a)
{
    if (g->compat == DN_COMPAT_0_6_0)
        dn_answer_error(
            a, 400,
            "EmitEvent was removed in dstack 0.6.0; runtime RTMR3 events are system-owned "
            "and cannot be extended by apps");
    else
        dn_answer_json(a, 200, json_null(), JSON_COMPACT);
}

void
dn_guest_dispatch(const struct dn_guest *g, const char *method, json_t *in, struct dn_answer *a)
{
    char text[640];

    if (strcmp(method, "GetKey") == 0) {
        get_key(g, in, a);
    } else if (strcmp(method, "Info") == 0) {
        info(g, a);
    } else if (strcmp(method, "GetQuote") == 0) {
        get_quote(g, in, a);
    } else if (strcmp(method, "EmitEvent") == 0 && g->compat != DN_COMPAT_0_4_2 &&
               g->compat != DN_COMPAT_NEXT) {
        emit_event(g, a);
    } else if (strcmp(method, "Version") == 0 && g->compat >= DN_COMPAT_0_5_11) {
        dn_answer_json(a, 200, json_pack("{s:s, s:s}", "version", g->version, "rev", "simulator"),
                       JSON_COMPACT);
    } else {
        snprintf(text, sizeof text, "Service not found: %s", method);
        dn_answer_json(a, g->compat == DN_COMPAT_0_6_0 ? 404 : 400,
                       json_pack("{s:s}", "error", text),
                       g->compat == DN_COMPAT_0_6_0 ? JSON_COMPACT : JSON_INDENT(2));
    }
}
