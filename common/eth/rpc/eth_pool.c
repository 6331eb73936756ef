/*  eth_pool -- several providers of one chain behind one struct eth_rpc.  */
#include "eth_pool.h"

#include "../../base/am_clock.h"
#include "../../base/am_log.h"
#include "eth_method.h"
#include "eth_pool_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked { /* one call, until somebody has answered it */
    struct eth_pool *pool;
    struct eth_rpc_item items[ETH_RPC_BATCH_MAX]; /* params: owned */
    size_t count, at;                             /* at: the member that was asked */
    uint32_t tried;                               /* bit set: not that member again */
    bool acts, pinned;                            /* pinned: to one member, as a witness */
    int64_t asked_ms;
    char correlation[65];
    eth_rpc_fn *fn;
    void *arg;
};

static int go(struct asked *a, struct am_error *err);

static void
asked_free(struct asked *a)
{
    for (size_t i = 0; i < a->count; i++)
        json_decref(a->items[i].params);
    free(a);
}

static void
deliver(struct asked *a, const struct eth_rpc_answer *answers)
{
    a->fn(a->arg, answers, a->count);
    asked_free(a);
}

static void
deliver_error(struct asked *a, const struct am_error *err)
{
    struct eth_rpc_answer answers[ETH_RPC_BATCH_MAX];

    memset(answers, 0, a->count * sizeof answers[0]);
    for (size_t i = 0; i < a->count; i++) {
        answers[i].code = err->code;
        answers[i].err = *err;
    }
    deliver(a, answers);
}

static void
next(struct asked *a, const struct am_error *why)
{
    struct am_error err = *why;

    if (go(a, &err) != AM_OK)
        deliver_error(a, &err);
}

/* Would another provider perhaps know better?  A revert, a null and a refused range are answers. */
static bool
is_no_answer(const struct eth_rpc_answer *a)
{
    switch (a->code) {
    case AM_OK:
    case AM_NOT_FOUND:
    case AM_OUT_OF_RANGE:
        return false;
    case AM_FAILED_PRECONDITION:
        return a->error_code != 3 && (a->said == NULL || strcasestr(a->said, "revert") == NULL);
    default:
        return true;
    }
}

/* A provider that names an older newest block than another has fallen behind. */
static void
note_head(struct asked *a, const struct eth_rpc_answer *answers)
{
    for (size_t i = 0; i < a->count; i++) {
        const char *tag = json_string_value(json_array_get(a->items[i].params, 0));
        uint64_t number;

        if (answers[i].code == AM_OK && tag != NULL && strcmp(tag, "latest") == 0 &&
            strcmp(a->items[i].method, "eth_getBlockByNumber") == 0 &&
            eth_json_u64(&number, json_object_get(answers[i].result, "number"), "", NULL) == AM_OK)
            a->pool->health[a->at].head = number;
    }
}

static void
on_answers(void *arg, const struct eth_rpc_answer *answers, size_t count)
{
    struct asked *a = arg;
    struct eth_pool *p = a->pool;
    const struct eth_rpc_answer *bad = NULL;

    for (size_t i = 0; i < count && bad == NULL; i++)
        if (is_no_answer(&answers[i]))
            bad = &answers[i];
    if (p->closing || (bad != NULL && bad->code == AM_CANCELLED)) {
        deliver(a, answers);
        return;
    }
    p->health[a->at].quiet_ms = eth_rpc_quiet_ms(p->member[a->at]);
    if (bad == NULL) {
        eth_health_answered(&p->health[a->at], am_mono_ms() - a->asked_ms);
        note_head(a, answers);
    } else {
        eth_health_failed(&p->health[a->at], am_mono_ms());
    }
    if (bad != NULL && !a->acts && eth_pool_next(p, a->tried) < p->count) {
        am_log(AM_WARN, "rpc.next", "from=%s reason=\"%s\"", eth_rpc_host(p->member[a->at]),
               bad->err.text);
        next(a, &bad->err);
    } else {
        deliver(a, answers);
    }
}

