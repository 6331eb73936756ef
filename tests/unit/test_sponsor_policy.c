/*  test_sponsor_policy -- each reason to deny, in v1's order, and what the cache keeps how long. */
#include "../../common/eth/eth_call.h"
#include "../../services/sponsor/sp_bucket.h"
#include "../../services/sponsor/sp_cache.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

static const struct sp_rules rules = {
    .chain_id = 8453, .sender_ops = 3, .cluster_ops = 10, .cluster_gwei = 1000};
static uint8_t own[20], other[20], memory[512];
static struct am_error err;

static void
start(void)
{
    cr_assert(sodium_init() >= 0);
    memset(own, 0xaa, 20);
    memset(other, 0xbb, 20);
}

/* execute(target, value, selector and nothing more) */
static struct am_bin
call(const uint8_t target[static 20], uint8_t value, uint32_t selector)
{
    struct eth_buf out = ETH_BUF(memory);
    uint8_t inner[4];

    am_be32(inner, selector);
    cr_assert_eq(eth_call_execute(&out, target, AM_BIN(inner), &err), AM_OK);
    memory[4 + 63] = value;
    return eth_bin(&out);
}

static struct sp_ask
good(void)
{
    return (struct sp_ask){.token = true,
                           .chain_given = true,
                           .chain_id = 8453,
                           .call_data = call(own, 0, eth_selector(ETH_FN_send))};
}

/* Of a listed app; the factory was not asked. */
static struct sp_facts
listed(void)
{
    struct sp_facts f = {
        .is = {[SP_CLUSTER_OF] = SP_YES, [SP_DEPLOYED] = SP_YES, [SP_APP_ALLOWED] = SP_YES}};

    memcpy(f.cluster, own, 20);
    return f;
}

static enum sp_reason
judge(const struct sp_ask *ask, const struct sp_facts *facts)
{
    enum sp_fact need;

    return sp_policy_judge(&need, &rules, ask, facts);
}

TestSuite(policy, .init = start);

Test(policy, a_bad_token_is_the_first_reason)
{
    struct sp_ask ask = {.token = false};
    struct sp_facts facts = {0};

    cr_assert_eq(judge(&ask, &facts), SP_BAD_TOKEN);
}

Test(policy, then_another_chain_or_none)
{
    struct sp_ask ask = {.token = true, .chain_id = 8453};
    struct sp_facts facts = {0};

    cr_assert_eq(judge(&ask, &facts), SP_CHAIN_MISMATCH);
    ask.chain_given = true;
    ask.chain_id = 1;
    cr_assert_eq(judge(&ask, &facts), SP_CHAIN_MISMATCH);
}

/* Every combination of the four facts, against the rule in words. */
Test(policy, then_a_sender_that_is_no_member)
{
    static const enum sp_truth truths[] = {SP_YES, SP_NO, SP_UNKNOWN};
    struct sp_ask ask = good();

    for (unsigned i = 0; i < 81; i++) {
        struct sp_facts f = {
            .is = {truths[i % 3], truths[i / 3 % 3], truths[i / 9 % 3], truths[i / 27]}};
        enum sp_truth of = f.is[SP_CLUSTER_OF], deployed = f.is[SP_DEPLOYED],
                      app = f.is[SP_APP_ALLOWED], ours = f.is[SP_OUR_MEMBER];
        bool listed_one = of == SP_YES && deployed == SP_YES && app == SP_YES;
        enum sp_reason want;

        memcpy(f.cluster, own, 20);
        if (of == SP_UNKNOWN || (of == SP_YES && deployed == SP_UNKNOWN) ||
            (of == SP_YES && deployed == SP_YES && app == SP_UNKNOWN) ||
            (!listed_one && ours == SP_UNKNOWN))
            want = SP_RPC_FAILURE;
        else if (!listed_one && ours == SP_NO)
            want = SP_NOT_CLUSTER_MEMBER;
        else
            want = of == SP_YES && deployed == SP_YES ? SP_APPROVED : SP_TARGET;
        cr_expect_eq(judge(&ask, &f), want, "facts %u: %s, not %s", i,
                     sp_reason_text(judge(&ask, &f)), sp_reason_text(want));
    }
}

