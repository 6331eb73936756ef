/*  test_cli_up -- the supervisor with shell scripts for services: starts, restarts, stops, reaps.
 */
#include "../../common/base/am_exit.h"
#include "service_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const services[] = {"keyagent", "chain", "mesh", "indexer", "api"};

static char program[96];
static pid_t *up;

/* Each start appends "<milliseconds> <pid>" to <service>.starts. */
#define NOTE "#!/bin/sh\necho $(date +%%s%%3N) $$ >>\"$ATTESTMESH_RUN/%s.starts\"\n%s\n"

static void
script(const char *service, const char *does)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/attestmesh-%s", sw_dir, service);
    f = fopen(path, "we");
    cr_assert_not_null(f);
    fprintf(f, NOTE, service, does);
    cr_assert_eq(fchmod(fileno(f), 0700), 0);
    fclose(f);
}

static void
start(void)
{
    char command[700];

    sw_begin();
    snprintf(program, sizeof program, "%s/attestmesh", sw_dir);
    snprintf(command, sizeof command, "cp %s %s", ATTESTMESH, program);
    cr_assert_eq(system(command), 0);
    for (size_t i = 0; i < 5; i++)
        script(services[i], "exec sleep 1000");
}

TestSuite(cli_up, .init = start, .fini = sw_end, .timeout = 60);

static pid_t *
run(const char *extra)
{
    char env_run[96];
    const char *const argv[] = {program, "up", NULL};
    const char *const env[] = {env_run, extra, NULL};

    snprintf(env_run, sizeof env_run, "ATTESTMESH_RUN=%s", sw_dir);
    return sw_start("up.log", argv, env);
}

/* How often a service has been started; when and as what it was the n-th time (from 0). */
static int
starts(const char *service, int n, long long *ms, pid_t *pid)
{
    char path[128];
    long long at;
    int count = 0, id;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.starts", sw_dir, service);
    if ((f = fopen(path, "re")) == NULL)
        return 0;
    while (fscanf(f, "%lld %d\n", &at, &id) == 2)
        if (count++ == n) {
            *ms = at;
            *pid = id;
        }
    fclose(f);
    return count;
}

static pid_t
pid_of(const char *service, int n)
{
    long long ms;
    pid_t pid = 0;

    SW_UNTIL(starts(service, n, &ms, &pid) > n, 10000);
    return pid;
}

static bool
gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static void
all_started(pid_t pids[5])
{
    up = run(NULL);
    for (size_t i = 0; i < 5; i++)
        pids[i] = pid_of(services[i], 0);
}

static void
stops_with(int sig)
{
    pid_t pids[5];

    all_started(pids);
    kill(*up, sig);
    cr_assert_eq(sw_ended(up, 10000), 0, "%s", sw_log("up.log"));
    for (size_t i = 0; i < 5; i++)
        cr_assert(gone(pids[i]), "%s is left", services[i]);
    cr_assert_not_null(strstr(sw_log("up.log"), "stopped"));
    cr_assert_null(strstr(sw_log("up.log"), "stop.forced"));
}

Test(cli_up, stops_all_on_sigterm)
{
    stops_with(SIGTERM);
}

Test(cli_up, stops_all_on_sigint)
{
    stops_with(SIGINT);
}

Test(cli_up, who_does_not_stop_is_killed)
{
    pid_t pids[5];

    script("mesh", "trap '' TERM; exec sleep 1000");
    all_started(pids);
    kill(*up, SIGTERM);
    cr_assert_eq(sw_ended(up, 15000), 0);
    for (size_t i = 0; i < 5; i++)
        cr_assert(gone(pids[i]), "%s is left", services[i]);
    cr_assert_not_null(strstr(sw_log("up.log"), "stop.forced"));
}

