/*  test_sponsor_store -- counters that are the truth: durable, whole, of one day, of one process.
 */
#include "../../services/sponsor/sp_store.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY 20000

static char dir[64];
static struct sp_store *store;
static struct am_error err;
static uint8_t sender[20] = {1}, second[20] = {2}, cluster[20] = {3};
static const char *const last[SP_LAST_COUNT] = {"{\"a\":1}", NULL};

static void
start(void)
{
    strcpy(dir, "/tmp/am-sponsor-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(sp_store_open(&store, dir, &err), AM_OK, "%s", err.text);
}

static void
stop(void)
{
    char command[96];

    sp_store_close(&store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = start, .fini = stop, .timeout = 60);

static struct sp_spent
spent(uint64_t day, const uint8_t who[static 20])
{
    struct sp_spent s;

    cr_assert_eq(sp_store_spent(store, &s, day, who, cluster, &err), AM_OK, "%s", err.text);
    return s;
}

static void
add(uint64_t day, const uint8_t who[static 20], uint64_t gwei)
{
    cr_assert_eq(sp_store_add(store, day, who, cluster, gwei, &err), AM_OK, "%s", err.text);
}

Test(store, a_second_process_is_refused)
{
    struct sp_store *other;

    cr_assert_eq(sp_store_open(&other, dir, &err), AM_FAILED_PRECONDITION);
    cr_assert_null(other);
    cr_assert_not_null(strstr(err.text, "locked"), "%s", err.text);
}

Test(store, a_file_that_is_damaged_stops_the_start_and_stays)
{
    char path[96], bytes[4096] = {0};
    int fd;

    sp_store_close(&store);
    snprintf(path, sizeof path, "%s/sponsor.sqlite", dir);
    memset(bytes, 'x', sizeof bytes);
    fd = open(path, O_WRONLY | O_TRUNC);
    cr_assert_eq(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    close(fd);
    cr_assert_eq(sp_store_open(&store, dir, &err), AM_FAILED_PRECONDITION);
    cr_assert_not_null(strstr(err.text, path), "%s", err.text);
    fd = open(path, O_RDONLY);
    cr_assert_eq(read(fd, bytes, 1), 1);
    cr_assert_eq(bytes[0], 'x', "nothing was begun anew");
    close(fd);
}

Test(store, a_folder_that_is_not_there)
{
    struct sp_store *other;

    cr_assert_eq(sp_store_open(&other, "/proc/none/x", &err), AM_FAILED_PRECONDITION);
}

Test(store, counts_by_sender_cluster_and_day)
{
    add(DAY, sender, 5);
    add(DAY, sender, 7);
    add(DAY, second, 1);
    cr_assert_eq(spent(DAY, sender).sender_ops, 2, "before the commit too");
    cr_assert_eq(spent(DAY, second).sender_ops, 1);
    cr_assert_eq(spent(DAY, second).cluster_ops, 3);
    cr_assert_eq(spent(DAY, second).cluster_gwei, 13);
    cr_assert_eq(spent(DAY + 1, sender).sender_ops, 0);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK);
    add(DAY + 1, sender, UINT64_MAX);
    add(DAY + 1, sender, UINT64_MAX);
    cr_assert_geq(spent(DAY + 1, sender).cluster_gwei, INT64_MAX / 2, "too much stays too much");
    cr_assert_eq(spent(DAY, sender).sender_ops, 2);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK);
    add(DAY + 3, sender, 0);
    cr_assert_eq(spent(DAY, sender).sender_ops, 0, "days before yesterday are forgotten");
}

/* The child counts, says which commit has returned, and is killed in the middle of the next ones.
 */
static void
child(int out)
{
    struct sp_store *own;
    uint32_t n = 0;

    if (sp_store_open(&own, dir, &err) != AM_OK)
        _exit(1);
    for (;;) {
        if (sp_store_add(own, DAY, sender, cluster, 1, &err) != AM_OK ||
            sp_store_commit(own, last, &err) != AM_OK)
            _exit(2);
        n++;
        if (write(out, &n, sizeof n) != sizeof n)
            _exit(3);
    }
}

Test(store, kill_9_loses_nothing_that_was_committed)
{
    uint32_t total = 0;

    for (int round = 0; round < 8; round++) {
        uint32_t told = 0, n = 0;
        int ends[2], status;
        pid_t pid;

        sp_store_close(&store);
        cr_assert_eq(pipe(ends), 0);
        if ((pid = fork()) == 0)
            child(ends[1]);
        close(ends[1]);
        while (n < 20u + (uint32_t)round && read(ends[0], &n, sizeof n) == sizeof n)
            told = n;
        kill(pid, SIGKILL);
        while (read(ends[0], &n, sizeof n) == sizeof n)
            told = n;
        close(ends[0]);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status), "%d", status);
        cr_assert_eq(sp_store_open(&store, dir, &err), AM_OK, "%s", err.text);
        n = (uint32_t)spent(DAY, sender).sender_ops;
        cr_assert(n >= total + told && n <= total + told + 1, "%u told, %u counted", total + told,
                  n);
        cr_assert_eq(spent(DAY, sender).cluster_gwei, n);
        total = n;
    }
}

Test(store, what_is_not_committed_is_not_kept)
{
    add(DAY, sender, 1);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK);
    add(DAY, sender, 1);
    sp_store_close(&store);
    cr_assert_eq(sp_store_open(&store, dir, &err), AM_OK, "%s", err.text);
    cr_assert_eq(spent(DAY, sender).sender_ops, 1);
}

Test(store, the_last_decision_comes_with_a_grant)
{
    char *text;

    cr_assert_eq(sp_store_last(store, SP_LAST_ANY, &text, &err), AM_OK);
    cr_assert_null(text);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK, "nothing was granted");
    cr_assert_eq(sp_store_last(store, SP_LAST_ANY, &text, &err), AM_OK);
    cr_assert_null(text, "so nothing was written");
    add(DAY, sender, 1);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK);
    cr_assert_eq(sp_store_last(store, SP_LAST_ANY, &text, &err), AM_OK);
    cr_assert_str_eq(text, "{\"a\":1}");
    free(text);
    cr_assert_eq(sp_store_last(store, SP_LAST_PIMLICO, &text, &err), AM_OK);
    cr_assert_null(text);
}

/* A disk that takes no more: nothing is granted that is not counted, and it recovers. */
Test(store, what_the_disk_refuses_is_undone_whole)
{
    struct rlimit was, none;

    add(DAY, sender, 1);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    none = was;
    none.rlim_cur = 1;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    for (int i = 0; i < 3; i++)
        add(DAY, second, 1);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_DATA_LOSS);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    cr_assert_eq(spent(DAY, second).sender_ops, 0, "undone");
    cr_assert_eq(spent(DAY, sender).sender_ops, 1);
    add(DAY, second, 1);
    cr_assert_eq(sp_store_commit(store, last, &err), AM_OK, "%s", err.text);
    cr_assert_eq(spent(DAY, second).sender_ops, 1);
}
