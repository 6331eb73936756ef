/*  sp_policy -- pure: who gets free gas: v1's checks in v1's order, over facts that may be unknown.
 */
#include "sp_policy.h"

#include "../../common/eth/eth_call.h"

#include <string.h>

/* What may be called on the own cluster: v1's 18, and addAllowedAppId, so that a cluster whose
 * owner is one of its members can admit a stock dstack app. */
static const enum eth_fn allowed[] = {
    ETH_FN_dstack_register,
    ETH_FN_publishWgKey,
    ETH_FN_publishEd25519Key,
    ETH_FN_send,
    ETH_FN_setCskCommitment,
    ETH_FN_transferClusterOwnership,
    ETH_FN_acceptClusterOwnership,
    ETH_FN_transferBothOwners,
    ETH_FN_acceptBothOwners,
    ETH_FN_acceptOwnership,
    ETH_FN_addComposeHash,
    ETH_FN_removeComposeHash,
    ETH_FN_addDevice,
    ETH_FN_removeDevice,
    ETH_FN_setAllowAnyDevice,
    ETH_FN_setRequireTcbUpToDate,
    ETH_FN_addAllowedKmsRoot,
    ETH_FN_removeAllowedKmsRoot,
    ETH_FN_addAllowedAppId,
};

struct judged {
    const struct sp_rules *rules;
    const struct sp_ask *ask;
    const struct sp_facts *facts;
    struct eth_execute call; /* from the outer selector on */
    enum sp_fact need;
};

const char *
sp_reason_text(enum sp_reason reason)
{
    static const char *const texts[] = {
#define X(name, text) text,
        SP_REASONS(X)
#undef X
    };

    return reason < SP_REASON_COUNT ? texts[reason] : "undecided";
}

static enum sp_reason
token(struct judged *j)
{
    return j->ask->token ? SP_APPROVED : SP_BAD_TOKEN;
}

static enum sp_reason
chain(struct judged *j)
{
    return j->ask->chain_given && j->ask->chain_id == j->rules->chain_id ? SP_APPROVED
                                                                         : SP_CHAIN_MISMATCH;
}

/* A fact as a step: unasked waits, unknown denies as rpc-failure.  true: *truth is yes or no. */
static bool
known(struct judged *j, enum sp_fact fact, bool *yes, enum sp_reason *otherwise)
{
    enum sp_truth truth = j->facts->is[fact];

    *yes = truth == SP_YES;
    if (truth == SP_YES || truth == SP_NO)
        return true;
    j->need = fact;
    *otherwise = truth == SP_UNASKED ? SP_WAITS : SP_RPC_FAILURE;
    return false;
}

/* An app id that its cluster lists comes first: that is how most senders are members, so the common
 * case is a yes, which is kept for long.  The factory, asked first, would say no of each of them,
 * and a no is kept for minutes. */
static enum sp_reason
sender(struct judged *j)
{
    enum sp_reason otherwise = SP_APPROVED;
    bool has, deployed, listed, ours;

    if (!known(j, SP_CLUSTER_OF, &has, &otherwise))
        return otherwise;
    if (has) {
        if (!known(j, SP_DEPLOYED, &deployed, &otherwise))
            return otherwise;
        if (deployed) {
            if (!known(j, SP_APP_ALLOWED, &listed, &otherwise))
                return otherwise;
            if (listed)
                return SP_APPROVED;
        }
    }
    if (!known(j, SP_OUR_MEMBER, &ours, &otherwise))
        return otherwise;
    return ours ? SP_APPROVED : SP_NOT_CLUSTER_MEMBER;
}

static enum sp_reason
outer_selector(struct judged *j)
{
    struct am_error err = {0};

    return eth_parse_execute(&j->call, j->ask->call_data, &err) == AM_OK ? SP_APPROVED
                                                                         : SP_OUTER_SELECTOR;
}

static enum sp_reason
value(struct judged *j)
{
    return am_is_zero(j->call.value, 32) ? SP_APPROVED : SP_VALUE_NONZERO;
}

static enum sp_reason
inner_selector(struct judged *j)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (eth_fn_of(j->call.inner) == allowed[i])
            return SP_APPROVED;
    return SP_INNER_SELECTOR;
}

bool
sp_policy_serves(const struct sp_rules *rules, const uint8_t cluster[static 20])
{
    for (size_t i = 0; i < rules->cluster_count; i++)
        if (memcmp(rules->clusters[i], cluster, 20) == 0)
            return true;
    return rules->cluster_count == 0;
}

static enum sp_reason
target(struct judged *j)
{
    enum sp_reason otherwise = SP_APPROVED;
    bool has, deployed;

    if (!known(j, SP_CLUSTER_OF, &has, &otherwise))
        return otherwise;
    if (!has || memcmp(j->call.target, j->facts->cluster, 20) != 0 ||
        !sp_policy_serves(j->rules, j->facts->cluster))
        return SP_TARGET;
    if (!known(j, SP_DEPLOYED, &deployed, &otherwise))
        return otherwise;
    return deployed ? SP_APPROVED : SP_TARGET;
}

enum sp_reason
sp_policy_judge(enum sp_fact *need, const struct sp_rules *rules, const struct sp_ask *ask,
                const struct sp_facts *facts)
{
    static enum sp_reason (*const checks[])(struct judged *) = {
        token, chain, sender, outer_selector, value, inner_selector, target,
    };
    struct judged j = {.rules = rules, .ask = ask, .facts = facts};
    enum sp_reason reason = SP_APPROVED;

    for (size_t i = 0; reason == SP_APPROVED && i < sizeof checks / sizeof *checks; i++)
        reason = checks[i](&j);
    *need = j.need;
    return reason;
}

enum sp_reason
sp_policy_cap(const struct sp_rules *rules, const struct sp_spent *spent, uint64_t gwei)
{
    if (rules->sender_ops != 0 && spent->sender_ops >= rules->sender_ops)
        return SP_SENDER_CAP;
    if (rules->cluster_ops != 0 && spent->cluster_ops >= rules->cluster_ops)
        return SP_CLUSTER_CAP;
    if (rules->cluster_gwei != 0 && (spent->cluster_gwei >= rules->cluster_gwei ||
                                     gwei > rules->cluster_gwei - spent->cluster_gwei))
        return SP_CLUSTER_CAP;
    return SP_APPROVED;
}
