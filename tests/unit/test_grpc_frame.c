/*  test_grpc_frame -- gRPC's small encodings, and when a connection is given up.  */
#include "../../common/net/am_grpc_frame.h"
#include "../../common/net/am_grpc_watch.h"

#include <criterion/criterion.h>
#include <string.h>

Test(grpc_frame, reads_a_message_whatever_its_pieces)
{
    const uint8_t wire[] = {0, 0, 0, 0, 3, 'a', 'b', 'c'};

    for (size_t piece = 1; piece <= sizeof wire; piece++) {
        struct am_grpc_reader r = {0};

        for (size_t at = 0; at < sizeof wire; at += piece) {
            cr_assert_not(am_grpc_reader_whole(&r));
            cr_assert_eq(am_grpc_reader_feed(&r, wire + at,
                                             at + piece > sizeof wire ? sizeof wire - at : piece,
                                             NULL),
                         AM_OK);
        }
        cr_assert(am_grpc_reader_whole(&r));
        cr_assert_eq(r.len, 3);
        cr_assert_arr_eq(r.message, "abc", 3);
        cr_assert_eq(am_grpc_reader_feed(&r, wire, 1, NULL), AM_INVALID_ARGUMENT, "a second one");
        am_grpc_reader_clear(&r);
    }
}

static int
feed(uint8_t flag, uint32_t announced)
{
    struct am_grpc_reader r = {0};
    uint8_t prefix[5] = {flag};
    int code;

    am_be32(prefix + 1, announced);
    code = am_grpc_reader_feed(&r, prefix, sizeof prefix, NULL);
    cr_assert_null(r.message, "nothing is allocated for what was only announced");
    am_grpc_reader_clear(&r);
    return code;
}

