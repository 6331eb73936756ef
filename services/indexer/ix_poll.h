/*  ix_poll -- read the cluster's logs from a start block to the head that chain's facts name.
 *
 *  The head comes from chain, so nothing is asked while no block came.  A head of chain.view is
 *  read with three questions: the logs, the hash of the last block, and the hash of the block that
 *  was read last; another one is a reorg, and 64 blocks are read again.
 *  A head that chain only glanced at (nothing is awaited) is read with one: the logs, the last 64
 *  blocks once more among them.  When one that is stored is not in that answer the chain went
 *  another way, or the provider is behind: the three questions decide before anything is forgotten.
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
    bool glanced; /* head is newer than chain.view */
    struct ix_cursor cursor;
    uint64_t since;        /* first block that this process has read itself; 0: none yet */
    uint64_t again;        /* what is stored from here on is in doubt; 0: nothing */
    struct ix_range asked; /* of the request in flight */
    bool busy;
    void (*moved)(void *arg, int code, const struct am_error *err); /* cursor moved, or why not */
    void *arg;
};

/* Ask for the next range when there is one and nothing is in flight.  Calls moved, later, once for
 * each request; the caller polls again on the next head, or at once while it is behind. */
void ix_poll_step(struct ix_poll *poll);

#endif
