/*  doctor_host -- asks the machine: the state folder and the WireGuard device.  Writes nothing.  */
#include "doctor_world.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void
parent_of(char out[static 512], const char *path)
{
    char *slash;

    snprintf(out, 512, "%s", path);
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--)
        out[n - 1] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL)
        snprintf(out, 512, ".");
    else
        slash[slash == out] = '\0';
}

static void
ask_folder(struct doctor_world *w)
{
    struct doctor_seen_folder seen = {.path = w->s.state_dir};
    char parent[512];
    struct statvfs fs;
    struct stat st;

    parent_of(parent, seen.path);
    seen.parent_writable = faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == 0;
    seen.there = stat(seen.path, &st) == 0;
    if (!seen.there) {
        seen.trouble = errno;
    } else {
        seen.is_folder = S_ISDIR(st.st_mode);
        seen.mode = st.st_mode & 07777;
        seen.owner = st.st_uid;
        seen.ours = st.st_uid == geteuid() || geteuid() == 0;
        if (seen.is_folder && faccessat(AT_FDCWD, seen.path, R_OK | W_OK | X_OK, AT_EACCESS) != 0 &&
            seen.ours && seen.mode == 0700)
            seen.trouble = errno; /* a read-only file system, for one */
    }
    if (statvfs(seen.there ? seen.path : parent, &fs) == 0)
        seen.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    doctor_judge_folder(&w->report, &seen);
}

static bool
file_has(const char *path, const char *word)
{
    FILE *f = fopen(path, "re");
    char line[1024];
    bool found = false;

    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
        found = strstr(line, word) != NULL;
    if (f != NULL)
        fclose(f);
    return found;
}

/* Loaded, built in, or there to be loaded. */
static bool
kernel_has_wireguard(void)
{
    static const char *const lists[] = {"modules.builtin", "modules.dep"};
    struct utsname u;
    char path[256];

    if (access("/sys/module/wireguard", F_OK) == 0)
        return true;
    if (uname(&u) != 0)
        return false;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/lib/modules/%.64s/%s", u.release, lists[i]);
        if (file_has(path, "/wireguard.ko"))
            return true;
    }
    return false;
}

static bool
in_path(const char *program)
{
    const char *at = getenv("PATH");
    char path[1024];

    while (at != NULL && *at != '\0') {
        size_t n = strcspn(at, ":");

        snprintf(path, sizeof path, "%.*s/%s", (int)n, at, program);
        if (access(path, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

/* Whether somebody holds mesh's lock.  To try it would shut a mesh out that starts just now. */
static bool
mesh_runs(const char *run)
{
    char path[600], id[64];
    struct stat st;

    snprintf(path, sizeof path, "%s/mesh.lock", run);
    if (stat(path, &st) != 0)
        return false;
    snprintf(id, sizeof id, " %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev),
             (unsigned long long)st.st_ino);
    return file_has("/proc/locks", id);
}

/* `wg show <device> listen-port`: of all its sub-commands one that shows no key. */
static int
wg_port(uint64_t *port, const char *device, struct am_error *err)
{
    char out[256] = "", *end;
    size_t len = 0;
    int fds[2], status = -1;
    ssize_t n;
    pid_t pid;

    *port = 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return am_fail(err, AM_INTERNAL, "wg: pipe: %s", strerror(errno));
    if ((pid = fork()) == 0) {
        char name[64];
        char *argv[] = {(char[]){"wg"}, (char[]){"show"}, name, (char[]){"listen-port"}, NULL};

        snprintf(name, sizeof name, "%s", device);
        dup2(fds[1], STDOUT_FILENO);
        dup2(fds[1], STDERR_FILENO);
        execvp(argv[0], argv);
        dprintf(STDERR_FILENO, "wg: %s", strerror(errno));
        _exit(127);
    }
    close(fds[1]);
    while (len < sizeof out - 1 && (n = read(fds[0], out + len, sizeof out - 1 - len)) > 0)
        len += (size_t)n;
    close(fds[0]);
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return am_fail(err,
                       strstr(out, "not permitted") != NULL ? AM_PERMISSION_DENIED
                                                            : AM_FAILED_PRECONDITION,
                       "wg show: %s", out);
    *port = strtoull(out, &end, 10);
    return *out != '\0' && *end == '\0'
               ? AM_OK
               : am_fail(err, AM_INVALID_ARGUMENT, "wg show: expected a port, got \"%.60s\"", out);
}

void
doctor_ask_host(struct doctor_world *w)
{
    struct doctor_seen_wireguard seen = {.device = w->s.wg_interface,
                                         .expected_port = w->s.wg_port};

    if (doctor_may_ask(&w->report, DOCTOR_STATE_FOLDER))
        ask_folder(w);
    if (!doctor_may_ask(&w->report, DOCTOR_WIREGUARD))
        return;
    seen.kernel = kernel_has_wireguard();
    seen.go = in_path("wireguard-go");
    seen.mesh_runs = !w->o->log && mesh_runs(w->s.run); /* at the start it is not done yet */
    seen.there = if_nametoindex(seen.device) != 0;
    if (seen.there)
        (void)wg_port(&seen.port, seen.device, &seen.err);
    doctor_judge_wireguard(&w->report, &seen);
}