static void
on_chain_id(void *arg, const struct eth_rpc_answer *answer, size_t count)
{
    struct asked *a = arg;
    struct eth_pool *p = a->pool;
    struct am_error err = answer->err;
    uint64_t id = 0;
    int rc = answer->code;

    (void)count;
    if (rc == AM_OK)
        rc = eth_json_u64(&id, answer->result, "eth_chainId", &err);
    if (p->closing || rc == AM_CANCELLED) {
        deliver_error(a, &err);
        return;
    }
    if (rc == AM_OK && id == p->chain_id) {
        p->verified[a->at] = true;
        a->tried &= ~(1u << a->at); /* now for the question itself */
        if (!a->pinned)
            p->last = a->at;
    } else if (rc == AM_OK) {
        p->health[a->at].removed = true;
        (void)am_fail(&err, AM_FAILED_PRECONDITION,
                      "rpc@%s eth_chainId: expected CHAIN_ID %llu, got %llu: it is not asked again",
                      eth_rpc_host(p->member[a->at]), (unsigned long long)p->chain_id,
                      (unsigned long long)id);
        am_log(AM_ERROR, "rpc.removed", "reason=\"%s\"", err.text);
    } else {
        p->health[a->at].quiet_ms = eth_rpc_quiet_ms(p->member[a->at]);
        eth_health_failed(&p->health[a->at], am_mono_ms());
    }
    next(a, &err);
}

size_t
eth_pool_next(struct eth_pool *p, uint32_t tried)
{
    return eth_health_choose(p->health, p->count, p->last, tried, am_mono_ms());
}

/* Ask the best one that was not asked yet.  *err stays what it was when there is none. */
static int
go(struct asked *a, struct am_error *err)
{
    struct eth_pool *p = a->pool;
    struct eth_rpc_item chain_id = {"eth_chainId", NULL};
    struct eth_rpc *rpc;

    a->at = eth_pool_next(p, a->tried);
    if (a->at == p->count) {
        if (err->code == AM_OK)
            (void)am_fail(err, AM_FAILED_PRECONDITION,
                          "rpc: expected a provider of chain %llu, got none of %zu",
                          (unsigned long long)p->chain_id, p->count);
        return err->code;
    }
    a->tried |= 1u << a->at;
    rpc = p->member[a->at];
    if (!p->verified[a->at]) {
        chain_id.params = json_array();
        return eth_rpc_call(rpc, &chain_id, 1, a->correlation, on_chain_id, a, err);
    }
    if (!a->pinned)
        p->last = a->at;
    a->asked_ms = am_mono_ms();
    for (size_t i = 0; i < a->count; i++)
        json_incref(a->items[i].params);
    return eth_rpc_call(rpc, a->items, a->count, a->correlation, on_answers, a, err);
}

int
eth_pool_ask(struct eth_pool *pool, uint32_t tried, const struct eth_rpc_item *items, size_t count,
             const char *correlation, eth_rpc_fn *fn, void *arg, struct am_error *err)
{
    struct asked *a = count >= 1 && count <= ETH_RPC_BATCH_MAX ? calloc(1, sizeof *a) : NULL;
    struct am_error none = {0};
    int rc;

    if (a == NULL) {
        for (size_t i = 0; i < count; i++)
            json_decref(items[i].params);
        return am_fail(err, count == 0 ? AM_INVALID_ARGUMENT : AM_RESOURCE_EXHAUSTED,
                       "rpc: expected 1 to %d elements, got %zu", ETH_RPC_BATCH_MAX, count);
    }
    a->pool = pool;
    a->tried = tried;
    a->pinned = tried != 0;
    a->count = count;
    a->fn = fn;
    a->arg = arg;
    memcpy(a->items, items, count * sizeof items[0]);
    for (size_t i = 0; i < count; i++)
        a->acts = a->acts || eth_method_of(items[i].method)->acts;
    snprintf(a->correlation, sizeof a->correlation, "%s", correlation);
    rc = go(a, &none);
    if (rc == AM_OK)
        return AM_OK;
    if (err != NULL)
        *err = none;
    asked_free(a);
    return rc;
}
