/*  test_bus_who -- locks, uids, the access table: who may bind, connect, ask and tap.  */
#include "bus_world.h"

#include "../../bus/bus_codec.h"
#include "../../common/base/am_clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define UIDS "cli=0,chain=7002,mesh=7003,api=7004"

TestSuite(bus_who, .init = world_begin, .fini = world_end, .timeout = 60);

static int
call_state(struct bus *bus, struct answer *a)
{
    struct chain_pay q = {.idempotency_key = am_bin_of("k", 1)};
    struct am_error err;

    *a = (struct answer){.calls = 0};
    cr_assert_eq(bus_call(bus, BUS_METHOD_chain_pay, &q, 1500, "", answered, a, &err), AM_OK);
    world_until(&a->calls, 1, 2500, "pay");
    return a->code;
}

Test(bus_who, holds_a_lock_that_a_second_process_cannot_steal)
{
    struct peer p = peer_start(NULL, -1), thief;
    struct bus_options o = {.run = world_run, .self = BUS_CHAIN, .loop = world_loop};
    struct am_error err;
    char pid[16];

    snprintf(pid, sizeof pid, "pid %d", (int)p.pid);
    cr_assert_eq(bus_open(&world_bus, &o, &err), AM_ALREADY_EXISTS);
    cr_assert(strstr(err.text, pid) != NULL, "%s", err.text);
    cr_assert_null(world_bus);
    thief = peer_start(NULL, -1);
    cr_assert_eq(peer_end(&thief, 0), 75);
    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(ask_echo(world_bus, 4).n, 4, "the holder still answers");
    peer_end(&p, SIGKILL); /* a lock does not outlive its process */
    p = peer_start(NULL, -1);
    cr_assert_eq(ask_echo(world_bus, 5).n, 5);
    peer_end(&p, 0);
}

/* What a health check is: another process under the service's own name and uid. */
Test(bus_who, only_asks_beside_the_one_that_has_its_name)
{
    struct peer p = peer_start(NULL, -1);
    struct bus_options o = {
        .run = world_run, .self = BUS_CHAIN, .only_asks = true, .loop = world_loop};
    struct answer a = {.calls = 0};
    struct am_error err;

    cr_assert_eq(bus_open(&world_bus, &o, &err), AM_OK, "%s", err.text);
    cr_assert_eq(bus_call_hello(world_bus, BUS_CHAIN, 1500, answered, &a, &err), AM_OK);
    world_until(&a.calls, 1, 2500, "hello");
    cr_assert_eq(a.code, AM_OK, "%s", a.text);
    bus_close(&world_bus);
    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(ask_echo(world_bus, 4).n, 4, "and takes nothing from it");
    bus_close(&world_bus);
    o.uids = UIDS; /* where its uid is not ours */
    cr_assert_eq(bus_open(&world_bus, &o, &err), AM_FAILED_PRECONDITION);
    peer_end(&p, 0);
}

Test(bus_who, may_ask_is_one_table)
{
    struct peer p = peer_start(NULL, -1);
    struct bus *indexer = world_open(BUS_INDEXER, NULL);
    struct answer a;

    cr_assert_eq(call_state(indexer, &a), AM_PERMISSION_DENIED);
    cr_assert(strstr(a.text, "chain.pay") != NULL && strstr(a.text, "indexer") != NULL, "%s",
              a.text);
    bus_close(&indexer);
    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(call_state(world_bus, &a), AM_OK, "%s", a.text);
    peer_end(&p, 0);
}

Test(bus_who, asks_for_what_is_not_served_hears_so)
{
    struct peer p = peer_start(NULL, -1);
    struct am_error err;
    struct answer a = {.calls = 0};

    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_register, NULL, 1000, "", answered, &a, &err),
                 AM_OK);
    world_until(&a.calls, 1, 1500, "register");
    cr_assert_eq(a.code, AM_UNIMPLEMENTED, "%s", a.text);
    peer_end(&p, 0);
}

