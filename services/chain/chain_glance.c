/*  chain_glance -- has the cluster changed since a view?  One call at the newest block answers.  */
#include "chain_glance.h"

#include <string.h>

enum { NUMBER, PARENT, CLUSTER, PEERS, ALL };

/* Which members a turn looks at; none of an empty cluster. */
static size_t
chunk_of(size_t *first, const struct chain_snapshot *last, unsigned turn)
{
    size_t chunks = (last->count + CHAIN_CHUNK - 1) / CHAIN_CHUNK;

    *first = chunks == 0 ? 0 : turn % chunks * CHAIN_CHUNK;
    return last->count - *first < CHAIN_CHUNK ? last->count - *first : CHAIN_CHUNK;
}

int
chain_glance_call(struct eth_buf *out, const struct chain_snapshot *last,
                  const uint8_t multicall[static 20], const uint8_t *kms_root, unsigned turn,
                  struct am_error *err)
{
    static uint8_t cluster[4096], peers[65536]; /* one loop, one thread; too large for a stack */
    uint8_t number[4], parent[4];
    struct eth_buf bufs[ALL] = {
        [NUMBER] = ETH_BUF(number),
        [PARENT] = ETH_BUF(parent),
        [CLUSTER] = ETH_BUF(cluster),
        [PEERS] = ETH_BUF(peers),
    };
    struct eth_call3 calls[ALL];
    size_t first, count = chunk_of(&first, last, turn);
    int rc = eth_call_none(&bufs[NUMBER], ETH_FN_getBlockNumber, err);

    if (rc == AM_OK)
        rc = eth_call_none(&bufs[PARENT], ETH_FN_getLastBlockHash, err);
    if (rc == AM_OK)
        rc = chain_calls_cluster(&bufs[CLUSTER], last, kms_root, err);
    if (rc == AM_OK && count > 0)
        rc = chain_calls_peers(&bufs[PEERS], last, first, count, err);
    if (rc != AM_OK)
        return rc;
    for (size_t i = 0; i < ALL; i++) {
        memcpy(calls[i].target, multicall, 20);
        calls[i].allow_failure = true;
        calls[i].call_data = eth_bin(&bufs[i]);
    }
    return eth_call_aggregate3(out, calls, count > 0 ? ALL : PEERS, err);
}

static bool
same_own(const struct chain_snapshot *a, const struct chain_snapshot *b)
{
    return a->registered == b->registered &&
           (!a->registered || (memcmp(a->own.attestor_id, b->own.attestor_id, 32) == 0 &&
                               memcmp(a->own.contract, b->own.contract, 20) == 0 &&
                               memcmp(a->own.x_pub, b->own.x_pub, 32) == 0 &&
                               memcmp(a->own.wg_pub, b->own.wg_pub, 32) == 0 &&
                               a->own.registered_at == b->own.registered_at));
}

static bool
same_cluster(const struct chain_snapshot *a, const struct chain_snapshot *b)
{
    if (a->cidr_ip != b->cidr_ip || a->cidr_prefix != b->cidr_prefix ||
        memcmp(a->commitment, b->commitment, 32) != 0 ||
        memcmp(a->kms_root, b->kms_root, 20) != 0 || a->ed25519_on_chain != b->ed25519_on_chain ||
        !same_own(a, b) || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (memcmp(a->peers[i].id, b->peers[i].id, 32) != 0 ||
            a->peers[i].removed != b->peers[i].removed)
            return false;
    return true;
}

static bool
same_peers(const struct chain_snapshot *a, const struct chain_snapshot *b, size_t first,
           size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        const struct chain_peer *p = &a->peers[i], *q = &b->peers[i];

        if (memcmp(p->contract, q->contract, 20) != 0 || memcmp(p->x_pub, q->x_pub, 32) != 0 ||
            memcmp(p->wg_pub, q->wg_pub, 32) != 0 || p->mesh_ip != q->mesh_ip ||
            memcmp(p->ed25519_pub, q->ed25519_pub, 32) != 0)
            return false;
    }
    return true;
}

/* An older block, or another one where the view's stands: who reads views decides what it means. */
static bool
same_chain(const struct chain_snapshot *last, uint64_t number, const uint8_t parent[static 32])
{
    return number >= last->number &&
           (number != last->number + 1 || memcmp(parent, last->hash, 32) == 0);
}

int
chain_glance_read(struct chain_glance *out, struct chain_snapshot *scratch,
                  const struct chain_snapshot *last, const uint8_t *kms_root, unsigned turn,
                  struct am_bin data, struct am_error *err)
{
    struct eth_result r[ALL];
    uint8_t parent[32];
    size_t first, count = chunk_of(&first, last, turn), calls = count > 0 ? ALL : PEERS;
    int rc = eth_ret_aggregate3(r, calls, data, "aggregate3", err);

    *out = (struct chain_glance){.changed = true};
    for (size_t i = 0; rc == AM_OK && i < calls; i++)
        if (!r[i].success)
            rc = am_fail(err, AM_FAILED_PRECONDITION,
                         "glance: expected an answer of call %zu of %zu, got a revert", i + 1,
                         calls);
    if (rc == AM_OK)
        rc = eth_ret_u64(&out->number, r[NUMBER].data, "getBlockNumber", err);
    if (rc == AM_OK)
        rc = eth_ret_word(parent, r[PARENT].data, "getLastBlockHash", err);
    *scratch = *last;
    for (size_t i = 0; i < scratch->count; i++)
        scratch->peers[i].removed = false; /* what is read sets it again */
    if (rc == AM_OK)
        rc = chain_calls_cluster_read(scratch, kms_root, r[CLUSTER].data, err);
    if (rc != AM_OK || !same_chain(last, out->number, parent) || !same_cluster(scratch, last))
        return rc;
    if (count > 0) /* only now: their calls were made for the ids and the facets of the view */
        rc = chain_calls_peers_read(scratch, first, count, r[PEERS].data, err);
    if (rc == AM_OK)
        out->changed = !same_peers(scratch, last, first, count);
    return rc;
}