Test(grpc_frame, refuses_flags_and_sizes)
{
    cr_assert_eq(feed(0, AM_GRPC_MESSAGE_MAX), AM_OK);
    cr_assert_eq(feed(0, AM_GRPC_MESSAGE_MAX + 1), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(feed(0, UINT32_MAX), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(feed(1, 1), AM_UNIMPLEMENTED);
    cr_assert_eq(feed(255, 1), AM_UNIMPLEMENTED);
}

static const char *
decoded(const char *text)
{
    static char out[64];

    (void)am_grpc_percent_decode(out, sizeof out, am_str_of(text));
    return out;
}

Test(grpc_frame, percent_encodes_and_decodes)
{
    char out[64], back[64], tight[6];

    (void)am_grpc_percent_encode(out, sizeof out, "100% \xc3\xbc\n~");
    cr_assert_str_eq(out, "100%25 %C3%BC%0A~");
    cr_assert_eq(am_grpc_percent_decode(back, sizeof back, am_str_of(out)), 9);
    cr_assert_str_eq(back, "100% \xc3\xbc\n~");
    cr_assert_eq(am_grpc_percent_encode(tight, sizeof tight, "ab\n\n"), 5);
    cr_assert_str_eq(tight, "ab%0A", "no half of an escape");
    cr_assert_str_eq(decoded("%"), "%");
    cr_assert_str_eq(decoded("%4"), "%4");
    cr_assert_str_eq(decoded("%zz%41"), "%zzA");
    cr_assert_str_eq(decoded("a%00b"), "a?b");
    cr_assert_eq(am_grpc_percent_decode(tight, sizeof tight, am_str_of("123456789")), 5);
}

static int64_t
timeout(const char *text)
{
    int64_t ms;

    return am_grpc_timeout_read(&ms, am_str_of(text), NULL) == AM_OK ? ms : -1;
}

Test(grpc_frame, reads_and_writes_timeouts)
{
    char out[AM_GRPC_TIMEOUT_BYTES];

    cr_assert_eq(timeout("1H"), 3600000);
    cr_assert_eq(timeout("2M"), 120000);
    cr_assert_eq(timeout("3S"), 3000);
    cr_assert_eq(timeout("4m"), 4);
    cr_assert_eq(timeout("1u"), 1);
    cr_assert_eq(timeout("1000001n"), 2);
    cr_assert_eq(timeout("99999999H"), 99999999LL * 3600000);
    cr_assert_eq(timeout("100000000m"), -1);
    cr_assert_eq(timeout("m"), -1);
    cr_assert_eq(timeout(""), -1);
    cr_assert_eq(timeout("-1m"), -1);
    cr_assert_eq(timeout("1"), -1);
    cr_assert_eq(timeout("1s"), -1);
    am_grpc_timeout_write(out, 99999999);
    cr_assert_str_eq(out, "99999999m");
    am_grpc_timeout_write(out, 100000001);
    cr_assert_str_eq(out, "100001S");
    am_grpc_timeout_write(out, INT64_MAX);
    cr_assert_str_eq(out, "99999999H");
    am_grpc_timeout_write(out, -5);
    cr_assert_str_eq(out, "0m");
}

Test(grpc_frame, reads_statuses)
{
    cr_assert_eq(am_grpc_status_read(am_str_of("0")), AM_OK);
    cr_assert_eq(am_grpc_status_read(am_str_of("14")), AM_UNAVAILABLE);
    cr_assert_eq(am_grpc_status_read(am_str_of("16")), AM_UNAUTHENTICATED);
    cr_assert_eq(am_grpc_status_read(am_str_of("17")), AM_UNKNOWN);
    cr_assert_eq(am_grpc_status_read(am_str_of("")), AM_UNKNOWN);
    cr_assert_eq(am_grpc_status_read(am_str_of("-1")), AM_UNKNOWN);
    cr_assert_eq(am_grpc_status_read(am_str_of("000")), AM_UNKNOWN);
    for (int http = 0; http < 1000; http++)
        cr_assert_neq(am_grpc_of_http(http), AM_OK);
    for (uint32_t h2 = 0; h2 < 20; h2++)
        cr_assert_neq(am_grpc_of_h2(h2), AM_OK);
}

static int64_t next_ms;

static enum am_grpc_watch_do
look(struct am_grpc_watch w, int64_t now)
{
    enum am_grpc_watch_do what = am_grpc_watch_look(&w, now, &next_ms);

    cr_assert(next_ms > now || (what != AM_GRPC_WAIT && what != AM_GRPC_PING));
    return what;
}

Test(grpc_watch, gives_up_exactly_when_it_says)
{
    struct am_grpc_watch w = {.opened_ms = 1000, .heard_ms = 1000, .last_request_ms = 1000};

    cr_assert_eq(look(w, 5999), AM_GRPC_WAIT);
    cr_assert_eq(next_ms, 6000);
    cr_assert_eq(look(w, 6000), AM_GRPC_NO_SETTINGS);
    w.settings = true;
    cr_assert_eq(look(w, 6000), AM_GRPC_WAIT);
    cr_assert_eq(look(w, 120999), AM_GRPC_WAIT);
    cr_assert_eq(look(w, 121000), AM_GRPC_PING);
    w.pinged_ms = 121000;
    cr_assert_eq(look(w, 140999), AM_GRPC_WAIT);
    cr_assert_eq(next_ms, 141000);
    cr_assert_eq(look(w, 141000), AM_GRPC_NO_ANSWER);
    w.pinged_ms = 0;
    w.heard_ms = 400000;
    w.stuck_ms = 390000;
    cr_assert_eq(look(w, 409999), AM_GRPC_WAIT);
    cr_assert_eq(look(w, 410000), AM_GRPC_STUCK);
    w.stuck_ms = 0;
    cr_assert_eq(look(w, 410000), AM_GRPC_WAIT);
    w.may_idle = true;
    cr_assert_eq(look(w, 301000), AM_GRPC_IDLE);
    cr_assert_eq(look(w, 300999), AM_GRPC_WAIT);
    cr_assert(AM_GRPC_PING_MS + AM_GRPC_PING_ANSWER_MS < 10 * 60 * 1000 / 2, "the gateway's limit");
}
