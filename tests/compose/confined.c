/*  confined -- what the kernel says of each container, not what compose.yaml says.  */
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool
file_has(pid_t pid, const char *file, const char *text)
{
    char path[64], line[512];
    bool has = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    if ((f = fopen(path, "re")) == NULL)
        return false;
    while (!has && fgets(line, sizeof line, f) != NULL)
        has = strstr(line, text) != NULL;
    fclose(f);
    return has;
}

/* No set of capabilities has one that is not allowed. */
static bool
caps_within(pid_t pid, unsigned long long allowed)
{
    unsigned long long caps;
    char path[64], line[512];
    unsigned sets = 0;
    bool within = true;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if ((f = fopen(path, "re")) == NULL)
        return false;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Cap%*3s: %llx", &caps) == 1) {
            sets++;
            within = within && (caps & ~allowed) == 0;
        }
    fclose(f);
    return within && sets == 5;
}

static void
the_bus_is_for_the_group(struct machine *m)
{
    struct stat st = {0};
    char path[300];
    bool there;

    snprintf(path, sizeof path, "%s/graph/volumes/node_run/_data", m->storage);
    there = stat(path, &st) == 0;
    e2e_check(m->t,
              there && st.st_uid == 7000 && st.st_gid == 7000 && (st.st_mode & 07777) == 03770,
              "the run volume is for its group, and sticky", "%u:%u %o", st.st_uid, st.st_gid,
              st.st_mode & 07777);
}

void
machine_is_confined(struct machine *m)
{
    struct e2e *t = m->t;
    pid_t keyagent;

    for (int u = 0; u < UNITS; u++) {
        pid_t pid = machine_pid((enum unit)u, 0);
        char what[64];
        bool socket = file_has(pid, "mountinfo", "/dstack.sock ");

        snprintf(what, sizeof what, "%s is confined", units[u].name);
        e2e_check(t,
                  pid > 1 && caps_within(pid, units[u].caps) &&
                      file_has(pid, "status", "NoNewPrivs:\t1") &&
                      file_has(pid, "mountinfo", " / / ro,") && socket == (u == KEYAGENT),
                  what, "pid %d, uid %u, at most capabilities %llx, the guest agent's socket %s",
                  (int)pid, units[u].uid, units[u].caps, socket ? "there" : "not there");
    }
    keyagent = machine_pid(KEYAGENT, 0);
    e2e_check(t, file_has(keyagent, "net/dev", "lo:") && !file_has(keyagent, "net/dev", "eth"),
              "keyagent has no network but lo", "%s", "");
    the_bus_is_for_the_group(m);
}
