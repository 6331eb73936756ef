/*  eth_pool_open -- from a list of URLs to one struct eth_rpc.  */
#include "eth_pool_int.h"

#include <stdlib.h>
#include <string.h>

static int
pool_call(void *arg, const struct eth_rpc_item *items, size_t count, const char *correlation,
          eth_rpc_fn *fn, void *fn_arg, struct am_error *err)
{
    return eth_pool_ask(arg, 0, items, count, correlation, fn, fn_arg, err);
}

static uint64_t
pool_count(void *arg)
{
    const struct eth_pool *p = arg;
    uint64_t n = 0;

    for (size_t i = 0; i < p->count; i++)
        n += eth_rpc_count(p->member[i]);
    return n;
}

static const char *
pool_host(void *arg)
{
    const struct eth_pool *p = arg;

    return eth_rpc_host(p->member[p->last]);
}

/* What the one that would be asked now takes. */
static uint64_t
pool_range(void *arg, uint64_t wanted)
{
    struct eth_pool *p = arg;
    size_t at = eth_pool_next(p, 0);

    return eth_rpc_range(p->member[at < p->count ? at : p->last], wanted);
}

static void
pool_close(void *arg)
{
    struct eth_pool *p = arg;

    p->closing = true;
    for (size_t i = 0; i < p->count; i++)
        eth_rpc_close(&p->member[i]);
    free(p);
}

static const struct eth_rpc_front front = {pool_call, pool_count, pool_host, pool_range,
                                           pool_close};

struct eth_pool *
eth_pool_of(const struct eth_rpc *rpc)
{
    return eth_rpc_front_of(rpc, &front);
}

/* The first of *list, and *list behind it; surrounding blanks belong to none. */
static struct am_str
take(const char **list)
{
    struct am_str one;

    *list += strspn(*list, ", \t\r\n");
    one = (struct am_str){*list, strcspn(*list, ", \t\r\n")};
    *list += one.len;
    return one;
}

static int
add(struct eth_pool *p, struct am_http *http, struct ev_loop *loop, const char *name,
    const char *url, struct am_error *err)
{
    int rc;

    if (p->count == ETH_POOL_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "ATTESTMESH_RPC_URLS: expected at most %d providers with RPC_URL, got more",
                       ETH_POOL_MAX);
    rc = eth_rpc_open(&p->member[p->count], http, loop, name, url, err);
    if (rc == AM_OK)
        eth_rpc_once(p->member[p->count++]);
    return rc;
}

/* A provider that is there twice would agree with itself. */
static int
add_all(struct eth_pool *p, struct am_http *http, struct ev_loop *loop, const char *name,
        const char *url, const char *more, struct am_error *err)
{
    const char *seen[ETH_POOL_MAX] = {url};
    struct am_str one;
    int rc = add(p, http, loop, name, url, err);

    for (one = take(&more); rc == AM_OK && one.len > 0; one = take(&more)) {
        char *copy = strndup(one.p, one.len);

        if (copy == NULL)
            return am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc: no memory");
        for (size_t i = 0; rc == AM_OK && i < p->count && seen[i] != NULL; i++)
            if (strncmp(seen[i], copy, one.len) == 0 && strcspn(seen[i], ", \t\r\n") == one.len)
                rc = AM_INVALID_ARGUMENT;
        if (rc != AM_OK)
            rc = am_fail(err, AM_INVALID_ARGUMENT,
                         "ATTESTMESH_RPC_URLS: expected each provider once, got number %zu twice",
                         p->count);
        if (rc == AM_OK)
            rc = add(p, http, loop, name, copy, err);
        if (rc == AM_OK)
            seen[p->count - 1] = one.p;
        free(copy);
    }
    return rc;
}

int
eth_pool_open(struct eth_rpc **rpc, struct am_http *http, struct ev_loop *loop, const char *name,
              const char *url, const char *more, uint64_t chain_id, struct am_error *err)
{
    struct eth_pool *p;
    int rc;

    *rpc = NULL;
    if (more[strspn(more, ", \t\r\n")] == '\0')
        return eth_rpc_open(rpc, http, loop, name, url, err);
    p = calloc(1, sizeof *p);
    if (p == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc: no memory");
    p->chain_id = chain_id;
    rc = add_all(p, http, loop, name, url, more, err);
    if (rc == AM_OK)
        rc = eth_rpc_open_front(rpc, &front, p, err);
    if (rc != AM_OK)
        pool_close(p);
    return rc;
}
