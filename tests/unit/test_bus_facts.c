/*  test_bus_facts -- facts reach whoever follows them, whatever dies, restarts, stalls or is late.
 */
#include "bus_world.h"

#include "../../common/base/am_clock.h"
#include "slow.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

static struct seen {
    uint64_t n; /* of the newest probe */
    int values, snapshots, synced, lost, retracted, keys;
    struct bus *bus;
} seen;

static void
on_fact(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct seen *s = arg;

    if (change == BUS_SNAPSHOT) {
        s->snapshots++;
        s->keys = 0; /* what is counted from here on is all there is */
    }
    if (change == BUS_VALUE) {
        s->values++;
        if (topic == BUS_TOPIC_chain_probe)
            s->n = ((const struct chain_probe *)fact)->n;
        else
            s->keys++;
    }
    s->synced += change == BUS_SYNCED;
    s->lost += change == BUS_LOST;
    s->retracted += change == BUS_RETRACTED;
    cr_assert((fact != NULL) == (change == BUS_VALUE || change == BUS_RETRACTED));
}

static void
follow(enum bus_topic topic)
{
    struct am_error err;

    seen = (struct seen){.n = 0};
    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(bus_subscribe(world_bus, topic, on_fact, &seen, &err), AM_OK, "%s", err.text);
}

static void
until_n(uint64_t n, int limit_ms)
{
    int64_t end = am_mono_ms() + limit_ms * slow_factor();

    while (seen.n != n && am_mono_ms() < end)
        world_turn(20);
    cr_assert_eq(seen.n, n);
}

TestSuite(bus_facts, .init = world_begin, .fini = world_end, .timeout = 60);

Test(bus_facts, reach_who_came_first_last_or_between)
{
    struct peer p;

    follow(BUS_TOPIC_chain_probe); /* before the publisher */
    world_turn(300);
    p = peer_start(NULL, -1);
    world_until(&seen.synced, 1, 3000, "first");
    peer_say(&p, "set 1\nset 2\n");
    until_n(2, 1000);
    cr_assert_eq(seen.values, 2);
    peer_say(&p, "set 2\n"); /* the same again is not sent */
    world_turn(300);
    cr_assert_eq(seen.values, 2);
    bus_close(&world_bus);
    follow(BUS_TOPIC_chain_probe); /* after */
    until_n(2, 1000);
    cr_assert_eq(peer_end(&p, 0), 0);
}

/* The update that comes right after the snapshot was read is the one that naive joins lose. */
Test(bus_facts, lose_no_update_in_200_joins)
{
    struct peer p = peer_start(NULL, -1);

    for (uint64_t join = 1; join <= 200; join++) {
        peer_say(&p, "set %llu\n", 10ULL * join);
        follow(BUS_TOPIC_chain_probe);
        for (int i = 1; i <= 3; i++) {
            peer_say(&p, "set %llu\n", 10ULL * join + (unsigned)i);
            world_turn(1 + (int)(join % 4));
        }
        until_n(10 * join + 3, 1500);
        bus_close(&world_bus);
    }
    cr_assert_eq(peer_end(&p, 0), 0);
}

Test(bus_facts, of_a_killed_publisher_are_lost_then_those_of_its_successor)
{
    struct peer p = peer_start(NULL, -1);

    follow(BUS_TOPIC_chain_probe);
    peer_say(&p, "set 7\n");
    until_n(7, 2000);
    cr_assert_eq(peer_end(&p, SIGKILL), -SIGKILL);
    world_until(&seen.lost, 1, 2000, "lost");
    p = peer_start(NULL, -1);
    peer_say(&p, "set 8\n");
    until_n(8, 2000);
    cr_assert_eq(seen.lost, 1);
    cr_assert_geq(seen.synced, 2);
    cr_assert_eq(peer_end(&p, 0), 0);
}

