/*  test_indexer_glance -- while nothing is awaited one question is enough, and nothing is lost.  */
#include "ix_world.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(indexer_glance, .init = start, .fini = stop, .timeout = 60);

/* Blocks 1 to 100 are read, as views name them. */
static void
read_hundred(void)
{
    polled.batch = 1000;
    heads(100, 100);
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(stored(), 100);
}

/* chain glanced at a head: how many elements does the indexer ask? */
static uint64_t
glance(uint64_t head)
{
    uint64_t before = eth_rpc_count(rpc);

    heads(head, head);
    polled.glanced = true;
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    return eth_rpc_count(rpc) - before;
}

Test(indexer_glance, is_one_element_with_the_last_64_blocks_in_it)
{
    read_hundred();
    cr_assert_eq(glance(160), 1);
    cr_assert_eq(chain.ranges[1].from, 37);
    cr_assert_eq(chain.ranges[1].to, 160);
    cr_assert_eq(polled.cursor.block, 160);
    cr_assert_eq(stored(), 160, "each once");
}

Test(indexer_glance, the_first_request_of_a_process_checks_what_it_found)
{
    struct am_error err = {0};

    read_hundred();
    polled = (struct ix_poll){.rpc = rpc, .store = store, .batch = 1000, .moved = polled.moved};
    memset(polled.cluster, 0xc1, 20);
    cr_assert_eq(ix_store_cursor(store, &polled.cursor, &err), AM_OK);
    cr_assert_eq(glance(101), 3);
}

Test(indexer_glance, never_reads_before_its_first_block)
{
    polled.batch = 1000;
    polled.cursor = (struct ix_cursor){.set = true, .block = 90};
    heads(95, 95);
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(glance(100), 1);
    cr_assert_eq(chain.ranges[1].from, 91);
}

Test(indexer_glance, what_a_provider_had_not_yet_is_found_by_the_next)
{
    read_hundred();
    chain.hidden = 110;
    cr_assert_eq(glance(110), 1);
    cr_assert_eq(stored(), 109);
    chain.hidden = 0;
    cr_assert_eq(glance(150), 1);
    cr_assert_eq(stored(), 150, "110 was not lost");
}

Test(indexer_glance, a_stored_event_that_is_gone_is_asked_for_with_all_questions)
{
    read_hundred();
    cr_assert_eq(glance(120), 1);
    chain.fork = 110; /* other hashes, other transactions */
    cr_assert_eq(glance(130), 1);
    cr_assert_eq(polled.cursor.block, 120, "nothing moved yet");
    cr_assert_eq(stored(), 120, "and nothing is forgotten");
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(polled.cursor.block, 130);
    cr_assert_eq(stored(), 130);
    cr_assert_eq(chain.ranges[3].from, 57, "the whole overlap anew");
    cr_assert_eq(glance(140), 1);
    cr_assert_eq(stored(), 140);
}

Test(indexer_glance, a_provider_that_is_behind_makes_nothing_forgotten)
{
    read_hundred();
    cr_assert_eq(glance(120), 1);
    heads(130, 110); /* it lost ten blocks that we have */
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(step(), AM_NOT_FOUND, "it has no block 130");
    cr_assert_eq(stored(), 120);
    heads(130, 130);
    cr_assert_eq(step(), AM_OK);
    cr_assert_eq(stored(), 130);
}

Test(indexer_glance, more_blocks_than_a_batch_are_read_with_all_questions)
{
    read_hundred();
    polled.batch = 50;
    cr_assert_geq(glance(300), 2);
    cr_assert_eq(chain.ranges[1].from, 101);
    cr_assert_eq(chain.ranges[1].to, 150);
}

Test(indexer_glance, a_range_that_is_too_large_is_halved_until_it_is_taken)
{
    polled.batch = 1000;
    heads(1000, 1000);
    chain.most = 300;
    cr_assert_eq(step(), AM_OUT_OF_RANGE);
    cr_assert_eq(step(), AM_OUT_OF_RANGE);
    cr_assert_eq(step(), AM_OK, "%s", why.text);
    cr_assert_eq(polled.cursor.block, 250);
    while (polled.cursor.block < 1000)
        (void)step();
    cr_assert_eq(stored(), 1000);
    cr_assert_leq(chain.asked, 10);
}
