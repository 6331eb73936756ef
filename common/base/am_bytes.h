/*  am_bytes -- borrowed bytes, hex, and big-endian numbers.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_BYTES_H
#define AM_BYTES_H

#include "am_err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct am_bin { /* borrowed: valid as long as what it points into */
    const uint8_t *p;
    size_t len;
};

struct am_str { /* borrowed text, not NUL-terminated, may be empty */
    const char *p;
    size_t len;
};

#define AM_BIN(array) ((struct am_bin){(array), sizeof(array)})

struct am_bin am_bin_of(const void *p, size_t len);
struct am_str am_str_of(const char *nul_terminated);
bool am_bin_eq(struct am_bin a, struct am_bin b); /* public data only: leaves early */
bool am_str_eq(struct am_str a, const char *b);
/* NUL-terminated copy, cut at cap - 1 bytes. */
void am_str_copy(char *out, size_t cap, struct am_str s);
bool am_is_zero(const uint8_t *p, size_t len); /* public data only */

/* Write lower-case hex and a NUL.  out: 2 * len + 1 bytes. */
void am_hex(char *out, const uint8_t *p, size_t len);

/* Decode hex into exactly `len` bytes.
 *
 * In:      text    exactly 2 * len digits of either case, after an optional "0x"
 *          what    names the boundary and the field in the error, e.g. "/Info app_id"
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (odd, short, long, or a byte that is no digit); out is
 *          all zero then
 */
int am_unhex(uint8_t *out, size_t len, struct am_str text, const char *what,
             struct am_error *err) AM_MUST_CHECK;

/* The same for 0..cap bytes; *out_len receives how many. */
int am_unhex_some(uint8_t *out, size_t cap, size_t *out_len, struct am_str text, const char *what,
                  struct am_error *err) AM_MUST_CHECK;

/* Decode the hex of a secret without a branch or an index that depends on it.
 *
 * In:      text    as above; its length is public
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (length, or a byte that is no digit: not said which); out
 *          is all zero then
 */
int am_unhex_secret(uint8_t *out, size_t len, struct am_str text, const char *what,
                    struct am_error *err) AM_MUST_CHECK;

void am_be16(uint8_t out[static 2], uint16_t v);
void am_be32(uint8_t out[static 4], uint32_t v);
void am_be64(uint8_t out[static 8], uint64_t v);
uint16_t am_rd16(const uint8_t p[static 2]);
uint32_t am_rd32(const uint8_t p[static 4]);
uint64_t am_rd64(const uint8_t p[static 8]);

#endif
