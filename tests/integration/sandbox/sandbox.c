/*  sandbox -- of a whole node that lives: what the kernel says of each task, and whose memory is
 * whose.
 */
#include "attack.h"
#include "reach.h"

#include "../../e2e/e2e.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOIN_MS 60000
#define OTHER_UID 65534
#define OWN_UID 7001 /* of a keyagent that does not run as root */
#define NET_ADMIN (1ull << CAP_NET_ADMIN)

/* Every process of ours, and the capabilities that it may hold in any of the five sets. */
static struct process {
    const char *program;
    bool helper; /* a child of the same program */
    unsigned long long capabilities;
    pid_t pid;
} processes[] = {
    {"attestmesh-keyagent", false, 0, 0}, {"attestmesh-chain", false, 0, 0},
    {"attestmesh-mesh", false, 0, 0},     {"attestmesh-mesh", true, NET_ADMIN, 0},
    {"attestmesh-indexer", false, 0, 0},  {"attestmesh-api", false, 0, 0},
    {"attestmesh-sponsor", false, 0, 0},
};
#define PROCESSES (sizeof processes / sizeof processes[0])

static const char *
called(const struct process *p)
{
    return p->helper ? "the helper of mesh" : p->program + strlen("attestmesh-");
}

/* The first word of a file of /proc/PID; "" when there is none. */
static void
program_of(char name[static 64], pid_t pid)
{
    char path[64], text[512] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    name[0] = '\0';
    if ((f = fopen(path, "re")) == NULL)
        return;
    if (fread(text, 1, sizeof text - 1, f) > 0)
        snprintf(name, 64, "%s", basename(text));
    fclose(f);
}

/* A number of /proc/PID/task/TID/status, read to its base; -1 when it is not there. */
static long long
said(pid_t pid, pid_t task, const char *line, int base)
{
    char path[64], text[256];
    long long value = -1;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, (int)task);
    if ((f = fopen(path, "re")) == NULL)
        return -1;
    while (fgets(text, sizeof text, f) != NULL)
        if (strncmp(text, line, strlen(line)) == 0)
            value = strtoll(text + strlen(line), NULL, base);
    fclose(f);
    return value;
}

typedef void entry_fn(void *arg, pid_t number);

static void
numbers(const char *folder, entry_fn *fn, void *arg)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (strtol(e->d_name, NULL, 10) > 0)
            fn(arg, (pid_t)strtol(e->d_name, NULL, 10));
    if (d != NULL)
        closedir(d);
}

static void
on_process(void *arg, pid_t pid)
{
    char name[64], parent[64];

    (void)arg;
    program_of(name, pid);
    program_of(parent, (pid_t)said(pid, pid, "PPid:", 10));
    for (size_t i = 0; i < PROCESSES; i++)
        if (strcmp(name, processes[i].program) == 0 &&
            (strcmp(parent, name) == 0) == processes[i].helper)
            processes[i].pid = pid;
}

struct judged {
    pid_t pid;
    unsigned long long capabilities;
    unsigned tasks, wrong;
    char first[128]; /* what was wrong */
};

static void
judge(struct judged *j, pid_t task, const char *line, int base, long long expected)
{
    long long got = said(j->pid, task, line, base);

    if (got == expected)
        return;
    if (j->wrong++ == 0)
        snprintf(j->first, sizeof j->first, "; task %d: %s expected %llx, got %llx", (int)task,
                 line, expected, got);
}

static void
on_task(void *arg, pid_t task)
{
    static const char *const sets[] = {"CapEff:", "CapPrm:", "CapInh:", "CapBnd:", "CapAmb:"};
    struct judged *j = arg;

    j->tasks++;
    judge(j, task, "Seccomp:", 10, 2);
    judge(j, task, "NoNewPrivs:", 10, 1);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        judge(j, task, sets[i], 16, (long long)j->capabilities);
}

static struct judged
judged(pid_t pid, unsigned long long capabilities)
{
    struct judged j = {.pid = pid, .capabilities = capabilities};
    char folder[64];

    snprintf(folder, sizeof folder, "/proc/%d/task", (int)pid);
    numbers(folder, on_task, &j);
    return j;
}

