/*  am_once -- the one-time key that a secret is sealed to.
 *
 *  Both halves live in locked memory; a pair serves one exchange and is wiped with it.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_ONCE_H
#define AM_ONCE_H

#include "../base/am_bytes.h"

struct am_once; /* a one-time X25519 pair */

/* Make a pair.  *public borrows 32 bytes from it: the request's reply_to.
 * Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (no memory could be locked) */
int am_once_make(struct am_once **once, struct am_bin *public, struct am_error *err) AM_MUST_CHECK;

/* Open a sealed reply.
 * Out:     secret  locked, len bytes, owned by the caller (am_secret_free); NULL unless AM_OK
 * In:      sealed  crypto_box_SEALBYTES (48) + len bytes
 * Returns: AM_OK, AM_OUT_OF_RANGE (another length), AM_INVALID_ARGUMENT (not sealed to this pair),
 *          AM_RESOURCE_EXHAUSTED */
int am_once_open(struct am_once *once, void **secret, size_t len, struct am_bin sealed,
                 struct am_error *err) AM_MUST_CHECK;

void am_once_free(struct am_once **once); /* NULL is accepted; wipes */

#endif
