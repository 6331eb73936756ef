/*  test_base -- hex that is not hex, settings that are not settings, locked memory that is locked.
 */
#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"
#include "../../common/base/am_settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int
unhex4(const char *text)
{
    struct am_error err = {0};
    uint8_t out[4] = {9, 9, 9, 9};
    int r = am_unhex(out, sizeof out, am_str_of(text), "field", &err);

    cr_assert(r == AM_OK || (am_is_zero(out, sizeof out) && strstr(err.text, "field") != NULL));
    return r;
}

Test(hex, takes_exactly_what_was_asked_for)
{
    cr_assert_eq(unhex4("0xDEADbeef"), AM_OK);
    cr_assert_eq(unhex4("deadbeef"), AM_OK);
    cr_assert_eq(unhex4("0xdeadbee"), AM_INVALID_ARGUMENT, "odd");
    cr_assert_eq(unhex4("0xdeadbe"), AM_INVALID_ARGUMENT, "short");
    cr_assert_eq(unhex4("0xdeadbeef00"), AM_INVALID_ARGUMENT, "long");
    cr_assert_eq(unhex4("0Xdeadbeef"), AM_INVALID_ARGUMENT);
    cr_assert_eq(unhex4("0xdeadbeeg"), AM_INVALID_ARGUMENT);
    cr_assert_eq(unhex4(""), AM_INVALID_ARGUMENT);
}

