/*  ix_poll -- read the cluster's logs from a start block to the head that chain.view names.
 *
 *  The head comes from chain's fact, so nothing is asked while no block came.  Each request carries
 *  the hash of the block that was read last: another hash is a reorg, and 64 blocks are read again.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef IX_POLL_H
#define IX_POLL_H

#include "../../common/eth/rpc/eth_rpc.h"
#include "ix_store.h"

#define IX_REWIND 64

struct ix_poll {
    struct eth_rpc *rpc;    /* borrowed */
    struct ix_store *store; /* borrowed */
    uint8_t cluster[20];
    uint64_t head, batch;
    struct ix_cursor cursor;
    struct ix_range asked; /* of the request in flight */
    bool busy;
    void (*moved)(void *arg, int code, const struct am_error *err); /* cursor moved, or why not */
    void *arg;
};

/* Ask for the next range when there is one and nothing is in flight.  Calls moved, later, once for
 * each request; the caller polls again on the next head, or at once while it is behind. */
void ix_poll_step(struct ix_poll *poll);

#endif
