/*  eth_word -- 256-bit words, JSON-RPC quantities, and addresses as text.
 *
 *  A word is uint8_t[32], big-endian.  Pure; allocates nothing.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_WORD_H
#define ETH_WORD_H

#include "../base/am_bytes.h"

#define ETH_WORD 32
#define ETH_QUANTITY_TEXT 67 /* "0x", 64 digits, NUL */
#define ETH_ADDRESS_TEXT 43  /* "0x", 40 digits, NUL */

/* Bytes that grow inside the caller's memory; builders append to it.  cap never changes. */
struct eth_buf {
    uint8_t *p;
    size_t cap, len;
};
#define ETH_BUF(array) ((struct eth_buf){(array), sizeof(array), 0})
struct am_bin eth_bin(const struct eth_buf *b);

void eth_word_u64(uint8_t out[static 32], uint64_t v);
void eth_word_address(uint8_t out[static 32], const uint8_t address[static 20]);
/* Returns: AM_OK, or AM_OUT_OF_RANGE (above 2^64 - 1; *v is 0) */
int eth_word_to_u64(uint64_t *v, const uint8_t word[static 32], const char *what,
                    struct am_error *err) AM_MUST_CHECK;
/* Returns: AM_OK, or AM_INVALID_ARGUMENT (the high 12 bytes are not zero) */
int eth_word_to_address(uint8_t out[static 20], const uint8_t word[static 32], const char *what,
                        struct am_error *err) AM_MUST_CHECK;
int eth_word_cmp(const uint8_t a[static 32], const uint8_t b[static 32]); /* <0, 0, >0 */
/* out = a + b; returns false and writes zero on overflow.  out may be a or b. */
bool eth_word_add(uint8_t out[static 32], const uint8_t a[static 32], const uint8_t b[static 32]);

/* Write a quantity: "0x" and the fewest lower-case digits, "0x0" for zero. */
void eth_quantity(char out[static ETH_QUANTITY_TEXT], const uint8_t word[static 32]);
void eth_quantity_u64(char out[static ETH_QUANTITY_TEXT], uint64_t v);

/* Read a quantity: "0x" and 1..64 digits of either case, no leading zero except in "0x0".
 * `what` names the boundary and the field, e.g. "eth_getBlockByNumber number".
 * Returns: AM_OK, AM_INVALID_ARGUMENT (shape), AM_OUT_OF_RANGE (does not fit); zero then */
int eth_quantity_read(uint8_t out[static 32], struct am_str text, const char *what,
                      struct am_error *err) AM_MUST_CHECK;
int eth_quantity_read_u64(uint64_t *out, struct am_str text, const char *what,
                          struct am_error *err) AM_MUST_CHECK;

/* Address text: "0x" and 40 digits.  eth_address_text writes EIP-55 case.  eth_address_read takes
 * all-lower and all-upper digits as they are, and mixed case only with the right checksum.
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (shape or checksum); zero then */
void eth_address_text(char out[static ETH_ADDRESS_TEXT], const uint8_t address[static 20]);
int eth_address_read(uint8_t out[static 20], struct am_str text, const char *what,
                     struct am_error *err) AM_MUST_CHECK;

#endif
