/*  evidence_flip -- every byte of a quote and of its event log, changed and judged.  */
#include "evidence_flip.h"

#include "../../common/evidence/am_quote_verify.h"
#include "evidence_made.h"

#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DER_MAX 4096

struct trial {
    const struct flip_how *how;
    struct am_evidence evidence;
    struct am_verdict verdict;
    struct am_expect expect;
};

static bool
is_refused(struct trial *t, enum am_check check)
{
    am_evidence_judge(&t->verdict, &t->evidence, &t->expect);
    return am_verdict_refusal(&t->verdict) != AM_CHECKS &&
           (check == AM_CHECKS || t->verdict.checks[check].outcome == AM_REFUSED);
}

static void
note(struct trial *t, struct flip *f, enum am_check check, size_t at, unsigned mask)
{
    f->tried++;
    if (!is_refused(t, check) && *f->missed == '\0')
        snprintf(f->missed, sizeof f->missed, "byte %zu ^ 0x%02x: not refused by %s", at, mask,
                 check < AM_CHECKS ? am_check_name(check) : "anything");
}

static void
load(struct trial *t, struct am_bin quote, const struct flip_how *how)
{
    memset(t, 0, sizeof *t);
    memcpy(t->evidence.quote_bytes, quote.p, quote.len);
    t->evidence.quote_len = quote.len;
    t->expect = (struct am_expect){.root = how->root, .now = how->now};
    t->how = how;
}

/* Which bits of byte i are changed the k-th time. */
static uint8_t
mask(size_t i, size_t k)
{
    return (uint8_t)(k == 0 ? 1u << (i % 8) : 0xffu);
}

static void
flip_region(struct trial *t, const char *region, size_t from, size_t to, enum am_check check)
{
    struct flip f = {.region = region, .bytes = to - from};
    const struct flip_how *how = t->how;

    for (size_t i = from; i < to; i += how->stride) {
        for (size_t k = 0; k < (how->both ? 2 : 1); k++) {
            t->evidence.quote_bytes[i] ^= mask(i, k);
            note(t, &f, check, i - from, mask(i, k));
            t->evidence.quote_bytes[i] ^= mask(i, k);
        }
    }
    how->fn(how->arg, &f);
}

/* The DER at `which` of the chain; out: where its PEM stands in the quote.  PEM of the same number
 * of bytes has the same length. */
