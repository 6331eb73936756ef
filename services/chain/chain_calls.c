/*  chain_calls -- the view functions that make up one view of a cluster: call data out, view in. */
#include "chain_calls.h"

#include "am_member.h"

#include <string.h>

enum { MEMBER_CLUSTER, CIDR, LIST, OWN, COMMITMENT, FACET, REMOVAL_FACET, REMOVED, KMS, ROUND_ONE };
enum { RECORD, MESH_IP, ED25519, PER_PEER };

/* Call data of one round, behind one another, and the calls that point into it. */
struct round {
    uint8_t data[CHAIN_CHUNK * PER_PEER * 36];
    struct eth_buf buf;
    struct eth_call3 calls[CHAIN_CHUNK * PER_PEER];
    size_t count;
};

static void
round_start(struct round *r)
{
    r->buf = (struct eth_buf)ETH_BUF(r->data);
    r->count = 0;
}

/* What was appended since `from` is one call. */
static void
round_add(struct round *r, const uint8_t target[static 20], size_t from)
{
    struct eth_call3 *c = &r->calls[r->count++];

    memcpy(c->target, target, 20);
    c->allow_failure = true; /* so that the one that reverts can be named */
    c->call_data = am_bin_of(r->data + from, r->buf.len - from);
}

static int
round_none(struct round *r, const uint8_t target[static 20], enum eth_fn fn, struct am_error *err)
{
    size_t from = r->buf.len;
    int rc = eth_call_none(&r->buf, fn, err);

    if (rc == AM_OK)
        round_add(r, target, from);
    return rc;
}

static int
round_address(struct round *r, const uint8_t target[static 20], enum eth_fn fn,
              const uint8_t address[static 20], struct am_error *err)
{
    size_t from = r->buf.len;
    int rc = eth_call_address(&r->buf, fn, address, err);

    if (rc == AM_OK)
        round_add(r, target, from);
    return rc;
}

static int
round_word(struct round *r, const uint8_t target[static 20], enum eth_fn fn,
           const uint8_t word[static 32], struct am_error *err)
{
    size_t from = r->buf.len;
    int rc = eth_call_word(&r->buf, fn, word, err);

    if (rc == AM_OK)
        round_add(r, target, from);
    return rc;
}

/* The tombstones, and whether the cluster has the facet that answers for them. */
static int
round_removed(struct round *r, const uint8_t cluster[static 20], struct am_error *err)
{
    size_t from = r->buf.len;
    int rc = eth_call_facet_address(&r->buf, ETH_FN_removedMembers, err);

    if (rc == AM_OK) {
        round_add(r, cluster, from);
        rc = round_none(r, cluster, ETH_FN_removedMembers, err);
    }
    return rc;
}

int
chain_calls_cluster(struct eth_buf *out, const struct chain_snapshot *s, const uint8_t *kms_root,
                    struct am_error *err)
{
    static struct round r; /* one loop, one thread; too large for a stack */
    size_t from;
    int rc;

    round_start(&r);
    rc = round_none(&r, s->member, ETH_FN_cluster, err);
    if (rc == AM_OK)
        rc = round_none(&r, s->cluster, ETH_FN_meshCidr, err);
    if (rc == AM_OK)
        rc = round_none(&r, s->cluster, ETH_FN_listMembers, err);
    if (rc == AM_OK)
        rc = round_address(&r, s->cluster, ETH_FN_memberOf, s->member, err);
    if (rc == AM_OK)
        rc = round_none(&r, s->cluster, ETH_FN_cskCommitment, err);
    from = r.buf.len;
    if (rc == AM_OK)
        rc = eth_call_facet_address(&r.buf, ETH_FN_publishEd25519Key, err);
    if (rc == AM_OK)
        round_add(&r, s->cluster, from);
    if (rc == AM_OK)
        rc = round_removed(&r, s->cluster, err);
    if (rc == AM_OK && kms_root != NULL)
        rc = round_address(&r, s->cluster, ETH_FN_allowedKmsRoots, kms_root, err);
    if (rc == AM_OK)
        rc = eth_call_aggregate3(out, r.calls, r.count, err);
    return rc;
}

static int
answered(const struct eth_result *r, enum eth_fn fn, struct am_error *err)
{
    char why[128];

    if (r->success)
        return AM_OK;
    eth_revert_text(why, sizeof why, r->data);
    return am_fail(err, AM_FAILED_PRECONDITION, "view: expected an answer of %s(), got %s",
                   eth_fn_name(fn), why);
}

/* Every element must have answered; removedMembers() is judged by take_removed, beside its facet.
 */
