/*  ix_store -- the events on disk: a cache that may be lost, never the truth.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef IX_STORE_H
#define IX_STORE_H

#include "ix_log.h"

struct ix_store;

struct ix_cursor {
    bool set; /* false: nothing has been read yet */
    uint64_t block;
    uint8_t hash[32]; /* of that block, for noticing a reorg */
};

/* Open <dir>/events.sqlite.  A file that is of another cluster or cannot be read is deleted and
 * begun anew: everything in it is on chain.
 * Returns: AM_OK, AM_FAILED_PRECONDITION (the folder cannot be written) */
int ix_store_open(struct ix_store **store, const char *dir, const uint8_t cluster[static 20],
                  struct am_error *err) AM_MUST_CHECK;
void ix_store_close(struct ix_store **store);

/* Whether one was there, and was begun anew. */
bool ix_store_renewed(const struct ix_store *store);

int ix_store_cursor(struct ix_store *store, struct ix_cursor *cursor,
                    struct am_error *err) AM_MUST_CHECK;
int ix_store_count(struct ix_store *store, uint64_t *count, struct am_error *err) AM_MUST_CHECK;

/* Events and cursor in one transaction: all or nothing.  An event that is already there stays.
 * Returns: AM_OK, AM_OUT_OF_RANGE (a position above 2^63 - 1), AM_DATA_LOSS with SQLite's words */
int ix_store_append(struct ix_store *store, const struct ix_log *logs, size_t count,
                    const struct ix_cursor *cursor, struct am_error *err) AM_MUST_CHECK;

/* Forget everything after a block; the cursor's hash is unknown then.  Errors: as above. */
int ix_store_rewind(struct ix_store *store, uint64_t block, struct am_error *err) AM_MUST_CHECK;

/* Events after a position, in order.
 * In:      topic0  32 bytes or NULL
 *          fn      called for each; log is borrowed; returns false to stop
 * Returns: AM_OK, AM_DATA_LOSS (SQLite's words, or a row that is no event) */
typedef bool ix_store_fn(void *arg, const struct ix_log *log);
int ix_store_after(struct ix_store *store, uint64_t block, uint64_t log_index,
                   const uint8_t *topic0, ix_store_fn *fn, void *arg,
                   struct am_error *err) AM_MUST_CHECK;

#endif
