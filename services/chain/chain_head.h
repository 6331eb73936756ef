/*  chain_head -- whether a block that the RPC calls newest may follow what was already published.
 *
 *  Providers answer from several machines, and one of them is a block behind.  An older block is
 *  taken only when the chain really went another way: another hash at a height that we know.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_HEAD_H
#define CHAIN_HEAD_H

#include "am_bytes.h"

#define CHAIN_HEAD_KEPT 64

struct chain_head {
    struct {
        uint64_t number;
        uint8_t hash[32];
    } block[CHAIN_HEAD_KEPT]; /* published ones, rising */
    size_t count;
};

enum chain_head_verdict {
    CHAIN_HEAD_NEW,    /* read it */
    CHAIN_HEAD_SAME,   /* nothing new */
    CHAIN_HEAD_BEHIND, /* older, of the same chain: wait */
    CHAIN_HEAD_REORG,  /* read it: what was published is no longer so */
    CHAIN_HEAD_ASK,    /* fetch the block of height *ask and come back with chain_head_answer */
};

enum chain_head_verdict chain_head_judge(const struct chain_head *h, uint64_t number,
                                         const uint8_t hash[static 32], uint64_t *ask);
/* hash: what the RPC holds at the height that was asked for. */
enum chain_head_verdict chain_head_answer(const struct chain_head *h, uint64_t asked,
                                          const uint8_t hash[static 32]);
/* A view of this block was published. */
void chain_head_push(struct chain_head *h, uint64_t number, const uint8_t hash[static 32]);

#endif
