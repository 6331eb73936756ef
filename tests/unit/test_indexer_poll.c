/*  test_indexer_poll -- the cursor moves over what was read whole, and back after a reorg.  */
#include "ix_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(indexer_poll, .init = start, .fini = stop, .timeout = 60);

/* Nothing moved, in memory or on disk, and the reason holds `words`. */
static void
stays_at(uint64_t block, uint64_t events, const char *words)
{
    struct am_error err = {0};
    struct ix_cursor disk;

    cr_assert_eq(ix_store_cursor(store, &disk, &err), AM_OK);
    cr_expect_eq(polled.cursor.block, block);
    cr_expect_eq(disk.block, block);
    cr_expect_eq(stored(), events);
    cr_expect_not_null(strstr(why.text, words), "expected \"%s\" in: %s", words, why.text);
    cr_expect_null(strstr(why.text, "secretsecret"));
}

Test(indexer_poll, asks_nothing_without_a_new_block)
{
    ix_poll_step(&polled);
    cr_assert_not(polled.busy);
    polled.cursor.block = 7;
    polled.head = 7;
    ix_poll_step(&polled);
    polled.head = 6;
    ix_poll_step(&polled);
    cr_assert_not(polled.busy);
    cr_assert_eq(moves, 0);
}

Test(indexer_poll, one_request_at_a_time)
{
    heads(5, 5);
    ix_poll_step(&polled);
    ix_poll_step(&polled);
    ev_run(loop, 0);
    cr_assert_eq(moves, 1);
    cr_assert_eq(dn_rpc_asked(server, ""), 1);
}

Test(indexer_poll, ranges_meet_and_do_not_overlap)
{
    static const uint64_t ranges[][2] = {{1, 10}, {11, 20}, {21, 25}, {26, 26}};

    heads(25, 25);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(stored(), 25);
    ix_poll_step(&polled);
    cr_assert_not(polled.busy, "it is at the head");
    heads(26, 26);
    cr_assert_eq(step(), AM_OK);
    for (unsigned i = 0; i < 4; i++)
        cr_assert(chain.ranges[i].from == ranges[i][0] && chain.ranges[i].to == ranges[i][1],
                  "%u: %llu to %llu", i, (unsigned long long)chain.ranges[i].from,
                  (unsigned long long)chain.ranges[i].to);
    cr_assert_eq(polled.cursor.block, 26);
    cr_assert_eq(stored(), 26);
}

Test(indexer_poll, a_batch_that_ends_at_the_head_is_one)
{
    heads(10, 10);
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(chain.ranges[0].to, 10);
    polled.batch = 1;
    heads(12, 12);
    cr_assert_eq(step(), AM_OK);
    cr_assert(chain.ranges[1].from == 11 && chain.ranges[1].to == 11);
}

Test(indexer_poll, another_hash_reads_64_blocks_again)
{
    polled.batch = 1000;
    heads(100, 100);
    cr_assert_eq(step(), AM_OK);
    chain.fork = 90;
    heads(101, 101);
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(polled.cursor.block, 100 - IX_REWIND);
    cr_assert(am_is_zero(polled.cursor.hash, 32));
    cr_assert_eq(stored(), 100 - IX_REWIND, "nothing of the dead branch stays, nor of the answer");
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(chain.ranges[2].from, 100 - IX_REWIND + 1);
    cr_assert_eq(polled.cursor.block, 101);
    cr_assert_eq(stored(), 101);
}

static bool
of_the_new_branch(void *arg, const struct ix_log *log)
{
    unsigned *wrong = arg;

    *wrong += (log->tx_hash[31] == 0xff) != (log->block_number >= chain.fork);
    return true;
}

Test(indexer_poll, after_a_reorg_the_events_are_the_new_ones)
{
    struct am_error err = {0};
    unsigned wrong = 0;

    polled.batch = 1000;
    heads(30, 30);
    cr_assert_eq(step(), AM_OK);
    chain.fork = 25;
    heads(31, 31);
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(polled.cursor.block, 0, "fewer than 64 blocks: from the start");
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(ix_store_after(store, 0, 0, NULL, of_the_new_branch, &wrong, &err), AM_OK);
    cr_assert_eq(stored(), 31);
    cr_assert_eq(wrong, 0);
}

