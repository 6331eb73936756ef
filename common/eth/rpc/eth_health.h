/*  eth_health -- how well one provider has answered, and which of several is asked next.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_HEALTH_H
#define ETH_HEALTH_H

#include "../../base/am_bytes.h"

#define ETH_HEALTH_FAIL_MS 2000    /* a failure counts like so much latency, once for each .. */
#define ETH_HEALTH_FORGET_MS 60000 /* .. for so long after the last one */
#define ETH_HEALTH_BEHIND 3        /* blocks; a provider that is further behind is as one failing */

struct eth_health {    /* zero: never asked */
    double latency_ms; /* moving average of answers */
    unsigned failures; /* since the last answer */
    int64_t failed_ms; /* when; monotonic */
    int64_t quiet_ms;  /* it said to wait until then; monotonic */
    uint64_t head;     /* newest block that it has named */
    bool removed;      /* it is of another chain */
};

void eth_health_answered(struct eth_health *h, int64_t took_ms);
void eth_health_failed(struct eth_health *h, int64_t now_ms);

/* Which of count to ask: the best one, and the one that was asked last unless another is clearly
 * better.  In: last  index, or count; tried  bit set: not that one again
 * Returns: an index, or count when there is none */
size_t eth_health_choose(const struct eth_health *h, size_t count, size_t last, uint32_t tried,
                         int64_t now_ms);

#endif