Test(cli_up, nobody_outlives_it)
{
    pid_t pids[5];

    all_started(pids);
    kill(*up, SIGKILL);
    cr_assert_eq(sw_ended(up, 5000), -SIGKILL);
    for (size_t i = 0; i < 5; i++)
        SW_UNTIL(gone(pids[i]), 5000);
}

Test(cli_up, a_killed_service_comes_back_and_the_others_stay)
{
    pid_t pids[5], again;

    all_started(pids);
    kill(pids[2], SIGKILL);
    again = pid_of("mesh", 1);
    cr_assert_neq(again, pids[2]);
    cr_assert(!gone(again) && gone(pids[2]));
    kill(again, SIGSEGV);
    cr_assert_neq(pid_of("mesh", 2), again);
    for (size_t i = 0; i < 5; i++)
        cr_assert(i == 2 ||
                      (!gone(pids[i]) && starts(services[i], 0, &(long long){0}, &(pid_t){0}) == 1),
                  "%s was touched", services[i]);
}

/* Pauses of 50 ms, doubled each time, each between a half and the whole of that. */
Test(cli_up, the_pause_grows)
{
    long long ms[7];
    pid_t pid;

    script("chain", "exit 3");
    up = run(NULL);
    SW_UNTIL(starts("chain", 0, &ms[0], &pid) >= 7, 30000);
    for (int i = 0; i < 7; i++)
        (void)starts("chain", i, &ms[i], &pid);
    for (int i = 0; i < 6; i++)
        cr_expect_geq(ms[i + 1] - ms[i], 25LL << i, "pause %d: %lld ms", i, ms[i + 1] - ms[i]);
    cr_assert_not_null(strstr(sw_log("up.log"), "\"status\":\"3\""), "%s", sw_log("up.log"));
    kill(*up, SIGTERM); /* also while one waits for its pause */
    cr_assert_eq(sw_ended(up, 10000), 0);
}

/* Codes of am_exit.h: again would end the same way. */
Test(cli_up, what_no_restart_mends_stops_all)
{
    long long ms;
    pid_t pid;

    script("chain", "exit 82");
    up = run(NULL);
    cr_assert_eq(sw_ended(up, 10000), 82, "%s", sw_log("up.log"));
    cr_assert_eq(starts("chain", 0, &ms, &pid), 1);
    for (size_t i = 0; i < 5; i++)
        if (i != 1 && starts(services[i], 0, &ms, &pid) > 0)
            cr_assert(gone(pid), "%s is left", services[i]);
    cr_assert_not_null(strstr(sw_log("up.log"), am_exit_advice(82)), "%s", sw_log("up.log"));
}

Test(cli_up, a_program_that_is_not_there_is_named)
{
    char path[128];

    snprintf(path, sizeof path, "%s/attestmesh-indexer", sw_dir);
    cr_assert_eq(unlink(path), 0);
    up = run(NULL);
    SW_UNTIL(strstr(sw_log("up.log"), "attestmesh-indexer: No such file") != NULL, 10000);
    (void)pid_of("api", 0);
}

/* It finds the settings wrong here, and that is all that comes of it. */
Test(cli_up, the_doctor_is_heard_and_changes_nothing)
{
    pid_t pids[5];

    all_started(pids);
    SW_UNTIL(strstr(sw_log("up.log"), "doctor.done") != NULL, 20000);
    cr_assert_not_null(strstr(sw_log("up.log"), "doctor.found"));
    cr_assert_not_null(strstr(sw_log("up.log"), "\"check\":\"settings\""), "%s", sw_log("up.log"));
    cr_assert_null(strchr(sw_log("up.log"), '\033'));
    for (size_t i = 0; i < 5; i++)
        cr_assert(!gone(pids[i]) && starts(services[i], 0, &(long long){0}, &(pid_t){0}) == 1,
                  "%s was touched", services[i]);
    kill(*up, SIGTERM);
    cr_assert_eq(sw_ended(up, 10000), 0, "%s", sw_log("up.log"));
}