Test(bus_who, is_no_handler_no_delivery)
{
    void *ctx = zmq_ctx_new(), *server = zmq_socket(ctx, ZMQ_ROUTER),
         *client = zmq_socket(ctx, ZMQ_DEALER);
    int one = 1, zero = 0;
    char at[128], b[16];

    snprintf(at, sizeof at, "ipc://%s/bare", world_run);
    cr_assert_eq(zmq_setsockopt(server, 93, &one, sizeof one), 0);
    cr_assert_eq(zmq_setsockopt(server, ZMQ_ZAP_DOMAIN, "bus", 3), 0);
    cr_assert_eq(zmq_bind(server, at), 0);
    cr_assert_eq(zmq_connect(client, at), 0);
    cr_assert_eq(zmq_send(client, "x", 1, 0), 1);
    usleep(500000);
    cr_assert_eq(zmq_recv(server, b, sizeof b, ZMQ_DONTWAIT), -1);
    zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof zero);
    zmq_close(client);
    zmq_close(server);
    zmq_ctx_term(ctx);
}

Test(bus_who, speaks_another_schema_version_hears_so)
{
    struct peer p = peer_start(NULL, -1);
    void *ctx = zmq_ctx_new(), *client = zmq_socket(ctx, ZMQ_DEALER);
    struct bus_header h = {.version = BUS_SCHEMA_VERSION + 1,
                           .sender = am_str_of("mesh"),
                           .sequence = 9,
                           .deadline_ms = (uint64_t)am_mono_ms() + 2000};
    uint8_t head[600];
    struct am_error err;
    char at[128];
    int n, zero = 0, wait = 3000;
    size_t len;

    snprintf(at, sizeof at, "ipc://%s/chain.req", world_run);
    cr_assert_eq(bus_encode(&bus_rows[BUS_ROW_bus_header], &h, head, sizeof head, &len, &err),
                 AM_OK);
    cr_assert_eq(zmq_setsockopt(client, ZMQ_RCVTIMEO, &wait, sizeof wait), 0);
    cr_assert_eq(zmq_connect(client, at), 0);
    zmq_send(client, "chain.echo", 10, ZMQ_SNDMORE);
    zmq_send(client, head, len, ZMQ_SNDMORE);
    zmq_send(client, "\x80", 1, 0);
    cr_assert_eq(zmq_recv(client, head, sizeof head, 0), 10);
    n = zmq_recv(client, head, sizeof head, 0);
    cr_assert_gt(n, 0);
    cr_assert_eq(
        bus_decode(&bus_rows[BUS_ROW_bus_header], false, &h, am_bin_of(head, (size_t)n), &err),
        AM_OK);
    cr_assert_eq(h.status, -AM_FAILED_PRECONDITION);
    cr_assert_eq(h.sequence, 9);
    cr_assert(strstr(h.reason.p, "schema version") != NULL);
    /* garbage is dropped, and the server lives on */
    zmq_send(client, "a", 1, ZMQ_SNDMORE);
    zmq_send(client, "\xdd\x0f\xff\xff\xff", 5, ZMQ_SNDMORE);
    zmq_send(client, "c", 1, 0);
    for (int i = 0; i < 9; i++)
        zmq_send(client, "x", 1, i < 8 ? ZMQ_SNDMORE : 0);
    world_bus = world_open(BUS_MESH, NULL);
    cr_assert_eq(ask_echo(world_bus, 6).n, 6);
    zmq_setsockopt(client, ZMQ_LINGER, &zero, sizeof zero);
    zmq_close(client);
    zmq_ctx_term(ctx);
    peer_end(&p, 0);
}

