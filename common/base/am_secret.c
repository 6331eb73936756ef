/*  am_secret -- locked, zeroed, undumped memory, and proof that it is locked.  */
#include "am_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

struct header { /* first page of each block; not secret itself */
    size_t whole, body;
};

static size_t
page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int
am_secret_init(struct am_error *err)
{
    const struct rlimit none = {0, 0};
    struct rlimit lock;

    if (sodium_init() < 0)
        return am_fail(err, AM_INTERNAL, "libsodium: expected to initialise, it did not");
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "kernel: cannot forbid core dumps: %s",
                       strerror(errno));
    if (getrlimit(RLIMIT_MEMLOCK, &lock) != 0 || lock.rlim_cur < AM_SECRET_LOCK_MIN)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "RLIMIT_MEMLOCK: expected at least %u bytes, got %llu; raise memlock",
                       AM_SECRET_LOCK_MIN, (unsigned long long)lock.rlim_cur);
    return AM_OK;
}

void *
am_secret_alloc(size_t len, struct am_error *err)
{
    size_t pg = page(), body = (len + pg - 1) / pg * pg, whole = body + 3 * pg;
    uint8_t *base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct header h = {whole, body};

    if (base == MAP_FAILED) {
        am_fail(err, AM_RESOURCE_EXHAUSTED, "kernel: no memory for a secret: %s", strerror(errno));
        return NULL;
    }
    /* header page, guard page, body, guard page */
    if (mprotect(base, pg, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(base + 2 * pg, body, PROT_READ | PROT_WRITE) != 0 ||
        madvise(base + 2 * pg, body, MADV_DONTDUMP) != 0 || mlock(base + 2 * pg, body) != 0) {
        am_fail(err, AM_RESOURCE_EXHAUSTED, "kernel: cannot lock %zu bytes: %s; raise memlock",
                body, strerror(errno));
        munmap(base, whole);
        return NULL;
    }
    memcpy(base, &h, sizeof h);
    return base + 2 * pg;
}

void
am_secret_free(void **p)
{
    struct header h;
    uint8_t *base;

    if (*p == NULL)
        return;
    base = (uint8_t *)*p - 2 * page();
    memcpy(&h, base, sizeof h);
    sodium_memzero(*p, h.body);
    munmap(base, h.whole);
    *p = NULL;
}

int
am_secret_locked(uint64_t *bytes, struct am_error *err)
{
    static int fd = -1; /* stays open: a sandbox closes /proc */
    unsigned long long kb;
    char text[4096];
    const char *line;
    ssize_t n;

    *bytes = 0;
    if (fd < 0 && (fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC)) < 0)
        return am_fail(err, AM_INTERNAL, "/proc/self/status: %s", strerror(errno));
    if ((n = pread(fd, text, sizeof text - 1, 0)) < 0)
        return am_fail(err, AM_INTERNAL, "/proc/self/status: %s", strerror(errno));
    text[n] = '\0';
    line = strstr(text, "\nVmLck:");
    if (line == NULL || sscanf(line, "\nVmLck: %llu kB", &kb) != 1)
        return am_fail(err, AM_INTERNAL,
                       "/proc/self/status: expected a VmLck line, got none in %zd bytes", n);
    *bytes = kb * 1024;
    return AM_OK;
}
