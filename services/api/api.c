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
}

static void
on_chain(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct api_facts *f = arg;
    const struct chain_status *c = fact;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    f->rpc_calls = c->rpc_calls;
    f->head = c->head;
}

int
api_follow(struct bus *bus, struct api_facts *facts, struct am_error *err)
{
    const struct {
        enum bus_topic topic;
        bus_fact_fn *fn;
    } rows[] = {
        {BUS_TOPIC_mesh_node, on_node},
        {BUS_TOPIC_mesh_peer, on_peer},
        {BUS_TOPIC_indexer_cursor, on_cursor},
        {BUS_TOPIC_chain_status, on_chain},
    };
    int r = AM_OK;

    for (size_t i = 0; r == AM_OK && i < sizeof rows / sizeof rows[0]; i++)
        r = bus_subscribe(bus, rows[i].topic, rows[i].fn, facts, err);
    return r;
}
