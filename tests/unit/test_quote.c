/*  test_quote -- the reader of quotes: every length, every kind that is not ours.  */
#include "../../common/evidence/am_quote.h"
#include "../../common/evidence/am_report_data.h"

#include <criterion/criterion.h>
#include <string.h>

#define CERTS "-----BEGIN CERTIFICATE-----\n"
#define PAD 70

/* A quote of the right form, its signatures made of ones; returns its length. */
static size_t
make(uint8_t out[static 2048])
{
    const size_t pem = sizeof CERTS, inner = 384 + 64 + 2 + 4 + 6 + pem, data = 64 + 64 + 6 + inner;
    uint8_t *p = out + 636;

    memset(out, 0, 2048);
    out[0] = 4;
    out[2] = 2;
    out[4] = 0x81;
    out[632] = (uint8_t)data;
    out[633] = (uint8_t)(data >> 8);
    memset(p, 1, data);
    p[128] = 6;
    p[129] = 0;
    memset(p + 130, 0, 4);
    p[130] = (uint8_t)inner;
    p[131] = (uint8_t)(inner >> 8);
    p += 134 + 384 + 64;
    p[0] = 4;
    p[1] = 0;
    memset(p + 6, 0, 6);
    p[6] = 5;
    p[8] = (uint8_t)pem;
    memcpy(p + 12, CERTS, pem);
    return 636 + data;
}

static int
read_all(const uint8_t *bytes, size_t len, struct am_error *err)
{
    struct am_quote q;
    struct am_quote_signature s;
    int r = am_quote_parse(&q, am_bin_of(bytes, len), err);

    return r == AM_OK ? am_quote_parse_signature(&s, q.signature_data, err) : r;
}

Test(quote, is_read_where_the_page_says)
{
    uint8_t bytes[2048];
    size_t len = make(bytes);
    struct am_quote q;
    struct am_quote_signature s;

    bytes[8] = 7;
    bytes[10] = 9;
    cr_assert_eq(am_quote_parse(&q, am_bin_of(bytes, len + PAD), NULL), AM_OK);
    cr_assert(q.version == 4 && q.qe_svn == 7 && q.pce_svn == 9 && q.tee_type == 0x81);
    cr_assert(q.user_data == bytes + 28 && q.mrtd == bytes + 184 && q.rtmr3 == bytes + 520);
    cr_assert(q.report_data == bytes + 568 && q.signature_data.p == bytes + 636);
    cr_assert_eq(q.signature_data.len, len - 636);
    cr_assert_eq(am_quote_parse_signature(&s, q.signature_data, NULL), AM_OK);
    cr_assert(s.attestation_key == bytes + 700 && s.qe_report == bytes + 770);
    cr_assert(s.qe_signature == bytes + 1154 && s.qe_auth.len == 4);
    cr_assert(am_str_eq(s.certificates, CERTS), "without its NUL");
}

Test(quote, cut_anywhere_is_refused)
{
    uint8_t bytes[2048];
    size_t len = make(bytes);

    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = malloc(n + 1); /* of its size, so that a sanitizer sees one byte more */
        struct am_error err = {0};

        memcpy(cut, bytes, n);
        cr_assert_eq(read_all(cut, n, &err), n < 8 ? AM_UNIMPLEMENTED : AM_OUT_OF_RANGE, "%zu: %s",
                     n, err.text);
        free(cut);
    }
}

Test(quote, a_length_that_is_one_off_is_refused)
{
    static const size_t lengths[] = {632, 766, 1218, 1226}; /* data, outer, auth data, inner */
    uint8_t bytes[2048];
    size_t len = make(bytes);

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int by = -1; by <= 1; by += 2) {
            make(bytes);
            bytes[lengths[i]] = (uint8_t)(bytes[lengths[i]] + by);
            cr_assert_neq(read_all(bytes, len + PAD, NULL), AM_OK, "at %zu by %d", lengths[i], by);
        }
}

Test(quote, padding_is_zero_and_nothing_else)
{
    uint8_t bytes[2048];
    size_t len = make(bytes);

    cr_assert_eq(read_all(bytes, len + PAD, NULL), AM_OK);
    for (size_t i = 0; i < PAD; i++) {
        make(bytes);
        bytes[len + i] = 1;
        cr_assert_eq(read_all(bytes, len + PAD, NULL), AM_INVALID_ARGUMENT, "at %zu", i);
    }
}

Test(quote, of_another_kind_is_refused_by_name)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *says;
    } others[] = {
        {0, 5, "expected version 4, got 5"},
        {2, 3, "expected attestation key type 2 (ECDSA on P-256), got 3"},
        {4, 0, "expected TEE type 0x81 (TDX), got 0x0"},
        {764, 5, "expected outer certification data of type 6, got 5"},
        {1224, 1, "expected inner certification data of type 5, got 1"},
    };
    uint8_t bytes[AM_QUOTE_MAX + 1];
    struct am_error err = {0};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t len = make(bytes);

        bytes[others[i].at] = others[i].value;
        cr_assert_eq(read_all(bytes, len, &err), AM_UNIMPLEMENTED);
        cr_assert_not_null(strstr(err.text, others[i].says), "%s", err.text);
    }
    make(bytes);
    memset(bytes + 636, 0, sizeof bytes - 636);
    cr_assert_eq(read_all(bytes, 2048, &err), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "a simulator made it"), "%s", err.text);
    cr_assert_eq(read_all(bytes, AM_QUOTE_MAX, NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(read_all(bytes, AM_QUOTE_MAX + 1, NULL), AM_OUT_OF_RANGE);
    memcpy(bytes, "MOCKQUOTE-v1", 12);
    cr_assert_eq(read_all(bytes, 2048, &err), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "made without hardware"), "%s", err.text);
}

Test(report_data, is_what_v1_computes)
{
    struct am_report_keys keys;
    uint8_t got[64];
    char hex[129];

    memset(keys.cluster, 0x11, 20);
    memset(keys.member, 0x22, 20);
    memset(keys.x_pub, 0x33, 32);
    memset(keys.wg_pub, 0x44, 32);
    memset(keys.ed25519_pub, 0x55, 32);
    am_report_data(got, &keys, am_bin_of("\1", 1));
    am_hex(hex, got, 64);
    cr_assert_str_eq(hex, "e51f5fe8d07d2dae4dc58fb1e7beb30b9db6e4b6d8dbdf9ae19174cd7fc5ec15"
                          "5fe7f977e71dba2ea1a68e21057beebb9be2ac30c6410aa38d4f3fbe41dcffd2");
    am_report_data(got, &keys, am_bin_of(NULL, 0));
    cr_assert(am_is_zero(got + 32, 32));
}
