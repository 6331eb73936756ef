/*  sp_bucket -- pure: how much may still be asked: so many in a day, a twentieth of them at once.
 *
 *  Clock: the caller's, monotonic.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_BUCKET_H
#define SP_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct sp_bucket {
    uint64_t per_day;   /* at most 2^32 - 1 */
    uint64_t thousands; /* of one: what is in it, times 1000 */
    int64_t at_ms;
};

/* A full one. */
struct sp_bucket sp_bucket_of(uint64_t per_day, int64_t now_ms);

/* Take one out.  Returns: false when there is none */
bool sp_bucket_take(struct sp_bucket *bucket, int64_t now_ms);

#endif
