/*  mesh_ask -- pure: when to repeat a question that is safe to repeat
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_ASK_H
#define MESH_ASK_H

#include <stdbool.h>
#include <stdint.h>

#define MESH_ASK_FIRST_MS 250  /* after the first failure; doubles */
#define MESH_ASK_CAP_MS 2000   /* nobody answers: somebody is restarting */
#define MESH_ASK_SLOW_MS 30000 /* the answer was no, and may have cost money */
#define MESH_ASK_AGAIN_MS 2000 /* taken, but the effect is not seen yet */

struct mesh_ask {
    bool busy;         /* in flight */
    unsigned failures; /* in a row */
    int64_t due_ms;
};

enum mesh_answer { MESH_TAKEN, MESH_ABSENT_SERVER, MESH_REFUSED };

static inline bool
mesh_ask_due(const struct mesh_ask *a, int64_t now)
{
    return !a->busy && now >= a->due_ms;
}

/* Note an answer and choose the next moment.
 * In:  jitter  a random number of -200..200 thousandths; the delay stays within its bounds */
void mesh_ask_end(struct mesh_ask *a, enum mesh_answer answer, int64_t now, int jitter);

#endif
