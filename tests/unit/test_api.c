/*  test_api -- the real process follows the facts, from the first second and when they stop.  */
#include "../../services/api/api_http.h"
#include "api_page.h"
#include "service_world.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint16_t port;
static pid_t *api;
static struct bus *mesh;
static char listen_at[64], url[64], app[128];
static struct am_error err;

static void
start(void)
{
    char run[128], addr[96];
    const char *const argv[] = {API, NULL};
    const char *const env[] = {run, addr, app, "LOG_LEVEL=warn", NULL};

    sw_begin();
    port = sw_port();
    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%u", port);
    snprintf(url, sizeof url, "http://%s/healthz", listen_at);
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s", sw_dir);
    snprintf(addr, sizeof addr, "HEALTH_HTTP_ADDR=%s", listen_at);
    snprintf(app, sizeof app, "AGENT_GRPC_SOCKET=%s/agent.sock", sw_dir);
    api = sw_start("api.log", argv, env);
}

static void
stop(void)
{
    bus_close(&mesh);
    if (*api != 0) {
        kill(*api, SIGTERM);
        cr_assert_eq(sw_ended(api, 5000), 0, "%s", sw_log("api.log"));
    }
    sw_end();
}

TestSuite(api, .init = start, .fini = stop, .timeout = 60);

static struct sw_answer answer;

/* Ask until the page is as `status` and `words` say, at most 10 s. */
static json_t *
until(int status, const char *words)
{
    int64_t end = am_mono_ms() + 10000;

    do {
        sw_get(&answer, url);
        if (answer.status == status && strstr(answer.body, words) != NULL) {
            json_t *root = json_loads(answer.body, JSON_REJECT_DUPLICATES, NULL);

            cr_assert_str_eq(answer.type, "application/json");
            cr_assert_not_null(root, "%s", answer.body);
            has_the_shape(root);
            return root;
        }
        ev_run(sw_loop, EVRUN_ONCE);
    } while (am_mono_ms() < end);
    cr_assert(false, "expected %d with %s, got %d %s%s\n%s", status, words, answer.status,
              answer.body, answer.why, sw_log("api.log"));
    return NULL;
}

static void
publish_node(bool is_healthy, const char *phase, const char *reason)
{
    const struct mesh_node node = {.phase = am_str_of(phase),
                                   .reason = am_str_of(reason),
                                   .first_converged = is_healthy,
                                   .csk_acquired = is_healthy,
                                   .healthy = is_healthy,
                                   .live = is_healthy,
                                   .live_peers = is_healthy ? 1 : 0,
                                   .members = 2};

    cr_assert_eq(bus_publish(mesh, BUS_TOPIC_mesh_node, &node, &err), AM_OK, "%s", err.text);
}

Test(api, answers_alone_from_the_first_second)
{
    json_decref(until(503, "\"phase\":\"booting\""));
    cr_assert_not_null(strstr(answer.body, "mesh does not answer"));
}

Test(api, follows_mesh_there_and_back)
{
    static const uint8_t id[32] = {0xee};
    struct mesh_peer peer = {.member_id = AM_BIN(id), .state = am_str_of("live")};

    mesh = sw_bus(BUS_MESH);
    publish_node(false, "awaiting-csk", "asking 0xabc");
    json_decref(until(503, "asking 0xabc"));
    cr_assert_not_null(strstr(answer.body, "\"phase\":\"awaiting-csk\""));
    publish_node(true, "ready", "");
    cr_assert_eq(bus_publish(mesh, BUS_TOPIC_mesh_peer, &peer, &err), AM_OK, "%s", err.text);
    json_decref(until(200, "\"ee00000000000000"));
    bus_retract(mesh, BUS_TOPIC_mesh_peer, AM_BIN(id));
    json_decref(until(200, "\"transports\":{}"));
    cr_assert_eq(bus_publish(mesh, BUS_TOPIC_mesh_peer, &peer, &err), AM_OK, "%s", err.text);
    json_decref(until(200, "\"ee00000000000000"));
    bus_close(&mesh); /* and is back before anybody misses it, without the peer */
    mesh = sw_bus(BUS_MESH);
    publish_node(true, "ready", "");
    json_decref(until(200, "\"transports\":{}"));
    bus_close(&mesh); /* nobody says that it goes */
    json_decref(until(503, "mesh does not answer"));
    cr_assert_not_null(strstr(answer.body, "\"live\":false"));
    mesh = sw_bus(BUS_MESH);
    publish_node(true, "ready", "");
    json_decref(until(200, "\"live\":true"));
}

