/*  ka_quote -- evidence over the own public keys: what is asked for, and whether that came back. */
#include "ka_quote.h"

#include "ka_json.h"

#include <string.h>

/* Offsets of a version 4 quote. */
#define VERSION 0
#define TEE_TYPE 4
#define REPORT_DATA 568
#define SIGNATURE 636

#define TDX 0x81

static int
check(const struct ka_quote *q, const uint8_t report_data[static 64], struct am_error *err)
{
    const uint8_t *b = q->bytes;

    if (q->len < SIGNATURE)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "guest agent /GetQuote quote: expected at least %d bytes, got %zu",
                       SIGNATURE, q->len);
    if (b[VERSION] != 4 || b[VERSION + 1] != 0 || b[TEE_TYPE] != TDX ||
        !am_is_zero(b + TEE_TYPE + 1, 3))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "guest agent /GetQuote quote: expected version 4 of TEE type 0x81, got "
                       "version %u of 0x%02x",
                       (unsigned)(b[VERSION] | b[VERSION + 1] << 8), b[TEE_TYPE]);
    if (memcmp(b + REPORT_DATA, report_data, 64) != 0)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "guest agent /GetQuote quote: expected the report data that was asked for, "
                       "got other");
    return AM_OK;
}

int
ka_quote_read(struct ka_quote *q, struct am_str body, const uint8_t report_data[static 64],
              struct am_error *err)
{
    static const char what[] = "guest agent /GetQuote quote",
                      log_what[] = "guest agent /GetQuote event_log";
    struct am_str quote, events;
    const struct ka_json_field fields[] = {{"quote", KA_JSON_PLAIN, true, &quote},
                                           {"event_log", KA_JSON_TEXT, false, &events}};
    int rc;

    q->len = q->events_len = 0;
    if ((rc = ka_json_read(body, fields, 2, "guest agent /GetQuote", err)) != AM_OK)
        return rc;
    if (quote.len > 2 * KA_QUOTE_MAX + 2)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d bytes, got %zu", what,
                       KA_QUOTE_MAX, quote.len / 2);
    if ((rc = am_unhex_some(q->bytes, KA_QUOTE_MAX, &q->len, quote, what, err)) != 0 ||
        (rc = check(q, report_data, err)) != 0 ||
        (rc = ka_json_unescape(q->events, KA_EVENTS_MAX, &q->events_len, events, log_what, err)) !=
            0)
        q->len = q->events_len = 0;
    return rc;
}
