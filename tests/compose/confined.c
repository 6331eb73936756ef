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

/* Owner, group and mode of what is in a volume. */
static void
is_for(struct machine *m, const char *file, unsigned uid, unsigned gid, unsigned mode)
{
    struct stat st = {0};
    char path[300];
    bool there;

    snprintf(path, sizeof path, "%s/graph/volumes/node_%s", m->storage, file);
    there = stat(path, &st) == 0;
    e2e_check(m->t, there && st.st_uid == uid && st.st_gid == gid && (st.st_mode & 07777) == mode,
              "a volume is for whom it must be", "%s: %u:%u %o", file, st.st_uid, st.st_gid,
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
    is_for(m, "run/_data", 7000, 7000, 03770);
    is_for(m, "run/_data/keyagent.lock", 7001, 7000, 0600);
    is_for(m, "agent/_data", 7005, 7100, 02750);
    is_for(m, "agent/_data/agent.sock", 7005, 7100, 0660);
}
