/*  am_file -- small files of state: read whole and bounded, written whole or not at all.  */
#include "am_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
fail(struct am_error *err, const char *dir, const char *name, const char *doing)
{
    const int code = errno == ENOENT ? AM_NOT_FOUND : AM_UNAVAILABLE;

    return am_fail(err, code, "%s/%s: expected to %s it, got %s", dir, name, doing,
                   strerror(errno));
}

/* Of this user, and closed to others. */
static int
check_mode(const struct stat *st, const char *dir, const char *name, struct am_error *err)
{
    if (st->st_uid != geteuid())
        return am_fail(err, AM_PERMISSION_DENIED, "%s/%s: expected owner %u, got %u", dir, name,
                       (unsigned)geteuid(), (unsigned)st->st_uid);
    if ((st->st_mode & 077) != 0)
        return am_fail(err, AM_PERMISSION_DENIED,
                       "%s/%s: expected mode %s, got %04o: others must not reach it", dir, name,
                       S_ISDIR(st->st_mode) ? "0700" : "0600", (unsigned)(st->st_mode & 07777));
    return AM_OK;
}

static int
open_folder(int *fd, const char *dir, struct am_error *err)
{
    struct stat st;
    int rc;

    if ((*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return fail(err, dir, "", "open");
    rc = fstat(*fd, &st) != 0 ? fail(err, dir, "", "look at") : check_mode(&st, dir, "", err);
    if (rc != AM_OK) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

static int
read_all(int fd, const char *dir, const char *name, uint8_t *out, size_t max, size_t *len,
         struct am_error *err)
{
    uint8_t more;
    ssize_t n;

    do {
        n = *len < max ? read(fd, out + *len, max - *len) : read(fd, &more, 1);
        if (n > 0 && *len == max)
            return am_fail(err, AM_OUT_OF_RANGE, "%s/%s: expected at most %zu bytes, got more", dir,
                           name, max);
        if (n > 0)
            *len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n == 0 ? AM_OK : fail(err, dir, name, "read");
}

int
am_file_read(const char *dir, const char *name, void *out, size_t max, size_t *len,
             struct am_error *err)
{
    struct stat st;
    int folder, fd = -1, rc;

    *len = 0;
    if ((rc = open_folder(&folder, dir, err)) != AM_OK)
        return rc;
    /* not to wait for the other end of a fifo */
    if ((fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0)
        rc = errno == ELOOP ? am_fail(err, AM_PERMISSION_DENIED,
                                      "%s/%s: expected a file, got a link", dir, name)
                            : fail(err, dir, name, "open");
    else if (fstat(fd, &st) != 0)
        rc = fail(err, dir, name, "look at");
    else if (!S_ISREG(st.st_mode))
        rc = am_fail(err, AM_PERMISSION_DENIED, "%s/%s: expected a file, got another thing", dir,
                     name);
    else if ((rc = check_mode(&st, dir, name, err)) == AM_OK)
        rc = read_all(fd, dir, name, out, max, len, err);
    if (rc != AM_OK)
        *len = 0;
    if (fd >= 0)
        close(fd);
    close(folder);
    return rc;
}

static int
write_all(int folder, const char *temp, struct am_bin bytes)
{
    int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool done = fd >= 0;
    size_t at = 0;

    while (done && at < bytes.len) {
        ssize_t n = write(fd, bytes.p + at, bytes.len - at);

        if (n > 0)
            at += (size_t)n;
        else
            done = n < 0 && errno == EINTR;
    }
    done = done && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        done = false;
    return done ? 0 : -1;
}

int
am_file_write(const char *dir, const char *name, struct am_bin bytes, struct am_error *err)
{
    char temp[AM_FILE_NAME_MAX + 48], hex[17];
    uint8_t random[8];
    int folder, rc;

    AM_ASSERT(strlen(name) <= AM_FILE_NAME_MAX && strchr(name, '/') == NULL);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return am_fail(err, AM_UNAVAILABLE, "%s: expected to make it, got %s", dir,
                       strerror(errno));
    if ((rc = open_folder(&folder, dir, err)) != AM_OK)
        return rc;
    randombytes_buf(random, sizeof random);
    am_hex(hex, random, sizeof random);
    snprintf(temp, sizeof temp, ".%s.%d.%s.tmp", name, (int)getpid(), hex);
    if (write_all(folder, temp, bytes) != 0 || renameat(folder, temp, folder, name) != 0) {
        rc = fail(err, dir, name, "write");
        unlinkat(folder, temp, 0);
    } else if (fsync(folder) != 0) {
        rc = am_fail(err, AM_UNAVAILABLE, "%s/%s: it is new, but not surely on disk: %s", dir, name,
                     strerror(errno));
    }
    close(folder);
    return rc;
}

int
am_file_remove(const char *dir, const char *name, struct am_error *err)
{
    int folder, rc = open_folder(&folder, dir, err);

    if (rc != AM_OK)
        return rc == AM_NOT_FOUND ? AM_OK : rc;
    if (unlinkat(folder, name, 0) != 0)
        rc = errno == ENOENT ? AM_OK : fail(err, dir, name, "remove");
    else if (fsync(folder) != 0)
        rc = fail(err, dir, name, "make sure of the end of");
    close(folder);
    return rc;
}
