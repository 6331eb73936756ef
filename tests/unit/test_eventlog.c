/*  test_eventlog -- what a log may say before system-ready, and what it may not say twice.  */
#include "../../common/evidence/am_eventlog.h"
#include "evidence_made.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct am_eventlog event_log;
static json_t *events;

static void
start(void)
{
    events = json_array();
}

static void
stop(void)
{
    json_decref(events);
}

TestSuite(eventlog, .init = start, .fini = stop);

/* An RTMR3 event with the digest that belongs to it. */
static void
add(const char *name, const char *payload_hex)
{
    uint8_t payload[512];
    size_t len;
    char digest[97];

    cr_assert_eq(am_unhex_some(payload, sizeof payload, &len, am_str_of(payload_hex), "", NULL),
                 AM_OK);
    made_digest(digest, name, am_bin_of(payload, len));
    json_array_append_new(events, json_pack("{s:i, s:I, s:s, s:s, s:s}", "imr", 3, "event_type",
                                            (json_int_t)0x08000001, "digest", digest, "event", name,
                                            "event_payload", payload_hex));
}

#define ID "5bb4ff9a3837357f19dc176407a5709c62eb6c56"
#define HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"

static void
boot(void)
{
    add("system-preparing", "");
    add("app-id", ID);
    add("compose-hash", HASH);
}

static int
replay(struct am_error *err)
{
    char *text = json_dumps(events, JSON_COMPACT);
    int r = am_eventlog_replay(&event_log, am_str_of(text), err);

    free(text);
    return r;
}

static void
replayed(const char *order)
{
    struct am_error err = {0};

    cr_assert_eq(replay(&err), AM_OK, "%s", err.text);
    cr_assert_eq(event_log.digests.code, AM_OK, "%s", event_log.digests.text);
    if (order == NULL)
        cr_assert_eq(event_log.order.code, AM_OK, "%s", event_log.order.text);
    else
        cr_assert_not_null(strstr(event_log.order.text, order), "%s", event_log.order.text);
}

/* The single digests of dstack page 6.2. */
Test(eventlog, of_upstreams_simulator_has_the_digests_that_are_recomputed)
{
    static const struct {
        const char *name, *payload, *digest;
    } upstream[] = {
        {"system-preparing", "",
         "f9974020ef507068183313d0ca808e0d1ca9b2d1ad0c61f5784e7157c362c06536f5ddacdad4451693f48fcc7"
         "2fff624"},
        {"app-id", ID,
         "ddd202447c612b8bb8723d2ce3b9882b7cfc0ede203c36b15639cc80b181b61a7692850c5333a1c6effef82a7"
         "3d0a4f2"},
        {"compose-hash", HASH,
         "d8b35b90041c4a31c3b6b46c95a902cf45b25aa8cde3b94a48543c2cb36bc40028c553a8899349e4a47658c60"
         "87f2c5f"},
        {"instance-id", "1691ed1b47506cad7d08834668691d88246f5b1f",
         "33a612f97b0923a36f64db28aaad100f6def4a836e5a8e55f410c215701f1fdb956046fa81817fd73a3ca62a5"
         "74303b3"},
        {"boot-mr-done", "",
         "98bd7e6bd3952720b65027fd494834045d06b4a714bf737a06b874638b3ea00ff402f7f583e3e3b05e921c857"
         "0433ac6"},
        {"storage-fs", "7a6673",
         "ba51104636900268b0e059fa3d266419d079d1e94aea26fb9fcbb8d764bf4c89a67ac271b8a0d1a3989945132"
         "a111fc7"},
        {"system-ready", "",
         "1a76b2a80a0be71eae59f80945d876351a7a3fb8e9fd1ff1cede5734aa84ea11fd72b4edfbb6f04e5a85edd11"
         "4c751bd"},
    };

    for (size_t i = 0; i < sizeof upstream / sizeof *upstream; i++) {
        add(upstream[i].name, upstream[i].payload);
        json_object_set_new(json_array_get(events, i), "digest", json_string(upstream[i].digest));
    }
    replayed(NULL);
    cr_assert(event_log.app_id.len == 20 && event_log.instance_id.len == 20);
    cr_assert(event_log.app_id.bytes[0] == 0x5b && event_log.compose_hash.bytes[0] == 0xc1);
    cr_assert_eq(event_log.rtmr3_events, 7);
}

Test(eventlog, replays_what_it_recomputed_not_what_it_was_told)
{
    uint8_t right[48];
    char zero[97];

    boot();
    add("system-ready", "");
    replayed(NULL);
    memcpy(right, event_log.rtmr[3], 48);
    snprintf(zero, sizeof zero, "%096d", 0);
    json_object_set_new(json_array_get(events, 1), "digest", json_string(zero));
    cr_assert_eq(replay(NULL), AM_OK);
    cr_assert_eq(event_log.digests.code, AM_INVALID_ARGUMENT);
    cr_assert_arr_eq(event_log.rtmr[3], right, 48);
}

