/*  eth_pool_agree -- the same question to two providers.  */
#include "eth_pool_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 32 /* characters of each answer, from where they differ */

struct agree {
    struct eth_agreed {
        struct agree *both;
        bool done;
        json_t *result;
        struct am_error err;
    } side[2];
    const char *hosts[2];
    const char *method;
    eth_agree_fn *fn;
    void *arg;
};

/* Two long answers differ somewhere in their middle: show there. */
static void
differ(struct am_error *err, const struct agree *a)
{
    char *one = json_dumps(a->side[0].result, JSON_COMPACT | JSON_ENCODE_ANY);
    char *two = json_dumps(a->side[1].result, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t at = 0;

    while (one != NULL && two != NULL && one[at] != '\0' && one[at] == two[at])
        at++;
    (void)am_fail(
        err, AM_ABORTED,
        "rpc %s: expected %.64s and %.64s to agree, got \"%.*s\" and \"%.*s\" at character "
        "%zu",
        a->method, a->hosts[0], a->hosts[1], SHOWN, one != NULL ? one + at : "", SHOWN,
        two != NULL ? two + at : "", at);
    free(one);
    free(two);
}

/* One that failed is no witness; two that differ are a reason to do nothing. */
static void
judge(struct agree *a, struct am_error *err)
{
    for (size_t i = 0; i < 2; i++)
        if (a->side[i].err.code != AM_OK) {
            *err = a->side[i].err;
            return;
        }
    if (!json_equal(a->side[0].result, a->side[1].result))
        differ(err, a);
}

static void
on_answer(void *arg, const struct eth_rpc_answer *answer, size_t count)
{
    struct eth_agreed *s = arg;
    struct agree *a = s->both;
    struct am_error err = {0};

    (void)count;
    s->done = true;
    s->err = answer->err;
    s->err.code = answer->code;
    if (answer->code == AM_OK)
        s->result = json_incref(answer->result);
    if (!a->side[0].done || !a->side[1].done)
        return;
    judge(a, &err);
    a->fn(a->arg, err.code, &err);
    json_decref(a->side[0].result);
    json_decref(a->side[1].result);
    free(a);
}

bool
eth_pool_has_second(const struct eth_rpc *rpc)
{
    const struct eth_pool *p = eth_pool_of(rpc);
    size_t there = 0;

    for (size_t i = 0; p != NULL && i < p->count; i++)
        there += !p->health[i].removed;
    return there > 1;
}

int
eth_pool_agree(struct eth_rpc *rpc, struct eth_rpc_item item, const char *correlation,
               eth_agree_fn *fn, void *arg, struct am_error *err)
{
    struct agree *a = eth_pool_has_second(rpc) ? calloc(1, sizeof *a) : NULL;
    struct eth_pool *p = eth_pool_of(rpc);
    uint32_t tried = 0;
    bool asked = false;

    if (a == NULL) {
        json_decref(item.params);
        return p == NULL ? am_fail(err, AM_FAILED_PRECONDITION, "rpc: expected two providers")
                         : am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc: no memory");
    }
    a->fn = fn;
    a->arg = arg;
    a->method = item.method;
    for (size_t i = 0; i < 2; i++) {
        struct eth_agreed *s = &a->side[i];
        size_t at = eth_pool_next(p, tried);

        s->both = a;
        a->hosts[i] = eth_rpc_host(p->member[at]);
        tried |= 1u << at;
        json_incref(item.params);
        s->done =
            eth_pool_ask(p, ~(1u << at), &item, 1, correlation, on_answer, s, &s->err) != AM_OK;
        asked = asked || !s->done;
    }
    json_decref(item.params);
    if (asked) /* what could not even be asked is an error when the other one comes */
        return AM_OK;
    if (err != NULL)
        *err = a->side[0].err;
    free(a);
    return AM_RESOURCE_EXHAUSTED;
}