static int
take_results(struct eth_result *out, size_t count, const enum eth_fn *fns, size_t per,
             struct am_bin data, struct am_error *err)
{
    int rc = eth_ret_aggregate3(out, count, data, "aggregate3", err);

    for (size_t i = 0; rc == AM_OK && i < count; i++)
        if (fns[i % per] != ETH_FN_removedMembers)
            rc = answered(&out[i], fns[i % per], err);
    return rc;
}

/* A cluster without the facet has no tombstones, whatever its fallback says to the selector. */
static int
take_removed(struct chain_snapshot *s, const struct eth_result *facet,
             const struct eth_result *list, struct am_error *err)
{
    static uint8_t ids[CHAIN_MEMBERS][32];
    uint8_t address[20];
    size_t count = 0;
    int rc = eth_ret_address(address, facet->data, "facetAddress(removedMembers)", err);

    if (rc != AM_OK || am_is_zero(address, 20))
        return rc;
    rc = answered(list, ETH_FN_removedMembers, err);
    if (rc == AM_OK)
        rc = eth_ret_words(ids, CHAIN_MEMBERS, &count, list->data, "removedMembers", err);
    for (size_t i = 0; rc == AM_OK && i < count; i++) {
        size_t k = 0;

        while (k < s->count && memcmp(s->peers[k].id, ids[i], 32) != 0)
            k++;
        if (k == s->count)
            return am_fail(err, AM_INVALID_ARGUMENT,
                           "removedMembers: expected ids of listMembers(), got another");
        s->peers[k].removed = true;
    }
    return rc;
}

static int
take_ids(struct chain_snapshot *s, struct am_bin data, struct am_error *err)
{
    static uint8_t ids[CHAIN_MEMBERS][32];
    int rc = eth_ret_words(ids, CHAIN_MEMBERS, &s->count, data, "listMembers", err);

    if (rc == AM_RESOURCE_EXHAUSTED)
        return am_fail(err, rc, "view: expected at most %d members, got a larger cluster",
                       CHAIN_MEMBERS);
    for (size_t i = 0; rc == AM_OK && i < s->count; i++) {
        s->peers[i] = (struct chain_peer){0};
        memcpy(s->peers[i].id, ids[i], 32);
    }
    return rc;
}

/* Own record and own place in the list must tell the same. */
static int
take_own(struct chain_snapshot *s, struct am_bin data, struct am_error *err)
{
    int rc = eth_ret_member(&s->own, data, "memberOf", err);
    const uint8_t *attestor = am_attestor_dstack;

    if (rc != AM_OK)
        return rc;
    s->registered = !am_is_zero(s->own.contract, 20);
    if (s->registered)
        attestor = s->own.attestor_id;
    am_member_id(s->member_id, s->cluster, s->member, attestor);
    if (s->registered && memcmp(s->own.contract, s->member, 20) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "memberOf: expected the own member contract, got another address");
    if (s->registered != (chain_snapshot_find(s, s->member_id) != NULL))
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "view: expected memberOf() and listMembers() to agree, got a record %s",
                       s->registered ? "that is not listed" : "that memberOf() denies");
    return AM_OK;
}

int
chain_calls_cluster_read(struct chain_snapshot *s, const uint8_t *kms_root, struct am_bin data,
                         struct am_error *err)
{
    static const enum eth_fn fns[ROUND_ONE] = {
        ETH_FN_cluster,      ETH_FN_meshCidr,       ETH_FN_listMembers,
        ETH_FN_memberOf,     ETH_FN_cskCommitment,  ETH_FN_facetAddress,
        ETH_FN_facetAddress, ETH_FN_removedMembers, ETH_FN_allowedKmsRoots};
    struct eth_result r[ROUND_ONE];
    uint8_t cluster[20], facet[20];
    bool allowed = false;
    int rc = take_results(r, kms_root != NULL ? ROUND_ONE : KMS, fns, ROUND_ONE, data, err);

    if (rc == AM_OK)
        rc = eth_ret_address(cluster, r[MEMBER_CLUSTER].data, "member cluster", err);
    if (rc == AM_OK && memcmp(cluster, s->cluster, 20) != 0)
        rc = am_fail(err, AM_FAILED_PRECONDITION,
                     "view: expected the member's cluster to stay, got another address");
    if (rc == AM_OK)
        rc = eth_ret_cidr(&s->cidr_ip, &s->cidr_prefix, r[CIDR].data, "meshCidr", err);
    if (rc == AM_OK)
        rc = take_ids(s, r[LIST].data, err);
    if (rc == AM_OK)
        rc = take_own(s, r[OWN].data, err);
    if (rc == AM_OK)
        rc = eth_ret_word(s->commitment, r[COMMITMENT].data, "cskCommitment", err);
    if (rc == AM_OK)
        rc = eth_ret_address(facet, r[FACET].data, "facetAddress", err);
    if (rc == AM_OK)
        rc = take_removed(s, &r[REMOVAL_FACET], &r[REMOVED], err);
    if (rc == AM_OK && kms_root != NULL)
        rc = eth_ret_bool(&allowed, r[KMS].data, "allowedKmsRoots", err);
    if (rc != AM_OK)
        return rc;
    s->ed25519_on_chain = !am_is_zero(facet, 20);
    memset(s->kms_root, 0, 20);
    if (allowed)
        memcpy(s->kms_root, kms_root, 20);
    return AM_OK;
}

