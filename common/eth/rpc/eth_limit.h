/*  eth_limit -- what a provider means by "limit exceeded", and how many blocks it takes at once.
 *
 *  Error -32005 (EIP-1474) means too many requests at one provider and too many results at the
 *  next; others use codes of their own.  Text and HTTP status together tell.
 *
 *  Pure.  Source: EIP-1474; the error texts of public providers, as tests/unit/test_eth_limit.c
 *  lists them
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_LIMIT_H
#define ETH_LIMIT_H

#include "../../base/am_bytes.h"

enum eth_limit_kind {
    ETH_LIMIT_NONE,
    ETH_LIMIT_RATE,    /* too many requests: wait */
    ETH_LIMIT_RANGE,   /* too many blocks: ask for fewer */
    ETH_LIMIT_RESULTS, /* too many results, too large, too slow to find: ask for fewer blocks */
};

/* In:      method  of the request
 *          status  HTTP status
 *          code    of the error object; 0: there was none
 *          text    the provider's words */
enum eth_limit_kind eth_limit_of(const char *method, int status, int64_t code, const char *text);

/* How many blocks the words allow ("limited to a 10,000 range", "up to a 2K block range"); 0: they
 * do not say. */
uint64_t eth_limit_told(const char *text);

struct eth_range { /* zero: nothing is known */
    uint64_t take; /* blocks to ask for at most; 0: as many as one likes */
    uint64_t told; /* never more than that; 0: nobody said */
};

/* An answer to a request for `asked` blocks: it was refused (RANGE, RESULTS) or taken. */
void eth_range_refused(struct eth_range *r, uint64_t asked, const char *text);
void eth_range_taken(struct eth_range *r, uint64_t asked);
/* How many to ask for who wants so many; at least 1. */
uint64_t eth_range_of(const struct eth_range *r, uint64_t wanted);

#endif
