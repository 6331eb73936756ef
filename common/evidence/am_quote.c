/*  am_quote -- the strict reader of a TDX quote, version 4.  */
#include "am_quote.h"

#include <string.h>

#define SIGNATURE_AT (AM_QUOTE_SIGNED_LEN + 4)
#define TYPE_QE_REPORT 6 /* certification data: QE report with its own certification data */
#define TYPE_PEM_CHAIN 5 /* certification data: PCK certificate chain */

struct in { /* a cursor that never passes its end; `bad` stays */
    const uint8_t *p;
    size_t left;
    bool bad;
};

static const uint8_t *
take(struct in *in, size_t len)
{
    const uint8_t *p = in->p;

    if (in->bad || len > in->left) {
        in->bad = true;
        return NULL;
    }
    in->p += len;
    in->left -= len;
    return p;
}

/* Little-endian, 1..4 bytes; 0 once the end was passed. */
static uint32_t
number(struct in *in, size_t bytes)
{
    const uint8_t *p = take(in, bytes);
    uint32_t v = 0;

    for (size_t i = bytes; p != NULL && i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

static int
check_kind(const struct am_quote *q, struct am_bin bytes, struct am_error *err)
{
    static const char mock[] = "MOCKQUOTE-v1";

    if (bytes.len >= sizeof mock - 1 && memcmp(bytes.p, mock, sizeof mock - 1) == 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "quote: a mock (%s), made without hardware", mock);
    if (q->version != 4)
        return am_fail(err, AM_UNIMPLEMENTED, "quote: expected version 4, got %u", q->version);
    if (q->attestation_key_type != 2)
        return am_fail(err, AM_UNIMPLEMENTED,
                       "quote: expected attestation key type 2 (ECDSA on P-256), got %u",
                       q->attestation_key_type);
    if (q->tee_type != AM_QUOTE_TEE_TDX)
        return am_fail(err, AM_UNIMPLEMENTED, "quote: expected TEE type 0x81 (TDX), got 0x%x",
                       q->tee_type);
    return AM_OK;
}

static int
parse(struct am_quote *q, struct am_bin bytes, struct am_error *err)
{
    struct in in = {bytes.p, bytes.len, false};
    uint32_t len;
    int r;

    q->version = (uint16_t)number(&in, 2);
    q->attestation_key_type = (uint16_t)number(&in, 2);
    q->tee_type = number(&in, 4);
    q->qe_svn = (uint16_t)number(&in, 2);
    q->pce_svn = (uint16_t)number(&in, 2);
    if ((r = check_kind(q, bytes, err)) != AM_OK)
        return r;
    if (bytes.len < SIGNATURE_AT || bytes.len > AM_QUOTE_MAX)
        return am_fail(err, AM_OUT_OF_RANGE, "quote: expected %d to %d bytes, got %zu",
                       SIGNATURE_AT, AM_QUOTE_MAX, bytes.len);
#define POINT(name, offset, len) q->name = bytes.p + offset;
    AM_QUOTE_HEADER(POINT)
    AM_QUOTE_BODY(POINT)
#undef POINT
    take(&in, AM_QUOTE_SIGNED_LEN - 12);
    len = number(&in, 4);
    if (len > in.left)
        return am_fail(err, AM_OUT_OF_RANGE, "quote: expected %u bytes of signature data, got %zu",
                       len, in.left);
    q->signature_data = am_bin_of(take(&in, len), len);
    if (!am_is_zero(in.p, in.left))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "quote: expected zeros in the %zu bytes behind the signature data", in.left);
    q->whole = bytes;
    return AM_OK;
}

int
am_quote_parse(struct am_quote *q, struct am_bin bytes, struct am_error *err)
{
    int r;

    memset(q, 0, sizeof *q);
    if ((r = parse(q, bytes, err)) != AM_OK)
        memset(q, 0, sizeof *q);
    return r;
}

static int
check_type(uint32_t got, uint32_t want, const char *which, struct am_error *err)
{
    if (got == want)
        return AM_OK;
    return am_fail(err, AM_UNIMPLEMENTED,
                   "quote: expected %s certification data of type %u, got %u", which, want, got);
}

static int
parse_signature(struct am_quote_signature *s, struct am_bin data, struct am_error *err)
{
    struct in in = {data.p, data.len, false};
    uint32_t type, len;
    int r;

    if (am_is_zero(data.p, data.len))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "quote: no signature, %zu zeros in its place: a simulator made it",
                       data.len);
    s->signature = take(&in, 64);
    s->attestation_key = take(&in, 64);
    type = number(&in, 2);
    len = number(&in, 4);
    if (!in.bad && (r = check_type(type, TYPE_QE_REPORT, "outer", err)) != AM_OK)
        return r;
    if (!in.bad && len != in.left)
        return am_fail(err, AM_OUT_OF_RANGE,
                       "quote: outer certification data says %u bytes, %zu are there", len,
                       in.left);
    s->qe_report = take(&in, AM_QUOTE_QE_REPORT_LEN);
    s->qe_signature = take(&in, 64);
    len = number(&in, 2);
    s->qe_auth = am_bin_of(take(&in, len), len);
    type = number(&in, 2);
    len = number(&in, 4);
    if (!in.bad && (r = check_type(type, TYPE_PEM_CHAIN, "inner", err)) != AM_OK)
        return r;
    if (in.bad || len != in.left)
        return am_fail(err, AM_OUT_OF_RANGE,
                       "quote: signature data of %zu bytes does not end where its parts end",
                       data.len);
    if (len > 0 && in.p[len - 1] == '\0')
        len--;
    s->certificates = (struct am_str){(const char *)in.p, len};
    return AM_OK;
}

int
am_quote_parse_signature(struct am_quote_signature *s, struct am_bin data, struct am_error *err)
{
    int r;

    memset(s, 0, sizeof *s);
    if ((r = parse_signature(s, data, err)) != AM_OK)
        memset(s, 0, sizeof *s);
    return r;
}
