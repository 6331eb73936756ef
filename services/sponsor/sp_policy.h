/*  sp_policy -- pure: who gets free gas: v1's checks in v1's order, over facts that may be unknown.
 *
 *  One check is stricter than v1's: the target must be the sender's own cluster, not just
 *  any.  Source: protocol page 7.2, 7.3
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_POLICY_H
#define SP_POLICY_H

#include "../../common/base/am_bytes.h"

#define SP_CLUSTERS_MAX 11 /* as many as a setting holds */

/* name, the text on the wire */
#define SP_REASONS(X)                                                                              \
    X(APPROVED, "approved")                                                                        \
    X(BAD_TOKEN, "bad-token")                                                                      \
    X(CHAIN_MISMATCH, "chain-mismatch")                                                            \
    X(NOT_CLUSTER_MEMBER, "not-cluster-member")                                                    \
    X(RPC_FAILURE, "rpc-failure")                                                                  \
    X(OUTER_SELECTOR, "outer-selector-not-execute")                                                \
    X(VALUE_NONZERO, "value-nonzero")                                                              \
    X(INNER_SELECTOR, "inner-selector-not-allowed")                                                \
    X(TARGET, "target-not-our-cluster")                                                            \
    X(SENDER_CAP, "sender-daily-cap")                                                              \
    X(CLUSTER_CAP, "cluster-daily-cap")                                                            \
    X(INTERNAL, "internal-error")

enum sp_reason {
#define X(name, text) SP_##name,
    SP_REASONS(X)
#undef X
        SP_REASON_COUNT,
    SP_WAITS = SP_REASON_COUNT /* a fact is missing: no decision yet */
};

const char *sp_reason_text(enum sp_reason reason);

/* What the chain is asked, once for each subject. */
#define SP_FACTS(X)                                                                                \
    X(CLUSTER_OF, "cluster")         /* sender.cluster(): has one, and which */                    \
    X(DEPLOYED, "isDeployedCluster") /* cluster is of a canonical factory */                       \
    X(APP_ALLOWED, "allowedAppIds")  /* cluster lists the sender's app id ("Path A") */            \
    X(OUR_MEMBER, "isOurMember")     /* sender is of the canonical member factory */               \
    X(RIGHT_CHAIN, "eth_chainId")    /* the RPC serves our chain */

enum sp_fact {
#define X(name, text) SP_##name,
    SP_FACTS(X)
#undef X
        SP_FACT_COUNT
};

/* UNKNOWN: the question failed.  It is no answer, is never kept, and never becomes a no. */
enum sp_truth { SP_UNASKED, SP_YES, SP_NO, SP_UNKNOWN };

struct sp_facts {
    enum sp_truth is[SP_FACT_COUNT];
    uint8_t cluster[20]; /* when is[SP_CLUSTER_OF] is SP_YES */
};

struct sp_rules {
    uint64_t chain_id;
    uint64_t sender_ops, cluster_ops; /* a UTC day; 0: no cap */
    uint64_t cluster_gwei;            /* what operations of a day may cost at most; 0: no cap */
    uint8_t clusters[SP_CLUSTERS_MAX][20]; /* the only ones that are served */
    size_t cluster_count;                  /* 0: every one of a canonical factory */
};

/* Whether a cluster of a canonical factory is one that is served. */
bool sp_policy_serves(const struct sp_rules *rules, const uint8_t cluster[static 20]);

struct sp_ask {
    bool token; /* the right one came, or the request was authenticated in another way */
    bool chain_given;
    uint64_t chain_id;
    uint8_t sender[20];
    struct am_bin call_data; /* borrowed */
};

/* Judge as far as the facts reach.
 *
 * Out:     need  when SP_WAITS is returned: the fact to look up; of the sender, and of
 *                facts->cluster where the fact is about a cluster
 * Returns: SP_APPROVED (but for the caps), the first reason to deny, or SP_WAITS */
enum sp_reason sp_policy_judge(enum sp_fact *need, const struct sp_rules *rules,
                               const struct sp_ask *ask, const struct sp_facts *facts);

struct sp_spent { /* this UTC day */
    uint64_t sender_ops, cluster_ops, cluster_gwei;
};

/* The last check.  gwei: the most that this operation can cost the paymaster; 0 when another pays.
 * Returns: SP_APPROVED, SP_SENDER_CAP, SP_CLUSTER_CAP */
enum sp_reason sp_policy_cap(const struct sp_rules *rules, const struct sp_spent *spent,
                             uint64_t gwei);

#endif
