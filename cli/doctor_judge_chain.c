/*  doctor_judge_chain -- the RPC provider, and the contracts behind it.  */
#include "../common/eth/eth_op.h"
#include "../common/eth/eth_table.h"
#include "../common/eth/eth_word.h"
#include "doctor_judge.h"

#include <stdio.h>
#include <string.h>

typedef unsigned long long number;

static const struct {
    enum eth_fn fn;
    const char *facet;
    bool cut; /* by a later cut: a cluster can live without */
} facets[] = {
#define FACET(fn, facet) {ETH_FN_##fn, facet, false},
#define FACET_CUT(fn, facet) {ETH_FN_##fn, facet, true},
#include "doctor_facets.def"
};
#define FACETS (sizeof facets / sizeof facets[0])
_Static_assert(FACETS <= DOCTOR_FACETS_MAX, "doctor_seen_facets has room");

void
doctor_judge_chain_id(struct doctor_report *r, const struct am_error *err, uint64_t seen,
                      uint64_t expected)
{
    struct doctor_line *line = &r->lines[DOCTOR_RPC_CHAIN_ID];

    doctor_expect(line, "chain id %llu", (number)expected);
    if (err->code != AM_OK)
        doctor_bad(r, DOCTOR_RPC_CHAIN_ID, "%s", err->text);
    else if (seen != expected)
        doctor_bad(r, DOCTOR_RPC_CHAIN_ID, "chain id %llu", (number)seen);
    else
        doctor_ok(line, "%llu", (number)seen);
}

static void
judge_clock(struct doctor_report *r, const struct doctor_seen_head *seen, int64_t age, bool moves)
{
    struct doctor_line *line = &r->lines[DOCTOR_CLOCK];

    if (age < -DOCTOR_SKEW_S)
        doctor_bad(r, DOCTOR_CLOCK, "block %llu is %lld s in our future: our clock is behind",
                   (number)seen->number, (long long)-age);
    else if (age > DOCTOR_HEAD_AGE_S && moves)
        doctor_bad(r, DOCTOR_CLOCK, "new blocks are %lld s old: our clock is ahead",
                   (long long)age);
    else if (age > DOCTOR_HEAD_AGE_S)
        doctor_skip(line, "a head that old says nothing of our clock");
    else
        doctor_ok(line, "at most %lld s from block %llu", (long long)(age < 0 ? -age : age),
                  (number)seen->number);
}

void
doctor_judge_head(struct doctor_report *r, const struct doctor_seen_head *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_RPC_HEAD];
    /* A provider's number may be anything; an age is small or it is nonsense. */
    int64_t time_s = seen->time_s > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)seen->time_s;
    int64_t age = seen->now_s - time_s;
    bool moves = seen->later_number > seen->number;

    if (seen->err.code != AM_OK) {
        doctor_bad(r, DOCTOR_RPC_HEAD, "%s", seen->err.text);
        doctor_skip(&r->lines[DOCTOR_CLOCK], "no head to hold our clock against");
        return;
    }
    if (seen->later_number < seen->number)
        doctor_bad(r, DOCTOR_RPC_HEAD, "block %llu, then block %llu: the head went back",
                   (number)seen->number, (number)seen->later_number);
    else if (age > DOCTOR_HEAD_AGE_S && !moves)
        doctor_bad(r, DOCTOR_RPC_HEAD, "block %llu is %lld s old and does not move",
                   (number)seen->number, (long long)age);
    else
        doctor_ok(line, "block %llu, %lld s old%s", (number)seen->number,
                  (long long)(age > 0 ? age : 0), moves ? ", moving" : "");
    judge_clock(r, seen, age, moves);
}

void
doctor_judge_range(struct doctor_report *r, const struct doctor_seen_range *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_RPC_RANGE];

    doctor_expect(line, "eth_getLogs over %llu blocks", (number)seen->asked);
    if (seen->err.code == AM_OK)
        doctor_ok(line, "taken");
    else if (seen->took == 0)
        doctor_bad(r, DOCTOR_RPC_RANGE, "not even one block: %s", seen->err.text);
    else
        doctor_bad(r, DOCTOR_RPC_RANGE, "%llu blocks are taken; %s", (number)seen->took,
                   seen->err.text);
}

void
doctor_judge_archive(struct doctor_report *r, const struct doctor_seen_archive *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_RPC_ARCHIVE];

    doctor_expect(line, "eth_getCode at block %llu", (number)seen->block);
    if (seen->err.code == AM_OK)
        doctor_ok(line, "answered, %llu blocks back", (number)(seen->head - seen->block));
    else if (seen->reached == 0)
        doctor_bad(r, DOCTOR_RPC_ARCHIVE, "no state but the newest: %s", seen->err.text);
    else
        doctor_bad(r, DOCTOR_RPC_ARCHIVE, "state back to block %llu; before: %s",
                   (number)seen->reached, seen->err.text);
}

