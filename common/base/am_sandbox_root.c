/*  am_sandbox_root -- a root of its own, in which no path exists but those of the list.
 *
 *  Before ABI 9 Landlock does not refuse a Unix socket by its path, and a seccomp filter cannot
 * read the path.  What does not exist cannot be reached, on any kernel that lets us have a mount
 *  namespace.  It ends with its last process, so nothing is left behind however that one ends.
 *
 *  A child makes it, and the process enters when all of it stands: a step that fails changes
 * nothing. The process has no key yet and no thread, and never forks again.
 */
#include "am_sandbox_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES_MAX 16
#define CWD_TEXT 1024
#define PATH_TEXT (CWD_TEXT + AM_SETTING_TEXT + 1)
#define LOCKED_DOWN (MS_NOSUID | MS_NODEV | MS_NOEXEC)
/* Where the new root is first mounted; the sandbox has read /proc before. */
#define STAGE "/proc"

struct place {
    char path[PATH_TEXT]; /* absolute */
    bool written;
    int tree;       /* what is mounted there; -1: is not there */
    struct stat is; /* the folder, whatever it is called */
};

struct build {
    int kinds; /* of namespaces: CLONE_* */
    uid_t uid;
    gid_t gid;
    char cwd[CWD_TEXT];
    struct place places[PLACES_MAX];
    size_t count;
    int user, mounts; /* the namespaces; user is -1 where it takes none */
    char why[160];    /* the step that failed */
};

static bool
did(struct build *b, const char *step, int rc)
{
    if (rc < 0)
        snprintf(b->why, sizeof b->why, "%.100s: %s", step, strerror(errno));
    return rc >= 0;
}

static bool
put(struct build *b, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = did(b, path, fd) && did(b, path, (int)write(fd, text, strlen(text)));

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Only the own ids are known in there, under their own numbers. */
static bool
map_ids(struct build *b)
{
    char uid[48], gid[48];
    bool ok;

    snprintf(uid, sizeof uid, "%u %u 1", (unsigned)b->uid, (unsigned)b->uid);
    snprintf(gid, sizeof gid, "%u %u 1", (unsigned)b->gid, (unsigned)b->gid);
    /* Those files belong to root as long as this process is undumpable. */
    ok = did(b, "dumpable", prctl(PR_SET_DUMPABLE, 1)) && put(b, "/proc/self/setgroups", "deny") &&
         put(b, "/proc/self/uid_map", uid) && put(b, "/proc/self/gid_map", gid);
    return did(b, "undumpable", prctl(PR_SET_DUMPABLE, 0)) && ok;
}

/* Shorter paths first: a folder stands before what is mounted in it. */
static bool
list_places(struct build *b, unsigned who, const struct am_settings *settings)
{
    struct am_sandbox_path next;

    for (size_t row = 0; am_sandbox_next_path(&next, &row, who, settings);) {
        struct place p = {.written = next.written, .tree = -1};
        size_t at = b->count;

        if (next.text[0] == '/')
            snprintf(p.path, sizeof p.path, "%s", next.text);
        else
            snprintf(p.path, sizeof p.path, "%s/%s", b->cwd, next.text);
        errno = ENOSPC;
        if (!did(b, "list of paths", b->count < PLACES_MAX ? 0 : -1))
            return false;
        for (; at > 0 && strlen(b->places[at - 1].path) > strlen(p.path); at--)
            b->places[at] = b->places[at - 1];
        b->places[at] = p;
        b->count++;
    }
    return true;
}

static bool
same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What is not there, or not for us, stays closed, as it does for Landlock, which tells the log. */
static bool
take_trees(struct build *b)
{
    struct stat root;

    if (!did(b, "/", stat("/", &root)))
        return false;
    for (size_t i = 0; i < b->count; i++) {
        struct place *p = &b->places[i];

        p->tree = open_tree(AT_FDCWD, p->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        if (p->tree < 0 && (errno == ENOENT || errno == EACCES))
            continue;
        if (!did(b, p->path, p->tree) || !did(b, p->path, fstat(p->tree, &p->is)))
            return false;
        errno = EINVAL; /* all that it should keep out would be in it */
        if (!did(b, "/ is on the list", same(&p->is, &root) ? -1 : 0))
            return false;
    }
    return true;
}

/* The same folder may be on the list twice, and the last one lies on top. */
static bool
restrict_trees(struct build *b)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct place *p = &b->places[i];
        struct mount_attr attr = {.attr_set =
                                      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
        bool written = false;

        for (size_t k = 0; k < b->count; k++)
            written = written || (b->places[k].written && same(&b->places[k].is, &p->is));
        if (!written)
            attr.attr_set |= MOUNT_ATTR_RDONLY;
        if (p->tree >= 0 &&
            !did(b, p->path,
                 mount_setattr(p->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr)))
            return false;
    }
    return true;
}

/* Below the current folder; what is there already is what was wanted. */
static void
make_folders(const char *path)
{
    char at[PATH_TEXT];

    snprintf(at, sizeof at, "%s", path + 1);
    for (char *slash = at; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        (void)mkdir(at, 0755);
    }
    (void)mkdir(at, 0755);
}

static bool
furnish(struct build *b)
{
    if (!did(b, "tmpfs", mount("attestmesh", STAGE, "tmpfs", LOCKED_DOWN, "mode=0755,size=64k")) ||
        !did(b, "tmpfs", chdir(STAGE)))
        return false;
    for (size_t i = 0; i < b->count; i++) {
        struct place *p = &b->places[i];

        if (p->tree < 0)
            continue;
        make_folders(p->path);
        if (!did(b, p->path,
                 move_mount(p->tree, "", AT_FDCWD, p->path + 1, MOVE_MOUNT_F_EMPTY_PATH)))
            return false;
    }
    make_folders(b->cwd);
    return did(b, "tmpfs",
               mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | LOCKED_DOWN, NULL));
}

