/*  test_verify -- attestmesh verify and compose-hash as an operator runs them.  */
#include "../../cli/cli.h"
#include "../../common/crypto/am_hkdf.h"
#include "dn_guest.h"
#include "evidence_made.h"
#include "service_world.h"

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct am_report_keys keys = {{1}, {2}, {3}, {4}, {5}};
static const uint8_t app_id[20] = {6}, compose_hash[32] = {7};
static struct made made;
static pid_t server;
static char path[128];

static void
start(void)
{
    sw_begin();
    snprintf(path, sizeof path, "%s/evidence", sw_dir);
}

static void
stop(void)
{
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    sw_end();
}

TestSuite(verify, .init = start, .fini = stop, .timeout = 120);

static int
attestmesh(const char *command, const char *const *arguments)
{
    const char *argv[16] = {ATTESTMESH, command};
    size_t n = 2;

    for (; *arguments != NULL; arguments++)
        argv[n++] = *arguments;
    return sw_ended(sw_start("out", argv, NULL), 60000);
}

#define RUN(command, ...) attestmesh(command, (const char *const[]){__VA_ARGS__, NULL})

static void
write_file(const void *bytes, size_t len)
{
    FILE *f = fopen(path, "w");

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void
said(const char *what)
{
    cr_expect_not_null(strstr(sw_log("out"), what), "%s\n%s", what, sw_log("out"));
}

/* A good node's answer, but for a root of our own.  In: nonce */
static char *
own_root(struct am_bin nonce)
{
    uint8_t rtmr[4][48];
    char *log = made_log(rtmr, app_id, compose_hash), *text;

    memcpy(made.bytes + 376, rtmr, sizeof rtmr);
    am_report_data(made.bytes + 568, &keys, nonce);
    made_quote(&made);
    text = made_answer(&made, &keys, nonce, log);
    free(log);
    return text;
}

/* What a node on the guest-agent double answers. */
static char *
from_double(struct am_bin nonce)
{
    struct dn_guest guest = {.compat = DN_COMPAT_0_5_11};
    struct dn_quote quote;
    uint8_t report_data[64];
    char *text;

    memcpy(guest.app_id, app_id, 20);
    memcpy(guest.compose_hash, compose_hash, 32);
    am_report_data(report_data, &keys, nonce);
    AM_ASSERT(dn_quote_make(&quote, &guest, report_data, NULL) == AM_OK);
    memcpy(made.bytes, quote.bytes, sizeof quote.bytes);
    made.len = sizeof quote.bytes;
    text = made_answer(&made, &keys, nonce, quote.events);
    free(quote.events);
    return text;
}

static char *
old_nonce(struct am_bin nonce)
{
    const uint8_t other[32] = {1};

    (void)nonce;
    return own_root(AM_BIN(other));
}

/* A process that answers one request at port; status, and a body that `make` makes for the nonce
 * that is asked with, or `body`. */
static void
serve(int fd, int status, char *(*make)(struct am_bin nonce), const char *body)
{
    char request[4096] = "";
    const char *at;
    uint8_t nonce[32] = {0};
    char *text = NULL;
    int peer = accept(fd, NULL, NULL);
    size_t len = 0;
    ssize_t n;

    while (strstr(request, "\r\n\r\n") == NULL &&
           (n = read(peer, request + len, sizeof request - 1 - len)) > 0)
        len += (size_t)n;
    at = strstr(request, "GET /attestation?nonce=0x");
    AM_ASSERT(at == request);
    AM_ASSERT(am_unhex(nonce, 32, (struct am_str){at + 25, 64}, "", NULL) == AM_OK);
    if (make != NULL)
        body = text = make(AM_BIN(nonce));
    dprintf(peer, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
            strlen(body), body);
    close(peer);
    free(text);
}

static const char *
node(int status, char *(*make)(struct am_bin nonce), const char *body)
{
    static char url[64];
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    cr_assert_eq(listen(fd, 4), 0);
    if (server > 0)
        waitpid(server, NULL, 0);
    if ((server = fork()) == 0) {
        serve(fd, status, make, body);
        _exit(0);
    }
    close(fd);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    return url;
}

Test(verify, a_node_on_the_double_is_not_signed_by_intel)
{
    cr_assert_eq(RUN("verify", node(200, from_double, NULL)), CLI_VERIFY_REFUSED, "%s",
                 sw_log("out"));
    said("verdict: refused: not signed by Intel: signature_form: quote: no signature, 4304 zeros "
         "in its place: a simulator made it");
    said("ok        rtmr3 ");
    said("ok        report_data_keys ");
    said("ok        fresh ");
    said("FAIL      signature_form ");
}

Test(verify, a_node_with_a_root_of_its_own_is_refused_by_the_pin_alone)
{
    cr_assert_eq(RUN("verify", node(200, own_root, NULL), "--compose-hash",
                     "0x0700000000000000000000000000000000000000000000000000000000000000",
                     "--app-id", "0600000000000000000000000000000000000000"),
                 CLI_VERIFY_REFUSED);
    said("verdict: refused: not signed by Intel: root: root certificate: expected SHA-256 "
         "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3, got ");
    said("ok        certificates ");
    said("ok        fresh ");
    said("ok        compose_hash ");
    said("ok        app_id ");
}

Test(verify, an_old_answer_is_not_fresh)
{
    cr_assert_eq(RUN("verify", node(200, old_nonce, NULL)), CLI_VERIFY_REFUSED);
    said("FAIL      fresh ");
    said("nonce: expected the one that was sent");
}

Test(verify, json_says_the_same)
{
    json_t *root, *checks;
    enum am_check i;

    cr_assert_eq(RUN("verify", node(200, own_root, NULL), "--json"), CLI_VERIFY_REFUSED);
    root = json_loads(sw_log("out"), 0, NULL);
    cr_assert_not_null(root, "%s", sw_log("out"));
    cr_assert_eq(json_integer_value(json_object_get(root, "status")), CLI_VERIFY_REFUSED);
    checks = json_object_get(root, "checks");
    cr_assert_eq(json_array_size(checks), AM_CHECKS);
    for (i = 0; i < AM_CHECKS; i++) {
        const json_t *check = json_array_get(checks, i);

        cr_expect_str_eq(json_string_value(json_object_get(check, "name")), am_check_name(i));
        cr_expect_eq(i == AM_CHECK_root,
                     strcmp(json_string_value(json_object_get(check, "outcome")), "refused") == 0,
                     "%s", am_check_name(i));
    }
    cr_assert_str_eq(
        json_string_value(json_object_get(json_object_get(root, "evidence"), "app_id")),
        "0x0600000000000000000000000000000000000000");
    json_decref(root);
}

Test(verify, no_evidence_is_another_status_than_bad_evidence)
{
    cr_expect_eq(RUN("verify", node(503, NULL,
                                    "{\"available\":false,\"errors\":{\"quote\":\"no \xc2\x9b"
                                    "2J agent\"}}")),
                 CLI_VERIFY_NO_EVIDENCE);
    said("verify: the node has no evidence: quote: no ??2J agent");
    cr_expect_eq(RUN("verify", node(404, NULL, "{}")), CLI_VERIFY_NO_EVIDENCE);
    said("expected HTTP status 200, got 404");
    cr_expect_eq(RUN("verify", node(200, NULL, "<html>")), CLI_VERIFY_NO_EVIDENCE);
    cr_expect_eq(RUN("verify", "http://127.0.0.1:9"), CLI_VERIFY_NO_EVIDENCE);
    cr_expect_eq(RUN("verify", "/nonexistent"), CLI_VERIFY_NO_EVIDENCE);
    cr_expect_eq(RUN("verify", node(200, NULL, "{}")), CLI_VERIFY_REFUSED);
    said("verdict: refused: not said of these keys, or not now: answer: bytes: expected text");
}

Test(verify, wrong_usage_asks_nobody)
{
    cr_expect_eq(RUN("verify", NULL), CLI_USAGE);
    cr_expect_eq(RUN("verify", "a", "b"), CLI_USAGE);
    cr_expect_eq(RUN("verify", "a", "--compose-hash", "12"), CLI_USAGE);
    said("--compose-hash: expected 32 bytes of hex, got 1");
    cr_expect_eq(RUN("verify", "a", "--app-id"), CLI_USAGE);
    cr_expect_eq(RUN("verify", "a", "--compose-hash", "00", "--compose", "x"), CLI_USAGE);
    cr_expect_eq(RUN("verify", "a", "--compose", "/nonexistent"), CLI_USAGE);
    cr_expect_eq(RUN("compose-hash", NULL), CLI_USAGE);
    said("usage: attestmesh compose-hash FILE");
}

/* A record whose control bytes must not reach the terminal. */
Test(verify, prints_nothing_that_a_terminal_obeys)
{
    static const char text[] =
        "{\"quote\":\"00\",\"event_log\":\"[]\",\"report_data\":\"\\u001b[2J\"}";

    write_file(text, sizeof text - 1);
    cr_assert_eq(RUN("verify", path), CLI_VERIFY_REFUSED);
    cr_assert_null(strchr(sw_log("out"), '\x1b'));
}

Test(verify, compose_hash_is_of_the_bytes_and_warns)
{
    static const char good[] = "{\"name\":\"a\",\"runner\":\"bash\"}",
                      other[] = "{\n  \"name\": \"a\"\n}\n";
    uint8_t hash[32];
    char hex[65];

    am_sha256(hash, good, sizeof good - 1);
    am_hex(hex, hash, 32);
    write_file(good, sizeof good - 1);
    cr_expect_eq(RUN("compose-hash", path), 0);
    said(hex);
    cr_expect_null(strstr(sw_log("out"), "warning"));
    am_sha256(hash, other, sizeof other - 1);
    am_hex(hex, hash, 32);
    write_file(other, sizeof other - 1);
    cr_expect_eq(RUN("compose-hash", path), 0);
    said(hex);
    said("warning: not in canonical form: app-compose, byte 1: ");
    cr_expect_eq(RUN("compose-hash", "/nonexistent"), 1);
}