static size_t
find_der(const struct am_evidence *e, size_t pem_at, size_t which, uint8_t der[static DER_MAX],
         size_t *at)
{
    BIO *bio = BIO_new_mem_buf(e->quote_bytes + pem_at, (int)(e->quote_len - pem_at));
    size_t found = 0;

    for (size_t i = 0; i <= which; i++) {
        char *name = NULL, *header = NULL;
        uint8_t *data = NULL;
        long len = 0;

        *at = e->quote_len - (size_t)BIO_pending(bio);
        AM_ASSERT(PEM_read_bio(bio, &name, &header, &data, &len) == 1 && len < DER_MAX);
        memcpy(der, data, (size_t)len);
        found = (size_t)len;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free(bio);
    return found;
}

static void
put_der(struct am_evidence *e, size_t at, const uint8_t *der, size_t len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long pem_len;

    AM_ASSERT(PEM_write_bio(bio, "CERTIFICATE", "", der, (long)len) > 0);
    pem_len = BIO_get_mem_data(bio, &pem);
    memcpy(e->quote_bytes + at, pem, (size_t)pem_len);
    BIO_free(bio);
}

static void
flip_der(struct trial *t, const char *region, size_t pem_at, size_t which, enum am_check check)
{
    struct flip f = {.region = region};
    const struct flip_how *how = t->how;
    uint8_t der[DER_MAX];
    size_t at;

    f.bytes = find_der(&t->evidence, pem_at, which, der, &at);
    for (size_t i = 0; i < f.bytes; i += how->stride) {
        for (size_t k = 0; k < (how->both ? 2 : 1); k++) {
            der[i] ^= mask(i, k);
            put_der(&t->evidence, at, der, f.bytes);
            note(t, &f, check, i, mask(i, k));
            der[i] ^= mask(i, k);
        }
    }
    put_der(&t->evidence, at, der, f.bytes);
    how->fn(how->arg, &f);
}

void
flip_quote(struct am_bin quote, const struct flip_how *how)
{
    static struct trial t;
    size_t end = 636 + (size_t)(quote.p[632] | quote.p[633] << 8);

    load(&t, quote, how);
    flip_region(&t, "version and types", 0, 8, AM_CHECK_form);
    flip_region(&t, "header", 8, 48, AM_CHECK_quote_signature);
    flip_region(&t, "body", 48, 632, AM_CHECK_quote_signature);
    flip_region(&t, "signature data length", 632, 636, AM_CHECKS); /* two may see it */
    flip_region(&t, "quote signature", 636, 700, AM_CHECK_quote_signature);
    flip_region(&t, "attestation key", 700, 764, AM_CHECK_attestation_key);
    flip_region(&t, "outer type and length", 764, 770, AM_CHECK_signature_form);
    flip_region(&t, "QE report", 770, 1154, AM_CHECK_qe_signature);
    flip_region(&t, "QE report signature", 1154, 1218, AM_CHECK_qe_signature);
    flip_region(&t, "auth data length", 1218, 1220, AM_CHECK_signature_form);
    flip_region(&t, "auth data", 1220, 1252, AM_CHECK_attestation_key);
    flip_region(&t, "inner type and length", 1252, 1258, AM_CHECK_signature_form);
    if (how->certificates) {
        flip_der(&t, "PCK certificate DER", 1258, 0, AM_CHECK_certificates);
        flip_der(&t, "issuer's DER", 1258, 1, AM_CHECK_certificates);
        flip_der(&t, "root's DER", 1258, 2, AM_CHECK_certificates);
        flip_region(&t, "PEM text", 1258, end, AM_CHECK_certificates);
    }
    flip_region(&t, "padding", end, quote.len, AM_CHECK_form);
}

static void
judge_log(struct trial *t, const json_t *events, struct flip *f, enum am_check check, size_t event)
{
    free(t->evidence.log_text);
    t->evidence.log_text = json_dumps(events, JSON_COMPACT);
    note(t, f, check, event, 0);
}

static struct am_bin
payload_of(const json_t *event, uint8_t *out, size_t cap)
{
    size_t len;

    AM_ASSERT(am_unhex_some(out, cap, &len,
                            am_str_of(json_string_value(json_object_get(event, "event_payload"))),
                            "", NULL) == AM_OK);
    return am_bin_of(out, len);
}

/* `event` has a name or payload of another byte: with its old digest, then with a new one. */
static void
judge_event(struct trial *t, const json_t *events, json_t *event, struct flip f[static 2], size_t i)
{
    char digest[97], hex[1025], *old = strdup(json_string_value(json_object_get(event, "digest")));
    uint8_t payload[512];
    struct am_bin bin = payload_of(event, payload, sizeof payload);

    judge_log(t, events, &f[0], AM_CHECK_event_digests, i);
    am_hex(hex, bin.p, bin.len);
    made_digest(digest, json_string_value(json_object_get(event, "event")), bin);
    json_object_set_new(event, "digest", json_string(digest));
    judge_log(t, events, &f[1], AM_CHECK_rtmr3, i);
    json_object_set_new(event, "digest", json_string(old));
    free(old);
}

static void
flip_name(struct trial *t, const json_t *events, json_t *event, struct flip f[static 2], size_t i)
{
    char *name = strdup(json_string_value(json_object_get(event, "event")));

    for (size_t k = 0; k < strlen(name); k += t->how->stride) {
        name[k] ^= 1; /* stays a printable letter */
        json_object_set_new(event, "event", json_string(name));
        judge_event(t, events, event, f, i);
        name[k] ^= 1;
    }
    json_object_set_new(event, "event", json_string(name));
    f[0].bytes += strlen(name);
    free(name);
}

static void
flip_payload(struct trial *t, const json_t *events, json_t *event, struct flip f[static 2],
             size_t i)
{
    uint8_t payload[512];
    char hex[1025];
    struct am_bin bin = payload_of(event, payload, sizeof payload - 1);

    for (size_t k = 0; k <= bin.len; k += t->how->stride) { /* at the end: one byte more */
        payload[k] ^= 1;
        am_hex(hex, payload, k < bin.len ? bin.len : bin.len + 1);
        json_object_set_new(event, "event_payload", json_string(hex));
        judge_event(t, events, event, f, i);
        payload[k] ^= 1;
    }
    am_hex(hex, bin.p, bin.len);
    json_object_set_new(event, "event_payload", json_string(hex));
    f[0].bytes += bin.len;
}

static void
flip_digest(struct trial *t, const json_t *events, json_t *event, struct flip *f, size_t i,
            enum am_check check)
{
    char *digest = strdup(json_string_value(json_object_get(event, "digest")));

    for (size_t k = 0; k < 96; k += t->how->stride) {
        char was = digest[k];

        digest[k] = was == '0' ? '1' : '0';
        json_object_set_new(event, "digest", json_string(digest));
        judge_log(t, events, f, check, i);
        digest[k] = was;
    }
    json_object_set_new(event, "digest", json_string(digest));
    f->bytes += 48;
    free(digest);
}

void
flip_log(struct am_bin quote, const char *log, const struct flip_how *how)
{
    static struct trial t;
    struct flip names[2] = {{.region = "RTMR3 names"},
                            {.region = "RTMR3 names, digest made to fit"}},
                payloads[2] = {{.region = "RTMR3 payloads"},
                               {.region = "RTMR3 payloads, digest made to fit"}},
                digests = {.region = "digests of all registers"};
    json_t *events = json_loads(log, 0, NULL);

    load(&t, quote, how);
    for (size_t i = 0; i < json_array_size(events); i++) {
        json_t *event = json_array_get(events, i);
        int imr = (int)json_integer_value(json_object_get(event, "imr"));

        flip_digest(&t, events, event, &digests, i,
                    imr == 3 ? AM_CHECK_event_digests : AM_CHECK_rtmr0 + (unsigned)imr);
        if (imr != 3)
            continue;
        flip_name(&t, events, event, names, i);
        flip_payload(&t, events, event, payloads, i);
    }
    names[1].bytes = names[0].bytes;
    payloads[1].bytes = payloads[0].bytes;
    for (int k = 0; k < 2; k++)
        how->fn(how->arg, &names[k]);
    for (int k = 0; k < 2; k++)
        how->fn(how->arg, &payloads[k]);
    how->fn(how->arg, &digests);
    json_decref(events);
    am_evidence_clear(&t.evidence);
}
