/*  test_api_quotes -- /attestation of the real api: paced, shared, and nobody else waits for it. */
#include "api_world.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(api_quotes, .init = aw_begin, .fini = aw_end, .timeout = 120);

#define MANY 40

static struct sw_answer answer;

static void
get(const char *path)
{
    char url[320];

    snprintf(url, sizeof url, "%s%s", aw.url, path);
    sw_get(&answer, url);
}

/* All neighbours there, and api knows it. */
static void
ready(void)
{
    aw_keyagent();
    aw_mesh(true);
    aw_chain();
    for (int i = 0; i < 100; i++) {
        get("/attestation");
        if (answer.status == 200)
            break;
        for (int k = 0; k < 5; k++)
            ev_run(sw_loop, EVRUN_ONCE);
    }
    cr_assert_eq(answer.status, 200, "%s\n%s", answer.body, sw_log("api.log"));
    aw.quotes_asked = 0;
}

/* Connections that ask by hand, and what has come on them. */
static struct ask {
    int fd;
    char text[8192];
    size_t len;
} asks[MANY];

static void
ask(struct ask *a, const char *request)
{
    a->fd = sw_dial(aw.port);
    a->len = 0;
    a->text[0] = '\0';
    cr_assert_eq(send(a->fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
}

static void
ask_nonce(struct ask *a, unsigned nonce)
{
    char request[160];

    snprintf(request, sizeof request,
             "GET /attestation?nonce=0x%08x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             nonce);
    ask(a, request);
}

/* Turn the loop for ms, reading what comes. */
static void
listen_for(unsigned n, int ms)
{
    int64_t end = am_mono_ms() + ms;

    while (am_mono_ms() < end) {
        ev_run(sw_loop, EVRUN_ONCE);
        for (unsigned i = 0; i < n; i++) {
            ssize_t got = recv(asks[i].fd, asks[i].text + asks[i].len,
                               sizeof asks[i].text - 1 - asks[i].len, MSG_DONTWAIT);

            if (got > 0)
                asks[i].len += (size_t)got;
            asks[i].text[asks[i].len] = '\0';
        }
    }
}

static unsigned
with(unsigned n, const char *words)
{
    unsigned found = 0;

    for (unsigned i = 0; i < n; i++)
        found += strstr(asks[i].text, words) != NULL;
    return found;
}

static void
hang_up(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        close(asks[i].fd);
}

Test(api_quotes, answers_from_the_first_second)
{
    get("/attestation");
    cr_assert_eq(answer.status, 503);
    cr_assert_not_null(strstr(answer.body, "\"available\":false,\"errors\":{\"info\":\"keyagent"),
                       "%s", answer.body);
    get("/attestation?nonce=");
    cr_assert_eq(answer.status, 400);
    cr_assert_eq(strncmp(answer.body, "{\"available\":false,\"error\":\"nonce", 33), 0);
    get("/attestation?nonce=0xg1");
    cr_assert_eq(answer.status, 400);
    get("/attestation?nonce=00%00");
    cr_assert_eq(answer.status, 400);
    ask(&asks[0], "OPTIONS /attestation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ask(&asks[1], "DELETE /attestation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ask(&asks[2], "GET /attestation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ask(&asks[3], "HEAD /attestation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ask(&asks[4], "OPTIONS /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    listen_for(5, 300);
    cr_assert_not_null(strstr(asks[0].text, "HTTP/1.1 204"), "%s", asks[0].text);
    cr_assert_not_null(strstr(asks[1].text, "HTTP/1.1 405"), "%s", asks[1].text);
    cr_assert_not_null(strstr(asks[1].text, "Allow: GET, HEAD, OPTIONS"), "%s", asks[1].text);
    cr_assert_eq(with(4, "Access-Control-Allow-Origin: *\r\n"), 4);
    cr_assert_eq(with(4, "Access-Control-Allow-Methods: GET, OPTIONS\r\n"), 4);
    cr_assert_eq(with(4, "Access-Control-Allow-Headers: *\r\n"), 4);
    cr_assert_eq(with(4, "Access-Control-Max-Age: 86400\r\n"), 4);
    cr_assert_not_null(strstr(asks[3].text, "HTTP/1.1 503"), "%s", asks[3].text);
    cr_assert_null(strstr(asks[3].text, "{\"attestor\""));
    cr_assert_not_null(strstr(asks[4].text, "HTTP/1.1 405"), "%s", asks[4].text);
    hang_up(5);
}

Test(api_quotes, a_quote_over_the_askers_nonce)
{
    json_t *root;

    ready();
    get("/attestation?nonce=0102");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert(aw.nonce_len == 2 && memcmp(aw.nonce, "\x01\x02", 2) == 0);
    root = json_loads(answer.body, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(root, "nonce")), "0x0102");
    cr_assert(json_is_true(json_object_get(root, "fresh")));
    json_decref(root);
    get("/attestation?nonce=0x0102030405060708091011121314151617181920212223242526272829303132"
        "3334353637383940414243444546474849505152535455565758596061626364");
    cr_assert_eq(answer.status, 200, "%s", answer.body);
    cr_assert_eq(aw.nonce_len, 64);
}

Test(api_quotes, without_a_nonce_one_serves_a_minute)
{
    ready();
    for (int i = 0; i < 20; i++) {
        get("/attestation");
        cr_assert_eq(answer.status, 200);
    }
    cr_assert_eq(aw.quotes_asked, 0, "the one that ready got");
}

Test(api_quotes, askers_of_one_nonce_share_a_quote)
{
    ready();
    aw.holds_quotes = true;
    for (unsigned i = 0; i < 16; i++)
        ask_nonce(&asks[i], 7);
    listen_for(16, 1300);
    cr_assert_eq(aw.quotes_asked, 1);
    cr_assert_eq(with(16, "HTTP/1.1"), 0);
    aw_quote(aw.quote, am_bin_of(aw.nonce, aw.nonce_len));
    listen_for(16, 300);
    cr_assert_eq(with(16, "HTTP/1.1 200"), 16, "%s", asks[0].text);
    cr_assert_eq(aw.quotes_asked, 1);
    hang_up(16);
}

Test(api_quotes, a_stranger_cannot_keep_the_agent_busy)
{
    ready();
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 30; i++)
            ask_nonce(&asks[i], round * 100 + i);
        listen_for(30, 1000);
        cr_assert_geq(with(30, "HTTP/1.1 503"), 12, "%u", with(30, "HTTP/1.1 503"));
        cr_assert_eq(with(30, "Retry-After: "), with(30, "HTTP/1.1 503"));
        cr_assert_eq(with(30, "HTTP/1.1 503"), with(30, "{\"available\":false,\"error\":\"quotes"));
        get("/healthz");
        cr_assert_eq(answer.status, 200, "%s", answer.body);
        hang_up(30);
    }
    cr_assert_leq(aw.quotes_asked, 5);
    cr_assert_gt(aw.quotes_asked, 0);
}

Test(api_quotes, quotes_that_are_slow_are_rarer)
{
    ready();
    aw.holds_quotes = true;
    ask_nonce(&asks[0], 1);
    ask_nonce(&asks[1], 2);
    listen_for(2, 3000);
    cr_assert_eq(aw.quotes_asked, 1);
    aw_quote(aw.quote, am_bin_of(aw.nonce, aw.nonce_len)); /* after 2 s or more */
    listen_for(2, 1000);
    cr_assert_eq(aw.quotes_asked, 1, "as long again is the agent's own");
    cr_assert_eq(with(1, "HTTP/1.1 200"), 1);
    listen_for(2, 3000);
    cr_assert_eq(aw.quotes_asked, 2);
    aw_quote(aw.quote, am_bin_of(aw.nonce, aw.nonce_len));
    listen_for(2, 300);
    cr_assert_eq(with(2, "HTTP/1.1 200"), 2);
    hang_up(2);
}

Test(api_quotes, a_failure_is_everybodys_answer)
{
    struct am_error err = {0};

    ready();
    aw.holds_quotes = true;
    for (unsigned i = 0; i < 5; i++)
        ask_nonce(&asks[i], i);
    listen_for(5, 1300);
    cr_assert_eq(aw.quotes_asked, 1);
    am_fail(&err, AM_UNAVAILABLE, "/GetQuote: expected HTTP 200, got 500");
    bus_refuse(aw.quote, &err);
    listen_for(5, 300);
    cr_assert_eq(with(5, "HTTP/1.1 503"), 5, "%s", asks[0].text);
    cr_assert_eq(with(5, "\"errors\":{\"quote\":\"/GetQuote: expected HTTP 200, got 500\"}"), 5,
                 "%s", asks[0].text);
    hang_up(5);
}

Test(api_quotes, who_hangs_up_leaves_nothing)
{
    ready();
    aw.holds_quotes = true;
    for (unsigned i = 0; i < 8; i++)
        ask_nonce(&asks[i], 1);
    listen_for(8, 1300);
    hang_up(8);
    aw_quote(aw.quote, am_bin_of(aw.nonce, aw.nonce_len));
    listen_for(0, 300);
    get("/healthz");
    cr_assert_eq(answer.status, 200);
    aw.holds_quotes = false;
    get("/attestation?nonce=02");
    cr_assert_eq(answer.status, 200);
}

Test(api_quotes, ends_with_askers_waiting)
{
    ready();
    aw.holds_quotes = true;
    for (unsigned i = 0; i < 4; i++)
        ask_nonce(&asks[i], i);
    listen_for(4, 1300);
    cr_assert_eq(aw.quotes_asked, 1);
    kill(*aw.api, SIGTERM);
    cr_assert_eq(sw_ended(aw.api, 5000), 0, "%s", sw_log("api.log"));
    hang_up(4);
}

/* Another node's quote, however it came here, is not this one's. */
Test(api_quotes, a_quote_with_other_report_data_is_not_shown)
{
    ready();
    aw.holds_quotes = true;
    ask_nonce(&asks[0], 5);
    listen_for(1, 1300);
    aw_quote(aw.quote, am_bin_of("other", 5));
    listen_for(1, 300);
    cr_assert_eq(with(1, "HTTP/1.1 503"), 1);
    cr_assert_eq(with(1, "\"errors\":{\"quote\":\"quote: expected the report data"), 1, "%s",
                 asks[0].text);
    hang_up(1);
}

Test(api_quotes, two_hundred_connections_leave_health_to_others)
{
    int fds[200];

    for (int i = 0; i < 200; i++) { /* of one address; 127.0.0.1 is another */
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(aw.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(bind(fds[i], (struct sockaddr *)&from, sizeof from), 0);
        cr_assert_eq(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
        (void)send(fds[i], "GET /attest", 11, MSG_NOSIGNAL);
    }
    get("/healthz");
    cr_assert_eq(answer.status, 503);
    get("/attestation");
    cr_assert_eq(answer.status, 503);
    for (int i = 0; i < 200; i++)
        close(fds[i]);
}
