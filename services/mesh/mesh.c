/*  mesh -- the service: facts from keyagent and chain in, mesh.node and mesh.peer out  */
#include "mesh.h"
#include "mesh_int.h"

#include "../../common/base/am_log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service { /* what the loop holds */
    struct mesh mesh;
    ev_timer tick;
    ev_prepare before_sleep;
};

void
mesh_wake(struct mesh *m)
{
    m->dirty = true;
}

int
mesh_jitter(void)
{
    return (int)randombytes_uniform(401) - 200;
}

static void
on_identity(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct mesh *m = arg;

    (void)topic;
    m->keyagent_lost = change == BUS_LOST;
    if (change == BUS_VALUE)
        mesh_identity_take(&m->identity, fact);
    mesh_wake(m);
}

static void
on_csk(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct mesh *m = arg;
    const struct keyagent_csk *csk = fact;

    (void)topic;
    if (change == BUS_VALUE) {
        m->held = csk->held && csk->commitment.len == 32;
        m->cache_pending = csk->cache_pending;
        memset(m->held_commitment, 0, 32);
        if (m->held)
            memcpy(m->held_commitment, csk->commitment.p, 32);
    }
    mesh_wake(m);
}

static void
on_view(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct mesh *m = arg;

    (void)topic;
    m->chain_lost = change == BUS_LOST;
    if (change == BUS_VALUE)
        mesh_take_view(m, fact);
    mesh_wake(m);
}

static void
on_operation(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct mesh *m = arg;
    const struct chain_operation *op = fact;
    bool landed;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    landed = am_str_eq(op->state, "included") || am_str_eq(op->state, "confirmed");
    if (landed && am_str_eq(op->purpose, "register"))
        m->registered_at = op->block_number;
    snprintf(m->operation, sizeof m->operation, "%.*s %.*s%s%.*s", (int)op->purpose.len,
             op->purpose.p, (int)op->state.len, op->state.p, op->reason.len > 0 ? ": " : "",
             (int)op->reason.len, op->reason.p);
    mesh_wake(m);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    mesh_wake(w->data);
}

/* Whatever came in this turn of the loop is judged once, together. */
static void
on_before_sleep(struct ev_loop *loop, ev_prepare *w, int events)
{
    struct mesh *m = w->data;

    (void)loop;
    (void)events;
    for (int i = 0; m->dirty && i < 4; i++) {
        m->dirty = false;
        mesh_step(m);
    }
}

static void
on_helper_dead(void *arg)
{
    struct mesh *m = arg;

    am_log(AM_ERROR, "helper.dead", "reason=\"without it the device cannot be kept: stopping\"");
    m->helper_dead = true;
    ev_break(m->loop, EVBREAK_ALL);
}

static void
on_wg_changed(void *arg)
{
    mesh_wake(arg);
}

static int
subscribe(struct mesh *m, struct am_error *err)
{
    int rc;

    if ((rc = bus_subscribe(m->bus, BUS_TOPIC_keyagent_identity, on_identity, m, err)) == AM_OK &&
        (rc = bus_subscribe(m->bus, BUS_TOPIC_keyagent_csk, on_csk, m, err)) == AM_OK &&
        (rc = bus_subscribe(m->bus, BUS_TOPIC_chain_view, on_view, m, err)) == AM_OK)
        rc = bus_subscribe(m->bus, BUS_TOPIC_chain_operation, on_operation, m, err);
    return rc;
}

int
mesh_start(struct mesh **out, const struct am_settings *settings, struct mesh_helper *helper,
           struct bus *bus, struct ev_loop *loop, struct am_error *err)
{
    struct service *s = calloc(1, sizeof *s);
    struct mesh *m = s != NULL ? &s->mesh : NULL;
    int rc;

    *out = NULL;
    if (m == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "mesh: no memory");
    m->loop = loop;
    m->bus = bus;
    m->settings = settings;
    m->helper = helper;
    m->cache_pending = true; /* until keyagent has said what it has */
    m->beats.fd = -1;
    m->endpoints_size = -1;
    m->gate.self = m->view.self = MESH_NOBODY;
    m->wg.helper = helper;
    m->wg.bus = bus;
    m->wg.name = settings->wg_interface;
    m->wg.port = (uint16_t)settings->wg_port;
    m->wg.changed = on_wg_changed;
    m->wg.arg = m;
    ev_timer_init(&s->tick, on_tick, 0, MESH_TICK_MS / 1000.0);
    ev_prepare_init(&s->before_sleep, on_before_sleep);
    s->tick.data = s->before_sleep.data = m;
    ev_timer_start(loop, &s->tick);
    ev_prepare_start(loop, &s->before_sleep);
    mesh_helper_attach(helper, loop, on_helper_dead, m);
    mesh_cache_read(m);
    *out = m;
    if ((rc = mesh_ignore_check(settings->ignore_members, err)) != AM_OK ||
        (rc = subscribe(m, err)) != AM_OK)
        mesh_stop(out);
    return rc;
}

int
mesh_exit_code(const struct mesh *m)
{
    return m->exit_code;
}

void
mesh_stop(struct mesh **mp)
{
    struct mesh *m = *mp;
    struct service *s = (struct service *)(void *)m; /* its first member */

    *mp = NULL;
    if (m == NULL)
        return;
    ev_timer_stop(m->loop, &s->tick);
    ev_prepare_stop(m->loop, &s->before_sleep);
    mesh_cache_run(m, true);
    mesh_beats_close(m);
    mesh_rpc_close(m);
    mesh_wg_close(&m->wg);
    free(s);
}
