/*  test_bus_calls -- every call ends once, nothing is done late, nothing is done twice.  */
#include "bus_world.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_once.h"
#include "slow.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(bus_calls, .init = world_begin, .fini = world_end, .timeout = 60);

static void
hold(struct answer *a, int64_t deadline_ms)
{
    struct chain_hold q = {.n = 1};
    struct am_error err;

    *a = (struct answer){.calls = 0};
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_hold, &q, deadline_ms, "", answered, a, &err),
                 AM_OK);
}

static void
pay(struct answer *a, const char *key, uint64_t amount)
{
    struct chain_pay q = {.idempotency_key = am_bin_of(key, strlen(key)), .amount = amount};
    struct am_error err;

    *a = (struct answer){.calls = 0};
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_pay, &q, 2000, "", answered, a, &err), AM_OK);
    world_until(&a->calls, 1, 2500, "pay");
}

Test(bus_calls, to_nobody_end_in_unavailable)
{
    struct answer a;
    int64_t start = am_mono_ms();

    world_bus = world_open(BUS_MESH, NULL);
    hold(&a, 30000);
    world_until(&a.calls, 1, 3000, "unavailable");
    cr_assert_eq(a.code, AM_UNAVAILABLE);
    cr_assert_leq(am_mono_ms() - start, 2000);
}

/* The loop stood while the caller was busy; what libev takes for now is the time before that. */
Test(bus_calls, count_their_time_from_the_call)
{
    struct answer a;
    int64_t start;

    world_bus = world_open(BUS_MESH, NULL);
    world_turn(10);
    usleep(700000);
    start = am_mono_ms();
    hold(&a, 30000);
    world_until(&a.calls, 1, 3000, "unavailable");
    cr_assert_eq(a.code, AM_UNAVAILABLE);
    cr_assert_geq(am_mono_ms() - start, 990);
}

Test(bus_calls, are_answered_and_hello_says_who_answers)
{
    struct peer p = peer_start(NULL, -1);
    struct answer a = {.calls = 0};
    struct am_error err;

    world_bus = world_open(BUS_CLI, NULL);
    cr_assert_eq(ask_echo(world_bus, 77).n, 77);
    cr_assert_eq(bus_call_hello(world_bus, BUS_CHAIN, 500, answered, &a, &err), AM_OK);
    world_until(&a.calls, 1, 600, "hello");
    cr_assert_eq(a.code, AM_OK);
    peer_end(&p, 0);
}

Test(bus_calls, end_at_their_deadline)
{
    struct peer p = peer_start(NULL, -1);
    struct answer a;
    char line[512];
    int64_t start;

    world_bus = world_open(BUS_MESH, NULL);
    ask_echo(world_bus, 1);
    start = am_mono_ms();
    hold(&a, 300);
    world_until(&a.calls, 1, 1000, "deadline");
    cr_assert_eq(a.code, AM_DEADLINE_EXCEEDED);
    cr_assert_geq(am_mono_ms() - start, 299);
    peer_line(&p, line);
    cr_assert_str_eq(line, "held");
    world_turn(200);
    cr_assert_eq(a.calls, 1);
    peer_end(&p, 0);
}

Test(bus_calls, past_their_deadline_are_not_carried_out)
{
    struct peer p = peer_start(NULL, -1);
    struct pollfd out = {.fd = p.out, .events = POLLIN};
    struct answer a;

    world_bus = world_open(BUS_MESH, NULL);
    ask_echo(world_bus, 1);
    peer_say(&p, "stall 800\n");
    world_turn(50);
    hold(&a, 200);
    world_until(&a.calls, 1, 500, "deadline");
    cr_assert_eq(ask_echo(world_bus, 2).code, AM_OK); /* it works again, and came after the other */
    cr_assert_eq(poll(&out, 1, 0), 0, "a request was served after its deadline");
    peer_end(&p, 0);
}

Test(bus_calls, in_flight_fail_at_once_when_the_server_dies)
{
    struct peer p = peer_start(NULL, -1);
    struct answer a;
    char line[512];
    int64_t start;

    world_bus = world_open(BUS_MESH, NULL);
    ask_echo(world_bus, 1);
    hold(&a, 60000);
    world_turn(100);
    peer_line(&p, line);
    start = am_mono_ms();
    peer_end(&p, SIGKILL);
    world_until(&a.calls, 1, 1000, "disconnected");
    cr_assert_eq(a.code, AM_UNAVAILABLE);
    cr_assert_leq(am_mono_ms() - start, 500 * slow_factor());
}

