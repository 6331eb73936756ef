/*  am_compose -- is an app-compose file in the form whose hash every tool agrees on?
 *
 *  dstack hashes the bytes of the file.  Its SDKs hash a canonical form, and the two are the same
 *  only for a file that was written in it: no blank outside strings, keys in order, the shortest
 *  escapes, UTF-8 as it is.
 *
 *  Pure.
 *
 *  Source: dstack page 5
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_COMPOSE_H
#define AM_COMPOSE_H

#include "../base/am_bytes.h"

/* Returns: AM_OK
 *          AM_FAILED_PRECONDITION  JSON, but another form: where it first differs, and how
 *          AM_INVALID_ARGUMENT     no JSON object: where it ends being one
 *          AM_OUT_OF_RANGE         nested deeper than 64
 *          AM_UNIMPLEMENTED        a key with an escape or beyond ASCII: its order is not judged */
int am_compose_canonical(struct am_bin file, struct am_error *err) AM_MUST_CHECK;

#endif
