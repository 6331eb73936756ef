/*  mesh_file -- what the operator writes: the endpoints file, read again when it changes, and the
 * ignore list  */
#include "mesh_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 500 /* between looks at the file's time */

static int
read_whole(int fd, char *out, size_t cap, size_t *len, struct am_error *err)
{
    *len = 0;
    while (*len < cap) {
        ssize_t n = read(fd, out + *len, cap - *len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return am_fail(err, AM_UNAVAILABLE, "endpoints: %s", strerror(errno));
        if (n == 0)
            return AM_OK;
        *len += (size_t)n;
    }
    return am_fail(err, AM_RESOURCE_EXHAUSTED, "endpoints: expected at most %d bytes",
                   MESH_ENDPOINTS_FILE);
}

static bool
is_member(const struct mesh_view *v, const uint8_t contract[static 20])
{
    for (size_t i = 0; i < v->count; i++)
        if (memcmp(v->member[i].contract, contract, 20) == 0)
            return true;
    return memcmp(v->own_contract, contract, 20) == 0;
}

static void
warn_strangers(const struct mesh *m)
{
    char text[41];

    for (size_t i = 0; i < m->endpoints.count && m->view.known; i++)
        if (!is_member(&m->view, m->endpoints.row[i].contract)) {
            am_hex(text, m->endpoints.row[i].contract, 20);
            am_log(AM_WARN, "endpoints.stranger", "contract=0x%s reason=\"not a member yet\"",
                   text);
        }
}

static int
load(struct mesh *m, int fd, struct am_error *err)
{
    static char text[MESH_ENDPOINTS_FILE + 1];
    static struct mesh_endpoints next;
    size_t len = 0;
    int r = read_whole(fd, text, sizeof text, &len, err);

    if (r == AM_OK)
        r = mesh_endpoints_parse(&next, (struct am_str){text, len}, err);
    if (r != AM_OK)
        return r;
    m->endpoints = next;
    am_log(AM_INFO, "endpoints.read", "lines=%zu", next.count);
    warn_strangers(m);
    mesh_wake(m);
    return AM_OK;
}

void
mesh_file_run(struct mesh *m)
{
    const char *path = m->settings->endpoints;
    struct am_error err = {0};
    struct stat st;
    int64_t now = am_mono_ms();
    int fd;

    if (path[0] == '\0' || now < m->endpoints_due_ms)
        return;
    m->endpoints_due_ms = now + LOOK_MS;
    if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0 || fstat(fd, &st) != 0) {
        am_fail(&err, AM_UNAVAILABLE, "endpoints: cannot open %s: %s", path, strerror(errno));
    } else if (st.st_size != m->endpoints_size || st.st_mtim.tv_sec != m->endpoints_time.tv_sec ||
               st.st_mtim.tv_nsec != m->endpoints_time.tv_nsec) {
        m->endpoints_size = st.st_size;
        m->endpoints_time = st.st_mtim;
        if (load(m, fd, &err) != AM_OK)
            am_log(AM_WARN, "endpoints.refused", "reason=\"%s; the last good ones stay\"",
                   err.text);
    } else {
        goto out; /* nothing new, and what was said of it stays */
    }
    snprintf(m->endpoints_reason, sizeof m->endpoints_reason, "%s", err.text);
out:
    if (fd >= 0)
        close(fd);
}

static struct am_str
without_0x(struct am_str s)
{
    if (s.len >= 2 && s.p[0] == '0' && s.p[1] == 'x')
        return (struct am_str){s.p + 2, s.len - 2};
    return s;
}

int
mesh_ignore_check(const char *list, struct am_error *err)
{
    struct am_str rest = am_str_of(list), piece;
    uint8_t bytes[32];

    while (mesh_next(&piece, &rest, ',')) {
        size_t len = without_0x(piece).len == 40 ? 20 : 32;

        if (am_unhex(bytes, len, piece, "member id or contract", err) != AM_OK)
            return am_wrap(err, "ATTESTMESH_IGNORE_MEMBERS");
    }
    return AM_OK;
}

bool
mesh_ignore_has(const char *list, const struct mesh_known *member)
{
    struct am_str rest = am_str_of(list), piece;
    uint8_t bytes[32];

    while (mesh_next(&piece, &rest, ',')) {
        bool contract = without_0x(piece).len == 40;

        if (am_unhex(bytes, contract ? 20 : 32, piece, "ignore", NULL) == AM_OK &&
            memcmp(bytes, contract ? member->contract : member->id, contract ? 20 : 32) == 0)
            return true;
    }
    return false;
}