/* A DEALER would queue the command for the absent server and deliver it to the next one. */
Test(bus_calls, that_failed_are_never_delivered_to_the_next_server)
{
    struct peer p = peer_start(NULL, -1);
    struct answer stale[3];
    struct pollfd out;

    world_bus = world_open(BUS_MESH, NULL);
    ask_echo(world_bus, 1);
    kill(p.pid, SIGSTOP); /* connected, but nothing is read */
    for (int i = 0; i < 3; i++)
        hold(&stale[i], 60000);
    world_turn(200);
    peer_end(&p, SIGKILL);
    for (int i = 0; i < 3; i++) {
        world_until(&stale[i].calls, 1, 1000, "stale");
        cr_assert_eq(stale[i].code, AM_UNAVAILABLE);
    }
    p = peer_start(NULL, -1);
    out = (struct pollfd){.fd = p.out, .events = POLLIN};
    cr_assert_eq(ask_echo(world_bus, 2).code, AM_OK);
    world_turn(300);
    cr_assert_eq(poll(&out, 1, 0), 0, "a command for the dead server reached its successor");
    peer_end(&p, 0);
}

Test(bus_calls, wait_for_a_server_that_comes_within_a_second)
{
    struct peer p;
    struct chain_echo q = {.n = 9};
    struct answer a = {.calls = 0};
    struct am_error err;

    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 3000, "", answered, &a, &err),
                 AM_OK);
    world_turn(200);
    p = peer_start(NULL, -1);
    world_until(&a.calls, 1, 2000, "late server");
    cr_assert_eq(a.code, AM_OK, "%s", a.text);
    peer_end(&p, 0);
}

Test(bus_calls, of_a_command_with_one_key_are_done_once)
{
    struct peer p = peer_start(NULL, -1);
    struct answer a;

    world_bus = world_open(BUS_MESH, NULL);
    pay(&a, "k1", 5);
    cr_assert_eq(a.n, 1);
    pay(&a, "k1", 5);
    cr_assert_eq(a.n, 1, "the first answer again");
    bus_close(&world_bus); /* the caller is restarted: still the same caller */
    world_bus = world_open(BUS_MESH, NULL);
    pay(&a, "k1", 5);
    cr_assert_eq(a.n, 1);
    pay(&a, "k1", 6);
    cr_assert_eq(a.code, AM_ALREADY_EXISTS, "%s", a.text);
    pay(&a, "k2", 5);
    cr_assert_eq(a.n, 2);
    bus_close(&world_bus);
    world_bus = world_open(BUS_API, NULL); /* another caller's key is another key */
    pay(&a, "k1", 5);
    cr_assert_eq(a.n, 3);
    for (int i = 0; i < 253; i++) {
        char key[16];

        snprintf(key, sizeof key, "fill%d", i);
        pay(&a, key, 1);
        cr_assert_eq(a.code, AM_OK, "%d %s", i, a.text);
    }
    pay(&a, "one more", 1);
    cr_assert_eq(a.code, AM_RESOURCE_EXHAUSTED, "%s", a.text);
    peer_end(&p, 0);
}

Test(bus_calls, in_flight_end_when_the_bus_closes)
{
    struct peer p = peer_start(NULL, -1);
    struct answer a, b;

    world_bus = world_open(BUS_MESH, NULL);
    ask_echo(world_bus, 1);
    hold(&a, 60000);
    world_turn(100);
    hold(&b, 60000); /* not even sent */
    bus_close(&world_bus);
    cr_assert(a.calls == 1 && a.code == AM_UNAVAILABLE);
    cr_assert(b.calls == 1 && b.code == AM_UNAVAILABLE);
    peer_end(&p, 0);
}

