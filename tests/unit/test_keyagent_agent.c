/*  test_keyagent_agent -- the client against the simulator, whole and with each of its faults.  */
#include "ka_bringup.h"
#include "slow.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_secret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_S (0.4 * slow_factor())

struct outcome {
    struct guest_double d;
    int calls, code;
    char body[8192];
    struct am_error err;
};

static void
on_answer(void *arg, int code, struct am_str body, const struct am_error *err)
{
    struct outcome *o = arg;

    o->calls++;
    o->code = code;
    cr_assert_eq(err == NULL, code == AM_OK);
    if (err != NULL)
        o->err = *err;
    if (code == AM_OK && body.len < sizeof o->body)
        memcpy(o->body, body.p, body.len);
}

/* One question to a simulator with this fault. */
static void
ask(struct outcome *o, enum dn_compat compat, const char *fault, const char *method, bool secret)
{
    struct ka_ask *ask;

    memset(o, 0, sizeof *o);
    guest_double_open(&o->d, compat);
    o->d.guest.faults.fixed = fault;
    cr_assert_eq(ka_agent_ask(&ask, o->d.loop, o->d.socket, method, "{}", secret, DEADLINE_S,
                              on_answer, o, &o->err),
                 AM_OK, "%s", o->err.text);
    cr_assert_eq(o->calls, 0, "called from inside");
    bringup_until(o->d.loop, &o->calls, 3000);
    cr_assert_eq(o->calls, 1);
    guest_double_close(&o->d);
}

Test(keyagent_agent, reads_by_content_length_from_an_agent_that_never_closes)
{
    int64_t start = am_mono_ms();
    struct outcome o;

    ask(&o, DN_COMPAT_0_5_11, "keep-open", "Version", false);
    cr_assert_eq(o.code, AM_OK, "%s", o.err.text);
    cr_assert_str_eq(o.body, "{\"version\":\"0.5.11\",\"rev\":\"simulator\"}");
    cr_assert_lt(am_mono_ms() - start, 300 * slow_factor(), "waited for a close that never comes");
}

Test(keyagent_agent, reads_info_and_keys)
{
    struct outcome o;

    ask(&o, DN_COMPAT_0_5_11, NULL, "Info", false);
    cr_assert_eq(o.code, AM_OK, "%s", o.err.text);
    cr_assert_not_null(strstr(o.body, "\"app_id\":\"5bb4ff9a3837357f19dc176407a5709c62eb6c56\""));
    ask(&o, DN_COMPAT_0_6_0, NULL, "GetKey", true);
    cr_assert_eq(o.code, AM_OK, "%s", o.err.text);
    cr_assert_not_null(strstr(o.body, "aa221ae548b5a8f5"));
}

/* Field note: the live agent has no /DeriveKey, and says so in two ways. */
Test(keyagent_agent, knows_an_agent_without_the_method_by_400_and_by_404)
{
    struct outcome o;

    ask(&o, DN_COMPAT_0_5_11, NULL, "DeriveKey", true);
    cr_assert_eq(o.code, AM_UNIMPLEMENTED);
    cr_assert_not_null(strstr(o.err.text, "got 400 Service not found: DeriveKey"));
    ask(&o, DN_COMPAT_0_6_0, NULL, "DeriveKey", true);
    cr_assert_eq(o.code, AM_UNIMPLEMENTED);
    cr_assert_not_null(strstr(o.err.text, "got 404 Service not found: DeriveKey"));
    ask(&o, DN_COMPAT_0_5_5, NULL, "Version", false);
    cr_assert_eq(o.code, AM_UNIMPLEMENTED);
}

Test(keyagent_agent, names_each_broken_answer)
{
    char within[64];
    const struct {
        const char *fault;
        int code;
        const char *words;
    } rows[] = {
        {"error-400", AM_FAILED_PRECONDITION, "got 400 injected failure"},
        {"error-500", AM_FAILED_PRECONDITION, "got 500 injected failure"},
        {"stall", AM_DEADLINE_EXCEEDED, within},
        {"truncated", AM_UNAVAILABLE, "expected the whole body"},
        {"oversized", AM_RESOURCE_EXHAUSTED, "of 16777216"},
        {"garbage", AM_INVALID_ARGUMENT, "expected HTTP/1.1"},
    };

    snprintf(within, sizeof within, "within %g s, got 0 bytes", DEADLINE_S);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int secret = 0; secret < 2; secret++) {
            struct outcome o;

            ask(&o, DN_COMPAT_0_5_11, rows[i].fault, "GetKey", secret);
            cr_assert_eq(o.code, rows[i].code, "%s: %s", rows[i].fault, o.err.text);
            cr_assert_not_null(strstr(o.err.text, rows[i].words), "%s: %s", rows[i].fault,
                               o.err.text);
            cr_assert_not_null(strstr(o.err.text, "guest agent /GetKey"));
        }
    }
}

Test(keyagent_agent, says_at_once_that_there_is_no_socket)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct am_error err = {0};
    struct ka_ask *ask;

    cr_assert_eq(ka_agent_ask(&ask, loop, "/nonexistent/dstack.sock", "Version", "{}", false, 1.,
                              on_answer, NULL, &err),
                 AM_UNAVAILABLE);
    cr_assert_null(ask);
    cr_assert_not_null(strstr(err.text, "/nonexistent/dstack.sock"));
    ev_loop_destroy(loop);
}

