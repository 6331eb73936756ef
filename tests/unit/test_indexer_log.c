/*  test_indexer_log -- a log counts only when every field of it is whole and was asked for.  */
#include "../../services/indexer/ix_log.h"

#include <criterion/criterion.h>
#include <string.h>

#define CLUSTER "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
#define WORD "0x1111111111111111111111111111111111111111111111111111111111111111"
#define LOG                                                                                        \
    "{\"address\":\"" CLUSTER "\",\"blockNumber\":\"0x10\",\"logIndex\":\"0x2\","                  \
    "\"transactionHash\":\"" WORD "\",\"topics\":[\"" WORD "\",\"" WORD "\"],"                     \
    "\"data\":\"0xabcd\",\"removed\":false}"

static struct ix_range range;

static json_t *
parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    cr_assert_not_null(value, "%s", text);
    return value;
}

static void
start(void)
{
    memset(range.address, 0xc1, 20);
    range.from = 0x0f;
    range.to = 0x11;
}

TestSuite(indexer_log, .init = start);

/* Read LOG with one field replaced (value NULL: taken away); the error must name it. */
static void
refused(const char *field, const char *value)
{
    static const struct ix_log none;
    struct am_error err = {0};
    json_t *log = parse(LOG);
    struct ix_log out;

    memset(&out, 0xff, sizeof out);
    if (value == NULL)
        json_object_del(log, field);
    else
        json_object_set_new(log, field, parse(value));
    cr_expect_eq(ix_log_read(&out, log, &range, &err), AM_INVALID_ARGUMENT, "%s %s", field,
                 value != NULL ? value : "absent");
    cr_expect_not_null(strstr(err.text, field), "%s: %s", field, err.text);
    cr_expect_eq(memcmp(&out, &none, sizeof out), 0, "%s leaves something behind", field);
    json_decref(log);
}

Test(indexer_log, each_field_is_needed)
{
    static const char *const fields[] = {"address",         "blockNumber", "logIndex",
                                         "transactionHash", "topics",      "data"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        refused(fields[i], NULL);
}

Test(indexer_log, each_field_is_of_its_type)
{
    static const char *const others[] = {"null", "7",      "true",     "{}",       "[]",
                                         "\"\"", "\"0x\"", "\"word\"", "\"0xzz\"", "\"abcd\""};
    static const char *const fields[] = {"address", "blockNumber", "logIndex", "transactionHash",
                                         "topics"};

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
            refused(fields[i], others[k]);
    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
        if (strcmp(others[k], "\"0x\"") != 0) /* no data is data */
            refused("data", others[k]);
}

Test(indexer_log, hex_is_whole)
{
    refused("data", "\"0xabc\"");
    refused("address", "\"0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c\"");
    refused("address", "\"0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1\"");
    refused("transactionHash", "\"0x11\"");
    refused("topics", "[\"0x11\"]");
    refused("topics", "[\"" WORD "\",7]");
    refused("topics", "[\"" WORD "11\"]");
    refused("blockNumber", "\"0x010\"");
    refused("logIndex", "\"-1\"");
}

Test(indexer_log, one_to_four_topics)
{
    static const char *const counts[] = {"[\"" WORD "\"]",
                                         "[\"" WORD "\",\"" WORD "\",\"" WORD "\",\"" WORD "\"]"};
    struct am_error err = {0};
    struct ix_log out;

    refused("topics", "[]");
    refused("topics", "[\"" WORD "\",\"" WORD "\",\"" WORD "\",\"" WORD "\",\"" WORD "\"]");
    for (size_t i = 0; i < 2; i++) {
        json_t *log = parse(LOG);

        json_object_set_new(log, "topics", parse(counts[i]));
        cr_assert_eq(ix_log_read(&out, log, &range, &err), AM_OK, "%s", err.text);
        cr_assert_eq(out.topic_count, i == 0 ? 1 : 4);
        ix_log_free(&out);
        json_decref(log);
    }
}

Test(indexer_log, only_what_was_asked_for)
{
    refused("address", "\"0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c2\"");
    refused("blockNumber", "\"0xe\"");
    refused("blockNumber", "\"0x12\"");
    refused("blockNumber", "\"0xffffffffffffffff\"");
    refused("removed", "true");
    refused("removed", "null");
    refused("removed", "\"false\"");
}

Test(indexer_log, a_number_above_64_bits_is_no_number)
{
    struct am_error err = {0};
    json_t *log = parse(LOG);
    struct ix_log out;

    json_object_set_new(log, "logIndex", parse("\"0x10000000000000000\""));
    cr_assert_eq(ix_log_read(&out, log, &range, &err), AM_OUT_OF_RANGE);
    cr_assert_not_null(strstr(err.text, "logIndex"));
    json_decref(log);
}

Test(indexer_log, what_is_no_object)
{
    static const char *const values[] = {"null", "7", "\"0x\"", "[]", "{}"};
    struct am_error err = {0};
    struct ix_log out;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *value = parse(values[i]);

        cr_expect_eq(ix_log_read(&out, value, &range, &err), AM_INVALID_ARGUMENT, "%s", values[i]);
        json_decref(value);
    }
    cr_expect_eq(ix_log_read(&out, NULL, &range, &err), AM_INVALID_ARGUMENT);
}

Test(indexer_log, reads_every_field)
{
    static const uint8_t data[] = {0xab, 0xcd};
    uint8_t word[32];
    struct am_error err = {0};
    json_t *log = parse(LOG);
    struct ix_log out;

    memset(word, 0x11, 32);
    json_object_del(log, "removed"); /* some providers leave it away */
    cr_assert_eq(ix_log_read(&out, log, &range, &err), AM_OK, "%s", err.text);
    cr_assert_eq(out.block_number, 0x10);
    cr_assert_eq(out.log_index, 2);
    cr_assert_eq(out.topic_count, 2);
    cr_assert_arr_eq(out.tx_hash, word, 32);
    cr_assert_arr_eq(out.topics[1], word, 32);
    cr_assert_eq(out.data_len, 2);
    cr_assert_arr_eq(out.data, data, 2);
    ix_log_free(&out);
    cr_assert_null(out.data);
    json_decref(log);
}

Test(indexer_log, both_ends_of_the_range_and_no_data)
{
    static const char *const ends[] = {"\"0xf\"", "\"0x11\""};
    struct am_error err = {0};
    struct ix_log out;

    for (size_t i = 0; i < 2; i++) {
        json_t *log = parse(LOG);

        json_object_set_new(log, "blockNumber", parse(ends[i]));
        json_object_set_new(log, "data", parse("\"0x\""));
        cr_assert_eq(ix_log_read(&out, log, &range, &err), AM_OK, "%s", err.text);
        cr_assert_eq(out.data_len, 0);
        ix_log_free(&out);
        json_decref(log);
    }
}
