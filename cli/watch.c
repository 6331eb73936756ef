/*  watch -- what one node says on its bus, kept: for a screen, for status, for tests.  */
#include "watch.h"

#include <string.h>

static void
copy(uint8_t *out, size_t len, struct am_bin b)
{
    memset(out, 0, len);
    if (b.len == len)
        memcpy(out, b.p, len);
}

static void
on_node(struct watch *w, const struct mesh_node *n)
{
    w->heard = true;
    am_str_copy(w->phase, sizeof w->phase, n->phase);
    am_str_copy(w->reason, sizeof w->reason, n->reason);
    w->registered = n->registered;
    w->originator = n->originator;
    w->converged = n->first_converged;
    w->csk = n->csk_acquired;
    w->healthy = n->healthy;
    w->live = n->live;
    w->mesh_ip = (uint32_t)n->mesh_ip;
    w->members = n->members;
    w->live_peers = n->live_peers;
    w->csk_holders = n->csk_holders;
    w->csk_members = n->csk_members;
    w->healthy_ms = n->healthy_ms;
    w->block_number = n->block_number;
}

static void
on_operation(struct watch *w, const struct chain_operation *o)
{
    struct watch_op *op = NULL;

    for (size_t i = 0; i < w->op_count; i++)
        if (am_bin_eq(o->key, AM_BIN(w->ops[i].key)))
            op = &w->ops[i];
    if (op == NULL && w->op_count == WATCH_OPS)
        return;
    if (op == NULL)
        op = &w->ops[w->op_count++];
    copy(op->key, 24, o->key);
    copy(op->user_op_hash, 32, o->user_op_hash);
    copy(op->tx_hash, 32, o->tx_hash);
    op->sequence = o->sequence;
    op->gas_used = o->gas_used;
    op->block_number = o->block_number;
    am_str_copy(op->purpose, sizeof op->purpose, o->purpose);
    am_str_copy(op->state, sizeof op->state, o->state);
    am_str_copy(op->reason, sizeof op->reason, o->reason);
}

static void
on_peer(struct watch *w, enum bus_change change, const struct mesh_peer *p)
{
    size_t i = 0;

    while (i < w->peer_count && !am_bin_eq(p->member_id, AM_BIN(w->peers[i].member_id)))
        i++;
    if (change == BUS_RETRACTED) {
        if (i < w->peer_count)
            w->peers[i] = w->peers[--w->peer_count];
        return;
    }
    if (i == WATCH_PEERS)
        return;
    if (i == w->peer_count)
        w->peer_count++;
    copy(w->peers[i].member_id, 32, p->member_id);
    w->peers[i].mesh_ip = (uint32_t)p->mesh_ip;
    am_str_copy(w->peers[i].state, sizeof w->peers[i].state, p->state);
    am_str_copy(w->peers[i].reason, sizeof w->peers[i].reason, p->reason);
}

static void
on_csk(struct watch *w, const struct keyagent_csk *c)
{
    w->csk_held = c->held;
    am_str_copy(w->csk_source, sizeof w->csk_source, c->source);
    copy(w->commitment, 32, c->commitment);
}

static void
on_chain(struct watch *w, const struct chain_status *c)
{
    am_str_copy(w->chain_phase, sizeof w->chain_phase, c->phase);
    am_str_copy(w->chain_reason, sizeof w->chain_reason, c->reason);
    w->head = c->head;
    w->rpc_calls = c->rpc_calls;
}

/* A publisher that is gone, or says everything anew, leaves no yesterday's truth on a screen. */
static void
forget(struct watch *w, enum bus_topic topic)
{
    switch (topic) {
    case BUS_TOPIC_chain_status:
        w->chain_phase[0] = w->chain_reason[0] = '\0';
        break;
    case BUS_TOPIC_mesh_node:
        w->heard = w->live = w->healthy = false;
        w->csk_holders = w->csk_members = 0;
        break;
    case BUS_TOPIC_mesh_peer:
        w->peer_count = 0;
        break;
    case BUS_TOPIC_keyagent_csk:
        w->csk_held = false;
        break;
    default:
        break;
    }
}

static void
on_fact(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    struct watch *w = arg;

    w->changes++;
    if (change == BUS_LOST || change == BUS_SNAPSHOT)
        forget(w, topic);
    else if (topic == BUS_TOPIC_mesh_peer && fact != NULL)
        on_peer(w, change, fact);
    else if (change == BUS_VALUE && topic == BUS_TOPIC_mesh_node)
        on_node(w, fact);
    else if (change == BUS_VALUE && topic == BUS_TOPIC_chain_operation)
        on_operation(w, fact);
    else if (change == BUS_VALUE && topic == BUS_TOPIC_keyagent_csk)
        on_csk(w, fact);
    else if (change == BUS_VALUE && topic == BUS_TOPIC_chain_status)
        on_chain(w, fact);
    if (w->changed != NULL)
        w->changed(w, topic);
}

int
watch_open(struct watch *w, struct ev_loop *loop, const char *run, struct am_error *err)
{
    static const enum bus_topic topics[] = {BUS_TOPIC_mesh_node, BUS_TOPIC_mesh_peer,
                                            BUS_TOPIC_chain_operation, BUS_TOPIC_chain_status,
                                            BUS_TOPIC_keyagent_csk};
    struct bus_options options = {.run = run, .uids = w->uids, .self = BUS_CLI, .loop = loop};
    int r = bus_open(&w->bus, &options, err);

    for (size_t i = 0; r == AM_OK && i < sizeof topics / sizeof topics[0]; i++)
        r = bus_subscribe(w->bus, topics[i], on_fact, w, err);
    return r;
}

void
watch_close(struct watch *w)
{
    bus_close(&w->bus);
}