static void
each_task(struct e2e *t)
{
    struct judged j = judged(getpid(), 0);

    e2e_check(t, j.wrong > 0, "of this program, which is in no sandbox, they say otherwise",
              "%u of %u%s", j.wrong, j.tasks * 7, j.first);
    for (size_t i = 0; i < PROCESSES; i++) {
        j = judged(processes[i].pid, processes[i].capabilities);
        e2e_check(t, processes[i].pid > 0 && j.tasks > 0 && j.wrong == 0,
                  "Seccomp 2, NoNewPrivs 1 and the capabilities of the table, for each task",
                  "%s, pid %d, %u tasks%s", called(&processes[i]), (int)processes[i].pid, j.tasks,
                  j.first);
    }
}

static void
each_memory(struct e2e *t)
{
    pid_t easy = attack_easy_victim(getuid());
    int won;

    won = attack(easy, getuid(), false);
    e2e_check(t, won == ATTACK_ALL, "of an unguarded process the same uid gets the memory", "%d",
              won);
    kill(easy, SIGKILL);
    for (size_t i = 0; i < PROCESSES; i++) {
        pid_t pid = processes[i].pid;

        won = attack(pid, getuid(), true);
        e2e_check(t, won == ATTACK_ALL, "root with every capability gets it", "%s: %d",
                  called(&processes[i]), won);
        won = attack(pid, getuid(), false);
        e2e_check(t, won == 0,
                  "its own uid does not: /proc/PID/mem, ptrace, process_vm_readv, its root",
                  "%s: %d", called(&processes[i]), won);
        won = attack(pid, OTHER_UID, false);
        e2e_check(t, won == 0, "another uid does not", "%s: %d", called(&processes[i]), won);
    }
}

static long long
locked_of(const char *name)
{
    for (size_t i = 0; i < PROCESSES; i++)
        if (!processes[i].helper && strcmp(called(&processes[i]), name) == 0)
            return said(processes[i].pid, processes[i].pid, "VmLck:", 10);
    return -1;
}

static void
status_tells(struct e2e *t, const struct dn_node *node)
{
    static const char *const names[] = {"keyagent", "chain", "mesh", "indexer", "api"};
    static char text[65536];
    char program[600], run[600];
    const char *const argv[] = {program, "status", "--json", "--run", run, NULL};
    struct am_error err = {0};
    json_t *root, *service;
    const char *keyagents;

    snprintf(program, sizeof program, "%s/attestmesh", t->bin);
    snprintf(run, sizeof run, "%s/run", node->dir);
    e2e_check(t, dn_run(argv, NULL, NULL, text, sizeof text, &err) == AM_OK, "status answers", "%s",
              err.text);
    root = json_loads(text, 0, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *sandbox;
        long long locked;

        service = json_object_get(json_object_get(root, "services"), names[i]);
        sandbox = json_string_value(json_object_get(service, "sandbox"));
        locked = json_integer_value(json_object_get(service, "locked_kib"));
        e2e_check(t,
                  sandbox != NULL && strncmp(sandbox, "seccomp,no_new_privs", 20) == 0 &&
                      strchr(sandbox, ':') == NULL,
                  "status tells what holds", "%s: %s", names[i], sandbox != NULL ? sandbox : "");
        e2e_check(t, locked == locked_of(names[i]), "and the locked memory", "%s: %lld KiB",
                  names[i], locked);
    }
    keyagents = json_string_value(
        json_object_get(json_object_get(json_object_get(root, "services"), "keyagent"), "sandbox"));
    e2e_check(t, keyagents != NULL && strstr(keyagents, ",own root") != NULL,
              "and that keyagent has a root of its own", "%s", keyagents != NULL ? keyagents : "");
    json_decref(root);
}

static void
its_root(struct e2e *t, pid_t pid)
{
    unsigned of;
    int outside = reach_mounts_outside(pid, t->dir, &of);

    e2e_check(t, outside == 0 && of >= 3, "keyagent sees no mount but its folders",
              "pid %d: %d of %u lie elsewhere", (int)pid, outside, of);
}