/* The reader that does not branch says of each byte what the other says. */
Test(hex, of_a_secret_is_the_same_hex)
{
    uint8_t a, b;

    for (int c = 0; c < 256; c++) {
        for (int at = 0; at < 2; at++) {
            const char text[2] = {at == 0 ? (char)c : '7', at == 0 ? 'e' : (char)c};
            int rc = am_unhex(&a, 1, (struct am_str){text, 2}, "field", NULL);

            cr_assert_eq(am_unhex_secret(&b, 1, (struct am_str){text, 2}, "field", NULL), rc, "%d",
                         c);
            cr_assert_eq(a, b);
        }
    }
    cr_assert_eq(am_unhex_secret(&b, 1, am_str_of("0xeD"), "field", NULL), AM_OK);
    cr_assert_eq(b, 0xed);
    cr_assert_eq(am_unhex_secret(&b, 1, am_str_of("00ed"), "field", NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(am_unhex_secret(&b, 1, am_str_of("ede"), "field", NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(am_unhex_secret(&b, 1, am_str_of(""), "field", NULL), AM_INVALID_ARGUMENT);
    cr_assert_eq(b, 0);
}

Test(error, cannot_carry_an_escape_code_into_a_log)
{
    struct am_error err = {0};

    cr_assert_eq(am_fail(&err, AM_UNAVAILABLE, "rpc: %s", "\x1b[31mred\n"), AM_UNAVAILABLE);
    cr_assert_str_eq(err.text, "rpc: ?[31mred?");
    am_wrap(&err, "chain.view");
    cr_assert_str_eq(err.text, "chain.view: rpc: ?[31mred?");
}

#define MESH_ENV "ATTESTMESH_RUN=/tmp"

Test(settings, name_the_nearest_when_a_name_is_unknown)
{
    char *env[] = {MESH_ENV, "ATTESTMESH_IGNORE_MEMBER=x", NULL};
    struct am_settings s;
    struct am_error err = {0};

    cr_assert_eq(am_settings_load(&s, AM_READ_MESH, env, &err), AM_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, "ATTESTMESH_IGNORE_MEMBERS") != NULL, "%s", err.text);
}

Test(settings, know_the_names_of_other_services_too)
{
    char *env[] = {MESH_ENV, "ATTESTMESH_CONFIRMATIONS=0", "WG_LISTEN_PORT=7", NULL};
    struct am_settings s;
    struct am_error err = {0};

    cr_assert_eq(am_settings_load(&s, AM_READ_MESH, env, &err), AM_OK, "%s", err.text);
    cr_assert_eq(s.wg_port, 7u);
    cr_assert_str_eq(s.wg_interface, "attestmesh0");
}

Test(settings, refuse_what_is_out_of_range_unset_or_doubled)
{
    char *bad[][5] = {
        {"WG_LISTEN_PORT=0", NULL},      {"WG_LISTEN_PORT=65536", NULL},
        {"WG_LISTEN_PORT=51821x", NULL}, {"WG_LISTEN_PORT=-1", NULL},
        {"WG_LISTEN_PORT=0x10", NULL},
    };
    char *no_rpc[] = {"CHAIN_ID=1", "BUNDLER_URL=http://x", NULL};
    char *both[] = {"CHAIN_ID=1", "BUNDLER_URL=b", "RPC_URL=a", "RPC_URL_FILE=/x", NULL};
    struct am_settings s;
    struct am_error err = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(am_settings_load(&s, AM_READ_MESH, bad[i], &err), AM_INVALID_ARGUMENT, "%zu",
                     i);
    cr_assert_eq(am_settings_load(&s, AM_READ_CHAIN, no_rpc, &err), AM_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, "RPC_URL") != NULL);
    cr_assert_eq(am_settings_load(&s, AM_READ_CHAIN, both, &err), AM_INVALID_ARGUMENT);
}

Test(settings, read_a_secret_from_a_file)
{
    char path[] = "/tmp/am_setting_XXXXXX", name[64];
    char *env[] = {"CHAIN_ID=1", "BUNDLER_URL=b", name, NULL};
    struct am_settings s;
    struct am_error err = {0};
    int fd = mkstemp(path);

    cr_assert(fd >= 0 && write(fd, "http://rpc/key\n", 15) == 15);
    close(fd);
    snprintf(name, sizeof name, "RPC_URL_FILE=%s", path);
    cr_assert_eq(am_settings_load(&s, AM_READ_CHAIN, env, &err), AM_OK, "%s", err.text);
    cr_assert_str_eq(s.rpc_url, "http://rpc/key");
    unlink(path);
    cr_assert_eq(am_settings_load(&s, AM_READ_CHAIN, env, &err), AM_FAILED_PRECONDITION);
    cr_assert_eq(s.chain_id, 0u, "nothing half-done");
}

Test(secret, is_locked_and_gone_after)
{
    struct am_error err = {0};
    uint64_t before, during;
    void *p;

    cr_assert_eq(am_secret_init(&err), AM_OK, "%s", err.text);
    cr_assert_eq(am_secret_locked(&before, &err), AM_OK);
    cr_assert_not_null(p = am_secret_alloc(5000, &err));
    cr_assert(am_is_zero(p, 5000));
    cr_assert_eq(am_secret_locked(&during, &err), AM_OK);
    cr_assert_eq(during - before, 8192u);
    am_secret_free(&p);
    cr_assert_null(p);
    cr_assert_eq(am_secret_locked(&during, &err), AM_OK);
    cr_assert_eq(during, before);
}

Test(secret, says_so_when_nothing_can_be_locked)
{
    const struct rlimit little = {4096, 4096};
    struct am_error err = {0};

    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &little), 0);
    cr_assert_eq(am_secret_init(&err), AM_FAILED_PRECONDITION);
    cr_assert(strstr(err.text, "memlock") != NULL);
}

static size_t
logged(char *out, size_t cap)
{
    int saved = dup(STDERR_FILENO), fds[2];
    ssize_t n;

    cr_assert_eq(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    am_log_open("test", "", "info");
    am_log(AM_INFO, "gate.opened", "peers=%d reason=\"said \"hi\" \x1b[1m\"", 3);
    am_log(AM_DEBUG, "unseen", "a=1");
    dup2(saved, STDERR_FILENO);
    close(fds[1]);
    n = read(fds[0], out, cap - 1);
    cr_assert(n > 0);
    out[n] = '\0';
    return (size_t)n;
}

Test(log, is_json_off_a_terminal_and_carries_no_escape)
{
    char line[1024];

    logged(line, sizeof line);
    cr_assert_null(strchr(line, 0x1b));
    cr_assert_not_null(strstr(line,
                              "\"service\":\"test\",\"event\":\"gate.opened\",\"peers\":\"3\","
                              "\"reason\":\"said \\\"hi\\\" \\u001b[1m\"}\n"),
                       "%s", line);
    cr_assert_null(strstr(line, "unseen"));
}
