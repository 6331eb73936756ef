/*  test_keyagent_origin -- the record of what made the keys: written once, never made anew.  */
#include "ka_fixture.h"
#include "ka_origin.h"

#include "../../common/base/am_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct ka_fixture f;
static char record[KA_ORIGIN_MAX], dir[64];
static struct am_error err;

static void
open_origin(void)
{
    ka_fixture_open(&f);
    ka_origin_write(record, "dstack", &f.self);
    snprintf(dir, sizeof dir, "/tmp/am-origin-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void
close_origin(void)
{
    char line[96];

    snprintf(line, sizeof line, "rm -rf %s", dir);
    cr_assert_eq(system(line), 0);
}

TestSuite(keyagent_origin, .init = open_origin, .fini = close_origin);

static int
judge(const char *attestor)
{
    memset(&err, 0, sizeof err);
    return ka_origin_judge(am_str_of(record), attestor, &f.self, &err);
}

static int
hold(void)
{
    memset(&err, 0, sizeof err);
    return ka_origin_hold(dir, "dstack", &f.self, &err);
}

Test(keyagent_origin, names_the_first_thing_that_is_another)
{
    const struct {
        uint8_t *at;
        const char *name;
    } rows[] = {{f.self.app_id, "app_id"}, {f.self.kms_root, "kms_root"},
                {f.self.x_pub, "x_pub"},   {f.self.ed25519_pub, "ed25519_pub"},
                {f.self.wg_pub, "wg_pub"}, {f.self.owner, "owner"}};

    cr_assert_eq(judge("dstack"), AM_OK, "%s", err.text);
    cr_assert_eq(judge("another"), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, "key migration: identity.v1 records attestor dstack, now "
                                        "it is another"),
                       "%s", err.text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rows[i].at[3] ^= 0x10;
        cr_assert_eq(judge("dstack"), AM_FAILED_PRECONDITION, "%s", rows[i].name);
        cr_assert_not_null(strstr(err.text, rows[i].name), "%s", err.text);
        rows[i].at[3] ^= 0x10;
    }
    f.self.has_kms = false;
    cr_assert_eq(judge("dstack"), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, "now it is none"), "%s", err.text);
    ka_origin_write(record, "dstack", &f.self);
    cr_assert_eq(judge("dstack"), AM_OK, "without a KMS, twice: %s", err.text);
}

/* What may change without another identity. */
Test(keyagent_origin, an_upgrade_is_no_migration)
{
    snprintf(f.self.agent_version, sizeof f.self.agent_version, "0.6.0");
    memset(f.self.compose_hash, 7, 32);
    memset(f.self.device_id, 7, 32);
    memset(f.self.member, 7, 20);
    cr_assert_eq(judge("dstack"), AM_OK, "%s", err.text);
}

/* Cut anywhere, or with any field gone, it is no record: never a fresh start. */
Test(keyagent_origin, a_broken_record_is_refused)
{
    const size_t len = strlen(record);

    for (size_t n = 0; n < len - 1; n++) /* the last byte is a line end */
        cr_assert_eq(ka_origin_judge((struct am_str){record, n}, "dstack", &f.self, &err),
                     AM_DATA_LOSS, "%zu", n);
    memcpy(strstr(record, "wg_pub"), "wg_pux", 6);
    cr_assert_eq(judge("dstack"), AM_DATA_LOSS);
    cr_assert_not_null(strstr(err.text, "identity.v1: expected \"wg_pub\""), "%s", err.text);
    ka_origin_write(record, "dstack", &f.self);
    memcpy(strstr(record, "\"1\""), "\"2\"", 3);
    cr_assert_eq(judge("dstack"), AM_DATA_LOSS);
    cr_assert_not_null(strstr(err.text, "expected version 1, got 2"), "%s", err.text);
}

Test(keyagent_origin, is_written_where_there_is_none_and_held_from_then_on)
{
    uint8_t read[KA_ORIGIN_MAX + 1];
    size_t len;

    cr_assert_eq(hold(), AM_OK, "%s", err.text);
    cr_assert_eq(am_file_read(dir, KA_ORIGIN_FILE, read, sizeof read, &len, &err), AM_OK);
    cr_assert_eq(len, strlen(record));
    cr_assert_arr_eq(read, record, len);
    cr_assert_eq(hold(), AM_OK);
    f.self.x_pub[0] ^= 1;
    cr_assert_eq(hold(), AM_FAILED_PRECONDITION);
    f.self.x_pub[0] ^= 1;
    cr_assert_eq(am_file_write(dir, KA_ORIGIN_FILE, am_bin_of("", 0), &err), AM_OK);
    cr_assert_eq(hold(), AM_DATA_LOSS, "empty is broken, not absent");
    memset(read, ' ', sizeof read);
    cr_assert_eq(am_file_write(dir, KA_ORIGIN_FILE, AM_BIN(read), &err), AM_OK);
    cr_assert_eq(hold(), AM_DATA_LOSS, "too long for one");
}

/* Who can write the folder could make this node another: it is refused until it is closed. */
Test(keyagent_origin, a_record_that_others_can_reach_is_refused)
{
    char path[96];

    cr_assert_eq(hold(), AM_OK);
    snprintf(path, sizeof path, "%s/" KA_ORIGIN_FILE, dir);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(hold(), AM_PERMISSION_DENIED);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert_eq(hold(), AM_PERMISSION_DENIED);
    cr_assert_not_null(strstr(err.text, "expected mode 0700, got 0755"), "%s", err.text);
}

Test(keyagent_origin, that_cannot_be_written_stops_nobody)
{
    cr_assert_eq(ka_origin_hold("/proc/nowhere/state", "dstack", &f.self, &err), AM_OK, "%s",
                 err.text);
}