Test(keyagent_agent, forgets_a_cancelled_question)
{
    struct outcome o = {0};
    struct ka_ask *ask;

    guest_double_open(&o.d, DN_COMPAT_0_5_11);
    cr_assert_eq(
        ka_agent_ask(&ask, o.d.loop, o.d.socket, "GetKey", "{}", true, 1., on_answer, &o, &o.err),
        AM_OK);
    ka_agent_cancel(&ask);
    cr_assert_null(ask);
    bringup_until(o.d.loop, &o.calls, 50);
    cr_assert_eq(o.calls, 0);
    guest_double_close(&o.d);
}

/* ---- the bring-up ---- */

Test(keyagent_identity, becomes_ready_and_asks_no_more)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_11, "");
    cr_assert_eq(b.id.phase, KA_STARTING);
    cr_assert_not_null(strstr(b.id.reason, "asked /Version"));
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert(b.ready, "%s", b.id.reason);
    cr_assert_str_eq(b.id.self.agent_version, "0.5.11");
    cr_assert_arr_eq(b.id.self.app_id, b.d.guest.app_id, 20);
    cr_assert_arr_eq(b.id.self.member, b.d.guest.app_id, 20);
    cr_assert_arr_eq(b.id.self.app_pub, b.d.guest.app_pub, 33);
    cr_assert(b.id.self.has_kms);
    cr_assert_not(ev_is_active(&b.id.retry));
    cr_assert_null(b.id.ask);
    bringup_stop(&b);
}

Test(keyagent_identity, takes_a_member_contract_of_its_own)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_11, "");
    memset(b.id.member, 0x77, sizeof b.id.member);
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert_arr_eq(b.id.self.member, b.id.member, 20);
    cr_assert_arr_eq(b.id.self.app_id, b.d.guest.app_id, 20);
    bringup_stop(&b);
}

/* Each fault names itself while it lasts, and is left without a restart when it ends. */
Test(keyagent_identity, names_what_is_wrong_and_recovers_by_itself, .timeout = 60)
{
    static const char *const rows[][2] = {
        {"stall", "expected an answer within"},
        {"error-500", "got 500 injected failure"},
        {"garbage", "expected HTTP/1.1"},
        {"truncated", "expected the whole body"},
        {"oversized", "within"},
        {"bad-json", "guest agent /"},
        {"wrong-key-length@GetKey", "expected 32 bytes of hex, got 31"},
        {"wrong-chain@GetKey", "expected a chain signed by app key"},
        {"stall@GetKey", "expected an answer within"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bringup b;

        bringup_start(&b, DN_COMPAT_0_5_11, rows[i][0]);
        bringup_said(&b, rows[i][1], 700);
        cr_assert_not(b.ready, "%s", rows[i][0]);
        cr_assert_eq(b.id.phase, KA_STARTING);
        cr_assert_not_null(strstr(b.id.reason, rows[i][1]), "%s: %s", rows[i][0], b.id.reason);
        bringup_fault(&b, "");
        bringup_until(b.d.loop, &b.ready, 6000);
        cr_assert(b.ready, "%s: %s", rows[i][0], b.id.reason);
        cr_assert_str_eq(b.id.reason, "");
        bringup_stop(&b);
    }
}

/* The deadline is far away; what was wrong before does not stand until then. */
Test(keyagent_identity, silence_after_another_trouble_is_told_within_2_s)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_11, "error-500");
    b.id.deadline_s = 20;
    bringup_said(&b, "got 500", 300);
    cr_assert_not_null(strstr(b.id.reason, "got 500"), "%s", b.id.reason);
    bringup_fault(&b, "stall");
    bringup_said(&b, "asked /Version, no answer yet", 1900);
    cr_assert_not_null(strstr(b.id.reason, "asked /Version, no answer yet"), "%s", b.id.reason);
    bringup_stop(&b);
}

Test(keyagent_identity, refuses_an_agent_below_the_floor_by_name)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_5, "");
    bringup_said(&b, "Service not found: Version", 300);
    cr_assert_eq(b.id.phase, KA_REFUSED);
    cr_assert_not_null(strstr(b.id.reason, "Service not found: Version"));
    b.d.guest.compat = DN_COMPAT_0_5_11;
    b.d.guest.version = "0.5.6";
    bringup_said(&b, "got 0.5.6", 700);
    cr_assert_eq(b.id.phase, KA_REFUSED);
    cr_assert_not_null(strstr(b.id.reason, "expected 0.5.7 or newer, got 0.5.6"));
    bringup_stop(&b);
}

Test(keyagent_identity, is_ready_without_a_kms_and_says_so)
{
    struct bringup b;

    bringup_start(&b, DN_COMPAT_0_5_11, "empty-chain");
    bringup_until(b.d.loop, &b.ready, 3000);
    cr_assert(b.ready);
    cr_assert_not(b.id.self.has_kms);
    cr_assert(am_is_zero(b.id.self.kms_root, 20));
    bringup_stop(&b);
}

Test(keyagent_identity, pauses_are_bounded)
{
    cr_assert_eq(ka_retry_most_ms(1), 200);
    cr_assert_eq(ka_retry_most_ms(2), 400);
    cr_assert_eq(ka_retry_most_ms(5), 1000);
    cr_assert_eq(ka_retry_most_ms(4000000000u), 1000);
}