/* libzmq looks for news from its threads after every 100 frames, in the middle of a message too: a
 * pipe that ends at once there, with the rest of the message in it, ends the process (its issue
 * 3663). */
Test(bus_facts, of_a_publisher_that_dies_under_a_full_queue_end_nobody)
{
    for (int i = 0; i < 6; i++) {
        struct peer p = peer_start(NULL, -1);

        follow(BUS_TOPIC_chain_probe);
        world_until(&seen.synced, 1, 2000, "synced");
        peer_say(&p, "burst 20000\n");
        usleep(100000); /* our loop stands: the queue is full */
        cr_assert_eq(peer_end(&p, SIGKILL), -SIGKILL);
        usleep(20000);
        world_until(&seen.lost, 1, 4000, "lost");
        bus_close(&world_bus);
    }
}

Test(bus_facts, are_synced_at_once_when_the_publisher_was_replaced_unseen)
{
    struct peer p = peer_start(NULL, -1);

    follow(BUS_TOPIC_chain_keyed);
    peer_say(&p, "key a 1\nkey b 1\n");
    world_until(&seen.keys, 2, 2000, "keys");
    peer_end(&p, SIGKILL);
    p = peer_start(NULL, -1);
    peer_say(&p, "key b 2\n");
    seen.synced = seen.snapshots = 0;
    world_until(&seen.synced, 1, 2000, "a new epoch");
    world_turn(100);
    cr_assert_eq(seen.snapshots, seen.synced);
    cr_assert_eq(seen.keys, 1); /* a was not repeated: gone */
    cr_assert_eq(seen.lost, 0);
    peer_end(&p, 0);
}

Test(bus_facts, of_a_stopped_publisher_are_lost_within_2_s_and_come_back)
{
    struct peer p = peer_start(NULL, -1);
    int64_t start;

    follow(BUS_TOPIC_chain_probe);
    world_until(&seen.synced, 1, 2000, "synced");
    kill(p.pid, SIGSTOP);
    start = am_mono_ms();
    world_until(&seen.lost, 1, 3000, "lost");
    cr_assert_leq(am_mono_ms() - start, 2000);
    kill(p.pid, SIGCONT);
    world_until(&seen.synced, 2, 2000, "synced again");
    peer_end(&p, 0);
}

Test(bus_facts, heal_after_more_than_the_high_water_mark_while_we_were_away)
{
    struct peer p = peer_start(NULL, -1);

    follow(BUS_TOPIC_chain_probe);
    world_until(&seen.synced, 1, 2000, "synced");
    peer_say(&p, "burst 20000\n");
    usleep(500000); /* our loop stands: queues fill, the publisher drops */
    until_n(21000, 3000);
    cr_assert_lt(seen.values, 20000, "nothing was dropped: the test proves nothing");
    cr_assert_eq(seen.lost, 0);
    peer_end(&p, 0);
}

Test(bus_facts, are_retracted_and_snapshots_larger_than_a_frame_are_whole)
{
    struct peer p = peer_start(NULL, -1);

    peer_say(&p, "many 100\nkey a 1\nset 1\n");
    follow(BUS_TOPIC_chain_keyed);
    world_until(&seen.synced, 1, 3000, "synced");
    world_turn(200);
    cr_assert_eq(seen.snapshots, 1);
    cr_assert_geq(seen.keys, 101); /* 4 KiB each: seven frames */
    peer_say(&p, "del a\ndel a\ndel zz\n");
    world_until(&seen.retracted, 1, 1000, "retracted");
    world_turn(700);
    cr_assert_eq(seen.retracted, 1);
    cr_assert_eq(seen.synced, 1);
    peer_end(&p, 0);
}

Test(bus_facts, that_break_their_limit_are_not_published)
{
    static const uint8_t one[1];
    struct chain_probe p = {.n = 1, .blob = {one, 1}};
    struct am_error err;

    world_bus = world_open(BUS_CHAIN, NULL);
    cr_assert_eq(bus_publish(world_bus, BUS_TOPIC_chain_probe, &p, &err), AM_OUT_OF_RANGE);
    cr_assert(strstr(err.text, "blob") != NULL, "%s", err.text);
}

