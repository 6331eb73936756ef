/*  test_mesh_wire -- texts of wg and ip, the endpoints file, the plan for a device, heartbeats
 * refused  */
#include "../../common/crypto/am_curve.h"
#include "../../services/mesh/mesh_beat.h"
#include "../../services/mesh/mesh_endpoints.h"
#include "../../services/mesh/mesh_plan.h"
#include "../../services/mesh/mesh_view.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(key, is_written_one_way_and_read_only_that_way)
{
    uint8_t key[32], back[32];
    char text[MESH_KEY_TEXT];

    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)(i * 37 + 250);
    mesh_key_text(text, key);
    cr_assert(mesh_key_parse(back, am_str_of(text)));
    cr_assert_arr_eq(key, back, 32);
    for (unsigned v = 0; v < 256; v++) { /* every digit of the alphabet at every place */
        memset(key, (int)v, 32);
        mesh_key_text(text, key);
        cr_assert(mesh_key_parse(back, am_str_of(text)) && memcmp(key, back, 32) == 0);
    }
    memset(key, 0xff, 32);
    mesh_key_text(text, key);
    cr_assert_str_eq(text, "//////////////////////////////////////////8=");
    cr_assert(!mesh_key_parse(back, am_str_of("//////////////////////////////////////////9=")));
    cr_assert(!mesh_key_parse(back, am_str_of("(none)")));
    cr_assert(!mesh_key_parse(back, am_str_of("")));
    text[5] = '-';
    cr_assert(!mesh_key_parse(back, am_str_of(text)));
    cr_assert(am_is_zero(back, 32));
}

Test(endpoint, is_four_numbers_and_a_port)
{
    static const char *const bad[] = {
        "",           "1.2.3.4",     "1.2.3.4:",   "1.2.3.4:0",   "1.2.3.4:65536",
        "1.2.3:5",    "1.2.3.4.5:6", "01.2.3.4:5", "1.2.3.256:5", "0.0.0.0:5",
        "1.2.3.4:05", "1.2.3.4:5 ",  " 1.2.3.4:5", "[::1]:5",     "1.2.3.4.:5",
        "1..3.4:5",   "host:5",      "-1.2.3.4:5"};
    struct mesh_endpoint e;
    char text[MESH_ENDPOINT_TEXT];

    cr_assert(mesh_endpoint_parse(&e, am_str_of("255.255.255.255:65535")));
    mesh_endpoint_text(text, e);
    cr_assert_str_eq(text, "255.255.255.255:65535");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!mesh_endpoint_parse(&e, am_str_of(bad[i])) && e.ip == 0, "%s", bad[i]);
}

#define X "54e63929b4d8d09d3c9e3019d54bd20e289ed985"
#define Y "0xa87128971070f41c26871ce361d3eded7ecf909b"

Test(endpoints, take_a_whole_file_or_nothing_of_it)
{
    static const char *const bad[] = {X,
                                      X " 1.2.3.4",
                                      X " 1.2.3.4:5 6",
                                      "54 1.2.3.4:5",
                                      X " 1.2.3.4:5\n0x" X " 1.2.3.4:6",
                                      X X " 1.2.3.4:5",
                                      X ",1.2.3.4:5",
                                      X " 1.2.3.4:5\ngarbage"};
    struct mesh_endpoints *e = calloc(1, sizeof *e);
    struct am_error err = {0};
    uint8_t x[20], none[20] = {1};

    cr_assert_eq(
        mesh_endpoints_parse(
            e, am_str_of("# here\n\n" X " 10.0.0.1:51821\r\n\t" Y "  \t10.0.0.2:9 \n"), &err),
        AM_OK, "%s", err.text);
    cr_assert_eq(e->count, 2);
    cr_assert_eq(am_unhex(x, 20, am_str_of(X), "x", NULL), AM_OK);
    cr_assert_eq(mesh_endpoints_of(e, x).ip, 0x0a000001u);
    cr_assert_eq(mesh_endpoints_of(e, none).ip, 0u);
    cr_assert_eq(mesh_endpoints_parse(e, am_str_of(""), &err), AM_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_lt(mesh_endpoints_parse(e, am_str_of(bad[i]), &err), 0, "%s", bad[i]);
        cr_assert_eq(e->count, 0);
        cr_assert(strstr(err.text, "line") != NULL);
    }
    free(e);
}

