/*  am_declassify -- the place where bytes that were made from a secret become public.
 *
 *  In a service it does nothing.  The constant-time tests link one of their own, which tells
 *  memcheck that it may be branched on these bytes from here on.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_DECLASSIFY_H
#define AM_DECLASSIFY_H

#include <stddef.h>

/* In: p, len   a public key, a signature, or the answer to a question whose answer is no secret */
void am_declassify(const void *p, size_t len);

#endif
