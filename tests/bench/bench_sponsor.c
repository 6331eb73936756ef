/*  bench_sponsor -- how long the sponsor takes to decide when its answers are cached: 100
 * connections, 10,000 requests a round, p99 beside its limit.
 *
 *  Two loads: each connection asks 20 times a second, 2,000 in all, which is judged; and as fast as
 *  it goes, which says how many there can be (there 100 always wait, so that the time of one is the
 *  work of a hundred).  Other load on a machine only takes away, so of several rounds the best one
 *  counts.
 */
#include "../unit/sponsor_load.h"
#include "../unit/sponsor_world.h"

#include <signal.h>
#include <stdio.h>

#define ROUNDS 3
#define PAUSE_MS 50
#define LIMIT_MS 10.0

static struct load load;

/* Microseconds of the sponsor's thread: on a processor, and waiting for one that others had. */
static void
processor(double *ran, double *waited)
{
    char path[64];
    FILE *f;

    *ran = *waited = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)*spw_process);
    f = fopen(path, "re");
    cr_assert(f != NULL && fscanf(f, "%lf %lf", ran, waited) == 2);
    fclose(f);
    *ran /= 1e3;
    *waited /= 1e3;
}

static void
round_of(const char *what, unsigned pause_ms)
{
    double ran, waited, ran_before, waited_before;

    processor(&ran_before, &waited_before);
    load_run(&load, sw_loop, spw_port, LOAD_REQUESTS, pause_ms);
    processor(&ran, &waited);
    cr_assert_eq(load.wrong, 0, "%u wrong: %s", load.wrong, load.first_wrong);
    printf(
        "     %-11s %5.0f/s, median %5.2f ms, p99 %6.2f ms; of a request %.0f us on a processor, "
        "%.0f us waiting for one\n",
        what, load.answered / load.seconds, load.p50_ms, load.p99_ms,
        (ran - ran_before) / LOAD_REQUESTS, (waited - waited_before) / LOAD_REQUESTS);
}

Test(bench, sponsor, .init = spw_begin, .fini = spw_end, .timeout = 300)
{
    double best = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    spw_extra[0] = "MAX_DAILY_OPS_PER_SENDER=1000000";
    spw_extra[1] = "ATTESTMESH_MAX_DAILY_OPS_PER_CLUSTER=0";
    spw_extra[2] = "LOG_LEVEL=error";
    spw_start();
    round_of("cold, full", 0);
    for (int i = 0; i < ROUNDS; i++)
        round_of("full", 0);
    for (int i = 0; i < ROUNDS; i++) {
        round_of("2,000/s", PAUSE_MS);
        if (best == 0 || load.p99_ms < best)
            best = load.p99_ms;
    }
    printf("     p99 beside 10 ms: %.2f ms: %.2f\n", best, best / LIMIT_MS);
    cr_expect_leq(best, LIMIT_MS, "p99 %.2f ms", best);
    spw_stop(SIGTERM);
}
