/*  chain_head -- whether a block that the RPC calls newest may follow what was already published.
 */
#include "chain_head.h"

#include <string.h>

/* The newest block that we know at or below a height; count when there is none. */
static size_t
at_or_below(const struct chain_head *h, uint64_t number)
{
    for (size_t i = h->count; i > 0; i--)
        if (h->block[i - 1].number <= number)
            return i - 1;
    return h->count;
}

enum chain_head_verdict
chain_head_judge(const struct chain_head *h, uint64_t number, const uint8_t hash[static 32],
                 uint64_t *ask)
{
    size_t i;

    *ask = 0;
    if (h->count == 0 || number > h->block[h->count - 1].number)
        return CHAIN_HEAD_NEW;
    i = at_or_below(h, number);
    if (i == h->count) /* below all that we know: nothing speaks for a reorg */
        return CHAIN_HEAD_BEHIND;
    if (h->block[i].number < number) {
        *ask = h->block[i].number;
        return CHAIN_HEAD_ASK;
    }
    if (memcmp(h->block[i].hash, hash, 32) != 0)
        return CHAIN_HEAD_REORG;
    return i + 1 == h->count ? CHAIN_HEAD_SAME : CHAIN_HEAD_BEHIND;
}

enum chain_head_verdict
chain_head_answer(const struct chain_head *h, uint64_t asked, const uint8_t hash[static 32])
{
    size_t i = at_or_below(h, asked);

    if (i == h->count || h->block[i].number != asked)
        return CHAIN_HEAD_BEHIND;
    return memcmp(h->block[i].hash, hash, 32) == 0 ? CHAIN_HEAD_BEHIND : CHAIN_HEAD_REORG;
}

void
chain_head_push(struct chain_head *h, uint64_t number, const uint8_t hash[static 32])
{
    while (h->count > 0 && h->block[h->count - 1].number >= number)
        h->count--;
    if (h->count == CHAIN_HEAD_KEPT) {
        memmove(&h->block[0], &h->block[1], (CHAIN_HEAD_KEPT - 1) * sizeof h->block[0]);
        h->count--;
    }
    h->block[h->count].number = number;
    memcpy(h->block[h->count].hash, hash, 32);
    h->count++;
}
