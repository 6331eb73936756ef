/*  eth_rlp -- Recursive Length Prefix: sizes, a writer, and a strict reader.
 *
 *  The reader takes the shortest form only.  Pure; allocates nothing.
 *
 *  Source: Ethereum yellow paper, appendix B
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_RLP_H
#define ETH_RLP_H

#include "eth_word.h"

/* Encoded size of a byte string / of the list whose items take payload_len bytes in all. */
size_t eth_rlp_bytes_size(struct am_bin b);
size_t eth_rlp_list_size(size_t payload_len);

/* A big-endian number without its leading zeros, as RLP wants integers. */
struct am_bin eth_rlp_uint(const uint8_t *p, size_t len);

/* Append.  Returns: AM_OK, or AM_RESOURCE_EXHAUSTED (out->cap; out as before) */
int eth_rlp_bytes(struct eth_buf *out, struct am_bin b, struct am_error *err) AM_MUST_CHECK;
int eth_rlp_list(struct eth_buf *out, size_t payload_len, struct am_error *err) AM_MUST_CHECK;

/* Take the next item off the front of *in.
 *
 * Out:     item    its payload, borrowed; list   whether it is a list
 * Returns: AM_OK, or AM_INVALID_ARGUMENT: nothing left, truncated, a longer form than needed,
 *          a length that does not fit
 */
int eth_rlp_next(struct am_bin *item, bool *list, struct am_bin *in,
                 struct am_error *err) AM_MUST_CHECK;

#endif
