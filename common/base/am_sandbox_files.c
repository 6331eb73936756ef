/*  am_sandbox_files -- the list of files and folders, as a Landlock domain, where the kernel has
 * it.
 *
 *  The structs and numbers are our own: Debian 12's header ends at ABI 1.
 */
#include "am_sandbox_int.h"

#include "am_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/landlock.h; the ABI that brought what ABI 1 does not have */
#define FS_EXECUTE (1u << 0)
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_FILE (1u << 5)
#define FS_MAKE_DIR (1u << 7)
#define FS_MAKE_REG (1u << 8)
#define FS_MAKE_SOCK (1u << 9)
#define FS_TRUNCATE (1u << 14)     /* 3 */
#define FS_RESOLVE_UNIX (1u << 16) /* 9: connect to a socket by its path */
#define FS_OF_A_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_RESOLVE_UNIX)
#define NET_BIND_TCP (1u << 0)    /* 4 */
#define NET_CONNECT_TCP (1u << 1) /* 4 */
#define SCOPE_ABSTRACT_UNIX 1u    /* 6: of a process outside */
#define RULE_PATH_BENEATH 1
#define ABI_LAST 9 /* what stands above */

struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

/* The words of sandbox.def for rights. */
#define READ (FS_READ_FILE | FS_READ_DIR)
#define OWN (READ | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE)
#define CONNECT FS_RESOLVE_UNIX
#define SOCKETS (OWN | FS_MAKE_SOCK | CONNECT)
#define EXEC FS_EXECUTE
#define TCP_BIND NET_BIND_TCP
#define TCP_CONNECT NET_CONNECT_TCP

static const struct row {
    unsigned who;
    const char *path; /* NULL: the setting at offset names it */
    size_t offset;
    bool beside; /* the folder that it lies in */
    unsigned rights;
} rows[] = {
#define FIXED(who, path, rights, why) {who, path, 0, false, rights},
#define SETTING(who, field, rights, why)                                                           \
    {who, NULL, offsetof(struct am_settings, field), false, rights},
#define BESIDE(who, field, rights, why)                                                            \
    {who, NULL, offsetof(struct am_settings, field), true, rights},
#include "sandbox.def"
};

static const struct {
    unsigned who, ways;
} no_tcp[] = {
#define NO_TCP(who, ways, why) {who, ways},
#include "sandbox.def"
};

/* Of the rights that the kernel of this ABI knows. */
static struct ruleset
handled(int abi, unsigned who)
{
    struct ruleset r = {.fs = (1u << 13) - 1};

    if (abi >= 2)
        r.fs |= 1u << 13; /* move into another folder: nobody may */
    if (abi >= 3)
        r.fs |= FS_TRUNCATE;
    for (size_t i = 0; abi >= 4 && i < sizeof no_tcp / sizeof *no_tcp; i++)
        if ((no_tcp[i].who & who) != 0)
            r.net |= no_tcp[i].ways;
    if (abi >= 5)
        r.fs |= 1u << 15; /* ioctl on devices */
    if (abi >= 6)
        r.scoped = SCOPE_ABSTRACT_UNIX;
    if (abi >= 9)
        r.fs |= FS_RESOLVE_UNIX;
    return r;
}

static int
add(int domain, const char *path, uint64_t rights)
{
    struct path_beneath rule = {rights, open(path, O_PATH | O_CLOEXEC)};
    struct stat st;
    int rc = -1;

    if (rule.fd < 0)
        return -1;
    if (fstat(rule.fd, &st) == 0) {
        if (!S_ISDIR(st.st_mode))
            rule.allowed &= FS_OF_A_FILE;
        if (rule.allowed == 0)
            rc = 0;
        else
            rc = (int)syscall(SYS_landlock_add_rule, domain, RULE_PATH_BENEATH, &rule, 0);
    }
    close(rule.fd);
    return rc;
}

bool
am_sandbox_next_path(struct am_sandbox_path *out, size_t *row, unsigned who,
                     const struct am_settings *settings)
{
    for (; *row < sizeof rows / sizeof *rows; ++*row) {
        const struct row *r = &rows[*row];
        const char *path = r->path != NULL ? r->path : (const char *)settings + r->offset;
        char *slash;

        if ((r->who & who) == 0 || *path == '\0')
            continue;
        snprintf(out->text, sizeof out->text, "%s", path);
        if (r->beside) {
            slash = strrchr(out->text, '/');
            if (slash == NULL)
                strcpy(out->text, ".");
            else
                slash[slash == out->text ? 1 : 0] = '\0';
        }
        out->rights = r->rights;
        out->written = (r->rights & FS_WRITE_FILE) != 0;
        out->named = r->path == NULL;
        if (r->rights == OWN) /* whoever keeps state would make its folder later, and could not */
            (void)mkdir(out->text, 0700);
        ++*row;
        return true;
    }
    return false;
}

int
am_sandbox_files(unsigned who, const struct am_settings *settings)
{
    int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1), domain;
    struct am_sandbox_path path;
    struct ruleset ruleset;
    size_t size;

    if (abi < 1)
        return 0;
    ruleset = handled(abi, who);
    size = abi >= 6 ? sizeof ruleset : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    if ((domain = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0)) < 0)
        return 0;
    /* What cannot be added stays closed, and the log says so of what an operator has named. */
    for (size_t row = 0; am_sandbox_next_path(&path, &row, who, settings);)
        if (add(domain, path.text, path.rights & ruleset.fs) != 0 && path.named)
            am_log(AM_WARN, "sandbox.closed", "path=%s reason=\"%s\"", path.text, strerror(errno));
    if (syscall(SYS_landlock_restrict_self, domain, 0) != 0)
        abi = 0;
    close(domain);
    return abi < ABI_LAST ? abi : ABI_LAST;
}
