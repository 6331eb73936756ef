/*  confined -- what the kernel says of each container, not what compose.yaml says.  */
#include "machine.h"

#include <ftw.h>
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

static char first_socket[256]; /* of those that keyagent should not see */
static size_t root_len;
static unsigned sockets;

static int
on_entry(const char *path, const struct stat *st, int what, struct FTW *at)
{
    static const char *const closed[] = {"/proc", "/sys"}; /* of the kernel, and without end */
    static const char *const listed[] = {"/run/attestmesh/", "/run/dstack.sock"};
    const char *in = path + root_len;
    bool ours = false;

    (void)at;
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
        if (strcmp(in, closed[i]) == 0)
            return FTW_SKIP_SUBTREE;
    if (what == FTW_NS || !S_ISSOCK(st->st_mode))
        return FTW_CONTINUE;
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        ours = ours || strncmp(in, listed[i], strlen(listed[i])) == 0;
    sockets += ours;
    if (!ours && first_socket[0] == '\0')
        snprintf(first_socket, sizeof first_socket, "%s", in);
    return FTW_CONTINUE;
}

/* A container may have no root of its own making: the one that it is given has to do. */
static void
reaches_no_other_socket(struct e2e *t, pid_t keyagent)
{
    char root[64];
    bool walked;

    root_len = (size_t)snprintf(root, sizeof root, "/proc/%d/root/.", (int)keyagent);
    first_socket[0] = '\0';
    sockets = 0;
    walked = nftw(root, on_entry, 32, FTW_PHYS | FTW_ACTIONRETVAL) == 0;
    e2e_check(t, walked && sockets > 1 && first_socket[0] == '\0',
              "keyagent sees no Unix socket but the bus and the guest agent", "%u of those%s%s",
              sockets, first_socket[0] != '\0' ? ", and " : "", first_socket);
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
    reaches_no_other_socket(t, keyagent);
    is_for(m, "run/_data", 7000, 7000, 03770);
    is_for(m, "run/_data/keyagent.lock", 7001, 7000, 0600);
    is_for(m, "agent/_data", 7005, 7100, 02750);
    is_for(m, "agent/_data/agent.sock", 7005, 7100, 0660);
}