Test(eventlog, takes_nothing_that_comes_after_system_ready)
{
    boot();
    add("system-ready", "");
    add("instance-id", "1691ed1b47506cad7d08834668691d88246f5b1f");
    add("an application's: name", "00");
    replayed(NULL);
    cr_assert(!event_log.instance_id.set);
    cr_assert_eq(event_log.rtmr3_events, 6);
}

Test(eventlog, refuses_a_name_that_counts_twice_before_or_after)
{
    boot();
    add("compose-hash", HASH);
    add("system-ready", "");
    replayed("a second event compose-hash");
    json_array_clear(events);
    boot();
    add("system-ready", "");
    add("app-id", ID);
    replayed("a second event app-id");
    json_array_clear(events);
    boot();
    add("system-ready", "");
    add("system-ready", "");
    replayed("a second event system-ready");
}

Test(eventlog, refuses_a_boot_that_is_not_whole)
{
    boot();
    replayed("got one, one, none");
    json_array_clear(events);
    add("app-id", ID);
    add("system-ready", "");
    add("compose-hash", HASH);
    replayed("got one, none, one");
    json_array_clear(events);
    add("app-id", "5bb4");
    replayed("event app-id with 2 bytes");
    json_array_clear(events);
    add("instance-id", "5bb4");
    replayed("event instance-id with 2 bytes");
}

/* type ":a:b:c": name "a" with payload "b:c", or name "a:b" with payload "c". */
Test(eventlog, refuses_a_name_that_can_be_read_two_ways)
{
    boot();
    add("notes:app-id", ID);
    add("system-ready", "");
    replayed("that the system does not write");
    json_array_clear(events);
    boot();
    json_object_set_new(json_array_get(events, 0), "event_type", json_integer(4));
    cr_assert_eq(replay(NULL), AM_OK);
    cr_assert_not_null(strstr(event_log.order.text, "has type 0x4"), "%s", event_log.order.text);
}

/* Upstream's own example: {"event":"compose-hash","event_type":134217729,...} with abcd. */
Test(eventlog, version_2_hashes_canonical_json)
{
    static const char text[] =
        "{\"event\":\"compose-hash\",\"event_type\":134217729,\"payload\":\"abcd\",\"version\":2}";
    uint8_t digest[48];
    char hex[97];

    cr_assert_eq(EVP_Digest(text, sizeof text - 1, digest, NULL, EVP_sha384(), NULL), 1);
    am_hex(hex, digest, 48);
    add("compose-hash", "abcd");
    json_object_set_new(json_array_get(events, 0), "version", json_integer(2));
    cr_assert_eq(replay(NULL), AM_OK);
    cr_assert_not_null(strstr(event_log.digests.text, "event 1 (compose-hash)"), "%s",
                       event_log.digests.text);
    json_object_set_new(json_array_get(events, 0), "digest", json_string(hex));
    cr_assert_eq(replay(NULL), AM_OK);
    cr_assert_eq(event_log.digests.code, AM_OK, "%s", event_log.digests.text);
}

Test(eventlog, of_another_form_is_refused)
{
    static const char *const others[] = {"imr", "event_type", "digest", "event", "event_payload"};
    static const struct {
        const char *key, *value;
    } wrong[] = {
        {"imr", "4"},           {"imr", "-1"},        {"imr", "1.5"},
        {"event_type", "-1"},   {"digest", "\"00\""}, {"digest", "1"},
        {"version", "0"},       {"version", "3"},     {"event_type", "4294967296"},
        {"event_payload", "1"}, {"event", "null"},    {"event_payload", "\"0g\""},
        {"version", "\"2\""},   {"digest", "null"},   {"event_payload", "\"abc\""},
    };
    struct am_error err = {0};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json_array_clear(events);
        boot();
        json_object_del(json_array_get(events, 1), others[i]);
        cr_expect_eq(replay(&err), AM_INVALID_ARGUMENT, "without %s", others[i]);
        cr_expect_not_null(strstr(err.text, "event 1: "), "%s", err.text);
        cr_expect(am_is_zero((const uint8_t *)&event_log, sizeof event_log));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_array_clear(events);
        boot();
        json_object_set_new(json_array_get(events, 1), wrong[i].key,
                            json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
        cr_expect_eq(replay(&err), AM_INVALID_ARGUMENT, "%s: %s", wrong[i].key, wrong[i].value);
    }
    cr_expect_eq(am_eventlog_replay(&event_log, am_str_of("{}"), &err), AM_OUT_OF_RANGE);
    cr_expect_eq(am_eventlog_replay(&event_log, am_str_of("["), &err), AM_INVALID_ARGUMENT);
    cr_expect_eq(am_eventlog_replay(&event_log, am_str_of("[1]"), &err), AM_INVALID_ARGUMENT);
}

Test(eventlog, has_a_most_of_events)
{
    for (size_t i = 0; i < AM_EVENTS_MAX; i++)
        add("x", "");
    cr_assert_eq(replay(NULL), AM_OK);
    add("x", "");
    cr_assert_eq(replay(NULL), AM_OUT_OF_RANGE);
}
