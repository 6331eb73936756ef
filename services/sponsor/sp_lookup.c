/*  sp_lookup -- facts from the chain: one question at a time to each subject, however many wait.
 */
#include "sp_lookup.h"

#include "../../common/base/am_clock.h"
#include "../../common/eth/eth_call.h"
#include "../../common/eth/eth_ret.h"

#include <stdlib.h>
#include <string.h>

struct question {
    struct sp_lookup *lookup;
    struct question *next, **link;
    struct sp_subject subject;
    struct sp_waiter *waiters;
};

struct sp_lookup {
    struct eth_rpc *rpc;
    struct sp_cache *cache;
    const struct sp_chain *chain;
    struct question *questions;
    size_t count;
    struct sp_bucket left;
    uint64_t asked[SP_FACT_COUNT], refused;
};

static const enum eth_fn functions[SP_FACT_COUNT] = {
    [SP_CLUSTER_OF] = ETH_FN_cluster,
    [SP_DEPLOYED] = ETH_FN_isDeployedCluster,
    [SP_APP_ALLOWED] = ETH_FN_allowedAppIds,
    [SP_OUR_MEMBER] = ETH_FN_isOurMember,
};

/* eth_call to a contract; the function takes one address or none. */
static json_t *
call_of(const uint8_t to[static 20], enum eth_fn fn, const uint8_t *argument)
{
    uint8_t data[36];
    struct eth_buf buf = ETH_BUF(data);
    struct am_error err = {0};
    int r = argument != NULL ? eth_call_address(&buf, fn, argument, &err)
                             : eth_call_none(&buf, fn, &err);

    AM_ASSERT(r == AM_OK);
    return json_pack("[{s:o, s:o}, s]", "to", eth_json_of_data(to, 20), "data",
                     eth_json_of_data(data, buf.len), "latest");
}

/* The eth_calls of a subject. */
static size_t
items_of(struct eth_rpc_item *items, const struct sp_chain *chain, const struct sp_subject *s)
{
    enum eth_fn fn = functions[s->fact];
    size_t n = 0;

    switch (s->fact) {
    case SP_CLUSTER_OF:
        items[n++].params = call_of(s->account, fn, NULL);
        break;
    case SP_DEPLOYED:
        for (size_t i = 0; i < chain->cluster_factory_count; i++)
            items[n++].params = call_of(chain->cluster_factories[i], fn, s->cluster);
        break;
    case SP_APP_ALLOWED:
        items[n++].params = call_of(s->cluster, fn, s->account);
        break;
    case SP_OUR_MEMBER:
        items[n++].params = call_of(chain->member_factory, fn, s->account);
        break;
    default: /* the chain id alone */
        break;
    }
    for (size_t i = 0; i < n; i++)
        items[i].method = "eth_call";
    return n;
}

/* Providers tell a revert by code 3 (geth), by data beside the message, or by the word alone. */
static bool
reverted(const struct eth_rpc_answer *a)
{
    const char *words = strstr(a->err.text, "got error");

    return a->code == AM_FAILED_PRECONDITION &&
           (a->error_code == 3 || a->error_code == -32015 || json_is_string(a->error_data) ||
            (words != NULL && strstr(words, "revert") != NULL));
}

/* sender.cluster(): the sender may be anything, so all that a contract can answer is an answer. */
static enum sp_truth
read_cluster(uint8_t value[static 20], const struct eth_rpc_answer *a)
{
    struct am_error err = {0};
    uint8_t *data = NULL;
    size_t len;
    enum sp_truth truth = SP_UNKNOWN;

    if (reverted(a))
        return SP_NO;
    if (a->code != AM_OK || eth_json_data(&data, &len, a->result, "cluster", &err) != AM_OK)
        return SP_UNKNOWN;
    truth = eth_ret_address(value, am_bin_of(data, len), "cluster", &err) == AM_OK &&
                    !am_is_zero(value, 20)
                ? SP_YES
                : SP_NO;
    free(data);
    return truth;
}

/* A bool of a contract of ours.  Of a factory a revert is a failure: it is not the one we think. */
static enum sp_truth
read_bool(const struct eth_rpc_answer *a, bool revert_is_no)
{
    struct am_error err = {0};
    uint8_t word[32];
    bool yes;

    if (revert_is_no && reverted(a))
        return SP_NO;
    if (a->code != AM_OK || eth_json_fixed(word, 32, a->result, "eth_call", &err) != AM_OK ||
        eth_ret_bool(&yes, AM_BIN(word), "eth_call", &err) != AM_OK)
        return SP_UNKNOWN;
    return yes ? SP_YES : SP_NO;
}

