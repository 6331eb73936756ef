/*  test_ops_page -- the operator's table of operations: aligned, whole, and the same as its JSON.
 */
#include "../../cli/ops_page.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define AM_STR(literal) ((struct am_str){literal, sizeof literal - 1})

static char *text;
static size_t text_len;

static const char *
printed(const struct ops_page *page, void (*print)(const struct ops_page *, FILE *))
{
    FILE *f;

    free(text);
    f = open_memstream(&text, &text_len);
    cr_assert(f != NULL);
    print(page, f);
    fclose(f);
    return text;
}

static void
stop(void)
{
    free(text);
}

TestSuite(ops_page, .fini = stop);

static struct ops_page
example(void)
{
    static const uint8_t reg[24] = "attestmesh.register", other[24] = {0xab, 1, 2, 3, 4, 5, 6},
                         hash[32] = {0xfe, 1, 2, 3, 4, 5};
    static struct chain_operations_reply ops;
    struct chain_spending_reply spending = {
        .day = 20000,
        .stopped = AM_STR("daily cap: message"),
        .costs = {{.purpose = AM_STR("register"), .tries = 1, .tries_cap = 24, .gas_cap = 20000000},
                  {.purpose = AM_STR("message"),
                   .tries = 500,
                   .tries_cap = 500,
                   .gas = 7,
                   .gas_cap = 9}},
        .costs_count = 2};
    struct ops_page page = {.row_count = 0};

    ops = (struct chain_operations_reply){
        .operations = {{.key = AM_BIN(reg),
                        .purpose = AM_STR("register"),
                        .state = AM_STR("confirmed"),
                        .user_op_hash = AM_BIN(hash),
                        .tx_hash = AM_BIN(hash),
                        .block_number = 123456789,
                        .gas_used = 289083,
                        .age_ms = 7200000},
                       {.key = AM_BIN(other),
                        .sequence = 3,
                        .purpose = AM_STR("message"),
                        .state = AM_STR("asked"),
                        .attempts = 2,
                        .next_ms = 90000,
                        .reason = AM_STR("bundler x.org: AA31; the deposit")}},
        .operations_count = 2};
    ops_page_rows(&page, &ops);
    ops_page_costs(&page, &spending);
    return page;
}

Test(ops_page, an_empty_ledger_says_so)
{
    struct ops_page page = {.row_count = 0};

    cr_assert(strstr(printed(&page, ops_page_print), "no operation yet") != NULL);
}

Test(ops_page, columns_stand_below_their_names)
{
    static const char *const names[] = {"PURPOSE", "KEY", "STATE", "HASH"};
    static const char *const values[] = {"register", "attestmesh.register", "confirmed",
                                         "0xfe0102030405.."};
    struct ops_page page = example();
    const char *head = printed(&page, ops_page_print), *row = strchr(head, '\n') + 1;

    for (size_t i = 0; i < 4; i++)
        cr_expect(strstr(row, values[i]) - row == strstr(head, names[i]) - head, "%s", names[i]);
    cr_expect(strstr(row, "123456789") + 9 - row == strstr(head, "BLOCK") + 5 - head);
    cr_expect(strstr(row, "289083") + 6 - row == strstr(head, "GAS") + 3 - head);
    cr_expect(strstr(row, " 2h\n") + 3 - row == strstr(head, "AGE") + 3 - head);
    for (const char *line = head; *line != '\0'; line = strchr(line, '\n') + 1)
        cr_expect(strcspn(line, "\n") <= 100 && strcspn(line, "\033\t\r") >= strcspn(line, "\n"),
                  "%s", line);
}

Test(ops_page, what_failed_and_what_is_stopped_is_said)
{
    struct ops_page page = example();
    const char *out = printed(&page, ops_page_print);

    cr_assert(strstr(out, "\n          bundler x.org: AA31; the deposit\n") != NULL, "%s", out);
    cr_assert(strstr(out, "\n          2 failed tries, the next in 90s\n") != NULL, "%s", out);
    cr_assert(strstr(out, "0xab0102030405..") != NULL, "%s", out);
    cr_assert(strstr(out, "2024-10-04") != NULL, "%s", out);
    cr_assert(strstr(out, "500     500             7            9  stopped\n") != NULL, "%s", out);
    cr_assert(strstr(out, "\ndaily cap: message\n") != NULL, "%s", out);
}

Test(ops_page, json_has_all_of_it)
{
    struct ops_page page = example();
    json_t *root = json_loads(printed(&page, ops_page_json), JSON_REJECT_DUPLICATES, NULL), *row;

    cr_assert(root != NULL);
    cr_assert(json_array_size(json_object_get(root, "operations")) == 2);
    row = json_array_get(json_object_get(root, "operations"), 0);
    cr_assert(strlen(json_string_value(json_object_get(row, "user_op_hash"))) == 66);
    cr_assert(json_integer_value(json_object_get(row, "gas_used")) == 289083);
    row = json_array_get(json_object_get(root, "operations"), 1);
    cr_assert(json_is_null(json_object_get(row, "tx_hash")), "unknown is not zero");
    cr_assert(json_integer_value(json_object_get(row, "next_ms")) == 90000);
    row = json_array_get(json_object_get(root, "costs"), 1);
    cr_assert(json_integer_value(json_object_get(row, "tries_cap")) == 500);
    json_decref(root);
}

Test(ops_page, ages)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } ages[] = {{0, "0s"},
                {999, "0s"},
                {119999, "119s"},
                {120000, "2m"},
                {7199999, "119m"},
                {7200000, "2h"},
                {172799999, "47h"},
                {172800000, "2d"},
                {86400000ULL * 99999, "99999d"},
                {UINT64_MAX, ">99999d"}};

    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        char out[8];

        ops_age_text(out, ages[i].ms);
        cr_expect_str_eq(out, ages[i].text);
    }
}