Test(policy, the_list_of_the_cluster_is_asked_before_the_factory)
{
    static const enum sp_fact order[] = {SP_CLUSTER_OF, SP_DEPLOYED, SP_APP_ALLOWED};
    struct sp_ask ask = good();
    struct sp_facts facts = {0};
    enum sp_fact need;

    memcpy(facts.cluster, own, 20);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(sp_policy_judge(&need, &rules, &ask, &facts), SP_WAITS);
        cr_assert_eq(need, order[i], "question %zu is %d", i, need);
        facts.is[need] = SP_YES;
    }
    cr_assert_eq(sp_policy_judge(&need, &rules, &ask, &facts), SP_APPROVED,
                 "the factory is not asked about a listed app");
    facts.is[SP_APP_ALLOWED] = SP_NO;
    cr_assert_eq(sp_policy_judge(&need, &rules, &ask, &facts), SP_WAITS);
    cr_assert_eq(need, SP_OUR_MEMBER);
}

Test(policy, then_call_data_that_is_no_execute)
{
    struct sp_ask ask = good();
    struct sp_facts facts = listed();

    memory[0] ^= 1;
    cr_assert_eq(judge(&ask, &facts), SP_OUTER_SELECTOR);
    memory[0] ^= 1;
    for (size_t len = 0; len < ask.call_data.len; len++) {
        struct sp_ask cut = ask;

        cut.call_data.len = len;
        cr_assert_eq(judge(&cut, &facts), SP_OUTER_SELECTOR, "%zu bytes", len);
    }
    memory[ask.call_data.len] = 0;
    ask.call_data.len++;
    cr_assert_eq(judge(&ask, &facts), SP_OUTER_SELECTOR, "one byte more");
}

Test(policy, then_value)
{
    struct sp_ask ask = good();
    struct sp_facts facts = listed();

    ask.call_data = call(other, 1, 0x12345678); /* before selector and target */
    cr_assert_eq(judge(&ask, &facts), SP_VALUE_NONZERO);
}

/* The page's 18, and addAllowedAppId; of every function that there is, no other. */
Test(policy, then_what_is_called)
{
    static const uint32_t page[] = {
        0x537d491c, 0x4979ff72, 0xcedc29c2, 0x84076765, 0x3eeb8ee8, 0x8af487aa, 0x319b215c,
        0xd9c8dbfe, 0x29ca97eb, 0x79ba5097, 0xdfc77223, 0x67b3f22c, 0x2a819728, 0x1d266200,
        0x7c4beeb8, 0x6e4c7422, 0x2514ce2d, 0x7e02756a, 0x64e985f8,
    };
    struct sp_ask ask = good();
    struct sp_facts facts = listed();
    uint8_t few[3] = {0x84, 0x07, 0x67};
    struct eth_buf out = ETH_BUF(memory);

    for (int fn = ETH_FN_none + 1; fn < ETH_FN_count; fn++) {
        uint32_t selector = eth_selector((enum eth_fn)fn);
        bool allowed = false;

        for (size_t i = 0; i < 19; i++)
            allowed = allowed || page[i] == selector;
        ask.call_data = call(own, 0, selector);
        cr_expect_eq(judge(&ask, &facts), allowed ? SP_APPROVED : SP_INNER_SELECTOR, "%s",
                     eth_fn_name((enum eth_fn)fn));
    }
    ask.call_data = call(other, 0, 0x12345678);
    cr_assert_eq(judge(&ask, &facts), SP_INNER_SELECTOR, "before the target");
    cr_assert_eq(eth_call_execute(&out, own, AM_BIN(few), &err), AM_OK);
    ask.call_data = eth_bin(&out);
    cr_assert_eq(judge(&ask, &facts), SP_INNER_SELECTOR, "three bytes are no selector");
}

Test(policy, then_a_target_that_is_not_the_senders_own_cluster)
{
    struct sp_ask ask = good();
    struct sp_facts facts = listed();

    ask.call_data = call(other, 0, eth_selector(ETH_FN_send));
    cr_assert_eq(judge(&ask, &facts), SP_TARGET, "v1 would have paid for another cluster");
}