/* What a service leaves behind is ours to reap: a zombie would stay in /proc. */
Test(cli_up, orphans_are_reaped)
{
    char path[128], proc[64];
    int orphan = 0;
    FILE *f;

    script("mesh", "(sh -c 'echo $$ >\"$ATTESTMESH_RUN/orphan\"; exec sleep 0.2' &)\n"
                   "exec sleep 1000");
    up = run(NULL);
    (void)pid_of("mesh", 0);
    snprintf(path, sizeof path, "%s/orphan", sw_dir);
    SW_UNTIL((f = fopen(path, "re")) != NULL && (fscanf(f, "%d", &orphan), fclose(f), orphan > 0),
             10000);
    snprintf(proc, sizeof proc, "/proc/%d", orphan);
    SW_UNTIL(access(proc, F_OK) != 0, 10000);
    cr_assert_eq(starts("mesh", 0, &(long long){0}, &(pid_t){0}), 1);
}

/* Ten orphans and their service end at one moment: one signal stands for all. */
Test(cli_up, orphans_that_end_with_their_service_are_reaped)
{
    char path[128], proc[64];
    int orphans[10], n = 0;
    FILE *f;

    script("mesh", "for i in 1 2 3 4 5 6 7 8 9 10; do\n"
                   "(sh -c 'echo $$ >>\"$ATTESTMESH_RUN/orphans\"; exec sleep 1000' &)\n"
                   "done\nexec sleep 1000");
    up = run(NULL);
    snprintf(path, sizeof path, "%s/orphans", sw_dir);
    do {
        n = 0;
        if ((f = fopen(path, "re")) != NULL) {
            while (n < 10 && fscanf(f, "%d\n", &orphans[n]) == 1)
                n++;
            fclose(f);
        }
        ev_run(sw_loop, EVRUN_ONCE);
    } while (n < 10);
    kill(pid_of("mesh", 0), SIGKILL);
    for (int i = 0; i < 10; i++)
        kill(orphans[i], SIGKILL);
    for (int i = 0; i < 10; i++) {
        snprintf(proc, sizeof proc, "/proc/%d", orphans[i]);
        SW_UNTIL(access(proc, F_OK) != 0, 5000);
    }
    unlink(path);
    script("mesh", "exec sleep 1000");
}

Test(cli_up, a_setting_that_is_none_stops_the_start)
{
    cr_assert_eq(sw_ended(run("ATTESTMESH_POLLMS=1"), 5000), 1);
    cr_assert_not_null(strstr(sw_log("up.log"), "ATTESTMESH_POLLMS"), "%s", sw_log("up.log"));
    cr_assert_not_null(strstr(sw_log("up.log"), "ATTESTMESH_POLL_MS"), "the nearest is told");
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(starts(services[i], 0, &(long long){0}, &(pid_t){0}), 0);
}

Test(cli_up, a_run_folder_that_cannot_be_made)
{
    const char *const argv[] = {program, "up", NULL};
    const char *const env[] = {"ATTESTMESH_RUN=/proc/nowhere", NULL};

    cr_assert_eq(sw_ended(sw_start("up.log", argv, env), 5000), 1);
    cr_assert_not_null(strstr(sw_log("up.log"), "/proc/nowhere"), "%s", sw_log("up.log"));
}

static int
command(const char *a, const char *b)
{
    const char *const argv[] = {program, a, b, NULL};

    return sw_ended(sw_start("command.log", argv, NULL), 5000);
}

Test(cli_up, usage)
{
    cr_assert_eq(command(NULL, NULL), 64);
    cr_assert_eq(command("upp", NULL), 64);
    cr_assert_not_null(strstr(sw_log("command.log"), "upp"));
    cr_assert_eq(command("up", "now"), 64);
    cr_assert_eq(command("deploy", NULL), 64);
    cr_assert_eq(command("--help", NULL), 0);
    cr_assert_not_null(strstr(sw_log("command.log"), "attestmesh deploy"));
}
