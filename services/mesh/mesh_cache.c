/*  mesh_cache -- peer-ed25519.v1 on disk: read once at the start, written some seconds after a key
 * is new.  */
#include "mesh_int.h"

#include "../../common/base/am_clock.h"
#include "../../common/base/am_file.h"
#include "../../common/base/am_log.h"

#include <stdio.h>
#include <stdlib.h>

#define LATER_MS                                                                                   \
    5000 /* members register in bursts, and while they do the loop must not wait for a disk */
#define AGAIN_MS 60000 /* the folder cannot be written: a cache waits */

void
mesh_cache_read(struct mesh *m)
{
    const char *dir = m->settings->state_dir;
    uint8_t *bytes = malloc(MESH_EDKEYS_BYTES);
    struct am_error err = {0};
    size_t len = 0;
    int r;

    if (bytes == NULL)
        r = am_fail(&err, AM_RESOURCE_EXHAUSTED, "mesh: no memory for " MESH_EDKEYS_FILE);
    else if ((r = am_file_read(dir, MESH_EDKEYS_FILE, bytes, MESH_EDKEYS_BYTES, &len, &err)) ==
             AM_OK)
        r = mesh_edkeys_read(&m->edkeys, am_bin_of(bytes, len), &err);
    if (r == AM_OK)
        am_log(AM_INFO, "edkeys.read", "members=%zu", m->edkeys.count);
    else if (r != AM_NOT_FOUND)
        am_log(AM_WARN, "edkeys.ignored", "reason=\"%s\"", err.text);
    free(bytes);
}

void
mesh_cache_learn(struct mesh *m, const struct mesh_view *view)
{
    if (!mesh_edkeys_learn(&m->edkeys, view) || m->edkeys_changed)
        return;
    m->edkeys_changed = true;
    m->edkeys_due_ms = am_mono_ms() + LATER_MS;
}

void
mesh_cache_run(struct mesh *m, bool now)
{
    struct am_error err = {0};

    if (!m->edkeys_changed || (!now && am_mono_ms() < m->edkeys_due_ms))
        return;
    m->edkeys_changed = am_file_write(m->settings->state_dir, MESH_EDKEYS_FILE,
                                      mesh_edkeys_bytes(&m->edkeys), &err) != AM_OK;
    m->edkeys_due_ms = am_mono_ms() + AGAIN_MS;
    if (m->edkeys_changed)
        am_log(AM_WARN, "edkeys.not_written", "reason=\"%s\"", err.text);
    else
        am_log(AM_DEBUG, "edkeys.written", "members=%zu", m->edkeys.count);
}
