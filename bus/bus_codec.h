/*  bus_codec -- MessagePack by the token; any message to bytes, back, and to JSON, by its rows.
 *
 *  Believes no length, has no memory of its own, writes and takes the shortest form alone.
 *
 *  Source: https://github.com/msgpack/msgpack/blob/master/spec.md
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_CODEC_H
#define BUS_CODEC_H

#include "bus_schema.h"

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
    uint64_t n;    /* value of BOOL and UINT, bytes of STR, BIN and EXT, elements or pairs */
    const void *p; /* borrowed: bytes of STR, BIN and EXT */
};

struct bus_mp_in {
    const uint8_t *p, *end;
};

struct bus_mp_out {
    uint8_t *p;
    size_t cap, len;
    bool full; /* something did not fit: nothing after it was written */
};

/* Read one token; of an ARRAY or MAP the head only.  BUS_MP_BAD leaves the input where it was. */
struct bus_mp_token bus_mp_get(struct bus_mp_in *in);

/* Step over one whole value of any depth.  false: it is not well-formed. */
bool bus_mp_skip(struct bus_mp_in *in);

/* Write a BOOL, UINT, STR or BIN, or the head of an ARRAY or MAP. */
void bus_mp_put(struct bus_mp_out *out, struct bus_mp_token token);

/* Encode.  message: the struct of row; NULL if it has no fields.
 * Returns: AM_OK, or AM_OUT_OF_RANGE naming the field that breaks its limit, or the message when
 *          cap is too small; *len is 0 then */
int bus_encode(const struct bus_row *row, const void *message, uint8_t *out, size_t cap,
               size_t *len, struct am_error *err) AM_MUST_CHECK;

/* Decode, strictly.  Unknown keys are ignored; all else that is not exactly right is refused.
 * Out:     message   the struct of row, borrowing from bytes; all zero unless AM_OK
 * In:      key_only  only the first field is asked for: a retraction
 * Returns: AM_OK; AM_INVALID_ARGUMENT (malformed, missing, twice, wrong type, trailing) or
 *          AM_OUT_OF_RANGE (a limit of the .def), naming the field */
int bus_decode(const struct bus_row *row, bool key_only, void *message, struct am_bin bytes,
               struct am_error *err) AM_MUST_CHECK;

/* Does a field of it, or of an element of it, carry SECRET? */
bool bus_is_secret(const struct bus_row *row);

/* A field's value; of an array n is the count and p its first element. */
struct bus_mp_token bus_value(const struct bus_row *field, const void *message);

struct bus_text {
    char *p; /* NUL-terminated after the first print */
    size_t cap, len;
    bool full; /* something did not fit: nothing after it was written */
};

void bus_text(struct bus_text *t, const char *fmt, ...) AM_PRINTF(2, 3);

/* A JSON string, escaped to ASCII. */
void bus_text_string(struct bus_text *t, struct am_str s);

/* A message as one line of JSON for eyes: bins in hex and shortened, SECRET as "<secret 80>"; what
 * does not fit is said, not cut silently.  Needs 256 bytes; leaves room for one to close the line.
 */
void bus_text_message(struct bus_text *t, const struct bus_row *row, bool key_only,
                      const void *message);

#endif
