/*  ix_file -- indexer-cursor.v1 on disk: taken once by an empty store, written behind the store.
 *
 *  A file that is there and cannot be taken fails closed, as in v1's newest reader.  With an empty
 *  store nothing is read then: without INDEXER_START_BLOCK reading would begin at the head, and
 *  what happened since the last handled event would be lost without a word.  A store that has a
 *  cursor of its own goes on from there.  In both cases the file stays as it is (in a folder that
 *  was mixed up it is another node's), indexer.cursor says why, and once somebody has removed it
 *  the next look goes on.
 *
 *  Source:  protocol page 3.4; the rule for our store: ours
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef IX_FILE_H
#define IX_FILE_H

#include "ix_resume.h"
#include "ix_store.h"

#define IX_FILE_APART_MS 5000 /* between writes: what a kill leaves out is only read again */

struct ix_file {
    const char *dir;     /* borrowed */
    bool there, refused; /* there: at is what it says; refused: reason says why */
    struct ix_owner owner;
    struct ix_position at;
    int64_t due_ms;
    char reason[AM_ERROR_TEXT];
};

/* Choose where reading begins, and keep that in the store, so that a kill does not choose again.
 * In:      store  opened; with a cursor of its own the file decides nothing
 *          start  INDEXER_START_BLOCK, 0 unset
 *          head   of the first view
 * Out:     cursor
 * Returns: AM_OK; what the file is refused for, above; what the store says */
int ix_file_begin(struct ix_file *file, struct ix_cursor *cursor, struct ix_store *store,
                  uint64_t start, uint64_t head, struct am_error *err) AM_MUST_CHECK;

/* All of a block is stored.  Written at most every IX_FILE_APART_MS, unless `now`. */
void ix_file_moved(struct ix_file *file, uint64_t block, bool now);

#endif
