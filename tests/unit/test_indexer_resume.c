/*  test_indexer_resume -- indexer-cursor.v1 byte for byte, and where reading begins beside it.  */
#include "../../services/indexer/ix_file.h"

#include "../../common/base/am_file.h"
#include "../../common/base/am_log.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 5000
#define WHOLE UINT64_MAX

static char dir[64];
static struct ix_owner owner;
static struct ix_store *store;
static struct ix_file file;
static struct ix_cursor cursor;
static struct am_error err;

static void
open_store(void)
{
    cr_assert_eq(ix_store_open(&store, dir, owner.cluster, &err), AM_OK, "%s", err.text);
}

static void
start(void)
{
    am_log_open("test", NULL, "error");
    cr_assert(sodium_init() >= 0);
    strcpy(dir, "/tmp/am-resume-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    memset(owner.cluster, 0x11, 20);
    memset(owner.member_id, 0xa1, 32);
    file = (struct ix_file){.dir = dir, .owner = owner};
    open_store();
}

static void
stop(void)
{
    char command[128];

    ix_store_close(&store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(indexer_resume, .init = start, .fini = stop, .timeout = 60);

static void
put(uint64_t block, uint64_t index)
{
    uint8_t bytes[IX_RESUME_BYTES];

    ix_resume_encode(bytes, &owner, (struct ix_position){block, index});
    cr_assert_eq(am_file_write(dir, IX_RESUME_FILE, AM_BIN(bytes), &err), AM_OK, "%s", err.text);
}

static void
put_bad(void)
{
    cr_assert_eq(am_file_write(dir, IX_RESUME_FILE, am_bin_of("x", 1), &err), AM_OK);
}

static struct ix_position
on_disk(void)
{
    uint8_t bytes[IX_RESUME_BYTES];
    struct ix_position at = {0};
    size_t len;

    if (am_file_read(dir, IX_RESUME_FILE, bytes, sizeof bytes, &len, NULL) == AM_OK)
        (void)(ix_resume_decode(&at, am_bin_of(bytes, len), &owner, NULL) == AM_OK);
    return at;
}

static int
begin(uint64_t start_block)
{
    return ix_file_begin(&file, &cursor, store, start_block, HEAD, &err);
}

static const struct {
    struct ix_position at;
    const char *hex;
} examples[] = {
    {{100, 7},
     "01"
     "1111111111111111111111111111111111111111"
     "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
     "00000000000000640000000000000007"},
    {{100, WHOLE},
     "01"
     "1111111111111111111111111111111111111111"
     "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
     "0000000000000064ffffffffffffffff"},
};

Test(indexer_resume, the_protocol_page_s_examples_both_ways)
{
    for (size_t i = 0; i < 2; i++) {
        uint8_t want[IX_RESUME_BYTES], got[IX_RESUME_BYTES];
        struct ix_position at;

        cr_assert_eq(am_unhex(want, sizeof want, am_str_of(examples[i].hex), "example", &err),
                     AM_OK, "%s", err.text);
        ix_resume_encode(got, &owner, examples[i].at);
        cr_assert_arr_eq(got, want, sizeof want);
        cr_assert_eq(ix_resume_decode(&at, AM_BIN(want), &owner, &err), AM_OK);
        cr_assert(at.block == examples[i].at.block && at.log_index == examples[i].at.log_index);
    }
}

Test(indexer_resume, every_length_and_every_byte_before_the_position_is_looked_at)
{
    uint8_t bytes[IX_RESUME_BYTES + 1] = {0};
    struct ix_position at;

    ix_resume_encode(bytes, &owner, (struct ix_position){100, 7});
    for (size_t len = 0; len <= sizeof bytes; len++)
        cr_assert_eq(ix_resume_decode(&at, am_bin_of(bytes, len), &owner, NULL),
                     len == IX_RESUME_BYTES ? AM_OK : AM_INVALID_ARGUMENT, "%zu", len);
    for (size_t i = 0; i < 53; i++) {
        bytes[i] ^= 1;
        cr_assert_eq(ix_resume_decode(&at, am_bin_of(bytes, IX_RESUME_BYTES), &owner, NULL),
                     i == 0 ? AM_INVALID_ARGUMENT : AM_FAILED_PRECONDITION, "byte %zu", i);
        cr_assert(at.block == 0 && at.log_index == 0);
        bytes[i] ^= 1;
    }
}

Test(indexer_resume, a_block_that_was_handled_in_part_is_read_again)
{
    uint64_t block;

    cr_assert_eq(ix_resume_block(&block, (struct ix_position){100, WHOLE}, HEAD, &err), AM_OK);
    cr_assert_eq(block, 100);
    cr_assert_eq(ix_resume_block(&block, (struct ix_position){100, 7}, HEAD, &err), AM_OK);
    cr_assert_eq(block, 99);
    cr_assert_eq(ix_resume_block(&block, (struct ix_position){0, 0}, HEAD, &err), AM_OK);
    cr_assert_eq(block, 0);
}

Test(indexer_resume, a_position_far_ahead_of_the_chain_is_refused)
{
    uint64_t block;

    cr_assert_eq(ix_resume_block(&block, (struct ix_position){HEAD + 64, WHOLE}, HEAD, &err),
                 AM_OK);
    cr_assert_eq(ix_resume_block(&block, (struct ix_position){HEAD + 65, WHOLE}, HEAD, &err),
                 AM_FAILED_PRECONDITION);
    cr_assert_eq(ix_resume_block(&block, (struct ix_position){UINT64_MAX, WHOLE}, 0, &err),
                 AM_FAILED_PRECONDITION);
    put(HEAD + 65, WHOLE);
    cr_assert_eq(begin(0), AM_FAILED_PRECONDITION);
    cr_assert(!cursor.set);
}

Test(indexer_resume, without_a_file_reading_begins_at_the_setting_or_the_first_view)
{
    cr_assert_eq(begin(300), AM_OK, "%s", err.text);
    cr_assert(cursor.set && cursor.block == 299);
    stop();
    start();
    cr_assert_eq(begin(0), AM_OK, "%s", err.text);
    cr_assert_eq(cursor.block, HEAD - 1);
}

Test(indexer_resume, an_empty_store_begins_where_v1_ended_and_a_kill_does_not_choose_again)
{
    put(100, 7);
    cr_assert_eq(begin(300), AM_OK, "%s", err.text);
    cr_assert(cursor.set && cursor.block == 99);
    ix_store_close(&store);
    open_store();
    put(4000, WHOLE);
    cr_assert_eq(begin(300), AM_OK, "%s", err.text);
    cr_assert_eq(cursor.block, 99, "the own store wins");
}

Test(indexer_resume, a_bad_file_and_an_empty_store_read_nothing_until_it_is_removed)
{
    put_bad();
    for (uint64_t start_block = 0; start_block < 2; start_block++) {
        cr_assert_eq(begin(start_block), AM_INVALID_ARGUMENT);
        cr_assert(!cursor.set && strstr(err.text, "69 bytes") != NULL, "%s", err.text);
    }
    cr_assert_eq(am_file_remove(dir, IX_RESUME_FILE, &err), AM_OK);
    cr_assert_eq(begin(1), AM_OK);
    cr_assert(cursor.set && file.reason[0] == '\0');
}

Test(indexer_resume, a_bad_file_beside_a_store_is_told_and_left_until_it_is_removed)
{
    cr_assert_eq(begin(300), AM_OK);
    put_bad();
    cr_assert_eq(begin(300), AM_OK);
    cr_assert(cursor.block == 299 && file.reason[0] != '\0');
    ix_file_moved(&file, 400, true);
    cr_assert_eq(on_disk().block, 0, "not overwritten");
    cr_assert_eq(am_file_remove(dir, IX_RESUME_FILE, &err), AM_OK);
    ix_file_moved(&file, 401, true);
    cr_assert(on_disk().block == 401 && file.reason[0] == '\0');
}

Test(indexer_resume, a_broken_store_is_read_again_from_the_setting_not_from_the_file)
{
    char path[96];

    ix_store_close(&store);
    snprintf(path, sizeof path, "%s/events.sqlite", dir);
    cr_assert_eq(truncate(path, 100), 0);
    put(4000, WHOLE);
    open_store();
    cr_assert(ix_store_renewed(store));
    cr_assert_eq(begin(300), AM_OK);
    cr_assert_eq(cursor.block, 299);
}

Test(indexer_resume, the_position_is_written_whole_seldom_and_never_back)
{
    struct stat st;
    char path[96];

    cr_assert_eq(begin(300), AM_OK);
    ix_file_moved(&file, 310, false);
    cr_assert(on_disk().block == 310 && on_disk().log_index == WHOLE);
    snprintf(path, sizeof path, "%s/" IX_RESUME_FILE, dir);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    ix_file_moved(&file, 320, false);
    cr_assert_eq(on_disk().block, 310, "not within 5 s");
    ix_file_moved(&file, 320, true);
    cr_assert_eq(on_disk().block, 320);
    ix_file_moved(&file, 300, true);
    cr_assert_eq(on_disk().block, 320);
}
