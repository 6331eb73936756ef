/*  test_chain_desk -- an operation among providers that speak otherwise, refuse, expire and lie. */
#include "chain_desk_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(chain_desk, .init = dw_start, .fini = dw_stop, .timeout = 900);

static void
is_sent(enum chain_dialect speaks, const char *setting)
{
    dw.speaks = speaks;
    dw_publish(setting, 24);
    cr_assert(dw_until("sent", 15000), "%s: %s", dw.state, dw.reason);
    cr_assert(dw.bad_dummies == 0 && dw.sends == 1);
}

/* The field notes: a dummy of odd length, and one that recovers nobody. */
Test(chain_desk, a_bundler_takes_the_dummy)
{
    is_sent(CHAIN_DIALECT_ERC7677, "erc7677");
    cr_assert(dw_asked("pm_getPaymasterStubData") == 1 && dw_asked("pm_getPaymasterData") == 1 &&
              dw_asked("eth_estimateUserOperationGas") == 1);
}

Test(chain_desk, pimlico_is_found_by_what_answers)
{
    is_sent(CHAIN_DIALECT_PIMLICO, "auto");
    cr_assert(dw_asked("pm_sponsorUserOperation") == 1 &&
              dw_asked("eth_estimateUserOperationGas") == 0);
}

Test(chain_desk, alchemy_is_found_by_what_answers)
{
    is_sent(CHAIN_DIALECT_ALCHEMY, "auto");
    cr_assert(dw_asked("alchemy_requestGasAndPaymasterAndData") == 1);
}

Test(chain_desk, where_nobody_sponsors_the_account_pays)
{
    is_sent(CHAIN_DIALECT_NONE, "auto");
    cr_assert(dw.sponsors == 0 && dw_asked("eth_estimateUserOperationGas") == 1);
}

Test(chain_desk, an_expired_sponsorship_is_asked_for_anew_and_never_replayed)
{
    dw.refuse_send = "UserOperation reverted during simulation with reason: AA32 paymaster expired";
    dw.refuse_sends = 1;
    dw_publish("erc7677", 24);
    cr_assert(dw_until("signed", 15000) && dw_until("asked", 5000), "%s", dw.state);
    cr_assert(strstr(dw.reason, "AA32 paymaster expired; the sponsorship expired") != NULL, "%s",
              dw.reason);
    cr_assert(strncmp(dw.reason, "rpc@127.0.0.1", 13) == 0, "the boundary: %s", dw.reason);
    cr_assert(dw_until("sent", 15000), "%s: %s", dw.state, dw.reason);
    cr_assert(dw.sends == 2 && dw_asked("pm_getPaymasterData") == 2);
    cr_assert_str_eq(dw.nonces[0], dw.nonces[1], "the same key and sequence");
}

Test(chain_desk, another_hash_than_asked_is_an_error)
{
    dw.other_hash = true;
    dw_publish("erc7677", 24);
    cr_assert(dw_until("sent", 15000), "%s", dw.reason);
    cr_assert(strstr(dw.reason, "expected the hash that was signed, got another") != NULL, "%s",
              dw.reason);
}

/* At the same head the last answer stands; a paid provider is not asked four times a second. */
Test(chain_desk, a_receipt_is_asked_for_when_a_block_has_come)
{
    is_sent(CHAIN_DIALECT_ERC7677, "erc7677");
    dw_turn(1200);
    cr_assert_eq(dw_asked("eth_getUserOperationReceipt"), 0, "no block has come");
    dw_look(11, false);
    dw_turn(800);
    cr_assert_eq(dw_asked("eth_getUserOperationReceipt"), 1, "one has");
    dw_look(12, true);
    dw_turn(600);
    cr_assert_eq(dw_asked("eth_getUserOperationReceipt"), 1, "the view shows the effect already");
    dw_turn(1500);
    cr_assert_geq(dw_asked("eth_getUserOperationReceipt"), 2, "and is followed all the same");
}

Test(chain_desk, what_a_reorg_takes_back_has_one_effect_in_the_end)
{
    unsigned asked;

    is_sent(CHAIN_DIALECT_ERC7677, "erc7677");
    dw.receipt_block = 11;
    cr_assert(dw_until("included", 5000), "%s", dw.reason);
    dw_look(12, false);
    cr_assert(dw_until("sent", 5000) && strstr(dw.reason, "reorg") != NULL, "%s: %s", dw.state,
              dw.reason);
    asked = dw_asked("eth_getUserOperationReceipt");
    dw_look(13, false);
    dw_turn(1200);
    cr_assert_gt(dw_asked("eth_getUserOperationReceipt"), asked, "it was given once more");
    cr_assert_str_eq(dw.state, "sent", "a receipt of the chain that is gone counts no more");
    dw.receipt_block = 14;
    dw_look(14, false);
    cr_assert(dw_until("included", 5000), "%s: %s", dw.state, dw.reason);
    dw_look(14, true);
    cr_assert_str_eq(dw.state, "confirmed");
    cr_assert(dw.sends == 1, "nothing was sent again");
    dw_look(15, false);
    cr_assert(dw_until("sent", 5000), "confirmed is not for ever: %s", dw.state);
}