static void
each_socket(struct e2e *t, const struct dn_node *node)
{
    char elsewhere[128], ours[600];
    struct am_settings settings = {.run = ""};
    const uid_t uids[] = {getuid(), OWN_UID};
    int listener, got;

    snprintf(settings.run, sizeof settings.run, "%.400s/run", node->dir);
    snprintf(settings.state_dir, sizeof settings.state_dir, "%.400s/state", node->dir);
    snprintf(settings.dstack_socket, sizeof settings.dstack_socket, "%.400s/dstack.sock",
             node->dir);
    snprintf(ours, sizeof ours, "%s/chain.req", settings.run);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere.sock", t->dir);
    listener = chmod(t->dir, 0755) == 0 ? reach_listen(elsewhere) : -1;
    for (size_t i = 0; i < 2; i++) {
        got = reach(&settings, uids[i], false, elsewhere);
        e2e_check(t, listener >= 0 && got == 0, "a Unix socket elsewhere answers whoever asks",
                  "uid %u: %s", (unsigned)uids[i], strerror(got));
        got = reach(&settings, uids[i], true, elsewhere);
        e2e_check(t, got == ENOENT, "but no program in the sandbox of keyagent", "uid %u: %s",
                  (unsigned)uids[i], strerror(got));
    }
    got = reach(&settings, getuid(), true, settings.dstack_socket);
    e2e_check(t, got == 0, "which reaches the guest agent", "%s", strerror(got));
    got = reach(&settings, getuid(), true, ours);
    e2e_check(t, got == 0, "and the bus", "%s", strerror(got));
    close(listener);
    its_root(t, processes[0].pid);
}

/* By itself, as a user that is not root: nothing but undumpability keeps its uid out then. */
static void
as_a_user(struct e2e *t, const struct dn_node *node)
{
    char program[600], run[600], log[600], lines[4][640];
    const char *const argv[] = {"setpriv", "--bounding-set=-all", "--reuid", "7001", "--regid",
                                "7001",    "--clear-groups",      program,   NULL};
    const char *const env[] = {lines[0], lines[1], lines[2], lines[3], NULL};
    pid_t easy = attack_easy_victim(OWN_UID), pid = 0;
    struct am_error err = {0};
    struct judged j;
    int won;

    snprintf(program, sizeof program, "%s/attestmesh-keyagent", t->bin);
    snprintf(run, sizeof run, "%s/user", t->dir);
    snprintf(log, sizeof log, "%s/user.log", t->dir);
    snprintf(lines[0], sizeof lines[0], "ATTESTMESH_RUN=%s", run);
    snprintf(lines[1], sizeof lines[1], "DSTACK_SOCKET=%s/dstack.sock", node->dir);
    snprintf(lines[2], sizeof lines[2], "CHAIN_ID=%d", DN_CHAIN_ID);
    snprintf(lines[3], sizeof lines[3], "SIDECAR_STATE_DIR=%s/state", run);
    if (mkdir(run, 0700) != 0 || chown(run, OWN_UID, OWN_UID) != 0)
        e2e_need(t, am_fail(&err, AM_INTERNAL, "%s: cannot be made", run), &err, "user");
    e2e_need(t, dn_start(&pid, &(struct dn_spawn){.argv = argv, .env = env, .log = log}, &err),
             &err, "user");
    e2e_pause(t, 1000);
    won = attack(easy, OWN_UID, false);
    e2e_check(t, won == ATTACK_ALL, "as a user: an unguarded process of the same uid is open", "%d",
              won);
    won = attack(pid, OWN_UID, false);
    e2e_check(t, won == 0, "as a user: keyagent is not", "%d", won);
    j = judged(pid, 0);
    e2e_check(t, j.tasks > 1 && j.wrong == 0, "as a user: its tasks are as the table says",
              "%u tasks%s", j.tasks, j.first);
    its_root(t, pid);
    kill(easy, SIGKILL);
    dn_stop(&pid, SIGTERM, 3000);
}

static bool
is_live(struct e2e *t, void *arg)
{
    (void)arg;
    return e2e_all_live(t, 0, 0);
}

int
main(void)
{
    static struct e2e t;
    struct am_error err = {0};
    struct dn_node *node;
    int64_t took;

    e2e_open(&t, "sandbox");
    node = e2e_add(&t);
    e2e_need(&t, dn_chain_tick(1, &err), &err, "blocks");
    e2e_start(&t, node);
    took = e2e_until(&t, is_live, NULL, JOIN_MS);
    e2e_check(&t, took >= 0, "a node comes up in its sandboxes", "%lld ms; %s", (long long)took,
              e2e_watch(&t, node)->reason);
    numbers("/proc", on_process, NULL);
    each_task(&t);
    each_memory(&t);
    each_socket(&t, node);
    status_tells(&t, node);
    as_a_user(&t, node);
    e2e_check(&t, e2e_all_live(&t, 0, 0), "and the node is live as before", "%s",
              e2e_watch(&t, node)->reason);
    return e2e_close(&t);
}