/* answers[0] is the chain id. */
static enum sp_truth
read_answers(uint8_t value[static 20], const struct sp_lookup *l, enum sp_fact fact,
             const struct eth_rpc_answer *answers, size_t count)
{
    enum sp_truth truth = SP_NO, one;
    struct am_error err = {0};
    uint64_t id;

    if (answers[0].code != AM_OK || eth_json_u64(&id, answers[0].result, "chain id", &err) != AM_OK)
        return SP_UNKNOWN;
    if (fact == SP_RIGHT_CHAIN)
        return id == l->chain->chain_id ? SP_YES : SP_NO;
    if (id != l->chain->chain_id)
        return SP_UNKNOWN;
    if (fact == SP_CLUSTER_OF)
        return read_cluster(value, &answers[1]);
    for (size_t i = 1; i < count && truth != SP_YES; i++) /* of either factory */
        if ((one = read_bool(&answers[i], fact == SP_APP_ALLOWED)) != SP_NO)
            truth = one;
    return truth;
}

static void
end(struct question *q, enum sp_truth truth, const uint8_t value[static 20])
{
    struct sp_waiter *w = q->waiters, *next;

    if (q->next != NULL)
        q->next->link = q->link;
    *q->link = q->next;
    q->lookup->count--;
    for (; w != NULL; w = next) { /* it may ask again at once */
        next = w->next;
        w->fn(w->arg, truth, value);
    }
    free(q);
}

static void
on_answers(void *arg, const struct eth_rpc_answer *answers, size_t count)
{
    struct question *q = arg;
    uint8_t value[20] = {0};
    enum sp_truth truth = read_answers(value, q->lookup, q->subject.fact, answers, count);

    sp_cache_put(q->lookup->cache, &q->subject, truth, value, am_mono_ms(),
                 q->subject.fact == SP_RIGHT_CHAIN ? SP_CHAIN_MS : INT64_MAX);
    end(q, truth, value);
}

static bool
same(const struct sp_subject *a, const struct sp_subject *b)
{
    return a->fact == b->fact && memcmp(a->cluster, b->cluster, 20) == 0 &&
           memcmp(a->account, b->account, 20) == 0;
}

static struct question *
begin(struct sp_lookup *l, const struct sp_subject *subject)
{
    struct eth_rpc_item items[1 + 2] = {{"eth_chainId", NULL}};
    struct question *q = NULL;
    struct am_error err = {0};
    size_t n;

    /* Whether the chain is ours is asked once a minute, come what may. */
    if (l->count < SP_LOOKUPS_MAX &&
        (subject->fact == SP_RIGHT_CHAIN || sp_bucket_take(&l->left, am_mono_ms())))
        q = calloc(1, sizeof *q);
    if (q == NULL) {
        l->refused++;
        return NULL;
    }
    items[0].params = json_array();
    n = 1 + items_of(items + 1, l->chain, subject);
    if (eth_rpc_call(l->rpc, items, n, "", on_answers, q, &err) != AM_OK) {
        free(q);
        return NULL;
    }
    l->asked[subject->fact]++;
    l->count++;
    *q = (struct question){
        .lookup = l, .next = l->questions, .link = &l->questions, .subject = *subject};
    if (q->next != NULL)
        q->next->link = &q->next;
    return l->questions = q;
}

enum sp_truth
sp_lookup_ask(struct sp_lookup *l, uint8_t value[static 20], const struct sp_subject *subject,
              struct sp_waiter *waiter)
{
    enum sp_truth truth = sp_cache_get(l->cache, value, subject, am_mono_ms());
    struct question *q;

    if (truth != SP_UNASKED)
        return truth;
    for (q = l->questions; q != NULL && !same(&q->subject, subject); q = q->next)
        ;
    if (q == NULL && (q = begin(l, subject)) == NULL)
        return SP_UNKNOWN;
    waiter->next = q->waiters;
    q->waiters = waiter;
    return SP_UNASKED;
}

int
sp_lookup_open(struct sp_lookup **lookup, struct eth_rpc *rpc, struct sp_cache *cache,
               const struct sp_chain *chain, uint64_t per_day, struct am_error *err)
{
    *lookup = calloc(1, sizeof **lookup);
    if (*lookup == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "sponsor: no memory for its questions");
    (*lookup)->rpc = rpc;
    (*lookup)->cache = cache;
    (*lookup)->chain = chain;
    (*lookup)->left = sp_bucket_of(per_day, am_mono_ms());
    return AM_OK;
}

void
sp_lookup_close(struct sp_lookup **lookup)
{
    free(*lookup);
    *lookup = NULL;
}

uint64_t
sp_lookup_asked(const struct sp_lookup *lookup, enum sp_fact fact)
{
    return lookup->asked[fact];
}

uint64_t
sp_lookup_refused(const struct sp_lookup *lookup)
{
    return lookup->refused;
}