static struct mesh_wg_peer
peer(uint8_t n, const char *endpoint)
{
    struct mesh_wg_peer p = {.ip = 0x0a0d0000u + n, .calls = true};

    memset(p.pub, n, 32);
    if (endpoint != NULL)
        cr_assert(mesh_endpoint_parse(&p.endpoint, am_str_of(endpoint)));
    return p;
}

static const char *
words(const struct mesh_plan *plan)
{
    static char text[8192];
    size_t n = 0;
    bool in;

    text[0] = '\0';
    for (size_t i = 0; i < plan->argc; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? " " : "", plan->argv[i]);
    cr_assert(plan->argc == 0 || mesh_cmd_allowed(MESH_TOOL_WG, plan->argv, plan->argc, "wg0", &in),
              "%s", text);
    return text;
}

#define K1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define K2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="

static struct mesh_wg_device *
device(const char *allowed, const char *endpoints, const char *handshakes)
{
    struct mesh_wg_device *d = calloc(1, sizeof *d);
    struct am_error err = {0};

    cr_assert_eq(mesh_plan_allowed(d, am_str_of(allowed), &err), AM_OK, "%s", err.text);
    cr_assert_eq(mesh_plan_endpoints(d, am_str_of(endpoints), &err), AM_OK, "%s", err.text);
    cr_assert_eq(mesh_plan_handshakes(d, am_str_of(handshakes), &err), AM_OK, "%s", err.text);
    return d;
}

Test(plan, adds_what_is_missing_and_removes_what_is_no_member)
{
    struct mesh_wg_device *d = device(K2 "\t10.13.0.2/32\n", K2 "\t(none)\n", K2 "\t0\n");
    struct mesh_wg_peer want[] = {peer(1, "10.0.0.1:51821")};
    struct mesh_plan p;

    mesh_plan_make(&p, "wg0", want, 1, d, 1000, 50);
    cr_assert_str_eq(words(&p), "set wg0 peer " K2 " remove peer " K1 " endpoint 10.0.0.1:51821 "
                                "allowed-ips 10.13.0.1/32 persistent-keepalive 25");
    free(d);
}

Test(plan, says_nothing_to_a_device_that_is_right_even_when_its_peer_has_roamed)
{
    struct mesh_wg_device *d =
        device(K1 "\t10.13.0.1/32\n" K2 "\t10.13.0.2/32\n", K1 "\t192.0.2.7:4242\n" K2 "\t(none)\n",
               K1 "\t900\n" K2 "\t0\n");
    struct mesh_wg_peer want[] = {peer(1, "10.0.0.1:51821"), peer(2, NULL)};
    struct mesh_plan p;

    mesh_plan_make(&p, "wg0", want, 2, d, 1000, 50);
    cr_assert_str_eq(words(&p), "");
    /* its session is dead: begin where the file says */
    mesh_plan_make(&p, "wg0", want, 2, d, 1081, 50);
    cr_assert_str_eq(words(&p), "set wg0 peer " K1 " endpoint 10.0.0.1:51821");
    want[0].endpoint.port = 9; /* the file has changed */
    mesh_plan_make(&p, "wg0", want, 2, d, 1000, 50);
    cr_assert_str_eq(words(&p), "set wg0 peer " K1 " endpoint 10.0.0.1:9");
    free(d);
}

/* Initiations that cross leave both without a session, or one of them deaf. */
Test(plan, the_second_of_a_pair_waits_for_the_call_of_the_first)
{
    struct mesh_wg_device *none = calloc(1, sizeof *none),
                          *mute = device(K1 "\t10.13.0.1/32\n", K1 "\t(none)\n", K1 "\t0\n"),
                          *called =
                              device(K1 "\t10.13.0.1/32\n", K1 "\t10.0.0.1:51821\n", K1 "\t9\n");
    struct mesh_wg_peer want[] = {peer(1, "10.0.0.1:51821")};
    struct mesh_plan p;

    want[0].calls = false;
    mesh_plan_make(&p, "wg0", want, 1, none, 10, 1000);
    cr_assert_str_eq(words(&p),
                     "set wg0 peer " K1 " allowed-ips 10.13.0.1/32 persistent-keepalive 25",
                     "known, and not called");
    mesh_plan_make(&p, "wg0", want, 1, called, 10, 1000 + MESH_TURN_MS);
    cr_assert_str_eq(words(&p), "", "the first one's call came: its source is the endpoint");
    mesh_plan_make(&p, "wg0", want, 1, mute, 10, 1000 + MESH_TURN_MS - 1);
    cr_assert_str_eq(words(&p), "", "its turn is not over");
    cr_assert(mesh_plan_calling(want, 1, mute), "so the device is looked at soon");
    mesh_plan_make(&p, "wg0", want, 1, mute, 10, 1000 + MESH_TURN_MS);
    cr_assert_str_eq(words(&p), "set wg0 peer " K1 " remove");
    mesh_plan_make(&p, "wg0", want, 1, none, 10, 1000 + MESH_TURN_MS);
    cr_assert_str_eq(words(&p), "set wg0 peer " K1 " endpoint 10.0.0.1:51821 allowed-ips "
                                "10.13.0.1/32 persistent-keepalive 25");
    cr_assert(!mesh_plan_calling(want, 1, mute), "once");
    want[0] = peer(1, "10.0.0.1:51821");
    want[0].calls = false;
    mesh_plan_make(&p, "wg0", want, 1, mute, 10, 9000);
    cr_assert_str_eq(words(&p), "set wg0 peer " K1 " endpoint 10.0.0.1:51821",
                     "a predecessor that was killed meanwhile had waited");
    free(none);
    free(mute);
    free(called);
}

