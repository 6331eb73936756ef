/*  mesh_gate -- pure: who is connected, and when the mesh may be called whole  */
#include "mesh_gate.h"

#include <string.h>

static size_t
find(const struct mesh_gate *g, const uint8_t id[static 32])
{
    for (size_t i = 0; i < g->count; i++)
        if (memcmp(g->peer[i].id, id, 32) == 0)
            return i;
    return MESH_NOBODY;
}

void
mesh_gate_members(struct mesh_gate *g, const uint8_t (*ids)[32], size_t count, size_t self)
{
    struct mesh_gate next = {.count = count, .self = self};
    size_t moved[MESH_MEMBERS_MAX]; /* old index -> new */

    for (size_t i = 0; i < g->count; i++)
        moved[i] = MESH_NOBODY;
    for (size_t i = 0; i < count; i++) {
        size_t old = find(g, ids[i]);

        memcpy(next.peer[i].id, ids[i], 32);
        if (old != MESH_NOBODY) {
            next.peer[i] = g->peer[old];
            moved[old] = i;
        }
    }
    for (size_t i = 0; i < count; i++) { /* views speak of old indices */
        struct mesh_set view = {0};

        for (size_t old = 0; old < g->count; old++)
            if (moved[old] != MESH_NOBODY && mesh_set_has(&next.peer[i].view, old))
                mesh_set_add(&view, moved[old]);
        next.peer[i].view = view;
    }
    next.agreed = g->agreed;
    next.agreed_ms = g->agreed_ms;
    next.opened = g->opened;
    *g = next;
}

void
mesh_gate_ignore(struct mesh_gate *g, size_t i)
{
    g->peer[i].ignored = true;
}

void
mesh_gate_remove(struct mesh_gate *g, size_t i, bool removed)
{
    g->peer[i].removed = removed;
}

void
mesh_gate_attempted(struct mesh_gate *g, size_t i, int64_t now)
{
    if (!g->peer[i].attempted)
        g->peer[i].attempted_ms = now;
    g->peer[i].attempted = true;
}

void
mesh_gate_silent(struct mesh_gate *g, size_t i, int64_t now)
{
    if (!g->peer[i].attempted || g->peer[i].attempted_ms > now - MESH_SILENT_MS)
        g->peer[i].attempted_ms = now - MESH_SILENT_MS;
    g->peer[i].attempted = true;
}

void
mesh_gate_path(struct mesh_gate *g, size_t i, bool up)
{
    g->peer[i].path_up = up;
}

void
mesh_gate_heard(struct mesh_gate *g, size_t i, const struct mesh_set *view, int64_t now)
{
    g->peer[i].heard = true;
    g->peer[i].path_up = true; /* it came through the tunnel */
    g->peer[i].heard_ms = now;
    g->peer[i].view = *view;
}

static bool
is_connected(const struct mesh_gate *g, size_t i, int64_t now)
{
    const struct mesh_gate_peer *p = &g->peer[i];

    return i == g->self ||
           (!p->removed && p->heard && p->path_up && now - p->heard_ms < MESH_WINDOW_MS);
}

struct mesh_set
mesh_gate_connected(const struct mesh_gate *g, int64_t now)
{
    struct mesh_set set = {0};

    for (size_t i = 0; i < g->count; i++)
        if (is_connected(g, i, now))
            mesh_set_add(&set, i);
    return set;
}

/* Whether the awaited connected nodes see one another. */
static struct mesh_gate_verdict
agreement(const struct mesh_gate *g, int64_t now)
{
    struct mesh_gate_verdict v = {.a = MESH_NOBODY, .b = MESH_NOBODY};
    struct mesh_set active = {0};
    size_t hearable = 0;

    for (size_t i = 0; i < g->count; i++) {
        if ((g->peer[i].ignored || g->peer[i].removed) && i != g->self)
            continue;
        hearable++;
        if (is_connected(g, i, now))
            mesh_set_add(&active, i);
    }
    if (mesh_set_count(&active) == 1 && hearable > 1) {
        v.why = MESH_GATE_ALONE;
        return v;
    }
    for (size_t i = 0; i < g->count; i++) {
        if (i == g->self || !mesh_set_has(&active, i))
            continue;
        v.b = mesh_set_lacks(&g->peer[i].view, &active);
        if (v.b != MESH_NOBODY) {
            v.a = i;
            v.why = MESH_GATE_VIEW_LACKS;
            return v;
        }
    }
    v.why = hearable > 1 ? MESH_GATE_SETTLING : MESH_GATE_LIVE;
    return v;
}

/* The first member that the gate still waits for, or MESH_NOBODY. */
static size_t
awaited(const struct mesh_gate *g, int64_t now)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct mesh_gate_peer *p = &g->peer[i];
        bool silent = p->attempted && now - p->attempted_ms >= MESH_SILENT_MS;

        if (i != g->self && !p->heard && !p->ignored && !p->removed && !silent)
            return i;
    }
    return MESH_NOBODY;
}

struct mesh_gate_verdict
mesh_gate_step(struct mesh_gate *g, int64_t now)
{
    struct mesh_gate_verdict v = {.why = MESH_GATE_NOT_MEMBER, .a = MESH_NOBODY, .b = MESH_NOBODY};

    if (g->self < g->count)
        v = agreement(g, now);
    if (v.why != MESH_GATE_SETTLING) {
        g->agreed = false;
    } else {
        if (!g->agreed)
            g->agreed_ms = now;
        g->agreed = true;
        if (now - g->agreed_ms >= MESH_AGREE_MS)
            v.why = MESH_GATE_LIVE;
        v.a = awaited(g, now);
        if (v.a != MESH_NOBODY)
            v.why = MESH_GATE_AWAITED;
    }
    v.live = v.why == MESH_GATE_LIVE;
    g->opened = g->opened || v.live;
    v.opened = g->opened;
    return v;
}

void
mesh_gate_close(struct mesh_gate *g)
{
    g->agreed = g->opened = false;
    for (size_t i = 0; i < g->count; i++) {
        g->peer[i].heard = g->peer[i].path_up = g->peer[i].attempted = false;
        memset(&g->peer[i].view, 0, sizeof g->peer[i].view);
    }
}
