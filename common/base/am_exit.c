/*  am_exit -- the exit codes of what no retry mends, with what an operator can do about each.  */
#include "am_exit.h"

#include <stddef.h>

const char *
am_exit_advice(int code)
{
    switch (code) {
#define AM_EXIT_CASE(n, name, what, todo)                                                          \
    case n:                                                                                        \
        return what ": " todo;
        AM_EXIT_LIST(AM_EXIT_CASE)
#undef AM_EXIT_CASE
    default:
        return NULL;
    }
}
