/*  bench_sponsor -- how long the sponsor takes to decide when its answers are cached: 100
 * connections, 10,000 requests a round, p99 beside its limit.
 *
 *  Other load on a machine only takes away, so of several rounds the best one counts.
 */
#include "../unit/sponsor_load.h"
#include "../unit/sponsor_world.h"

#include <signal.h>
#include <stdio.h>

#define ROUNDS 5
#define LIMIT_MS 10.0

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

Test(bench, sponsor, .init = spw_begin, .fini = spw_end, .timeout = 300)
{
    static struct load load;
    double best = 0, ran, waited, ran_before, waited_before;

    setvbuf(stdout, NULL, _IOLBF, 0);
    spw_extra[0] = "MAX_DAILY_OPS_PER_SENDER=1000000";
    spw_extra[1] = "ATTESTMESH_MAX_DAILY_OPS_PER_CLUSTER=0";
    spw_extra[2] = "LOG_LEVEL=error";
    spw_start();
    for (int i = 0; i <= ROUNDS; i++) { /* the first one fills the cache */
        processor(&ran_before, &waited_before);
        load_run(&load, sw_loop, spw_port, LOAD_REQUESTS);
        processor(&ran, &waited);
        cr_assert_eq(load.wrong, 0, "%u wrong: %s", load.wrong, load.first_wrong);
        if (i > 0 && (best == 0 || load.p99_ms < best))
            best = load.p99_ms;
        printf("     %s %5.2f s, %6.0f/s, median %5.2f ms, p99 %5.2f ms; "
               "of a request %.0f us on a processor, %.0f us waiting for one\n",
               i == 0 ? "cold  " : "cached", load.seconds, load.answered / load.seconds,
               load.p50_ms, load.p99_ms, (ran - ran_before) / LOAD_REQUESTS,
               (waited - waited_before) / LOAD_REQUESTS);
    }
    printf("     p99 beside 10 ms: %.2f ms: %.2f\n", best, best / LIMIT_MS);
    cr_expect_leq(best, LIMIT_MS, "p99 %.2f ms", best);
    spw_stop(SIGTERM);
}
