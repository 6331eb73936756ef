/*  am_clock -- two clocks that never mix.  */
#include "am_clock.h"

#include <time.h>

static int64_t
read_ms(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts); /* cannot fail for these two ids */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
am_mono_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t
am_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}
