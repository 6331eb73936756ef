/*  test_eth_retry -- a provider that says when to come back is believed, within bounds.  */
#include "eth_rpc.h"
#include "eth_rpc_front.h"
#include "eth_rpc_write.h"

#include "am_clock.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMITED(headers)                                                                           \
    "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html\r\n" headers                        \
    "Content-Length: 9\r\nConnection: close\r\n\r\nslow down"

/* One answer to whatever comes, then the next; the last one stays. */
static const char *const *script;
static unsigned requests;
static struct ev_loop *loop;
static struct am_http *http;
static struct eth_rpc *rpc;
static ev_io server;
static struct eth_rpc_answer got;
static unsigned calls;

static void
on_connection(struct ev_loop *l, ev_io *w, int events)
{
    int fd = accept(w->fd, NULL, NULL);
    struct timeval limit = {.tv_sec = 2};
    char heard[4096];

    (void)l, (void)events;
    cr_assert_geq(fd, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    cr_assert_gt(recv(fd, heard, sizeof heard, 0), 0);
    requests++;
    cr_assert_gt(send(fd, *script, strlen(*script), MSG_NOSIGNAL), 0);
    if (script[1] != NULL)
        script++;
    close(fd);
}

static void
start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct am_error err = {0};
    char url[64];

    cr_assert(sodium_init() >= 0 && fd >= 0);
    cr_assert(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 8) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    loop = ev_loop_new(EVFLAG_AUTO);
    ev_io_init(&server, on_connection, fd, EV_READ);
    ev_io_start(loop, &server);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    cr_assert(am_http_open(&http, loop, &err) == AM_OK);
    cr_assert(eth_rpc_open(&rpc, http, loop, "rpc", url, &err) == AM_OK);
}

static void
stop(void)
{
    eth_rpc_close(&rpc);
    am_http_close(&http);
    ev_io_stop(loop, &server);
    close(server.fd);
    ev_loop_destroy(loop);
}

TestSuite(eth_retry, .init = start, .fini = stop, .timeout = 60);

static void
on_answer(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    (void)arg, (void)count;
    got = *a;
    calls++;
    ev_break(loop, EVBREAK_ALL);
}

static int
ask(const char *method, const char *const *answers)
{
    struct eth_rpc_item item = {method, json_array()};
    struct am_error err = {0};

    script = answers;
    calls = requests = 0;
    cr_assert(eth_rpc_call(rpc, &item, 1, "", on_answer, NULL, &err) == AM_OK);
    cr_assert_eq(calls, 0, "never from inside the call");
    ev_run(loop, 0);
    return got.code;
}

Test(eth_retry, a_read_is_asked_again_and_no_more_than_that)
{
    static const char *const limited[] = {LIMITED(""), NULL};

    cr_assert_eq(ask("eth_call", limited), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(requests, 3);
    cr_assert_not_null(strstr(got.err.text, "HTTP 429"), "%s", got.err.text);
    cr_assert_not_null(strstr(got.err.text, "slow down"), "%s", got.err.text);
}

Test(eth_retry, a_short_time_is_waited_for)
{
    static const char *const limited[] = {LIMITED("Retry-After: 1\r\n"), NULL};
    int64_t from = am_mono_ms();

    cr_assert_eq(ask("eth_call", limited), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(requests, 3);
    cr_assert_geq(am_mono_ms() - from, 2000);
}

Test(eth_retry, within_a_long_time_nothing_is_asked)
{
    static const char *const limited[] = {LIMITED("Retry-After: 120\r\n"), NULL};
    int64_t from = am_mono_ms();

    cr_assert_eq(ask("eth_call", limited), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(requests, 1);
    cr_assert_eq(ask("eth_call", limited), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(ask("eth_sendUserOperation", limited), AM_RESOURCE_EXHAUSTED);
    cr_assert_eq(requests, 0);
    cr_assert_not_null(strstr(got.err.text, "Retry-After"), "%s", got.err.text);
    cr_assert_lt(am_mono_ms() - from, 5000, "it is said at once");
    cr_assert_eq(eth_rpc_count(rpc), 1);
}

Test(eth_retry, a_day_is_not_believed)
{
    static const char *const limited[] = {LIMITED("Retry-After: 86400\r\n"), NULL};

    cr_assert_eq(ask("eth_call", limited), AM_RESOURCE_EXHAUSTED);
    cr_assert_leq(eth_rpc_quiet_ms(rpc) - am_mono_ms(), 600000);
}

Test(eth_retry, what_is_too_much_is_not_asked_again)
{
    static const char *const refused[] = {
        "HTTP/1.1 413 x\r\nConnection: close\r\n\r\n"
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32614,\"message\":"
        "\"eth_getLogs is limited to a 10,000 range.\"}}",
        NULL};

    cr_assert_eq(ask("eth_getLogs", refused), AM_OUT_OF_RANGE, "%s", got.err.text);
    cr_assert_eq(requests, 1);
    cr_assert_not_null(strstr(got.err.text, "10,000 range"), "%s", got.err.text);
}

Test(eth_retry, a_body_that_is_packed_is_refused_unopened)
{
    static const char *const packed[] = {
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n"
        "Connection: close\r\n\r\n\x1f\x8b\x08\x08",
        NULL};

    cr_assert_eq(ask("eth_sendUserOperation", packed), AM_DATA_LOSS);
    cr_assert_not_null(strstr(got.err.text, "Content-Encoding gzip"), "%s", got.err.text);
}

Test(eth_retry, half_an_answer_is_none)
{
    static const char *const half[] = {"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n"
                                       "Connection: close\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,",
                                       NULL};

    cr_assert_eq(ask("eth_sendUserOperation", half), AM_DATA_LOSS, "%s", got.err.text);
    cr_assert_eq(requests, 1);
}

Test(eth_write, one_is_an_object_and_more_are_an_array)
{
    static const char *const methods[] = {"a", "b"};
    json_t *params[] = {json_array(), json_array()};
    char *one = eth_rpc_write(methods, params, 1, 7), *two = eth_rpc_write(methods, params, 2, 7);

    cr_assert_str_eq(one, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a\",\"params\":[]}");
    cr_assert_not_null(strstr(two, "\"id\":8,\"method\":\"b\""));
    cr_assert_eq(two[0], '[');
    free(one);
    free(two);
    json_decref(params[0]);
    json_decref(params[1]);
}