Test(plan, a_handshake_without_data_is_made_again_by_either)
{
    struct mesh_wg_device *none = calloc(1, sizeof *none),
                          *d = device(K1 "\t10.13.0.1/32\n", K1 "\t10.0.0.1:51821\n", K1 "\t9\n");
    struct mesh_wg_peer want[] = {peer(1, "10.0.0.1:51821")};
    struct mesh_plan p;

    for (int calls = 0; calls < 2; calls++) {
        want[0] = peer(1, "10.0.0.1:51821");
        want[0].calls = calls;
        mesh_plan_make(&p, "wg0", want, 1, none, 10, 1000);
        d->peer[0].received = MESH_HANDSHAKE_BYTES;
        mesh_plan_make(&p, "wg0", want, 1, d, 10, 1000 + MESH_DEAF_MS - 1);
        cr_assert_str_eq(words(&p), "", "data may be on its way");
        d->peer[0].received++;
        mesh_plan_make(&p, "wg0", want, 1, d, 10, 1000 + MESH_DEAF_MS);
        cr_assert_str_eq(words(&p), "", "data came");
        d->peer[0].received--;
        mesh_plan_make(&p, "wg0", want, 1, d, 10, 1000 + MESH_DEAF_MS);
        cr_assert_str_eq(words(&p), "set wg0 peer " K1 " remove");
    }
    free(none);
    free(d);
}

/* Two initiations that crossed: the first of the pair calls again, a few times, and only where no
 * session ever stood and the peer was added by this process. */
Test(plan, calls_again_whom_it_never_reached_and_nobody_else)
{
    struct mesh_wg_device *none = calloc(1, sizeof *none),
                          *added =
                              device(K1 "\t10.13.0.1/32\n", K1 "\t10.0.0.1:51821\n", K1 "\t0\n"),
                          *reached =
                              device(K1 "\t10.13.0.1/32\n", K1 "\t10.0.0.1:51821\n", K1 "\t9\n");
    struct mesh_wg_peer want[] = {peer(1, "10.0.0.1:51821")};
    int64_t now = 1000;
    struct mesh_plan p;

    mesh_plan_make(&p, "wg0", want, 1, added, 10, now + MESH_CALL_MS);
    cr_assert_str_eq(words(&p), "", "an adopted peer is left alone");
    mesh_plan_make(&p, "wg0", want, 1, none, 10, now);
    for (int i = 0; i < MESH_CALLS; i++) {
        mesh_plan_make(&p, "wg0", want, 1, added, 10, now + MESH_CALL_MS - 1);
        cr_assert_str_eq(words(&p), "", "too early");
        cr_assert(mesh_plan_calling(want, 1, added));
        mesh_plan_make(&p, "wg0", want, 1, reached, 10, now + MESH_CALL_MS);
        cr_assert_str_eq(words(&p), "", "a session stands");
        mesh_plan_make(&p, "wg0", want, 1, added, 10, now + MESH_CALL_MS);
        cr_assert_str_eq(words(&p), "set wg0 peer " K1 " remove");
        now += MESH_CALL_MS;
        mesh_plan_make(&p, "wg0", want, 1, none, 10, now);
        cr_assert_str_eq(words(&p), "set wg0 peer " K1 " endpoint 10.0.0.1:51821 allowed-ips "
                                    "10.13.0.1/32 persistent-keepalive 25");
    }
    cr_assert(!mesh_plan_calling(want, 1, added));
    mesh_plan_make(&p, "wg0", want, 1, added, 10, now + MESH_CALL_MS);
    cr_assert_str_eq(words(&p), "", "enough: WireGuard's own timer does the rest");
    free(none);
    free(added);
    free(reached);
}

