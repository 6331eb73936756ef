/*  sp_cache -- what the chain has said, for as long as it may be believed: a yes long, a no short.
 *
 *  Bounded.  Yes and no have tables of their own, so that a flood of strangers, each of whom is a
 *  no, can displace no member.  Within a full set of a table the entry goes that would end first:
 *  that costs a question to the chain, nothing else.
 *
 *  Clock: the caller's, monotonic.  Memory only: a denial writes nothing to disk.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_CACHE_H
#define SP_CACHE_H

#include "sp_policy.h"

#define SP_CACHE_YES 8192 /* entries */
#define SP_CACHE_NO 4096

struct sp_subject { /* what a fact is about; what does not matter to it is zero */
    enum sp_fact fact;
    uint8_t cluster[20], account[20];
};

struct sp_cache;

/* In:      secret  places entries: who does not know it cannot aim at a set
 *          yes_ms, no_ms  how long an answer is kept
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED */
int sp_cache_open(struct sp_cache **cache, const uint8_t secret[static 16], int64_t yes_ms,
                  int64_t no_ms, struct am_error *err) AM_MUST_CHECK;
void sp_cache_close(struct sp_cache **cache);

/* Out:     value  of a yes
 * Returns: SP_YES, SP_NO, or SP_UNASKED */
enum sp_truth sp_cache_get(struct sp_cache *cache, uint8_t value[static 20],
                           const struct sp_subject *subject, int64_t now_ms);

/* Keep a yes or a no.  max_ms: not longer than that, whatever the table's age is. */
void sp_cache_put(struct sp_cache *cache, const struct sp_subject *subject, enum sp_truth truth,
                  const uint8_t value[static 20], int64_t now_ms, int64_t max_ms);

/* Writes so far, of yes and of no: what the metrics show. */
uint64_t sp_cache_written(const struct sp_cache *cache, enum sp_truth truth);

#endif
