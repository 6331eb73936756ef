/*  eth_health -- how well one provider has answered, and which of several is asked next.  */
#include "eth_health.h"

#define SLACK_MS 50. /* a provider must be so much faster, and twice as fast, to be changed to */
#define FAILURES_MAX 30

void
eth_health_answered(struct eth_health *h, int64_t took_ms)
{
    double took = (double)took_ms;

    h->latency_ms = h->latency_ms == 0 ? took : h->latency_ms * 7 / 8 + took / 8;
    h->failures = 0;
}

void
eth_health_failed(struct eth_health *h, int64_t now_ms)
{
    if (h->failures < FAILURES_MAX)
        h->failures++;
    h->failed_ms = now_ms;
}

static double
score(const struct eth_health *h, uint64_t head, int64_t now_ms)
{
    double s = h->latency_ms;

    if (h->failures > 0 && now_ms - h->failed_ms < ETH_HEALTH_FORGET_MS)
        s += (double)h->failures * ETH_HEALTH_FAIL_MS;
    if (h->head > 0 && h->head + ETH_HEALTH_BEHIND < head)
        s += ETH_HEALTH_FAIL_MS;
    if (h->quiet_ms > now_ms) /* last of all, the one that may be asked soonest first */
        s += 1e9 + (double)(h->quiet_ms - now_ms);
    return s;
}

size_t
eth_health_choose(const struct eth_health *h, size_t count, size_t last, uint32_t tried,
                  int64_t now_ms)
{
    size_t best = count;
    uint64_t head = 0;

    for (size_t i = 0; i < count; i++)
        if (!h[i].removed && h[i].head > head)
            head = h[i].head;
    for (size_t i = 0; i < count; i++) {
        if (h[i].removed || (tried >> i & 1) != 0)
            continue;
        if (best == count || score(&h[i], head, now_ms) < score(&h[best], head, now_ms))
            best = i;
    }
    if (best < count && last < count && !h[last].removed && (tried >> last & 1) == 0 &&
        score(&h[last], head, now_ms) <= 2 * score(&h[best], head, now_ms) + SLACK_MS)
        return last;
    return best;
}