Test(api, follows_chain_and_indexer)
{
    const struct indexer_cursor cursor = {
        .phase = am_str_of("ready"), .caught_up = true, .block_number = 4711};
    const struct chain_status status = {.phase = am_str_of("ready"), .head = 4712, .rpc_calls = 9};
    struct bus *indexer = sw_bus(BUS_INDEXER), *chain = sw_bus(BUS_CHAIN);
    char metrics[80];
    int64_t end = am_mono_ms() + 10000;

    snprintf(metrics, sizeof metrics, "http://%s/metrics", listen_at);
    cr_assert_eq(bus_publish(indexer, BUS_TOPIC_indexer_cursor, &cursor, &err), AM_OK);
    cr_assert_eq(bus_publish(chain, BUS_TOPIC_chain_status, &status, &err), AM_OK);
    json_decref(until(503, "\"indexer_caught_up\":true,\"indexer_cursor_block\":4711"));
    do {
        sw_get(&answer, metrics);
        ev_run(sw_loop, EVRUN_ONCE);
    } while (strstr(answer.body, "\nattestmesh_head_block 4712\n") == NULL && am_mono_ms() < end);
    cr_assert_eq(answer.status, 200);
    cr_assert_not_null(strstr(answer.body, "\nattestmesh_head_block 4712\n"), "%s", answer.body);
    cr_assert_eq(strncmp(answer.type, "text/plain", 10), 0);
    check_metrics(answer.body);
    bus_close(&indexer);
    json_decref(until(503, "\"indexer_caught_up\":false"));
    bus_close(&chain);
}

Test(api, other_paths_and_methods)
{
    static const char *const paths[] = {"",         "/",          "/healthz/",
                                        "/Healthz", "/metrics/x", "/../../etc/passwd"};
    char at[128];

    json_decref(until(503, "booting"));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        snprintf(at, sizeof at, "http://%s%s", listen_at, paths[i]);
        sw_get(&answer, at);
        cr_expect_eq(answer.status, 404, "%s: %d", paths[i], answer.status);
    }
    snprintf(at, sizeof at, "%s?x=1", url);
    sw_get(&answer, at);
    cr_expect_eq(answer.status, 503);
    sw_post(&answer, url, "{}", 2);
    cr_expect_eq(answer.status, 405);
    memset(answer.body, 'x', 60000);
    sw_post(&answer, url, answer.body, 60000);
    cr_expect_eq(answer.status, 405, "a body is read and thrown away");
}

/* Read until `times` occurrences of text have come, at most 10 s. */
static int
heard(int fd, const char *text, int times, char *buffer, size_t cap)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t end = am_mono_ms() + 10000;
    size_t len = 0;
    int found = 0;
    ssize_t n;

    while (found < times && am_mono_ms() < end && len < cap - 1) {
        if (poll(&p, 1, 100) != 1)
            continue;
        if ((n = recv(fd, buffer + len, cap - 1 - len, 0)) <= 0)
            break;
        len += (size_t)n;
        buffer[len] = '\0';
        found = 0;
        for (const char *at = buffer; (at = strstr(at, text)) != NULL; at++)
            found++;
    }
    return found;
}

static void
say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

