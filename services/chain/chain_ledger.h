/*  chain_ledger -- operations on disk, durable before anybody is asked to pay.
 *
 *  A cache all the same: the file may vanish at any time, then getNonce and the view decide.
 *  A file of another member, cluster or form, or a damaged one, is set aside and begun anew.
 *
 *  Threads: the loop's; a write waits for the disk (SQLite, WAL off, synchronous FULL).
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_LEDGER_H
#define CHAIN_LEDGER_H

#include "chain_budget.h"

#define CHAIN_CALL_DATA 24576

struct chain_ledger;

/* Open <dir>/ledger.sqlite, mode 0600, for one member of one cluster on one chain.
 * Returns: AM_OK, AM_FAILED_PRECONDITION (folder or file cannot be used; says which) */
int chain_ledger_open(struct chain_ledger **ledger, const char *dir, uint64_t chain_id,
                      const uint8_t cluster[static 20], const uint8_t member[static 20],
                      struct am_error *err) AM_MUST_CHECK;
void chain_ledger_close(struct chain_ledger **ledger);

/* Write one row and wait until it is on disk.  call_data: len 0 keeps what the row has.
 * Returns: AM_OK, AM_INTERNAL (SQLite's words) */
int chain_ledger_save(struct chain_ledger *ledger, const struct chain_work *w,
                      struct am_bin call_data, struct am_error *err) AM_MUST_CHECK;

/* Each row, newest first, at most `max`.  call_data is borrowed for the call.
 * In:      touched  wall ms of the row's newest change
 * Returns: AM_OK, AM_INTERNAL */
typedef void chain_ledger_fn(void *arg, const struct chain_work *w, struct am_bin call_data,
                             int64_t touched);
int chain_ledger_each(struct chain_ledger *ledger, size_t max, chain_ledger_fn *fn, void *arg,
                      struct am_error *err) AM_MUST_CHECK;

/* What was spent of a purpose today, durable; and all of it, after a start.
 * Returns: AM_OK, AM_INTERNAL */
int chain_ledger_spend(struct chain_ledger *ledger, const struct chain_budget *b,
                       enum chain_purpose purpose, struct am_error *err) AM_MUST_CHECK;
int chain_ledger_spent(struct chain_ledger *ledger, struct chain_budget *b,
                       struct am_error *err) AM_MUST_CHECK;

#endif