Test(policy, or_whose_cluster_the_operator_does_not_serve)
{
    struct sp_rules some = rules;
    struct sp_ask ask = good();
    struct sp_facts facts = listed();
    enum sp_fact need;

    memcpy(some.clusters[0], other, 20);
    some.cluster_count = 1;
    cr_assert_eq(sp_policy_judge(&need, &some, &ask, &facts), SP_TARGET);
    memcpy(some.clusters[1], own, 20);
    some.cluster_count = 2;
    cr_assert_eq(sp_policy_judge(&need, &some, &ask, &facts), SP_APPROVED);
}

Test(policy, the_caps_are_the_last_reasons)
{
    struct sp_spent spent = {2, 9, 900};
    struct sp_rules none = rules;

    cr_assert_eq(sp_policy_cap(&rules, &spent, 100), SP_APPROVED, "at the limit");
    cr_assert_eq(sp_policy_cap(&rules, &spent, 101), SP_CLUSTER_CAP);
    cr_assert_eq(sp_policy_cap(&rules, &spent, UINT64_MAX), SP_CLUSTER_CAP);
    spent.cluster_ops = 10;
    cr_assert_eq(sp_policy_cap(&rules, &spent, 0), SP_CLUSTER_CAP);
    spent.sender_ops = 3;
    cr_assert_eq(sp_policy_cap(&rules, &spent, 0), SP_SENDER_CAP);
    none.sender_ops = none.cluster_ops = none.cluster_gwei = 0;
    cr_assert_eq(sp_policy_cap(&none, &spent, UINT64_MAX), SP_APPROVED, "0 is no cap");
    spent = (struct sp_spent){0, 0, 2000};
    cr_assert_eq(sp_policy_cap(&rules, &spent, 0), SP_CLUSTER_CAP, "a cap that was lowered");
}

static struct sp_cache *cache;
static uint8_t value[20];

static void
open_cache(void)
{
    static const uint8_t secret[16] = {1, 2, 3};

    start();
    cr_assert_eq(sp_cache_open(&cache, secret, 86400000, 600000, &err), AM_OK);
}

static void
close_cache(void)
{
    sp_cache_close(&cache);
}

static struct sp_subject
subject(enum sp_fact fact, uint32_t n)
{
    struct sp_subject s = {.fact = fact};

    am_be32(s.account, n);
    return s;
}

TestSuite(cache, .init = open_cache, .fini = close_cache);

Test(cache, a_failure_is_never_kept)
{
    struct sp_subject s = subject(SP_OUR_MEMBER, 1);

    sp_cache_put(cache, &s, SP_UNKNOWN, own, 0, INT64_MAX);
    sp_cache_put(cache, &s, SP_UNASKED, own, 0, INT64_MAX);
    cr_assert_eq(sp_cache_get(cache, value, &s, 0), SP_UNASKED);
    cr_assert_eq(sp_cache_written(cache, SP_YES) + sp_cache_written(cache, SP_NO), 0);
}

Test(cache, a_yes_is_kept_long_and_a_no_short)
{
    struct sp_subject yes = subject(SP_CLUSTER_OF, 1), no = subject(SP_CLUSTER_OF, 2);

    sp_cache_put(cache, &yes, SP_YES, own, 1000, INT64_MAX);
    sp_cache_put(cache, &no, SP_NO, own, 1000, INT64_MAX);
    cr_assert_eq(sp_cache_get(cache, value, &yes, 1000 + 86399999), SP_YES);
    cr_assert_arr_eq(value, own, 20);
    cr_assert_eq(sp_cache_get(cache, value, &yes, 1000 + 86400000), SP_UNASKED);
    cr_assert_eq(sp_cache_get(cache, value, &no, 1000 + 599999), SP_NO);
    cr_assert(am_is_zero(value, 20));
    cr_assert_eq(sp_cache_get(cache, value, &no, 1000 + 600000), SP_UNASKED);
    sp_cache_put(cache, &yes, SP_YES, own, 0, 60000);
    cr_assert_eq(sp_cache_get(cache, value, &yes, 60000), SP_UNASKED, "not longer than that");
}