Test(indexer_poll, a_reorg_is_noticed_after_a_restart_too)
{
    struct am_error err = {0};

    heads(10, 10);
    cr_assert_eq(step(), AM_OK);
    ix_store_close(&store);
    cr_assert_eq(ix_store_open(&store, dir, polled.cluster, &err), AM_OK);
    cr_assert_eq(ix_store_cursor(store, &polled.cursor, &err), AM_OK);
    polled.store = store;
    chain.fork = 10;
    heads(11, 11);
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(stored(), 0);
    cr_assert_eq(polled.cursor.block, 0);
}

Test(indexer_poll, a_provider_that_is_behind_moves_nothing)
{
    heads(5, 5);
    cr_assert_eq(step(), AM_OK);
    heads(8, 7); /* chain's node has 8, this one has 7 */
    cr_assert_eq(step(), AM_NOT_FOUND);
    stays_at(5, 5, "eth_getBlockByNumber");
    heads(8, 8);
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(stored(), 8, "block 8 was not lost");
}

Test(indexer_poll, a_provider_that_lost_our_block_moves_nothing)
{
    heads(5, 5);
    cr_assert_eq(step(), AM_OK);
    heads(6, 4);
    cr_assert_eq(step(), AM_NOT_FOUND, "absent is not another hash");
    stays_at(5, 5, "eth_getBlockByNumber");
}

Test(indexer_poll, errors_move_nothing)
{
    struct am_error err = {0};

    heads(5, 5);
    cr_assert_eq(step(), AM_OK);
    heads(8, 8);
    cr_assert_eq(dn_rpc_fault(server, "error-object:1", &err), AM_OK);
    cr_assert_eq(step(), AM_FAILED_PRECONDITION);
    stays_at(5, 5, "told to fail");
    cr_assert_eq(dn_rpc_fault(server, "wrong-id:1", &err), AM_OK);
    cr_assert_eq(step(), AM_INVALID_ARGUMENT);
    stays_at(5, 5, "127.0.0.1");
    cr_assert_eq(dn_rpc_fault(server, "truncate:3", &err), AM_OK); /* as often as it is asked */
    cr_assert_neq(step(), AM_OK);
    stays_at(5, 5, "127.0.0.1");
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(stored(), 8);
}

Test(indexer_poll, an_answer_of_another_shape_moves_nothing)
{
    static const struct {
        const char *answer, *words;
    } rows[] = {
        {"{\"result\":{}}", "expected an array"},
        {"{\"result\":\"0x\"}", "expected an array"},
        {"{\"result\":[null]}", "blockNumber"},
        {"{\"result\":[7]}", "blockNumber"},
        {"{\"error\":{\"code\":-32005,\"message\":\"query returned more than 10000 results\"}}",
         "more than 10000 results"},
    };

    heads(5, 5);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        chain.logs = rows[i].answer;
        cr_expect_neq(step(), AM_OK, "%s", rows[i].answer);
        stays_at(0, 0, rows[i].words);
    }
    chain.logs = "{\"result\":null}";
    cr_expect_eq(step(), AM_NOT_FOUND, "null is not an empty list");
    stays_at(0, 0, "eth_getLogs");
}

Test(indexer_poll, one_bad_log_among_good_ones_stores_none)
{
    json_t *all = json_pack("{s:o}", "result", logs_of(1, 3));
    char *text;

    json_object_set_new(json_array_get(json_object_get(all, "result"), 2), "data",
                        json_string("0xabc"));
    text = json_dumps(all, 0);
    json_decref(all);
    heads(5, 5);
    chain.logs = text;
    cr_assert_eq(step(), AM_INVALID_ARGUMENT);
    stays_at(0, 0, "eth_getLogs data");
    free(text);
}

Test(indexer_poll, closing_ends_quietly)
{
    struct am_error err = {0};

    heads(5, 5);
    cr_assert_eq(dn_rpc_fault(server, "stall", &err), AM_OK);
    ix_poll_step(&polled);
    ev_run(loop, EVRUN_NOWAIT);
    eth_rpc_close(&rpc);
    cr_assert_eq(moves, 0);
    cr_assert_not(polled.busy);
}
