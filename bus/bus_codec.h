/*  bus_codec -- any message to bytes, back, and to JSON for eyes, by its table rows.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_CODEC_H
#define BUS_CODEC_H

#include "../common/base/am_text.h"
#include "../common/wire/am_msgpack.h"
#include "bus_schema.h"

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

/* If a field of it, or of an element of it, carries SECRET: zero the struct and what it was read
 * from, a frame, which is ours until it is closed. */
void bus_wipe(const struct bus_row *row, void *message, struct am_bin bytes);

/* A field's value; of an array n is the count and p its first element. */
struct am_mp_token bus_value(const struct bus_row *field, const void *message);

/* A message as one line of JSON for eyes: bins in hex and shortened, SECRET as "<secret 80>"; what
 * does not fit is said.  Needs 256 bytes; leaves room for one more, to close the line. */
void bus_print(struct am_text *t, const struct bus_row *row, bool key_only, const void *message);

#endif
