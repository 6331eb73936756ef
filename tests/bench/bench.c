/*  bench -- speed and size, each figure beside its limit or its peer in the same run.  */
#include "bench.h"

#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOIN_MS 60000
#define IDLE_MS 5000
#define PRIVATE_KB 2048
#define READY_MS 20.0
#define STARTS 15

static const char *const programs[] = {"keyagent", "chain", "mesh", "indexer", "api"};

struct memory {
    unsigned long pss_kb, private_kb;
    unsigned processes;
};

static void
add_memory(struct memory *m, pid_t pid)
{
    char path[64], line[256];
    unsigned long kb;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    if ((f = fopen(path, "re")) == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "Pss: %lu", &kb) == 1)
            m->pss_kb += kb;
        else if (sscanf(line, "Private_Clean: %lu", &kb) == 1 ||
                 sscanf(line, "Private_Dirty: %lu", &kb) == 1)
            m->private_kb += kb;
    }
    fclose(f);
    m->processes++;
}

/* All processes of a service: mesh has a helper. */
static struct memory
memory_of(const char *service)
{
    struct memory m = {0};
    DIR *proc = opendir("/proc");
    char path[300], exe[600], name[64];
    struct dirent *e;
    ssize_t n;

    snprintf(name, sizeof name, "attestmesh-%s", service);
    while (proc != NULL && (e = readdir(proc)) != NULL) {
        snprintf(path, sizeof path, "/proc/%s/exe", e->d_name);
        n = readlink(path, exe, sizeof exe - 1);
        exe[n > 0 ? n : 0] = '\0';
        if (n > 0 && strcmp(basename(exe), name) == 0)
            add_memory(&m, (pid_t)strtol(e->d_name, NULL, 10));
    }
    if (proc != NULL)
        closedir(proc);
    return m;
}

static bool
whole(struct e2e *t, void *arg)
{
    (void)arg;
    return e2e_all_live(t, 0, 0);
}

/* A node that has registered, opened its gate and has nothing to do. */
static void
idle_memory(struct e2e *t)
{
    unsigned long pss = 0;

    e2e_add(t);
    e2e_start(t, &t->world.nodes[0]);
    e2e_check(t, e2e_until(t, whole, NULL, JOIN_MS) >= 0, "a node is healthy", "%s", "");
    e2e_pause(t, IDLE_MS);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        struct memory m = memory_of(programs[i]);

        pss += m.pss_kb;
        printf("     %-9s %5lu kB private, %5lu kB PSS, %u processes\n", programs[i], m.private_kb,
               m.pss_kb, m.processes);
        if (i == 0)
            e2e_check(t, m.processes == 1 && m.private_kb <= PRIVATE_KB,
                      "private memory of keyagent beside its limit", "%lu kB of %d kB: %.2f",
                      m.private_kb, PRIVATE_KB, (double)m.private_kb / PRIVATE_KB);
    }
    printf("     idle PSS of the services: %lu kB\n", pss);
    dn_node_off(&t->world.nodes[0]);
}

static void
start_times(struct key_world *w)
{
    struct key_start best = {0};
    double own = 0;

    for (int i = 0; i < STARTS; i++) {
        struct key_start s;

        key_stop(w);
        s = key_start(w);
        if (i == 0 || s.ready - s.agent - s.waited < own) {
            best = s;
            own = s.ready - s.agent - s.waited;
        }
    }
    e2e_check(
        w->t, own <= READY_MS, "keyagent to ready, apart from its guest agent, beside 20 ms",
        "%.1f ms (hello %.1f, ready %.1f; of it the agent's %.1f, waiting for a processor %.1f): "
        "%.2f",
        own, best.hello, best.ready, best.agent, best.waited, own / READY_MS);
}

static void
sizes(struct e2e *t)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        char program[600], stripped[120];
        const char *const argv[] = {"strip", "-o", stripped, program, NULL};
        struct am_error err = {0};
        struct stat st;

        snprintf(program, sizeof program, "%s/attestmesh-%s", t->bin, programs[i]);
        snprintf(stripped, sizeof stripped, "%s/stripped", t->dir);
        e2e_need(t, dn_run(argv, NULL, NULL, NULL, 0, &err), &err, "strip");
        if (stat(stripped, &st) == 0)
            printf("     %-9s %5lld kB stripped\n", programs[i], (long long)st.st_size / 1024);
    }
}

int
main(void)
{
    static struct key_world w;
    static struct e2e t;

    e2e_open(&t, "bench");
    idle_memory(&t);
    key_open(&w, &t);
    start_times(&w);
    bench_signing(&w);
    key_close(&w);
    sizes(&t);
    return e2e_close(&t);
}