Test(api, head_and_allow)
{
    static char buffer[65536];
    int fd;

    json_decref(until(503, "booting"));
    fd = sw_dial(port);
    say(fd, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert_eq(heard(fd, "HTTP/1.1 503", 1, buffer, sizeof buffer), 1, "%s", buffer);
    cr_assert_null(strstr(buffer, "phase"));
    close(fd);
    fd = sw_dial(port);
    say(fd, "DELETE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert_eq(heard(fd, "Allow: GET, HEAD", 1, buffer, sizeof buffer), 1, "%s", buffer);
    close(fd);
}

Test(api, a_slow_client_holds_nobody_up)
{
    int slow[20];
    json_t *root;

    json_decref(until(503, "booting"));
    for (int i = 0; i < 20; i++) {
        slow[i] = sw_dial(port);
        say(slow[i], i % 2 == 0 ? "GET /hea" : "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\nx");
    }
    root = until(503, "booting");
    json_decref(root);
    for (int i = 0; i < 20; i++)
        close(slow[i]);
    json_decref(until(503, "booting"));
}

/* The server reads them all at once, and no descriptor tells of the rest again: left to the sweep,
 * each packet would take a second. */
Test(api, many_requests_in_one_packet)
{
    static char requests[4096], buffer[65536];
    int64_t end;

    json_decref(until(503, "booting"));
    end = am_mono_ms() + 10000;
    for (int i = 0; i < 40; i++)
        strcat(requests, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int round = 0; round < 15; round++) {
        int fd = sw_dial(port);

        say(fd, requests);
        cr_assert_eq(heard(fd, "HTTP/1.1 503", 40, buffer, sizeof buffer), 40);
        close(fd);
        cr_assert_lt(am_mono_ms(), end, "%d packets in 10 s", round + 1);
    }
}

Test(api, the_address_belongs_to_one)
{
    static struct api_facts facts;
    struct api_http *second;

    json_decref(until(503, "booting"));
    cr_assert_eq(api_http_open(&second, sw_loop, listen_at, NULL, &facts, &err), AM_UNAVAILABLE);
    cr_assert_null(second);
    cr_assert_not_null(strstr(err.text, listen_at), "%s", err.text);
    cr_assert_eq(api_http_open(&second, sw_loop, "nowhere", NULL, &facts, &err),
                 AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "HEALTH_HTTP_ADDR"), "%s", err.text);
    cr_assert_eq(api_http_open(&second, sw_loop, "192.0.2.1:9090", NULL, &facts, &err),
                 AM_UNAVAILABLE, "not an address of this machine");
}

Test(api, a_second_api_on_the_same_run_folder_gives_way)
{
    char run[128], addr[64];
    const char *const argv[] = {API, NULL};
    const char *const env[] = {run, addr, app, NULL};

    json_decref(until(503, "booting"));
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s", sw_dir);
    snprintf(addr, sizeof addr, "HEALTH_HTTP_ADDR=127.0.0.1:%u", sw_port());
    cr_assert_eq(sw_ended(sw_start("second.log", argv, env), 5000), 75, "%s", sw_log("second.log"));
    json_decref(until(503, "booting"));
}

Test(api, settings_that_are_none_stop_the_start)
{
    char run[128];
    const char *const argv[] = {API, NULL};
    const char *const env[] = {run, app, "ATTESTMESH_HEALTH_ADDR=127.0.0.1:1", NULL};
    const char *const bad[] = {run, app, "HEALTH_HTTP_ADDR=127.0.0.1", NULL};

    json_decref(until(503, "booting"));
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s/none", sw_dir);
    cr_assert_eq(sw_ended(sw_start("wrong.log", argv, env), 5000), 1);
    cr_assert_not_null(strstr(sw_log("wrong.log"), "ATTESTMESH_HEALTH_ADDR"), "%s",
                       sw_log("wrong.log"));
    snprintf(run, sizeof run, "ATTESTMESH_RUN=%s", sw_dir);
    kill(*api, SIGTERM);
    cr_assert_eq(sw_ended(api, 5000), 0);
    cr_assert_eq(sw_ended(sw_start("bad.log", argv, bad), 5000), 1);
    cr_assert_not_null(strstr(sw_log("bad.log"), "HEALTH_HTTP_ADDR"), "%s", sw_log("bad.log"));
}
