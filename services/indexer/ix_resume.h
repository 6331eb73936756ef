/*  ix_resume -- pure: indexer-cursor.v1, and from which block reading goes on.
 *
 *  The file holds what a v1 node would not handle again.  Our store reads whole blocks, so what is
 *  written is "all of this block" (log index 2^64 - 1, v1's checkpoint).
 *
 *  Source:  protocol page 3.4, 3.6
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef IX_RESUME_H
#define IX_RESUME_H

#include "../../common/base/am_bytes.h"

#define IX_RESUME_FILE "indexer-cursor.v1"
#define IX_RESUME_BYTES 69
#define IX_RESUME_AHEAD 64 /* blocks: so far may our RPC be behind the one that v1 had */

struct ix_position { /* handled, and everything before it */
    uint64_t block, log_index;
};

struct ix_owner { /* whose file it is */
    uint8_t cluster[20], member_id[32];
};

void ix_resume_encode(uint8_t out[static IX_RESUME_BYTES], const struct ix_owner *owner,
                      struct ix_position at);

/* Out:     at  zero on failure
 * Returns: AM_OK; AM_INVALID_ARGUMENT (not 69 bytes, or another version);
 *          AM_FAILED_PRECONDITION (of another cluster or member) */
int ix_resume_decode(struct ix_position *at, struct am_bin file, const struct ix_owner *owner,
                     struct am_error *err) AM_MUST_CHECK;

/* The last block that need not be read: a block of which a part was handled is read again.
 * Returns: AM_OK; AM_FAILED_PRECONDITION (more than IX_RESUME_AHEAD blocks ahead of the head: from
 *          there nothing would ever be read) */
int ix_resume_block(uint64_t *block, struct ix_position at, uint64_t head,
                    struct am_error *err) AM_MUST_CHECK;

/* Whether having stored all of a block is news: a position is never moved back, because what was
 * handled once is not to be handled again. */
bool ix_resume_moves(struct ix_position at, uint64_t block);

#endif
