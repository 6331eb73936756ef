/*  am_secret -- locked, zeroed, undumped memory, and proof that it is locked.
 *
 *  sodium_malloc hides a failing mlock, so locking is done and checked here.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_SECRET_H
#define AM_SECRET_H

#include "am_err.h"

#include <stddef.h>
#include <stdint.h>

#define AM_SECRET_LOCK_MIN (256u * 1024u) /* bytes that must be lockable before a start */

/* Make the process undumpable, forbid core files, and check that 256 KiB can be locked.
 * Returns: AM_OK, or AM_FAILED_PRECONDITION with the limit that stands in the way */
int am_secret_init(struct am_error *err) AM_MUST_CHECK;

/* Zeroed memory that is locked and left out of cores; guard pages on both sides.
 * Returns: memory owned by the caller, or NULL (locked memory ran out: err says so) */
void *am_secret_alloc(size_t len, struct am_error *err) AM_MUST_CHECK;

/* Wipe, unlock and unmap.  NULL is accepted.  *p becomes NULL. */
void am_secret_free(void **p);

/* Bytes of VmLck in /proc/self/status: what the kernel says, not what we think.  The file is opened
 * at the first call and stays open; a child that was forked later would read its parent's. */
int am_secret_locked(uint64_t *bytes, struct am_error *err) AM_MUST_CHECK;

#endif
