/*  sim_main -- many lives from many seeds; a red one prints its seed, and that seed alone runs
 * again
 *
 *  ATTESTMESH_SIM_SEEDS  how many (300)          ATTESTMESH_SIM_SEED  this one alone
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MS 60000
#define CALM_MS 60000

uint64_t
sim_random(struct sim *s, uint64_t below) /* splitmix64 */
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

bool
sim_faults(const struct sim *s, unsigned percent)
{
    return s->now < s->calm_at && sim_random((struct sim *)(uintptr_t)s, 100) < percent;
}

void
sim_check(const struct sim *s, bool holds, const char *what)
{
    if (holds)
        return;
    printf("FAILED seed=%llu at=%lldms nodes=%zu: %s\n", (unsigned long long)s->seed,
           (long long)s->now, s->count, what);
    for (size_t n = 0; n < s->count; n++) {
        const struct sim_node *o = &s->node[n];

        printf("  node %zu up=%d orphan=%d state=%d members=%zu held=%zu committed=%zu live=%d "
               "opened=%d healthy=%d\n",
               n, o->up, o->orphan, (int)o->member.state, o->view.count, o->held, o->view.committed,
               o->live, o->gate.opened, o->healthy);
    }
    exit(1);
}

void
sim_send(struct sim *s, const struct sim_message *m, int64_t delay)
{
    for (size_t i = 0; i < SIM_QUEUE; i++)
        if (s->queue[i].at == 0) {
            s->queue[i] = *m;
            s->queue[i].at = s->now + delay;
            return;
        }
    sim_check(s, false, "the simulator's own queue is full");
}

static void
deliver(struct sim *s)
{
    for (size_t i = 0; i < SIM_QUEUE; i++)
        if (s->queue[i].at != 0 && s->queue[i].at <= s->now) {
            struct sim_message m = s->queue[i];

            s->queue[i].at = 0;
            sim_node_take(s, &m);
        }
}

/* Die with everything, or as mesh alone: then keyagent still holds the key. */
static void
crash(struct sim *s, size_t n)
{
    struct sim_node *o = &s->node[n];
    struct sim_node fresh = {.life = o->life + 1, .back_at = s->now + (int64_t)sim_random(s, 5000)};

    if (sim_random(s, 2) == 0)
        fresh.held = o->held;
    *o = fresh;
}

static bool
is_whole(const struct sim *s)
{
    for (size_t n = 0; n < s->count; n++)
        if (!s->node[n].orphan && !(s->node[n].live && s->node[n].healthy))
            return false;
    return true;
}

static int64_t
run(struct sim *s, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->seed = s->random = seed;
    s->chain.height = SIM_KEPT;
    s->count = 3 + sim_random(s, SIM_NODES - 2);
    s->loss = (unsigned)sim_random(s, 60);
    s->calm_at = seed % 5 == 0 ? 0 : FAULTS_MS; /* every fifth life knows no fault */
    for (size_t n = 0; n < s->count; n++) {
        s->node[n].life = 1;
        s->node[n].back_at = 1 + (int64_t)sim_random(s, seed % 4 == 0 ? 20000 : 2000);
    }
    s->node[s->count - 1].orphan = sim_random(s, 3) == 0;
    s->dark_from = (int64_t)sim_random(s, FAULTS_MS);
    s->dark_to = s->dark_from + (int64_t)sim_random(s, FAULTS_MS - (uint64_t)s->dark_from);
    for (s->now = SIM_STEP_MS; s->now < s->calm_at + CALM_MS; s->now += SIM_STEP_MS) {
        if (s->now % 1000 == 0)
            sim_chain_step(s);
        if (s->now % 1000 == 0 && s->node[s->count - 1].orphan &&
            sim_head(s, SIM_CONFIRMATIONS)->count > 0)
            sim_chain_ask(s, SIM_REGISTER, s->count - 1); /* behind the originator */
        deliver(s);
        for (size_t n = 0; n < s->count; n++) {
            struct sim_node *o = &s->node[n];

            o->up = o->up || (!o->orphan && s->now >= o->back_at);
            if (o->up && s->now % 500 == 0 && sim_faults(s, 2))
                crash(s, n);
            else if (o->up)
                sim_node_step(s, n);
        }
        if (s->now > s->calm_at + 20000 && is_whole(s))
            return s->now - s->calm_at;
    }
    sim_check(s, false, "faults stopped, and the mesh did not become whole");
    return 0;
}

int
main(void)
{
    const char *many = getenv("ATTESTMESH_SIM_SEEDS"), *one = getenv("ATTESTMESH_SIM_SEED");
    uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 300;
    struct sim *s = calloc(1, sizeof *s);

    if (s == NULL || count == 0)
        return 1;
    for (uint64_t i = 0; i < count; i++)
        run(s, first + i);
    printf("%llu lives of 3 to %d nodes, every one whole in the end\n", (unsigned long long)count,
           SIM_NODES);
    free(s);
    return 0;
}
