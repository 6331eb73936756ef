/*  test_api_access -- who may have which key, and how often.  */
#include "../../services/api/api_access.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define OWN 7005u

static struct api_access a;
static struct am_error err;

static void
lists(const char *csk, const char *derive)
{
    err = (struct am_error){0};
    cr_assert_eq(api_access_read(&a, csk, derive, OWN, &err), AM_OK, "%s", err.text);
}

static bool
may(uint32_t uid, enum api_right right)
{
    int r = api_access_ask(&a, uid, right, 1000000, &err);

    cr_assert(r == AM_OK || r == AM_PERMISSION_DENIED, "%s", err.text);
    return r == AM_OK;
}

Test(api_access, empty_lists_are_the_own_uid_alone)
{
    lists("", "");
    cr_assert(may(OWN, API_READ_CSK) && may(OWN, API_DERIVE) && may(OWN, API_ANYBODY));
    cr_assert(!may(0, API_READ_CSK) && !may(0, API_DERIVE), "root is on no list by itself");
    cr_assert(!may(OWN + 1, API_READ_CSK) && !may(OWN + 1, API_DERIVE));
    cr_assert(may(OWN + 1, API_ANYBODY));
}

Test(api_access, a_list_is_the_whole_list)
{
    lists("1000,0", "1001");
    cr_assert(may(1000, API_READ_CSK) && may(0, API_READ_CSK));
    cr_assert(!may(OWN, API_READ_CSK) && !may(OWN, API_DERIVE));
    cr_assert(may(1000, API_DERIVE), "who reads the CSK may derive");
    cr_assert(may(1001, API_DERIVE));
    cr_assert(!may(1001, API_READ_CSK), "and not the other way");
    cr_assert_not_null(strstr(err.text, "uid 1001"), "%s", err.text);
    cr_assert_not_null(strstr(err.text, "ATTESTMESH_CSK_UIDS"), "%s", err.text);
    cr_assert(!may(1002, API_DERIVE));
    cr_assert_not_null(strstr(err.text, "ATTESTMESH_DERIVE_UIDS"), "%s", err.text);
    lists("", "1001");
    cr_assert(may(OWN, API_READ_CSK) && !may(1001, API_READ_CSK) && may(1001, API_DERIVE));
    lists("1001", "1001");
    cr_assert(may(1001, API_READ_CSK));
    lists("4294967294", "");
    cr_assert(may(4294967294u, API_READ_CSK) && !may(UINT32_MAX, API_READ_CSK));
}

Test(api_access, lists_that_are_none_give_nobody_a_right)
{
    static const char *const bad[] = {
        ",",  "1,",  ",1",    "1,,2",       "root",       "-1",          "+1",    "0x10", "1 ",
        " 1", "1;2", "65534", "4294967295", "4294967296", "99999999999", "1,2,x", "1\n2", "1.0"};
    char many[256] = "0";

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(api_access_read(&a, bad[i], "", OWN, &err), AM_INVALID_ARGUMENT, "%s", bad[i]);
        cr_expect_not_null(strstr(err.text, "ATTESTMESH_CSK_UIDS"), "%s", err.text);
        cr_expect_eq(api_access_read(&a, "", bad[i], OWN, &err), AM_INVALID_ARGUMENT, "%s", bad[i]);
        cr_expect_not_null(strstr(err.text, "ATTESTMESH_DERIVE_UIDS"), "%s", err.text);
        cr_expect_eq(a.count, 0);
        cr_expect(!may(OWN, API_READ_CSK));
    }
    for (unsigned i = 1; i < API_UIDS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), ",%u", i);
    lists(many, many);
    cr_assert(may(API_UIDS_MAX - 1, API_READ_CSK));
    strcat(many, ",99");
    cr_assert_eq(api_access_read(&a, many, "", OWN, &err), AM_INVALID_ARGUMENT, "one too many");
}

Test(api_access, the_uid_of_all_strangers_is_nobody)
{
    cr_assert_eq(api_access_read(&a, "", "", API_UID_OVERFLOW, &err), AM_OK);
    cr_assert(!may(API_UID_OVERFLOW, API_READ_CSK));
}

Test(api_access, a_bucket_empties_and_fills_again)
{
    struct api_bucket b = {0};
    int64_t now = 5000;

    for (int i = 0; i < 3; i++)
        cr_assert_eq(api_bucket_take(&b, now, 3, 100), 0);
    cr_assert_eq(api_bucket_take(&b, now, 3, 100), 100);
    cr_assert_eq(api_bucket_take(&b, now + 99, 3, 100), 1, "a refusal costs nothing");
    cr_assert_eq(api_bucket_take(&b, now + 100, 3, 100), 0);
    cr_assert_eq(api_bucket_take(&b, now + 100, 3, 100), 100);
    now += 100000; /* never more than full */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(api_bucket_take(&b, now, 3, 100), 0);
    cr_assert_neq(api_bucket_take(&b, now, 3, 100), 0);
}

Test(api_access, uids_do_not_empty_each_others_buckets)
{
    lists("1,2", "");
    for (int i = 0; i < API_BURST; i++)
        cr_assert_eq(api_access_ask(&a, 1, i % 2 == 0 ? API_READ_CSK : API_DERIVE, 7, &err), AM_OK);
    cr_assert_eq(api_access_ask(&a, 1, API_READ_CSK, 7, &err), AM_RESOURCE_EXHAUSTED);
    cr_assert_not_null(strstr(err.text, "uid 1"), "%s", err.text);
    cr_assert_eq(api_access_ask(&a, 1, API_ANYBODY, 7, &err), AM_OK);
    cr_assert_eq(api_access_ask(&a, 3, API_READ_CSK, 7, &err), AM_PERMISSION_DENIED);
    cr_assert_eq(api_access_ask(&a, 2, API_READ_CSK, 7, &err), AM_OK);
    cr_assert_eq(api_access_ask(&a, 1, API_READ_CSK, 7 + API_REFILL_MS, &err), AM_OK);
}

Test(api_access, refusals_are_logged_a_few_at_a_time_and_counted)
{
    uint64_t unlogged;
    int lines = 0;

    lists("", "");
    for (int i = 0; i < 100; i++)
        lines += api_access_log_refusal(&a, 7, &unlogged) ? 1 : 0;
    cr_assert_eq(lines, API_REFUSALS_BURST);
    cr_assert(api_access_log_refusal(&a, 7 + API_REFUSALS_REFILL_MS, &unlogged));
    cr_assert_eq(unlogged, 100 - API_REFUSALS_BURST);
    cr_assert(api_access_log_refusal(&a, 7 + 2 * API_REFUSALS_REFILL_MS, &unlogged));
    cr_assert_eq(unlogged, 0);
}
