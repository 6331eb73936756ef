/*  sp_bucket -- pure: how much may still be asked: so many in a day, a twentieth of them at once.
 */
#include "sp_bucket.h"

#define DAY_S 86400
#define DAY_MS (DAY_S * 1000)

static uint64_t
size_of(const struct sp_bucket *b)
{
    uint64_t size = b->per_day / 20;

    return (size > 0 ? size : 1) * 1000;
}

struct sp_bucket
sp_bucket_of(uint64_t per_day, int64_t now_ms)
{
    struct sp_bucket b = {.per_day = per_day, .at_ms = now_ms};

    b.thousands = size_of(&b);
    return b;
}

bool
sp_bucket_take(struct sp_bucket *b, int64_t now_ms)
{
    uint64_t passed = now_ms - b->at_ms < DAY_MS ? (uint64_t)(now_ms - b->at_ms) : DAY_MS;
    uint64_t gained = passed * b->per_day / DAY_S, size = size_of(b);

    if (gained > 0) { /* else what has passed goes on counting */
        b->thousands = b->thousands + gained < size ? b->thousands + gained : size;
        b->at_ms = now_ms;
    }
    if (b->thousands < 1000)
        return false;
    b->thousands -= 1000;
    return true;
}
