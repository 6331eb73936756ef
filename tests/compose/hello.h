/*  hello -- how long after its exec a container's service answers hello, as the operator's uid
 * asks.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef HELLO_H
#define HELLO_H

#include "machine.h"

struct hello {
    pid_t pid; /* of the process that looks */
    int result;
};

/* Begin to look for a new first process of a service's container.  old: the one that goes. */
int hello_begin(struct hello *h, const struct machine *m, enum unit u, pid_t old,
                struct am_error *err) AM_MUST_CHECK;

/* Wait for the answer.
 * Returns: milliseconds from exec to it; -1: none in 20 s */
int64_t hello_end(struct hello *h);

#endif