void
doctor_judge_entry_point(struct doctor_report *r, const struct doctor_seen_code *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_ENTRY_POINT];
    char address[ETH_ADDRESS_TEXT], hash[65], wanted[65];

    eth_address_text(address, seen->address);
    am_hex(hash, seen->hash, 32);
    am_hex(wanted, eth_entry_point_v07_code_hash, 32);
    doctor_expect(line, "EntryPoint v0.7, code hash 0x%.8s..", wanted);
    if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_ENTRY_POINT, "%s", seen->err.text);
    else if (seen->len == 0)
        doctor_bad(r, DOCTOR_ENTRY_POINT, "no code at %s", address);
    else if (memcmp(seen->hash, eth_entry_point_v07_code_hash, 32) != 0)
        doctor_bad(r, DOCTOR_ENTRY_POINT, "code hash 0x%s at %s", hash, address);
    else
        doctor_ok(line, "0x%.8s.. at %s", hash, address);
}

void
doctor_judge_multicall(struct doctor_report *r, const struct doctor_seen_code *seen)
{
    char address[ETH_ADDRESS_TEXT];

    eth_address_text(address, seen->address);
    if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_MULTICALL, "%s", seen->err.text);
    else if (seen->len == 0)
        doctor_bad(r, DOCTOR_MULTICALL, "no code at %s", address);
    else
        doctor_ok(&r->lines[DOCTOR_MULTICALL], "%zu bytes at %s", seen->len, address);
}

void
doctor_judge_member(struct doctor_report *r, const struct doctor_seen_member *seen)
{
    struct doctor_line *line = &r->lines[DOCTOR_MEMBER];
    char member[ETH_ADDRESS_TEXT], cluster[ETH_ADDRESS_TEXT];

    eth_address_text(member, seen->member);
    eth_address_text(cluster, seen->cluster);
    if (!seen->known)
        doctor_skip(line, "no MEMBER_CONTRACT, and no app id from the guest agent");
    else if (seen->err.code != AM_OK)
        doctor_bad(r, DOCTOR_MEMBER, "member %s: %s", member, seen->err.text);
    else if (am_is_zero(seen->cluster, 20))
        doctor_bad(r, DOCTOR_MEMBER, "member %s: cluster() is zero", member);
    else
        doctor_ok(line, "%s of cluster %s, %s", member, cluster,
                  seen->registered ? "registered" : "not registered yet");
}

size_t
doctor_facet_count(void)
{
    return FACETS;
}

int
doctor_facet_fn(size_t row)
{
    return (int)facets[row].fn;
}

void
doctor_judge_facets(struct doctor_report *r, const struct doctor_seen_facets *seen)
{
    char names[320] = "", cut[96] = "";
    size_t missing = 0, uncut = 0;

    if (seen->err.code != AM_OK) {
        doctor_bad(r, DOCTOR_FACETS, "%s", seen->err.text);
        return;
    }
    for (size_t i = 0; i < FACETS; i++) {
        char *to = facets[i].cut ? cut : names;
        size_t cap = facets[i].cut ? sizeof cut : sizeof names, len = strlen(to);

        if (!am_is_zero(seen->facet[i], 20))
            continue;
        *(facets[i].cut ? &uncut : &missing) += 1;
        snprintf(to + len, cap - len, "%s%s", len > 0 ? ", " : "", eth_fn_name(facets[i].fn));
    }
    if (missing > 0) {
        doctor_bad(r, DOCTOR_FACETS, "%zu of %zu absent: %s%s", missing, FACETS, names,
                   uncut > 0 ? "; and the Ed25519 cut" : "");
    } else if (uncut > 0) {
        doctor_warn(r, DOCTOR_FACETS, "the Ed25519 cut is absent: %s", cut);
        doctor_cause(&r->lines[DOCTOR_FACETS],
                     "a cluster of the v1 factory: heartbeat keys travel in envelopes until its "
                     "owner cuts publishEd25519Key and ed25519KeyOf");
    } else {
        doctor_ok(&r->lines[DOCTOR_FACETS], "all %zu functions, the Ed25519 cut too", FACETS);
    }
}

void
doctor_judge_root(struct doctor_report *r, const struct am_error *err,
                  const uint8_t root[static 20], bool allowed)
{
    char text[ETH_ADDRESS_TEXT];

    eth_address_text(text, root);
    if (err->code != AM_OK)
        doctor_bad(r, DOCTOR_KMS_ROOT, "%s", err->text);
    else if (!allowed)
        doctor_bad(r, DOCTOR_KMS_ROOT, "allowedKmsRoots(%s) is false", text);
    else
        doctor_ok(&r->lines[DOCTOR_KMS_ROOT], "%s is allowed", text);
}