Test(plan, repairs_allowed_ips_that_are_wrong)
{
    static const char *const wrong[] = {K1 "\t10.13.0.9/32\n", K1 "\t(none)\n",
                                        K1 "\t10.13.0.1/31\n", K1 "\t10.13.0.1/32 10.13.0.2/32\n"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct mesh_wg_device *d = device(wrong[i], K1 "\t1.2.3.4:5\n", K1 "\t999\n");
        struct mesh_wg_peer want[] = {peer(1, NULL)};
        struct mesh_plan p;

        mesh_plan_make(&p, "wg0", want, 1, d, 1000, 50);
        cr_assert_str_eq(words(&p),
                         "set wg0 peer " K1 " allowed-ips 10.13.0.1/32 persistent-keepalive 25",
                         "%s", wrong[i]);
        free(d);
    }
}

Test(plan, speaks_of_sixteen_at_a_time_until_all_is_said)
{
    struct mesh_wg_device *d = calloc(1, sizeof *d);
    struct mesh_wg_peer want[40];
    struct mesh_plan p;
    size_t said = 0;

    for (size_t i = 0; i < 40; i++)
        want[i] = peer((uint8_t)(i + 1), "255.255.255.254:65535");
    for (int round = 0; round < 3; round++) {
        mesh_plan_make(&p, "wg0", want, 40, d, 1000, 50);
        words(&p);
        cr_assert_eq(p.more, round < 2);
        for (size_t i = said; i < said + p.touched; i++) {
            struct mesh_wg_found *f = &d->peer[d->count++];

            memcpy(f->pub, want[i].pub, 32);
            f->exact = f->placed = true;
            f->ip = want[i].ip;
            f->endpoint = want[i].endpoint;
        }
        said += p.touched;
    }
    cr_assert_eq(said, 40);
    free(d);
}

Test(plan, reads_silence_only_from_what_the_device_proves)
{
    static const struct {
        const char *handshake, *transfer;
        bool silent;
    } rows[] = {
        {"0", "0\t592", true},     {"0", "0\t591", false}, /* three initiations are not 15 s */
        {"0", "1\t9999", false},                           /* it sends: a handshake is on its way */
        {"819", "500\t500", true}, {"820", "500\t500", false}, /* 180 s */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char handshakes[80], transfer[80];
        struct mesh_wg_device *d;

        snprintf(handshakes, sizeof handshakes, K1 "\t%s\n", rows[i].handshake);
        snprintf(transfer, sizeof transfer, K1 "\t%s\n", rows[i].transfer);
        d = device(K1 "\t10.13.0.1/32\n", K1 "\t1.2.3.4:5\n", handshakes);
        cr_assert_eq(mesh_plan_transfer(d, am_str_of(transfer), NULL), AM_OK);
        cr_assert_eq(mesh_plan_silent(&d->peer[0], 1000), rows[i].silent, "row %zu", i);
        cr_assert_eq(mesh_plan_transfer(d, am_str_of(K1 "\t5\n"), NULL), AM_DATA_LOSS);
        cr_assert_eq(mesh_plan_transfer(d, am_str_of(K1 "\t5\t\n"), NULL), AM_DATA_LOSS);
        free(d);
    }
}

Test(plan, refuses_what_wg_does_not_write)
{
    struct mesh_wg_device *d = calloc(1, sizeof *d);

    cr_assert_eq(mesh_plan_allowed(d, am_str_of("garbage\n"), NULL), AM_DATA_LOSS);
    cr_assert_eq(mesh_plan_endpoints(d, am_str_of(K1), NULL), AM_OK);
    cr_assert_eq(mesh_plan_handshakes(d, am_str_of(K1 "\t-1\n"), NULL), AM_DATA_LOSS);
    cr_assert_eq(mesh_plan_handshakes(d, am_str_of(K1 "\t9999999999999999999\n"), NULL),
                 AM_DATA_LOSS);
    free(d);
}

static struct am_heartbeat
beat(uint64_t at, const uint8_t seed[32])
{
    struct am_heartbeat h = {.version = 1, .timestamp_ms = at};
    uint8_t digest[32];

    memset(h.sender, 5, 32);
    am_heartbeat_digest(digest, 1, h.sender, at, h.ids[0], 0);
    cr_assert_eq(am_ed25519_sign(h.signature, digest, 32, seed, NULL), AM_OK);
    return h;
}

