/*  sp_store -- what was granted today, on disk: the counters of the caps, and the last decisions.
 *
 *  Grants of one turn of the loop share one commit.  No grant leaves before its commit has: a
 *  process that is killed at any moment has counted whatever it let out.  A denial writes nothing;
 *  the last decision on disk is therefore the last one that came with a grant.
 *
 *  Unlike a cache it is the truth: a file that cannot be read stops the start and stays as it is.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_STORE_H
#define SP_STORE_H

#include "sp_policy.h"

struct sp_store;

enum sp_last { SP_LAST_ANY, SP_LAST_PIMLICO, SP_LAST_COUNT };

/* Open <dir>/sponsor.sqlite, making the folder if it is absent; one process at a time.
 * Returns: AM_OK, AM_FAILED_PRECONDITION (cannot be opened, is in use, or is damaged: says which)
 */
int sp_store_open(struct sp_store **store, const char *dir, struct am_error *err) AM_MUST_CHECK;
void sp_store_close(struct sp_store **store); /* what is not committed is undone */

/* What was granted on a day (days since 1970, UTC), uncommitted grants included.
 * Returns: AM_OK, AM_DATA_LOSS with SQLite's words; zero then */
int sp_store_spent(struct sp_store *store, struct sp_spent *spent, uint64_t day,
                   const uint8_t sender[static 20], const uint8_t cluster[static 20],
                   struct am_error *err) AM_MUST_CHECK;

/* Count one grant; counts of days before yesterday are forgotten.  It holds after sp_store_commit.
 * Returns: AM_OK, AM_DATA_LOSS: the commit fails too then */
int sp_store_add(struct sp_store *store, uint64_t day, const uint8_t sender[static 20],
                 const uint8_t cluster[static 20], uint64_t gwei,
                 struct am_error *err) AM_MUST_CHECK;

/* Make all grants since the last commit durable, or none of them.
 * In:      last  texts of the last decisions, kept beside; NULL: stays as it is
 * Returns: AM_OK, AM_DATA_LOSS: all are undone */
int sp_store_commit(struct sp_store *store, const char *const last[static SP_LAST_COUNT],
                    struct am_error *err) AM_MUST_CHECK;

/* The kept text, to be freed by the caller; *text is NULL when there is none. */
int sp_store_last(struct sp_store *store, enum sp_last which, char **text,
                  struct am_error *err) AM_MUST_CHECK;

#endif