/* The child is undumpable, so that nobody builds for it; and so nobody but itself may open these.
 */
static bool
open_own(struct build *b, int *fd, const char *path)
{
    return did(b, path, *fd = open(path, O_RDONLY | O_CLOEXEC));
}

static bool
builds(struct build *b, unsigned who, const struct am_settings *settings)
{
    bool user = (b->kinds & CLONE_NEWUSER) != 0;

    return list_places(b, who, settings) && did(b, "unshare", unshare(b->kinds)) &&
           (!user || (map_ids(b) && open_own(b, &b->user, "/proc/self/ns/user"))) &&
           open_own(b, &b->mounts, "/proc/self/ns/mnt") &&
           did(b, "private mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) &&
           take_trees(b) && restrict_trees(b) && furnish(b) &&
           did(b, "pivot_root", (int)syscall(SYS_pivot_root, ".", ".")) &&
           /* the old root now lies on top of the new one */
           did(b, "umount of the old root", umount2(".", MNT_DETACH));
}

/* The namespaces that it takes; 0: they cannot be had, or would cost more than they bring. */
static int
kinds_of(const struct am_settings *settings, struct am_error *err)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    char unknown[16] = "";
    int fd, r;

    if (syscall(SYS_capget, &head, data) == 0 && (data[0].effective >> CAP_SYS_ADMIN & 1) != 0)
        return CLONE_NEWNS;
    if (settings->uids[0] != '\0') {
        (void)am_fail(err, AM_FAILED_PRECONDITION,
                      "with ATTESTMESH_UIDS it takes CAP_SYS_ADMIN: a user namespace hides who the "
                      "peers are");
        return 0;
    }
    /* Everybody else looks like this uid in there, and would pass for ourselves. */
    fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);
    r = fd >= 0 && read(fd, unknown, sizeof unknown - 1) > 0;
    if (fd >= 0)
        close(fd);
    if (r == 0 || strtoul(unknown, NULL, 10) == geteuid()) {
        (void)am_fail(err, AM_FAILED_PRECONDITION,
                      "a user namespace shows every other uid as %u, which is ours; run under "
                      "another",
                      (unsigned)geteuid());
        return 0;
    }
    return CLONE_NEWUSER | CLONE_NEWNS;
}

union carried { /* two descriptors beside a message */
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr align;
};

/* The child: the namespaces when all stands, else why not. */
_Noreturn static void
build(struct build *b, int to_parent, unsigned who, const struct am_settings *settings)
{
    bool ok = builds(b, who, settings);
    struct iovec text = {b->why, ok ? 1 : strlen(b->why)};
    union carried carried = {.bytes = {0}};
    struct msghdr m = {.msg_iov = &text, .msg_iovlen = 1};
    const int fds[2] = {b->mounts, b->user};
    size_t len = b->user < 0 ? sizeof(int) : sizeof fds;

    if (ok) {
        m.msg_control = carried.bytes;
        m.msg_controllen = CMSG_SPACE(len);
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(len), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, len);
    }
    _exit(sendmsg(to_parent, &m, MSG_NOSIGNAL) > 0 ? 0 : 1);
}

static int
receive(struct build *b, int from_child, struct am_error *err)
{
    struct iovec text = {b->why, sizeof b->why - 1};
    union carried carried;
    struct msghdr m = {.msg_iov = &text,
                       .msg_iovlen = 1,
                       .msg_control = carried.bytes,
                       .msg_controllen = sizeof carried.bytes};
    const struct cmsghdr *c = NULL;
    int fds[2] = {-1, -1};

    if (recvmsg(from_child, &m, MSG_CMSG_CLOEXEC) > 0)
        c = CMSG_FIRSTHDR(&m);
    else
        strcpy(b->why, "its builder died");
    if (c == NULL)
        return am_fail(err, AM_FAILED_PRECONDITION, "%s", b->why);
    memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
    b->mounts = fds[0];
    b->user = fds[1];
    return AM_OK;
}

static int
enter(const struct build *b, struct am_error *err)
{
    if ((b->user >= 0 && setns(b->user, CLONE_NEWUSER) != 0) || setns(b->mounts, CLONE_NEWNS) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "setns: %s", strerror(errno));
    (void)!chdir(b->cwd); /* a setting that is relative to it would fail by its own name */
    return AM_OK;
}

int
am_sandbox_root(unsigned who, const struct am_settings *settings, struct am_error *err)
{
    static struct build b; /* the places are written by the child alone, and cost nothing here */
    int fds[2], rc;
    pid_t builder;

    b.uid = geteuid();
    b.gid = getegid();
    b.user = b.mounts = -1;
    if ((b.kinds = kinds_of(settings, err)) == 0)
        return AM_FAILED_PRECONDITION;
    if (getcwd(b.cwd, sizeof b.cwd) == NULL || b.cwd[0] != '/')
        strcpy(b.cwd, "/");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "socketpair: %s", strerror(errno));
    if ((builder = fork()) == 0) {
        close(fds[0]);
        build(&b, fds[1], who, settings);
    }
    close(fds[1]);
    if (builder < 0)
        rc = am_fail(err, AM_FAILED_PRECONDITION, "fork: %s", strerror(errno));
    else if ((rc = receive(&b, fds[0], err)) == AM_OK)
        rc = enter(&b, err);
    close(fds[0]);
    if (b.user >= 0)
        close(b.user);
    if (b.mounts >= 0)
        close(b.mounts);
    if (builder > 0)
        (void)waitpid(builder, NULL, 0);
    return rc;
}
