/*  bus_msgpack -- MessagePack one token at a time: bounded, strict, without memory of its own.
 *
 *  Believes no length: nothing is announced that the remaining bytes could not hold.
 *
 *  Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_MSGPACK_H
#define BUS_MSGPACK_H

#include "../common/base/am_bytes.h"

enum bus_mp_type {
    BUS_MP_BAD, /* truncated, reserved (c1), or not the shortest form */
    BUS_MP_NIL,
    BUS_MP_BOOL,
    BUS_MP_UINT,
    BUS_MP_NEGATIVE,
    BUS_MP_FLOAT,
    BUS_MP_STR,
    BUS_MP_BIN,
    BUS_MP_EXT,
    BUS_MP_ARRAY,
    BUS_MP_MAP,
};

struct bus_mp_token {
    enum bus_mp_type type;
    uint64_t n;       /* value of BOOL and UINT, bytes of STR, BIN and EXT, elements or pairs */
    const uint8_t *p; /* STR, BIN: borrowed from the input */
};

struct bus_mp_in {
    const uint8_t *p, *end;
};

/* Read one token; of an ARRAY or MAP the head only.  BUS_MP_BAD leaves the input where it was. */
struct bus_mp_token bus_mp_get(struct bus_mp_in *in);

/* Step over one whole value of any depth.  false: it is not well-formed. */
bool bus_mp_skip(struct bus_mp_in *in);

struct bus_mp_out {
    uint8_t *p;
    size_t cap, len;
    bool full; /* something did not fit: nothing after it was written */
};

/* Write in the shortest form. */
void bus_mp_uint(struct bus_mp_out *out, uint64_t v);
void bus_mp_bool(struct bus_mp_out *out, bool v);
void bus_mp_str(struct bus_mp_out *out, const char *p, size_t len);
void bus_mp_bin(struct bus_mp_out *out, const uint8_t *p, size_t len);
void bus_mp_array(struct bus_mp_out *out, size_t n);
void bus_mp_map(struct bus_mp_out *out, size_t n);

/* "an array", for errors.  Static text. */
const char *bus_mp_name(enum bus_mp_type type);

#endif
