/*  chain_pace -- how soon the chain is looked at again: often while something is awaited, else
 *  seldom.  */
#include "chain_pace.h"

bool
chain_pace_idle(const struct chain_pace *p, int64_t now_ms)
{
    return p->settled && !p->operation && p->viewed && p->deep && now_ms >= p->hurry_ms;
}

bool
chain_pace_glance(const struct chain_pace *p, int64_t now_ms)
{
    return chain_pace_idle(p, now_ms) && p->glances < CHAIN_PACE_WHOLE;
}

bool
chain_pace_fresh(const struct chain_pace *p, int64_t poll_ms, int64_t now_ms)
{
    int64_t old = 3 * poll_ms > CHAIN_PACE_FRESH_MS ? 3 * poll_ms : CHAIN_PACE_FRESH_MS;

    return now_ms - p->view_ms <= old;
}

void
chain_pace_hurry(struct chain_pace *p, int64_t now_ms, int64_t ms)
{
    if (p->hurry_ms < now_ms + ms)
        p->hurry_ms = now_ms + ms;
}
