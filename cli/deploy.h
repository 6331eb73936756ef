/*  deploy -- put AttestMesh on a chain: infrastructure, a cluster, its members.
 *
 *  Every contract but the paymaster goes through the deterministic deployment proxy, so its address
 *  follows from its code: a second run finds the first one's contracts and sends nothing.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DEPLOY_H
#define DEPLOY_H

#include "cli_tx.h"

/* What a deployment consists of, in the order in which it is made. */
#define DEPLOY_CONTRACTS(X)                                                                        \
    X(entry_point)                                                                                 \
    X(multicall3)                                                                                  \
    X(paymaster)                                                                                   \
    X(member_implementation)                                                                       \
    X(member_factory)                                                                              \
    X(diamond_init)                                                                                \
    X(attest_facet)                                                                                \
    X(message_facet)                                                                               \
    X(network_facet)                                                                               \
    X(dstack_facet)                                                                                \
    X(cluster_factory)                                                                             \
    X(indexer_registry)                                                                            \
    X(cluster)

struct deployment {
#define DEPLOY_FIELD(name) uint8_t name[20];
    DEPLOY_CONTRACTS(DEPLOY_FIELD)
#undef DEPLOY_FIELD
    uint64_t start_block; /* before the cluster existed: where an indexer begins */
};

/* One finished step, for a screen or a log.  receipt is NULL when the contract was already there.
 */
typedef void deploy_step_fn(void *arg, const char *name, const uint8_t address[20],
                            const struct cli_receipt *receipt);

struct deploy {
    struct cli_tx *tx;     /* borrowed; its key becomes owner of everything */
    const char *artifacts; /* folder of our contracts' artifacts */
    const char *aa;        /* folder of @account-abstraction/contracts' artifacts */
    deploy_step_fn *step;  /* may be NULL */
    void *arg;
};

/* EntryPoint v0.7, Multicall3, VerifyingPaymaster (10 ether deposited), and the factories.
 *
 * Out:     d       addresses; a paymaster that d already names is kept when it has code
 * In:      signer  the paymaster's verifyingSigner
 * Returns: AM_OK, AM_NOT_FOUND (an artifact, or the deployment proxy is not on this chain),
 *          AM_FAILED_PRECONDITION (EntryPoint has other code than v0.7), or a failed transaction
 * Source:  protocol page 0.2, 1.5; EIP-1014 */
int deploy_infra(const struct deploy *how, struct deployment *d, const uint8_t signer[static 20],
                 struct am_error *err) AM_MUST_CHECK;

struct deploy_cluster_options {
    uint8_t kms_root[20], compose_hash[32], salt[32];
    uint32_t cidr_ip; /* host order */
    uint8_t cidr_prefix;
};

/* A cluster owned, in both roles, by the sender. Any device; TCB not required. */
int deploy_cluster(const struct deploy *how, struct deployment *d,
                   const struct deploy_cluster_options *options,
                   struct am_error *err) AM_MUST_CHECK;

/* A member contract: its address is the node's dstack app id. */
int deploy_member(const struct deploy *how, const struct deployment *d, uint8_t member[static 20],
                  const uint8_t salt[static 32], struct am_error *err) AM_MUST_CHECK;

/* The receipt: {"entry_point": "0x...", ..., "start_block": n}. */
int deployment_write(const struct deployment *d, const char *path,
                     struct am_error *err) AM_MUST_CHECK;
int deployment_read(struct deployment *d, const char *path, struct am_error *err) AM_MUST_CHECK;

#endif
