/*  mesh_ask -- pure: when to repeat a question that is safe to repeat  */
#include "mesh_ask.h"

void
mesh_ask_end(struct mesh_ask *a, enum mesh_answer answer, int64_t now, int jitter)
{
    int64_t cap = answer == MESH_REFUSED ? MESH_ASK_SLOW_MS : MESH_ASK_CAP_MS;
    int64_t wait = MESH_ASK_FIRST_MS;

    a->busy = false;
    if (answer == MESH_TAKEN) {
        a->failures = 0;
        a->due_ms = now + MESH_ASK_AGAIN_MS;
        return;
    }
    for (unsigned i = 0; i < a->failures && wait < cap; i++)
        wait *= 2;
    a->failures++;
    wait += wait * jitter / 1000;
    if (wait > cap)
        wait = cap;
    if (wait < MESH_ASK_FIRST_MS)
        wait = MESH_ASK_FIRST_MS;
    a->due_ms = now + wait;
}
