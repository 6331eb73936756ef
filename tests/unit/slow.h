/*  slow -- how much longer a test waits where every program is slower, as under memcheck.
 *
 *  ATTESTMESH_TEST_SLOW is the factor, 1 when it is not set.  It is for limits that a test sets,
 * and for deadlines that it hands to the code under test; what the product fixes stays as it is.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SLOW_H
#define SLOW_H

#include <stdlib.h>

static inline int
slow_factor(void)
{
    const char *text = getenv("ATTESTMESH_TEST_SLOW");
    int factor = text != NULL ? atoi(text) : 1;

    return factor > 1 ? factor : 1;
}

#endif
