/*  test_keyagent_quote -- evidence is passed on only when it is over what was asked for.  */
#include "guest_double.h"
#include "ka_json.h"
#include "ka_quote.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ka_quote quote;
static struct am_error err;
static uint8_t data[64];
static char body[64 * 1024];

/* GetQuote's answer with this quote and this text for the event log. */
static void
make(const uint8_t *bytes, size_t len, const char *events)
{
    static char hex[2 * 20000 + 1];

    am_hex(hex, bytes, len);
    snprintf(body, sizeof body,
             "{\"quote\":\"%s\",\"event_log\":\"%s\",\"report_data\":\"00\",\"vm_config\":\"{}\"}",
             hex, events);
}

static int
take(void)
{
    int rc;

    memset(&err, 0, sizeof err);
    rc = ka_quote_read(&quote, am_str_of(body), data, &err);
    cr_assert(rc == AM_OK || (quote.len == 0 && quote.events_len == 0));
    return rc;
}

static void
good(struct dn_quote *q)
{
    struct guest_double d;

    memset(data, 0xab, sizeof data);
    guest_double_open(&d, DN_COMPAT_0_5_11);
    cr_assert_eq(dn_quote_make(q, &d.guest, data, NULL), AM_OK);
    guest_double_close(&d);
}

Test(keyagent_quote, is_taken_with_its_event_log)
{
    struct dn_quote q;

    good(&q);
    make(q.bytes, sizeof q.bytes, "[{\\\"imr\\\":3,\\\"event\\\":\\\"a\\/b\\u0041\\\"}]");
    cr_assert_eq(take(), AM_OK, "%s", err.text);
    cr_assert_eq(quote.len, sizeof q.bytes);
    cr_assert_arr_eq(quote.bytes, q.bytes, quote.len);
    cr_assert_eq(quote.events_len, strlen("[{\"imr\":3,\"event\":\"a/bA\"}]"));
    cr_assert_arr_eq(quote.events, "[{\"imr\":3,\"event\":\"a/bA\"}]", quote.events_len);
    snprintf(body, sizeof body, "{\"quote\":\"\"}");
    cr_assert_eq(take(), AM_INVALID_ARGUMENT);
    free(q.events);
}

Test(keyagent_quote, over_other_report_data_is_refused)
{
    struct dn_quote q;

    good(&q);
    for (size_t i = 0; i < 64; i++) {
        q.bytes[568 + i] ^= 1;
        make(q.bytes, sizeof q.bytes, "[]");
        cr_assert_eq(take(), AM_UNAUTHENTICATED, "%zu", i);
        cr_assert_not_null(strstr(err.text, "the report data that was asked for"), "%s", err.text);
        q.bytes[568 + i] ^= 1;
    }
    free(q.events);
}

Test(keyagent_quote, of_another_kind_is_refused)
{
    static const size_t head[] = {0, 1, 4, 5, 6, 7};
    struct dn_quote q;

    good(&q);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        q.bytes[head[i]] ^= 1;
        make(q.bytes, sizeof q.bytes, "[]");
        cr_assert_eq(take(), AM_INVALID_ARGUMENT, "%zu", head[i]);
        cr_assert_not_null(strstr(err.text, "version 4 of TEE type 0x81"), "%s", err.text);
        q.bytes[head[i]] ^= 1;
    }
    make(q.bytes, 635, "[]");
    cr_assert_eq(take(), AM_INVALID_ARGUMENT);
    make((const uint8_t *)"MOCKQUOTE-v1", 12, "[]"); /* v1's test double is no evidence */
    cr_assert_eq(take(), AM_INVALID_ARGUMENT);
    free(q.events);
}

Test(keyagent_quote, and_event_log_have_limits)
{
    static uint8_t bytes[KA_QUOTE_MAX + 1];
    static char events[KA_EVENTS_MAX + 2];
    struct dn_quote q;

    good(&q);
    memcpy(bytes, q.bytes, sizeof q.bytes);
    make(bytes, KA_QUOTE_MAX, "[]");
    cr_assert_eq(take(), AM_OK, "%s", err.text);
    make(bytes, sizeof bytes, "[]");
    cr_assert_neq(take(), AM_OK);
    memset(events, ' ', KA_EVENTS_MAX + 1);
    make(q.bytes, sizeof q.bytes, events);
    cr_assert_eq(take(), AM_RESOURCE_EXHAUSTED);
    cr_assert_not_null(strstr(err.text, "event_log: expected at most 40960"), "%s", err.text);
    events[KA_EVENTS_MAX] = '\0';
    make(q.bytes, sizeof q.bytes, events);
    cr_assert_eq(take(), AM_OK, "%s", err.text);
    cr_assert_eq(quote.events_len, KA_EVENTS_MAX);
    make(q.bytes, sizeof q.bytes, "caf\xc3\xa9");
    cr_assert_eq(take(), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "expected ASCII"), "%s", err.text);
    make(q.bytes, sizeof q.bytes, "\\u00e9");
    cr_assert_eq(take(), AM_INVALID_ARGUMENT);
    make(q.bytes, sizeof q.bytes, "\\u0000");
    cr_assert_eq(take(), AM_INVALID_ARGUMENT);
    free(q.events);
}

Test(keyagent_quote, escapes_are_undone)
{
    char out[16];
    size_t len;

    cr_assert_eq(ka_json_unescape(out, sizeof out, &len,
                                  am_str_of("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u007A"), "text", NULL),
                 AM_OK);
    cr_assert_eq(len, 9);
    cr_assert_arr_eq(out, "\"\\/\b\f\n\r\tz", 9);
}
