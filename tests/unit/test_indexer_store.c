/*  test_indexer_store -- events on disk: whole or not at all, in order, and never in the way.  */
#include "../../services/indexer/ix_store.h"

#include "../../common/base/am_log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], file[96];
static uint8_t ours[20], others[20], topic_a[32], topic_b[32];
static struct ix_store *store;
static struct am_error err;

static void
start(void)
{
    am_log_open("test", NULL, "error");
    strcpy(dir, "/tmp/am-store-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/events.sqlite", dir);
    memset(ours, 0xc1, 20);
    memset(others, 0xc2, 20);
    memset(topic_a, 0xaa, 32);
    memset(topic_b, 0xbb, 32);
    cr_assert_eq(ix_store_open(&store, dir, ours, &err), AM_OK, "%s", err.text);
}

static void
stop(void)
{
    char command[128];

    ix_store_close(&store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(indexer_store, .init = start, .fini = stop, .timeout = 60);

static struct ix_log
event(uint64_t block, uint64_t index, const uint8_t topic[32])
{
    struct ix_log log = {.block_number = block, .log_index = index, .topic_count = 2};

    memset(log.tx_hash, 0x77, 32);
    memcpy(log.topics[0], topic, 32);
    memset(log.topics[1], 0x22, 32);
    return log;
}

static struct ix_cursor
at(uint64_t block)
{
    struct ix_cursor c = {.set = true, .block = block};

    memset(c.hash, (int)(block & 0x7f) + 1, 32);
    return c;
}

static int
append(const struct ix_log *logs, size_t count, uint64_t cursor)
{
    struct ix_cursor c = at(cursor);

    return ix_store_append(store, logs, count, &c, &err);
}

static uint64_t
count(void)
{
    uint64_t n;

    cr_assert_eq(ix_store_count(store, &n, &err), AM_OK, "%s", err.text);
    return n;
}

static struct ix_cursor
cursor(void)
{
    struct ix_cursor c;

    cr_assert_eq(ix_store_cursor(store, &c, &err), AM_OK, "%s", err.text);
    return c;
}

struct found {
    struct {
        uint64_t block, index;
        uint8_t topic, last_data;
        size_t topics, data_len;
    } at[16];
    size_t n, stop_at;
};

static bool
note(void *arg, const struct ix_log *log)
{
    struct found *f = arg;

    f->at[f->n].block = log->block_number;
    f->at[f->n].index = log->log_index;
    f->at[f->n].topic = log->topics[0][0];
    f->at[f->n].topics = log->topic_count;
    f->at[f->n].data_len = log->data_len;
    f->at[f->n].last_data = log->data_len > 0 ? log->data[log->data_len - 1] : 0;
    f->n++;
    return f->n != f->stop_at;
}

static struct found
after(uint64_t block, uint64_t index, const uint8_t *topic)
{
    struct found f = {.n = 0};

    cr_assert_eq(ix_store_after(store, block, index, topic, note, &f, &err), AM_OK, "%s", err.text);
    return f;
}

static void
reopen(const uint8_t cluster[20])
{
    ix_store_close(&store);
    cr_assert_null(store);
    cr_assert_eq(ix_store_open(&store, dir, cluster, &err), AM_OK, "%s", err.text);
}

static void
sql(const char *text)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

Test(indexer_store, a_folder_that_cannot_be_written_is_named)
{
    struct ix_store *none;

    cr_assert_eq(ix_store_open(&none, "/proc/nowhere", ours, &err), AM_FAILED_PRECONDITION);
    cr_assert_null(none);
    cr_assert_not_null(strstr(err.text, "/proc/nowhere"));
    cr_assert_not_null(strstr(err.text, "SIDECAR_STATE_DIR"));
}

Test(indexer_store, new_is_empty)
{
    cr_assert_eq(count(), 0);
    cr_assert_not(cursor().set);
    cr_assert_eq(after(0, 0, NULL).n, 0);
}

Test(indexer_store, all_or_nothing)
{
    struct ix_log logs[] = {event(5, 0, topic_a), event(5, 1, topic_a),
                            event(5, (uint64_t)INT64_MAX + 1, topic_a)};

    cr_assert_eq(append(logs, 1, 5), AM_OK);
    cr_assert_eq(append(logs, 3, 6), AM_OUT_OF_RANGE);
    cr_assert_not_null(strstr(err.text, "9223372036854775808"), "%s", err.text);
    cr_assert_eq(count(), 1, "the second of the three is not there either");
    cr_assert_eq(cursor().block, 5);
    cr_assert_eq(append(logs, 2, 6), AM_OK, "and the store goes on");
    cr_assert_eq(count(), 2);
}

Test(indexer_store, a_refusal_of_sqlite_undoes_the_rest)
{
    struct ix_log logs[] = {event(1, 0, topic_a), event(2, 0, topic_a)};

    sql("CREATE TRIGGER no BEFORE INSERT ON event WHEN new.block = 2"
        " BEGIN SELECT RAISE(ABORT, 'disk is full'); END");
    cr_assert_eq(append(logs, 2, 2), AM_DATA_LOSS);
    cr_assert_not_null(strstr(err.text, "disk is full"), "%s", err.text);
    cr_assert_eq(count(), 0);
    cr_assert_not(cursor().set);
}

Test(indexer_store, an_event_that_is_there_stays)
{
    struct ix_log first = event(5, 0, topic_a), again = event(5, 0, topic_b);

    cr_assert_eq(append(&first, 1, 5), AM_OK);
    cr_assert_eq(append(&again, 1, 6), AM_OK);
    cr_assert_eq(count(), 1);
    cr_assert_eq(after(0, 0, NULL).at[0].topic, 0xaa);
    cr_assert_eq(cursor().block, 6);
}

Test(indexer_store, reopened)
{
    uint8_t data[] = {1, 2, 3};
    struct ix_log log = event(7, 3, topic_a);
    struct found f;

    log.topic_count = 4;
    log.data = data;
    log.data_len = 3;
    cr_assert_eq(append(&log, 1, 9), AM_OK);
    reopen(ours);
    cr_assert(cursor().set);
    cr_assert_eq(cursor().block, 9);
    cr_assert_eq(cursor().hash[31], 10);
    f = after(0, 0, NULL);
    cr_assert_eq(f.n, 1);
    cr_assert(f.at[0].block == 7 && f.at[0].index == 3 && f.at[0].topics == 4 &&
              f.at[0].data_len == 3 && f.at[0].last_data == 3);
}

Test(indexer_store, a_killed_writer_leaves_the_last_commit)
{
    struct ix_log log = event(7, 0, topic_a);
    sqlite3 *torn;

    cr_assert_eq(append(&log, 1, 7), AM_OK);
    cr_assert_eq(sqlite3_open(file, &torn), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(torn, "BEGIN IMMEDIATE; DELETE FROM event;", NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(torn); /* without COMMIT */
    reopen(ours);
    cr_assert_eq(count(), 1);
}

Test(indexer_store, another_clusters_file_is_begun_anew)
{
    struct ix_log log = event(7, 0, topic_a);

    cr_assert_eq(append(&log, 1, 7), AM_OK);
    reopen(others);
    cr_assert_eq(count(), 0);
    cr_assert_not(cursor().set);
    cr_assert_eq(append(&log, 1, 7), AM_OK);
    reopen(others);
    cr_assert_eq(count(), 1);
}

static void
overwrite(off_t from, size_t len)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    char junk[4096];

    memset(junk, 0x5a, sizeof junk);
    cr_assert_geq(fd, 0);
    for (size_t done = 0; done < len; done += sizeof junk)
        cr_assert_eq(pwrite(fd, junk, sizeof junk, from + (off_t)done), sizeof junk);
    close(fd);
}

static void
filled(void)
{
    for (uint64_t b = 1; b <= 400; b++) {
        struct ix_log log = event(b, 0, topic_a);

        cr_assert_eq(append(&log, 1, b), AM_OK);
    }
    ix_store_close(&store);
}

Test(indexer_store, what_is_no_database_is_begun_anew)
{
    ix_store_close(&store);
    overwrite(0, 8192);
    cr_assert_eq(ix_store_open(&store, dir, ours, &err), AM_OK, "%s", err.text);
    cr_assert_eq(count(), 0);
    reopen(ours);
}

Test(indexer_store, a_broken_page_further_in_is_begun_anew)
{
    struct ix_log log = event(7, 0, topic_a);
    struct stat st;

    filled();
    cr_assert_eq(stat(file, &st), 0);
    cr_assert_gt(st.st_size, 8 * 4096);
    overwrite(st.st_size - 4 * 4096, 3 * 4096);
    cr_assert_eq(ix_store_open(&store, dir, ours, &err), AM_OK, "%s", err.text);
    cr_assert_eq(count(), 0, "half of it would be met at every start again");
    cr_assert_eq(append(&log, 1, 7), AM_OK);
}

Test(indexer_store, a_file_cut_short_is_begun_anew)
{
    filled();
    cr_assert_eq(truncate(file, 3 * 4096), 0);
    cr_assert_eq(ix_store_open(&store, dir, ours, &err), AM_OK, "%s", err.text);
    cr_assert_eq(count(), 0);
}

Test(indexer_store, rewind)
{
    struct ix_log logs[] = {event(5, 0, topic_a), event(6, 0, topic_a), event(6, 1, topic_a),
                            event(7, 0, topic_a)};

    cr_assert_eq(append(logs, 4, 9), AM_OK);
    cr_assert_eq(ix_store_rewind(store, (uint64_t)INT64_MAX + 1, &err), AM_OUT_OF_RANGE);
    cr_assert_eq(count(), 4, "nothing is forgotten by a number that is none");
    cr_assert_eq(ix_store_rewind(store, 6, &err), AM_OK, "%s", err.text);
    cr_assert_eq(count(), 3);
    cr_assert_eq(cursor().block, 6);
    cr_assert(am_is_zero(cursor().hash, 32), "which block 6 is now, nobody knows");
    cr_assert_eq(ix_store_rewind(store, 0, &err), AM_OK);
    cr_assert_eq(count(), 0);
    cr_assert(cursor().set && cursor().block == 0);
}

Test(indexer_store, after_is_strict_and_in_order)
{
    struct ix_log logs[] = {event(6, 10, topic_b), event(6, 9, topic_a), event(5, 3, topic_a),
                            event(10, 0, topic_a), event(9, 0, topic_b)};
    static const uint64_t order[][2] = {{5, 3}, {6, 9}, {6, 10}, {9, 0}, {10, 0}};
    struct found f;

    cr_assert_eq(append(logs, 5, 10), AM_OK);
    f = after(0, 0, NULL);
    cr_assert_eq(f.n, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert(f.at[i].block == order[i][0] && f.at[i].index == order[i][1], "%zu", i);
    f = after(6, 9, NULL);
    cr_assert(f.n == 3 && f.at[0].index == 10);
    f = after(5, UINT64_MAX, NULL);
    cr_assert(f.n == 4 && f.at[0].block == 6, "after the whole of block 5");
    cr_assert_eq(after(10, 0, NULL).n, 0);
}

Test(indexer_store, one_topic)
{
    struct ix_log logs[] = {event(5, 0, topic_a), event(5, 1, topic_b), event(6, 0, topic_a),
                            event(7, 0, topic_b)};
    struct found f;
    uint8_t none[32] = {0};

    cr_assert_eq(append(logs, 4, 7), AM_OK);
    f = after(0, 0, topic_b);
    cr_assert(f.n == 2 && f.at[0].block == 5 && f.at[0].index == 1 && f.at[1].block == 7);
    f = after(5, 1, topic_b);
    cr_assert(f.n == 1 && f.at[0].block == 7);
    cr_assert_eq(after(0, 0, none).n, 0);
    memset(none, 0x22, 32); /* a second topic is no first one */
    cr_assert_eq(after(0, 0, none).n, 0);
}

Test(indexer_store, stops_when_told)
{
    struct ix_log logs[] = {event(5, 0, topic_a), event(6, 0, topic_a), event(7, 0, topic_a)};
    struct found f = {.stop_at = 2};

    cr_assert_eq(append(logs, 3, 7), AM_OK);
    cr_assert_eq(ix_store_after(store, 0, 0, NULL, note, &f, &err), AM_OK);
    cr_assert_eq(f.n, 2);
}

Test(indexer_store, at_the_end_of_numbers)
{
    struct ix_log logs[] = {event(INT64_MAX - 1, INT64_MAX, topic_a), event(INT64_MAX, 0, topic_a),
                            event(INT64_MAX, INT64_MAX, topic_a)};
    struct ix_log beyond = event((uint64_t)INT64_MAX + 1, 0, topic_a);

    cr_assert_eq(append(logs, 3, INT64_MAX), AM_OK);
    cr_assert_eq(cursor().block, INT64_MAX);
    cr_assert_eq(after(0, 0, NULL).n, 3);
    cr_assert_eq(after(INT64_MAX - 1, INT64_MAX - 1, NULL).n, 3);
    cr_assert_eq(after(INT64_MAX - 1, INT64_MAX, NULL).n, 2);
    cr_assert_eq(after(INT64_MAX - 1, UINT64_MAX, NULL).n, 2);
    cr_assert_eq(after(INT64_MAX, 0, NULL).n, 1);
    cr_assert_eq(after(INT64_MAX, INT64_MAX, NULL).n, 0);
    cr_assert_eq(after(UINT64_MAX, UINT64_MAX, NULL).n, 0);
    cr_assert_eq(after((uint64_t)INT64_MAX + 1, 0, NULL).n, 0);
    cr_assert_eq(append(&beyond, 1, INT64_MAX), AM_OUT_OF_RANGE);
    cr_assert_eq(append(NULL, 0, (uint64_t)INT64_MAX + 1), AM_OUT_OF_RANGE);
    cr_assert_eq(cursor().block, INT64_MAX);
}

Test(indexer_store, a_row_that_is_no_event_is_told)
{
    struct ix_log logs[] = {event(5, 0, topic_a), event(6, 0, topic_a)};
    struct found f = {.n = 0};

    cr_assert_eq(append(logs, 2, 7), AM_OK);
    sql("UPDATE event SET topics = x'0102' WHERE block = 6");
    cr_assert_eq(ix_store_after(store, 0, 0, NULL, note, &f, &err), AM_DATA_LOSS,
                 "an event that cannot be read is not the end of the list");
    cr_assert_eq(f.n, 1);
    cr_assert_not_null(strstr(err.text, "6/0"), "%s", err.text);
}
