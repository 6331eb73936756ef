/*  api -- what the application and the operator may know of this node.  */
#include "api.h"

#include <string.h>

static void
on_node(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_facts *f = arg;
    const struct mesh_node *n = fact;

    (void)topic;
    if (change == BUS_LOST)
        f->mesh_answers = false;
    if (change != BUS_VALUE)
        return;
    f->mesh_answers = true;
    am_str_copy(f->phase, sizeof f->phase, n->phase);
    am_str_copy(f->reason, sizeof f->reason, n->reason);
    f->first_converged = n->first_converged;
    f->csk_acquired = n->csk_acquired;
    f->healthy = n->healthy;
    f->live = n->live;
    f->live_peers = n->live_peers;
    f->members = n->members;
    f->csk_holders = n->csk_holders;
    f->csk_members = n->csk_members;
    f->mesh_ip = (uint32_t)n->mesh_ip;
}

static void
on_peer(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_facts *f = arg;
    const struct mesh_peer *p = fact;
    size_t i = 0;

    (void)topic;
    if (change == BUS_LOST || change == BUS_SNAPSHOT)
        f->peer_count = 0;
    if (fact == NULL)
        f->peers_known = change == BUS_SYNCED;
    if (fact == NULL || p->member_id.len != 32)
        return;
    while (i < f->peer_count && memcmp(f->peers[i].member_id, p->member_id.p, 32) != 0)
        i++;
    if (change == BUS_RETRACTED) {
        if (i < f->peer_count)
            f->peers[i] = f->peers[--f->peer_count];
        return;
    }
    if (i == API_PEERS_MAX)
        return;
    if (i == f->peer_count)
        f->peer_count++;
    memcpy(f->peers[i].member_id, p->member_id.p, 32);
    f->peers[i].mesh_ip = (uint32_t)p->mesh_ip;
    f->peers[i].live = am_str_eq(p->state, "live");
    f->peers[i].removed = am_str_eq(p->state, "removed");
}

static void
on_cursor(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_facts *f = arg;
    const struct indexer_cursor *c = fact;

    (void)topic;
    if (change == BUS_LOST)
        f->indexer_connected = f->indexer_caught_up = false;
    if (change != BUS_VALUE)
        return;
    f->indexer_connected = c->connected;
    f->indexer_caught_up = c->caught_up;
    f->indexer_cursor_block = c->block_number;
    f->rpc_indexer = (struct api_rpc){c->rpc_calls, c->rpc_today, c->rpc_budget};
}

static void
on_chain(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_facts *f = arg;
    const struct chain_status *c = fact;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    f->rpc_chain = (struct api_rpc){c->rpc_calls, c->rpc_today, c->rpc_budget};
    f->head = c->head;
}

static struct api_bytes
copy(struct am_bin bytes)
{
    struct api_bytes b = {.len = bytes.len};

    AM_ASSERT(bytes.len <= sizeof b.p); /* the .def says so */
    if (bytes.len > 0)
        memcpy(b.p, bytes.p, bytes.len);
    return b;
}

/* Stays known when keyagent goes: who we are does not change with it. */
static void
on_identity(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_identity *id = &((struct api_facts *)arg)->id;
    const struct keyagent_identity *k = fact;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    id->ready = am_str_eq(k->phase, "ready");
    am_str_copy(id->reason, sizeof id->reason, k->reason);
    am_str_copy(id->attestor, sizeof id->attestor, k->attestor);
    id->x_pub = copy(k->x_pub);
    id->ed25519_pub = copy(k->ed25519_pub);
    id->wg_pub = copy(k->wg_pub);
    id->app_id = copy(k->app_id);
    id->compose_hash = copy(k->compose_hash);
    id->instance_id = copy(k->instance_id);
    id->device_id = copy(k->device_id);
}

static void
on_view(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_identity *id = &((struct api_facts *)arg)->id;
    const struct chain_view *v = fact;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    id->cluster = copy(v->cluster);
    id->member_contract = copy(v->member_contract);
    id->member_id = copy(v->member_id);
}

int
api_follow(struct bus *bus, struct api_facts *facts, struct am_error *err)
{
    const struct {
        enum bus_topic topic;
        bus_fact_fn *fn;
    } rows[] = {
        {BUS_TOPIC_mesh_node, on_node},        {BUS_TOPIC_mesh_peer, on_peer},
        {BUS_TOPIC_indexer_cursor, on_cursor}, {BUS_TOPIC_chain_status, on_chain},
        {BUS_TOPIC_chain_view, on_view},       {BUS_TOPIC_keyagent_identity, on_identity},
    };
    int r = AM_OK;

    for (size_t i = 0; r == AM_OK && i < sizeof rows / sizeof rows[0]; i++)
        r = bus_subscribe(bus, rows[i].topic, rows[i].fn, facts, err);
    return r;
}
