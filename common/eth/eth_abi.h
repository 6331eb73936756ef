/*  eth_abi -- write and read Solidity ABI encodings.
 *
 *  The writer appends to the caller's memory and remembers the first overflow.  The reader takes
 *  the one canonical encoding only: offsets where solc puts them, zero padding, no byte more.
 *  Both are sticky: call freely, ask once at the end.
 *
 *  Source: https://docs.soliditylang.org/en/v0.8.24/abi-spec.html
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_ABI_H
#define ETH_ABI_H

#include "eth_word.h"

/* Writer.  Of a tuple write the head first: static members as words, a hole for each dynamic
 * one; then, in order, fill each hole and write what it points to. */
struct eth_enc {
    struct eth_buf *out;
    size_t base; /* where offsets of this tuple count from */
    bool full;   /* out->cap was not enough */
};
void eth_enc_start(struct eth_enc *e, struct eth_buf *out);     /* offsets count from out->len */
void eth_enc_bin(struct eth_enc *e, const void *p, size_t len); /* raw, unpadded */
void eth_enc_word(struct eth_enc *e, const uint8_t word[static 32]);
void eth_enc_u64(struct eth_enc *e, uint64_t v);
void eth_enc_bool(struct eth_enc *e, bool v);
void eth_enc_address(struct eth_enc *e, const uint8_t address[static 20]);
size_t eth_enc_hole(struct eth_enc *e);                       /* an offset, filled later */
void eth_enc_fill(struct eth_enc *e, size_t hole);            /* points to here */
void eth_enc_bytes(struct eth_enc *e, struct am_bin b);       /* length, bytes, padding */
void eth_enc_enter(struct eth_enc *inner, struct eth_enc *e); /* a tuple begins here */
void eth_enc_leave(struct eth_enc *e, const struct eth_enc *inner);
/* Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (out->cap); out->len is then what it was at start */
int eth_enc_end(struct eth_enc *e, size_t start_len, const char *what,
                struct am_error *err) AM_MUST_CHECK;

/* Reader of one tuple: `head` words in its head, in order. */
struct eth_dec {
    const uint8_t *p;
    size_t len, head; /* bytes there are; bytes of head */
    size_t at, next;  /* the next head word; where the next dynamic member must start */
    const char *what; /* names the boundary in errors */
    int rc;           /* sticky, enum am_err */
    struct am_error *err;
};
void eth_dec_start(struct eth_dec *d, struct am_bin b, size_t head_words, const char *what,
                   struct am_error *err);
void eth_dec_word(struct eth_dec *d, uint8_t out[static 32]); /* zero on failure, as all below */
void eth_dec_u64(struct eth_dec *d, uint64_t max, uint64_t *out);
void eth_dec_bool(struct eth_dec *d, bool *out);
void eth_dec_address(struct eth_dec *d, uint8_t out[static 20]);
void eth_dec_fixed(struct eth_dec *d, uint8_t *out, size_t len); /* bytesN: left-aligned */
void eth_dec_bytes(struct eth_dec *d, struct am_bin *out);       /* bytes or string; borrowed */
void eth_dec_enter(struct eth_dec *inner, struct eth_dec *d, size_t head_words); /* dyn. tuple */
/* An array: *count elements of `words` head words each (1 for a dynamic element type). */
void eth_dec_array(struct eth_dec *inner, struct eth_dec *d, size_t words, size_t max,
                   size_t *count);
void eth_dec_leave(struct eth_dec *d, const struct eth_dec *inner);
/* Returns: AM_OK, or AM_INVALID_ARGUMENT: too short, trailing bytes, an offset or padding that
 *          the canonical encoding does not have, a value out of range */
int eth_dec_end(struct eth_dec *d) AM_MUST_CHECK;

#endif
