/*  am_msgpack -- MessagePack one token at a time: bounded, strict, without memory of its own.
 *
 *  Believes no length: nothing is announced that the remaining bytes could not hold.  Writes and
 *  takes the shortest form alone.
 *
 *  Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_MSGPACK_H
#define AM_MSGPACK_H

#include "../base/am_bytes.h"

enum am_mp_type {
    AM_MP_BAD, /* truncated, reserved (c1), or not the shortest form */
    AM_MP_NIL,
    AM_MP_BOOL,
    AM_MP_UINT,
    AM_MP_NEGATIVE,
    AM_MP_FLOAT,
    AM_MP_STR,
    AM_MP_BIN,
    AM_MP_EXT,
    AM_MP_ARRAY,
    AM_MP_MAP,
};

struct am_mp_token {
    enum am_mp_type type;
    uint64_t n;    /* value of BOOL and UINT, bytes of STR, BIN and EXT, elements or pairs */
    const void *p; /* borrowed: bytes of STR, BIN and EXT */
};

struct am_mp_in {
    const uint8_t *p, *end;
};

struct am_mp_out {
    uint8_t *p;
    size_t cap, len;
    bool full; /* something did not fit: nothing after it was written */
};

/* Read one token; of an ARRAY or MAP the head only.  AM_MP_BAD leaves the input where it was. */
struct am_mp_token am_mp_get(struct am_mp_in *in);

/* Step over one whole value of any depth.  false: it is not well-formed. */
bool am_mp_skip(struct am_mp_in *in);

/* Write a BOOL, UINT, STR or BIN, or the head of an ARRAY or MAP. */
void am_mp_put(struct am_mp_out *out, struct am_mp_token token);

/* "an array", for errors.  Static text. */
const char *am_mp_name(enum am_mp_type type);

#endif