/* The provider is paid for each question. */
Test(chain_desk, a_price_of_a_moment_ago_serves_again)
{
    static const uint8_t recipient[32] = {7}, envelopes[2][32] = {{0xe1}, {0xe2}}, sealed[64] = {1};
    const char *state;
    struct am_error err;

    dw_open("erc7677", 24);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(
            chain_desk_send(dw.desk, &state, recipient, envelopes[i], AM_BIN(sealed), "test", &err),
            AM_OK, "%s", err.text);
        for (int k = 0; k < 40 && dw.sends == i; k++)
            dw_turn(50);
        cr_assert_eq(dw.sends, i + 1, "%s", dw.reason);
    }
    cr_assert_eq(dw_asked("eth_gasPrice"), 1);
}

/* A message is in no view: once it is deep enough, getNonce says whether it stayed. */
Test(chain_desk, a_message_that_a_reorg_took_back_is_followed)
{
    static const uint8_t recipient[32] = {7}, envelope[32] = {0xe1}, sealed[64] = {1};
    const char *state;
    struct am_error err;

    dw_open("erc7677", 24);
    cr_assert(chain_desk_send(dw.desk, &state, recipient, envelope, AM_BIN(sealed), "test", &err) ==
                  AM_OK,
              "%s", err.text);
    cr_assert(dw_until("sent", 15000), "%s", dw.reason);
    dw.receipt_block = 11;
    cr_assert(dw_until("included", 5000), "%s", dw.reason);
    dw_look(11, false);
    cr_assert_str_eq(dw.state, "confirmed");
    dw_look(12, false);
    dw_turn(300);
    cr_assert_str_eq(dw.state, "confirmed", "one deep: not looked at yet");
    dw_look(13, false); /* two deep, and its sequence is unused */
    cr_assert(dw_until("sent", 5000), "%s", dw.state);
    dw.receipt_block = 14;
    dw.sequence = 1;
    cr_assert(dw_until("included", 5000), "%s: %s", dw.state, dw.reason);
    for (uint64_t block = 14; block < 18; block++) {
        dw_look(block, false);
        dw_turn(300);
    }
    cr_assert_str_eq(dw.state, "confirmed");
    cr_assert(dw.sends == 1 && dw_asked("eth_call") == 3, "settled: asked once, and no more");
}

Test(chain_desk, a_restart_does_not_begin_the_day_anew)
{
    dw.refuse_sponsor = "policy: no gas left";
    dw_publish("erc7677", 1);
    cr_assert(dw_until("asked", 5000));
    dw_turn(1500);
    cr_assert(dw.sponsors == 1, "%u", dw.sponsors);
    chain_desk_close(&dw.desk);
    dw_publish("erc7677", 1);
    dw_turn(3000);
    cr_assert(dw.sponsors == 1, "%u", dw.sponsors);
    cr_assert(strstr(dw.reason, "daily cap") != NULL, "%s", dw.reason);
}

Test(chain_desk, an_outage_of_prices_uses_up_no_day)
{
    dw.no_price = true;
    dw_publish("erc7677", 3);
    dw_turn(3000);
    cr_assert(strstr(dw.reason, "backend is down") != NULL, "%s", dw.reason);
    cr_assert(chain_desk_budget(dw.desk)->spent[CHAIN_PUBLISH].count == 0);
    cr_assert_str_eq(chain_desk_stopped(dw.desk), "");
}

/* Ten seconds, or ATTESTMESH_STORM_S of them: a paymaster that refuses, views that keep coming, and
 * callers that ask again and again. */
Test(chain_desk, a_storm_ends_in_the_cap_and_says_so)
{
    const char *seconds = getenv("ATTESTMESH_STORM_S");
    int turns = (seconds != NULL ? atoi(seconds) : 10) * 5;
    const char *state;
    struct am_error err;

    dw.refuse_sponsor = "policy: no gas left";
    dw_publish("erc7677", 3);
    for (int i = 0; i < turns; i++) {
        dw_turn(200);
        dw_look(11 + (uint64_t)i, false);
        cr_assert(chain_desk_ask(dw.desk, &state, CHAIN_PUBLISH, dw.self.ed25519_pub, "again",
                                 &err) == AM_OK);
    }
    cr_assert(dw.sponsors == 3 && dw.sends == 0, "%u times", dw.sponsors);
    cr_assert(strstr(dw.reason, "daily cap: publish has used 3 of 3 tries") != NULL, "%s",
              dw.reason);
    cr_assert_str_eq(chain_desk_stopped(dw.desk), dw.reason);
}
