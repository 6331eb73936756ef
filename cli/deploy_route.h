/*  deploy_route -- is what answers at a sponsor's public route this sponsor.
 *
 *  Trust:   the answer is hostile; what it is measured by was read from the chain.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DEPLOY_ROUTE_H
#define DEPLOY_ROUTE_H

#include "../common/base/am_bytes.h"

/* What the chain and the deployment say; signer is VerifyingPaymaster.verifyingSigner(). */
struct deploy_route {
    uint64_t chain_id;
    uint8_t entry_point[20], paymaster[20], member_factory[20], cluster[20], signer[20];
    uint8_t nonce[32]; /* drawn for this question: an old answer proves nothing */
};

/* Judge the answer to GET /identity?nonce=.  Pure.
 *
 * In:      status  of HTTP
 *          body    as it came
 * Returns: AM_OK, AM_FAILED_PRECONDITION (another service, chain, contract, factory or cluster),
 *          AM_UNAUTHENTICATED (not signed by the signer); the error quotes the answer's beginning
 *
 * The list of clusters is optional and not part of what is signed: it can refuse, never prove. */
int deploy_route_judge(const struct deploy_route *expected, int status, struct am_bin body,
                       struct am_error *err) AM_MUST_CHECK;

#endif