Test(heartbeat, is_refused_for_each_reason_in_v1s_order_and_leaves_no_trace)
{
    const uint8_t seed[32] = {7}, foreign[32] = {8};
    struct mesh_beat_peer p = {.ip = 0x0a0d0001, .has_key = true, .last_ms = 50000}, keyless;
    struct am_heartbeat good = beat(50001, seed), old = beat(50000, seed);
    struct am_heartbeat forged = beat(50002, foreign), bent = good;

    cr_assert_eq(am_ed25519_pub(p.ed25519_pub, seed, NULL), AM_OK);
    keyless = p;
    keyless.has_key = false;
    bent.id_count = 1;
    cr_assert_eq(mesh_beat_judge(NULL, &good, p.ip, 50001), MESH_BEAT_UNKNOWN);
    cr_assert_eq(mesh_beat_judge(&keyless, &good, 1, 90000), MESH_BEAT_NO_KEY);
    cr_assert_eq(mesh_beat_judge(&p, &forged, 1, 90000), MESH_BEAT_SOURCE);
    cr_assert_eq(mesh_beat_judge(&p, &old, p.ip, 60001), MESH_BEAT_SKEW);
    cr_assert_eq(mesh_beat_judge(&p, &old, p.ip, 39999), MESH_BEAT_SKEW);
    cr_assert_eq(mesh_beat_judge(&p, &old, p.ip, 60000), MESH_BEAT_REPLAY);
    cr_assert_eq(mesh_beat_judge(&p, &forged, p.ip, 50001), MESH_BEAT_SIGNATURE);
    cr_assert_eq(mesh_beat_judge(&p, &bent, p.ip, 50001), MESH_BEAT_SIGNATURE);
    cr_assert_eq(p.last_ms, 50000, "a refused one moves nothing");
    cr_assert_eq(p.refused, 6);
    cr_assert_eq(mesh_beat_judge(&p, &good, p.ip, 60001), MESH_BEAT_ACCEPTED);
    cr_assert_eq(p.last_ms, 50001);
    cr_assert_eq(mesh_beat_judge(&p, &good, p.ip, 50001), MESH_BEAT_REPLAY);
}

Test(heartbeat, never_goes_back_in_time)
{
    cr_assert_eq(mesh_beat_stamp(100, 99), 100);
    cr_assert_eq(mesh_beat_stamp(100, 100), 101);
    cr_assert_eq(mesh_beat_stamp(50, 100), 101);
}

Test(view, names_the_lower_index_that_keeps_an_address)
{
    struct mesh_view *v = calloc(1, sizeof *v);

    v->count = 3;
    for (size_t i = 0; i < 3; i++) {
        v->member[i].ip = i == 1 ? 9 : 7;
        v->member[i].wg_pub[0] = (uint8_t)i;
    }
    cr_assert_eq(mesh_view_rival(v, 0), MESH_NOBODY);
    cr_assert_eq(mesh_view_rival(v, 1), MESH_NOBODY);
    cr_assert_eq(mesh_view_rival(v, 2), 0);
    free(v);
}

Test(view, says_which_key_of_the_own_record_is_not_ours)
{
    struct mesh_view *v = calloc(1, sizeof *v);
    struct mesh_identity id = {.ready = true, .x_pub = {1}, .wg_pub = {2}, .ed25519_pub = {3}};
    struct mesh_known *own = &v->member[0];

    v->known = true;
    v->self = MESH_NOBODY;
    cr_assert_eq(mesh_view_facts(v, &id, 0).record, MESH_RECORD_NONE);
    v->count = 1;
    v->self = 0;
    own->x_pub[0] = 1;
    own->wg_pub[0] = 2;
    cr_assert_eq(mesh_view_facts(v, &id, 0).record, MESH_RECORD_OURS);
    own->has_ed25519 = true;
    cr_assert_eq(mesh_view_facts(v, &id, 0).other, MESH_KEY_ED25519);
    own->ed25519_pub[0] = 3;
    cr_assert_eq(mesh_view_facts(v, &id, 0).record, MESH_RECORD_OURS);
    own->wg_pub[0] = 9;
    cr_assert_eq(mesh_view_facts(v, &id, 0).other, MESH_KEY_WIREGUARD);
    own->x_pub[0] = 9;
    cr_assert_eq(mesh_view_facts(v, &id, 0).other, MESH_KEY_X25519);
    cr_assert_eq(mesh_view_facts(v, &id, 0).record, MESH_RECORD_OTHER);
    free(v);
}
