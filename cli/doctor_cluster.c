/*  doctor_cluster -- asks the member contract and its cluster.  */
#include "../common/eth/eth_call.h"
#include "../common/eth/eth_ret.h"
#include "doctor_world.h"

#include <string.h>

#define CALL_MAX 16384u
#define ANSWER_MAX 16384u

/* cluster() of the member, then its record there. */
static int
ask_member(struct doctor_world *w, struct doctor_seen_member *seen)
{
    struct eth_member record;
    uint8_t data[64], ret[256];
    struct eth_buf buf = ETH_BUF(data);
    size_t len;
    int r;

    if ((r = eth_call_none(&buf, ETH_FN_cluster, &seen->err)) != AM_OK ||
        (r = doctor_view(w, ret, sizeof ret, &len, seen->member, eth_bin(&buf), &seen->err)) !=
            AM_OK ||
        (r = eth_ret_address(seen->cluster, am_bin_of(ret, len), "cluster()", &seen->err)) !=
            AM_OK ||
        am_is_zero(seen->cluster, 20))
        return r;
    buf.len = 0;
    if ((r = eth_call_address(&buf, ETH_FN_memberOf, seen->member, &seen->err)) != AM_OK ||
        (r = doctor_view(w, ret, sizeof ret, &len, seen->cluster, eth_bin(&buf), &seen->err)) !=
            AM_OK ||
        (r = eth_ret_member(&record, am_bin_of(ret, len), "memberOf()", &seen->err)) != AM_OK)
        return r;
    seen->registered = !am_is_zero(record.contract, 20);
    memcpy(w->wg_pub, record.wg_pub, 32);
    return AM_OK;
}

/* facetAddress of every function, in one call. */
static int
ask_facets(struct doctor_world *w, struct doctor_seen_facets *seen)
{
    static uint8_t inner[DOCTOR_FACETS_MAX * 36], data[CALL_MAX], ret[ANSWER_MAX];
    static struct eth_call3 calls[DOCTOR_FACETS_MAX];
    struct eth_result results[DOCTOR_FACETS_MAX];
    struct eth_buf in = ETH_BUF(inner), out = ETH_BUF(data);
    size_t count = doctor_facet_count(), len, from;
    int r = AM_OK;

    for (size_t i = 0; r == AM_OK && i < count; i++) {
        from = in.len;
        r = eth_call_facet_address(&in, (enum eth_fn)doctor_facet_fn(i), &seen->err);
        memcpy(calls[i].target, w->cluster, 20);
        calls[i].allow_failure = false;
        calls[i].call_data = am_bin_of(inner + from, in.len - from);
    }
    if (r != AM_OK || (r = eth_call_aggregate3(&out, calls, count, &seen->err)) != AM_OK ||
        (r = doctor_view(w, ret, sizeof ret, &len, w->s.multicall, eth_bin(&out), &seen->err)) !=
            AM_OK ||
        (r = eth_ret_aggregate3(results, count, am_bin_of(ret, len), "aggregate3", &seen->err)) !=
            AM_OK)
        return r;
    for (size_t i = 0; r == AM_OK && i < count; i++)
        r = eth_ret_address(seen->facet[i], results[i].data, "facetAddress()", &seen->err);
    return r;
}

static int
ask_root(struct doctor_world *w, bool *allowed, struct am_error *err)
{
    uint8_t data[64], ret[64];
    struct eth_buf buf = ETH_BUF(data);
    size_t len;
    int r;

    if ((r = eth_call_address(&buf, ETH_FN_allowedKmsRoots, w->root, err)) != AM_OK ||
        (r = doctor_view(w, ret, sizeof ret, &len, w->cluster, eth_bin(&buf), err)) != AM_OK)
        return r;
    return eth_ret_bool(allowed, am_bin_of(ret, len), "allowedKmsRoots()", err);
}

void
doctor_ask_cluster(struct doctor_world *w)
{
    struct doctor_seen_member member = {.known = w->member_known};
    static struct doctor_seen_facets facets; /* one doctor a process */
    struct am_error err = {0};
    bool allowed = false;

    if (doctor_may_ask(&w->report, DOCTOR_MEMBER)) {
        memcpy(member.member, w->member, 20);
        if (member.known)
            (void)ask_member(w, &member);
        doctor_judge_member(&w->report, &member);
        memcpy(w->cluster, member.cluster, 20);
        w->registered = member.registered;
    }
    if (doctor_may_ask(&w->report, DOCTOR_FACETS)) {
        (void)ask_facets(w, &facets);
        doctor_judge_facets(&w->report, &facets);
    }
    if (doctor_may_ask(&w->report, DOCTOR_KMS_ROOT)) {
        (void)ask_root(w, &allowed, &err);
        doctor_judge_root(&w->report, &err, w->root, allowed);
    }
}
