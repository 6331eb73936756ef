/*  reach -- what a program reaches that has entered the same sandbox as keyagent.  */
#include "reach.h"

#include "../../../common/base/am_sandbox.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNABLE 255

static struct sockaddr_un
named(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    return at;
}

int
reach_listen(const char *path)
{
    struct sockaddr_un at = named(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0 &&
        chmod(path, 0666) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int
try(const struct am_settings *settings, uid_t uid, bool sandboxed, const char *path)
{
    struct sockaddr_un at = named(path);
    struct am_error err = {0};
    int fd;

    if (uid != getuid() &&
        (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
        return UNABLE;
    if (sandboxed && am_sandbox_enter(AM_SANDBOX_KEYAGENT, settings, &err) != AM_OK)
        return UNABLE;
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&at, sizeof at) == 0 ? 0 : errno;
}

int
reach(const struct am_settings *settings, uid_t uid, bool sandboxed, const char *path)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(try(settings, uid, sandboxed, path));
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) == UNABLE)
        return -1;
    return WEXITSTATUS(status);
}

int
reach_mounts_outside(pid_t pid, const char *folder, unsigned *of)
{
    char path[64], line[1024], at[512];
    bool rooted = false;
    int outside = 0;
    FILE *f;

    *of = 0;
    snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)pid);
    if ((f = fopen(path, "re")) == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL) {
        ++*of;
        if (sscanf(line, "%*s %*s %*s %*s %511s", at) == 1 && strcmp(at, "/") == 0)
            rooted = strstr(line, " - tmpfs attestmesh ") != NULL;
        else
            outside += strncmp(at, folder, strlen(folder)) != 0;
    }
    fclose(f);
    return rooted ? outside : -1;
}
