/*  chain_glance -- has the cluster changed since a view?  One call at the newest block answers.
 *
 *  Multicall3 tells the number of the block it runs in and the hash of the one before; the two
 *  rounds of a view lie inside the same call, so all of it is of one block.  Multicall3 cannot tell
 *  the hash of the block it runs in, so a glance never makes a view: it only says whether a view
 *  must be read.  Of a cluster with more than CHAIN_CHUNK members one chunk is looked at, in turn.
 *
 *  Where block.number is another chain's (Arbitrum) every glance asks for a view, which is right
 *  and not cheap.
 *
 *  Pure.  Source: https://www.multicall3.com (blockhash(block.number) is zero)
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_GLANCE_H
#define CHAIN_GLANCE_H

#include "chain_calls.h"

#define CHAIN_GLANCE_CALL_DATA 81920

struct chain_glance {
    uint64_t number; /* of the block that answered */
    bool changed;    /* the view is not what the chain says now */
};

/* In:      last       the view
 *          multicall  address of Multicall3
 *          kms_root   NULL, or the root to ask about
 *          turn       which chunk of the members: any number
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (out->cap; CHAIN_GLANCE_CALL_DATA is enough) */
int chain_glance_call(struct eth_buf *out, const struct chain_snapshot *last,
                      const uint8_t multicall[static 20], const uint8_t *kms_root, unsigned turn,
                      struct am_error *err) AM_MUST_CHECK;

/* Out:     scratch  overwritten
 * Returns: AM_OK, or as chain_calls_cluster_read */
int chain_glance_read(struct chain_glance *out, struct chain_snapshot *scratch,
                      const struct chain_snapshot *last, const uint8_t *kms_root, unsigned turn,
                      struct am_bin data, struct am_error *err) AM_MUST_CHECK;

#endif