Test(cache, a_new_answer_replaces_the_other)
{
    struct sp_subject s = subject(SP_APP_ALLOWED, 1), of_other = s;

    memcpy(of_other.cluster, other, 20);
    sp_cache_put(cache, &s, SP_YES, own, 0, INT64_MAX);
    sp_cache_put(cache, &s, SP_NO, own, 1, INT64_MAX);
    cr_assert_eq(sp_cache_get(cache, value, &s, 2), SP_NO);
    cr_assert_eq(sp_cache_get(cache, value, &s, 1 + 600000), SP_UNASKED, "the old yes is gone");
    sp_cache_put(cache, &s, SP_YES, own, 2, INT64_MAX);
    cr_assert_eq(sp_cache_get(cache, value, &s, 3), SP_YES);
    cr_assert_eq(sp_cache_get(cache, value, &of_other, 3), SP_UNASKED, "of another cluster");
}

Test(cache, a_flood_of_strangers_displaces_no_member)
{
    for (uint32_t i = 0; i < 1000; i++) {
        struct sp_subject s = subject(SP_OUR_MEMBER, i);

        sp_cache_put(cache, &s, SP_YES, own, 0, INT64_MAX);
    }
    for (uint32_t i = 1000; i < 1000 + 20 * SP_CACHE_NO; i++) {
        struct sp_subject s = subject(SP_OUR_MEMBER, i);

        sp_cache_put(cache, &s, SP_NO, own, 1, INT64_MAX);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct sp_subject s = subject(SP_OUR_MEMBER, i);

        cr_assert_eq(sp_cache_get(cache, value, &s, 2), SP_YES, "member %u", i);
    }
}

#define DAY_S 86400

/* What the chain says of a listed app: its cluster lists it, the factory does not know it. */
static enum sp_truth
chain_says(enum sp_fact fact)
{
    return fact == SP_OUR_MEMBER ? SP_NO : SP_YES;
}

Test(cache, a_day_of_a_listed_app_asks_the_chain_three_times)
{
    struct sp_ask ask = good();
    unsigned asked = 0;

    for (int64_t now_ms = 0; now_ms < DAY_S * 1000; now_ms += 60000) {
        struct sp_facts facts = {0};
        enum sp_reason reason;
        enum sp_fact need;

        while ((reason = sp_policy_judge(&need, &rules, &ask, &facts)) == SP_WAITS) {
            struct sp_subject s = subject(need, 1);

            if ((facts.is[need] = sp_cache_get(cache, value, &s, now_ms)) == SP_UNASKED) {
                asked++;
                facts.is[need] = chain_says(need);
                sp_cache_put(cache, &s, facts.is[need], own, now_ms, INT64_MAX);
            }
            memcpy(facts.cluster, own, 20);
        }
        cr_assert_eq(reason, SP_APPROVED);
    }
    cr_expect_eq(sp_cache_written(cache, SP_NO), 0, "%llu times no was written, for a member",
                 (unsigned long long)sp_cache_written(cache, SP_NO));
    cr_expect_eq(asked, 3, "asked %u times: a no is asked for again every ten minutes", asked);
}

Test(bucket, never_gives_more_than_a_day_holds)
{
    struct sp_bucket b = sp_bucket_of(2000, 5000);
    unsigned given = 0;

    for (int64_t now_ms = 5000; now_ms < 5000 + DAY_S * 1000; now_ms += 7001)
        given += sp_bucket_take(&b, now_ms);
    cr_assert(given >= 2000 && given <= 2100, "%u: a day's, and what was in it at first", given);
    while (sp_bucket_take(&b, 5000 + DAY_S * 1000))
        ;
    for (given = 0; sp_bucket_take(&b, (int64_t)30 * DAY_S * 1000); given++)
        ;
    cr_assert_eq(given, 100, "a twentieth at once, however long it waited");
}

Test(bucket, counts_what_passes_between_many_looks)
{
    struct sp_bucket b = sp_bucket_of(1, 0);

    cr_assert(sp_bucket_take(&b, 0));
    for (int64_t now_ms = 0; now_ms < DAY_S * 1000 - 86400; now_ms += 100)
        cr_assert(!sp_bucket_take(&b, now_ms), "at %lld", (long long)now_ms);
    cr_assert(sp_bucket_take(&b, DAY_S * 1000 + 86400));
}