Test(bus_who, lies_about_its_name_is_refused_by_its_uid)
{
    struct peer p;
    struct bus *cli;
    struct answer a;

    if (geteuid() != 0) {
        cr_log_warn("needs root to be several users");
        cr_assert_neq(geteuid(), 0);
    }
    p = peer_start(UIDS, 7002);
    cli = world_open(BUS_CLI, UIDS);
    cr_assert_eq(call_state(cli, &a), AM_PERMISSION_DENIED, "%s",
                 a.text); /* by the table: cli may not pay */
    cr_assert_eq(ask_echo(cli, 3).n, 3);
    bus_close(&cli);
    /* root declares itself mesh: its own table says so, the server's does not */
    world_bus = world_open(BUS_MESH, "mesh=0,chain=7002");
    cr_assert_eq(call_state(world_bus, &a), AM_PERMISSION_DENIED, "%s", a.text);
    cr_assert(strstr(a.text, "cli") != NULL, "%s", a.text);
    peer_end(&p, 0);
}

Test(bus_who, has_a_foreign_uid_gets_no_connection)
{
    struct peer p;
    struct answer a;

    cr_assert_eq(geteuid(), 0, "needs root to be several users");
    p = peer_start("chain=7002,mesh=7003", 7002); /* knows nothing of uid 0 */
    world_bus = world_open(BUS_MESH, "mesh=0,chain=7002");
    cr_assert_eq(call_state(world_bus, &a), AM_UNAVAILABLE);
    cr_assert(strstr(a.text, "refusal") != NULL, "%s", a.text);
    peer_end(&p,
             0); /* first: libzmq aborts when it closes in the middle of a handshake under ZAP */
    bus_close(&world_bus);
    /* the other way: whoever sits at chain's endpoint must be chain's uid */
    p = peer_start("cli=0,chain=7002", 7002);
    world_bus = world_open(BUS_CLI, "cli=0,chain=7009");
    struct chain_echo q = {.n = 1};
    struct am_error err;
    a = (struct answer){.calls = 0};
    cr_assert_eq(bus_call(world_bus, BUS_METHOD_chain_echo, &q, 1500, "", answered, &a, &err),
                 AM_OK);
    world_until(&a.calls, 1, 2500, "impostor");
    cr_assert_eq(a.code, AM_UNAVAILABLE, "%s", a.text);
    peer_end(&p, 0);
}

static void
on_line(void *arg, enum bus_service service, const char *line)
{
    (void)service;
    if (strstr(line, "\"event\":\"re") != NULL)
        ++*(int *)arg;
}

Test(bus_who, may_tap_is_cli_alone)
{
    struct peer p;
    struct bus *cli, *mesh;
    int at_mesh = 0, at_cli = 0;
    struct am_error err;

    cr_assert_eq(geteuid(), 0, "needs root to be several users");
    p = peer_start(UIDS, 7002);
    cli = world_open(BUS_CLI, UIDS);
    cr_assert_eq(bus_tap(cli, BUS_CHAIN, on_line, &at_cli, &err), AM_OK);
    cr_assert_eq(setegid(7003), 0);
    cr_assert_eq(seteuid(7003), 0); /* from here on, the sockets that we open are mesh's */
    mesh = world_open(BUS_MESH, UIDS);
    cr_assert_eq(bus_tap(mesh, BUS_CHAIN, on_line, &at_mesh, &err), AM_OK);
    world_turn(800);
    cr_assert_eq(ask_echo(mesh, 3).n, 3);
    world_turn(500);
    cr_assert_eq(at_cli, 2, "a request and its reply");
    cr_assert_eq(at_mesh, 0);
    bus_close(&mesh);
    bus_close(&cli);
    cr_assert_eq(seteuid(0), 0);
    peer_end(&p, 0);
}

Test(bus_who, reads_a_malformed_uid_table_does_not_start)
{
    static const char *const bad[] = {"chain",  "chain=",         "chain=x",         "chain=1,",
                                      "moon=1", "chain=1,mesh=1", "chain=1,chain=2", "chain=-1",
                                      "mesh=0", "chain=1;mesh=2", ",chain=1"};
    struct bus_options o = {.run = world_run, .self = BUS_CHAIN, .loop = world_loop};
    struct am_error err;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.uids = bad[i];
        cr_assert_eq(bus_open(&world_bus, &o, &err), AM_FAILED_PRECONDITION, "%s", bad[i]);
        cr_assert_null(world_bus);
    }
}