static size_t
per_peer(const struct chain_snapshot *s)
{
    return s->ed25519_on_chain ? PER_PEER : ED25519;
}

int
chain_calls_peers(struct eth_buf *out, const struct chain_snapshot *s, size_t first, size_t count,
                  struct am_error *err)
{
    static struct round r;
    int rc = AM_OK;

    AM_ASSERT(count <= CHAIN_CHUNK && first + count <= s->count);
    round_start(&r);
    for (size_t i = first; rc == AM_OK && i < first + count; i++) {
        const uint8_t *id = s->peers[i].id;

        rc = round_word(&r, s->cluster, ETH_FN_memberById, id, err);
        if (rc == AM_OK)
            rc = round_word(&r, s->cluster, ETH_FN_meshIpOf, id, err);
        if (rc == AM_OK && s->ed25519_on_chain)
            rc = round_word(&r, s->cluster, ETH_FN_ed25519KeyOf, id, err);
    }
    return rc == AM_OK ? eth_call_aggregate3(out, r.calls, r.count, err) : rc;
}

static int
take_peer(struct chain_peer *p, const struct chain_snapshot *s, const struct eth_result *r,
          struct am_error *err)
{
    struct eth_member record;
    uint64_t ip = 0;
    int rc = eth_ret_member(&record, r[RECORD].data, "memberById", err);

    if (rc == AM_OK && am_is_zero(record.contract, 20))
        rc = am_fail(err, AM_INVALID_ARGUMENT,
                     "memberById: expected a record for a listed id, got none");
    if (rc == AM_OK)
        rc = eth_ret_u64(&ip, r[MESH_IP].data, "meshIpOf", err);
    if (rc == AM_OK && ip > UINT32_MAX)
        rc = am_fail(err, AM_INVALID_ARGUMENT, "meshIpOf: expected 32 bits, got more");
    if (rc == AM_OK && s->ed25519_on_chain)
        rc = eth_ret_word(p->ed25519_pub, r[ED25519].data, "ed25519KeyOf", err);
    if (rc != AM_OK)
        return rc;
    memcpy(p->contract, record.contract, 20);
    memcpy(p->x_pub, record.x_pub, 32);
    memcpy(p->wg_pub, record.wg_pub, 32);
    p->mesh_ip = (uint32_t)ip;
    return AM_OK;
}

int
chain_calls_peers_read(struct chain_snapshot *s, size_t first, size_t count, struct am_bin data,
                       struct am_error *err)
{
    static const enum eth_fn fns[PER_PEER] = {ETH_FN_memberById, ETH_FN_meshIpOf,
                                              ETH_FN_ed25519KeyOf};
    struct eth_result r[CHAIN_CHUNK * PER_PEER];
    size_t per = per_peer(s);
    int rc;

    AM_ASSERT(count <= CHAIN_CHUNK && first + count <= s->count);
    rc = take_results(r, count * per, fns, per, data, err);
    for (size_t i = 0; rc == AM_OK && i < count; i++)
        rc = take_peer(&s->peers[first + i], s, &r[i * per], err);
    return rc;
}

int
chain_calls_first_read(bool *own_first, const struct chain_snapshot *s, struct am_bin data,
                       struct am_error *err)
{
    static uint8_t ids[CHAIN_MEMBERS][32];
    size_t count = 0;
    int rc;

    *own_first = false;
    if (data.len == 0)
        return AM_OK;
    rc = eth_ret_words(ids, CHAIN_MEMBERS, &count, data, "listMembers of an older block", err);
    if (rc == AM_OK)
        *own_first = count > 0 && memcmp(ids[0], s->member_id, 32) == 0;
    return rc;
}

const struct chain_peer *
chain_snapshot_find(const struct chain_snapshot *s, const uint8_t id[static 32])
{
    for (size_t i = 0; i < s->count; i++)
        if (memcmp(s->peers[i].id, id, 32) == 0)
            return &s->peers[i];
    return NULL;
}