static void
on_line(void *arg, enum bus_service service, const char *line)
{
    char *all = arg;

    (void)service;
    strncat(all, line, 60000 - strlen(all));
    strncat(all, "\n", 60000 - strlen(all));
}

Test(bus_facts, and_exchanges_are_tapped_redacted)
{
    static char all[60001];
    struct peer p = peer_start(NULL, -1);
    struct bus *mesh = world_open(BUS_MESH, NULL);
    uint8_t box[80];
    struct chain_echo q = {.n = 42, .sealed = {box, sizeof box}};
    struct answer a = {.calls = 0};
    struct am_error err;

    memset(box, 'S', sizeof box);
    world_bus = world_open(BUS_CLI, NULL);
    peer_say(&p, "set 5\n");
    cr_assert_eq(bus_tap(world_bus, BUS_CHAIN, on_line, all, &err), AM_OK);
    world_turn(1000);
    cr_assert_eq(
        bus_call(mesh, BUS_METHOD_chain_echo, &q, 1000, "conversation-1", answered, &a, &err),
        AM_OK);
    world_until(&a.calls, 1, 1500, "echo");
    peer_say(&p, "set 6\n");
    world_turn(300);
    cr_assert(strstr(all, "\"name\":\"chain.probe\",\"value\":{\"n\":5") != NULL, "%s", all);
    cr_assert(strstr(all, "\"name\":\"chain.probe\",\"value\":{\"n\":6") != NULL, "%s", all);
    cr_assert(strstr(all, "\"event\":\"request\"") != NULL &&
                  strstr(all, "\"caller\":\"mesh\"") != NULL,
              "%s", all);
    cr_assert(strstr(all, "\"event\":\"reply\"") != NULL && strstr(all, "\"took_ms\":") != NULL,
              "%s", all);
    cr_assert(strstr(all, "conversation-1") != NULL && strstr(all, "<secret 80>") != NULL, "%s",
              all);
    cr_assert(strstr(all, "5353") == NULL && strstr(all, "SSSS") == NULL, "%s", all);
    bus_close(&mesh);
    peer_end(&p, 0);
}

/* A subscriber of everything but the tap: nothing of an exchange may reach a .pub endpoint. */
Test(bus_facts, alone_are_on_the_pub_endpoint_while_nobody_taps)
{
    struct peer p = peer_start(NULL, -1);
    void *ctx = zmq_ctx_new(), *sub = zmq_socket(ctx, ZMQ_SUB);
    char at[128], name[64];
    int beacons = 0, zero = 0;

    snprintf(at, sizeof at, "ipc://%s/chain.pub", world_run);
    cr_assert_eq(zmq_connect(sub, at), 0);
    cr_assert_eq(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "b", 1), 0);
    cr_assert_eq(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "chain", 5), 0);
    world_bus = world_open(BUS_MESH, NULL);
    world_turn(700);
    cr_assert_eq(ask_echo(world_bus, 3).code, AM_OK);
    world_turn(700);
    for (int n; (n = zmq_recv(sub, name, sizeof name, ZMQ_DONTWAIT)) >= 0;) {
        int more = 1;
        size_t size = sizeof more;

        cr_assert(n == 6 && memcmp(name, "beacon", 6) == 0, "%.*s", n, name);
        beacons++;
        while (zmq_getsockopt(sub, ZMQ_RCVMORE, &more, &size) == 0 && more != 0)
            cr_assert_geq(zmq_recv(sub, name, sizeof name, 0), 0);
    }
    cr_assert_geq(beacons, 2);
    zmq_setsockopt(sub, ZMQ_LINGER, &zero, sizeof zero);
    zmq_close(sub);
    zmq_ctx_term(ctx);
    peer_end(&p, 0);
}
