/*  am_declassify -- the place where bytes that were made from a secret become public.  */
#include "am_declassify.h"

void
am_declassify(const void *p, size_t len)
{
    (void)p, (void)len;
}