Test(bus_calls, beyond_1024_or_a_limit_are_refused_at_once)
{
    static struct answer a[1025];
    struct chain_echo q = {.n = 1000001};
    struct am_error err;

    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 100, "", answered, &a, &err),
                 AM_OUT_OF_RANGE);
    q.n = 1;
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 0, "", answered, &a, &err),
                 AM_OUT_OF_RANGE);
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 600001, "", answered, &a, &err),
                 AM_OUT_OF_RANGE);
    for (int i = 0; i < 1024; i++)
        hold(&a[i], 200);
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 100, "", answered, &a, &err),
                 AM_RESOURCE_EXHAUSTED);
    world_turn(400);
    for (int i = 0; i < 1024; i++)
        cr_assert_eq(a[i].calls, 1);
}

Test(bus_calls, carry_secrets_sealed_to_a_one_time_key)
{
    uint8_t key[32] = {1, 2, 3}, sealed[80];
    struct am_once *once, *other;
    struct am_bin public, theirs;
    struct am_error err;
    void *secret;

    cr_assert_eq(am_once_make(&once, &public, &err), AM_OK, "%s", err.text);
    cr_assert_eq(am_once_make(&other, &theirs, &err), AM_OK);
    cr_assert_eq(crypto_box_seal(sealed, key, sizeof key, public.p), 0);
    cr_assert_eq(am_once_open(other, &secret, 32, AM_BIN(sealed), &err), AM_INVALID_ARGUMENT);
    cr_assert_null(secret);
    cr_assert_eq(am_once_open(once, &secret, 31, AM_BIN(sealed), &err), AM_OUT_OF_RANGE);
    cr_assert_eq(am_once_open(once, &secret, 32, AM_BIN(sealed), &err), AM_OK);
    cr_assert_arr_eq(secret, key, 32);
    am_secret_free(&secret);
    am_once_free(&once);
    am_once_free(&other);
    cr_assert_null(once);
}

static struct bus_request *kept[4];
static int kept_count;

static void
keep(void *arg, struct bus_request *q, const void *message)
{
    (void)arg, (void)message;
    cr_assert_eq(bus_request_sender(q), BUS_MESH);
    cr_assert_geq(bus_request_deadline_ms(q), am_mono_ms());
    cr_assert_str_eq(bus_request_correlation(q), "story");
    kept[kept_count++] = q;
}

/* Both ends in one process: the handler answers later, and the repeat comes before that. */
Test(bus_calls, of_a_command_that_is_still_under_way_share_its_one_answer)
{
    struct bus *chain = world_open(BUS_CHAIN, NULL);
    struct chain_pay q = {.idempotency_key = am_bin_of("k", 1), .amount = 1};
    struct answer a[3] = {{.calls = 0}};
    struct am_error err = {.code = AM_OK};

    world_bus = world_open(BUS_MESH, NULL);
    kept_count = 0;
    cr_assert_eq(bus_serve(chain, BUS_METHOD_chain_pay, keep, NULL, &err), AM_OK);
    cr_assert_eq(bus_serve(world_bus, BUS_METHOD_chain_pay, keep, NULL, &err),
                 AM_FAILED_PRECONDITION);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(
            bus_call(world_bus, BUS_METHOD_chain_pay, &q, 2000, "story", answered, &a[i], &err),
            AM_OK);
    world_until(&kept_count, 1, 1000, "handler");
    world_turn(300);
    cr_assert_eq(kept_count, 1, "the handler was asked %d times", kept_count);
    am_fail(&err, AM_ABORTED, "no money");
    bus_refuse(kept[0], &err);
    world_until(&a[0].calls, 1, 500, "first");
    world_until(&a[1].calls, 1, 500, "second");
    cr_assert_eq(
        bus_call(world_bus, BUS_METHOD_chain_pay, &q, 2000, "story", answered, &a[2], &err), AM_OK);
    world_until(&a[2].calls, 1, 500, "third");
    for (int i = 0; i < 3; i++)
        cr_assert(a[i].calls == 1 && a[i].code == AM_ABORTED && strcmp(a[i].text, "no money") == 0);
    cr_assert_eq(kept_count, 1);
    q.idempotency_key = am_bin_of("unanswered", 10);
    cr_assert_eq(
        bus_call(world_bus, BUS_METHOD_chain_pay, &q, 2000, "story", answered, &a[0], &err), AM_OK);
    world_turn(100);
    bus_close(&chain); /* with a request that was never answered */
    world_until(&a[0].calls, 2, 500, "closed");
    cr_assert_eq(a[0].code, AM_UNAVAILABLE);
}
