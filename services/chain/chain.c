/*  chain -- the service: what it publishes, what it answers, what it follows.  */
#include "am_clock.h"
#include "am_log.h"
#include "am_secp.h"
#include "chain_int.h"
#include "eth_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
publish(struct chain *c, enum bus_topic topic, const void *fact)
{
    struct am_error err = {0};

    if (bus_publish(c->bus, topic, fact, &err) != AM_OK)
        am_log(AM_ERROR, "publish.failed", "reason=\"%s\"", err.text);
}

static void
publish_view(struct chain *c, const struct chain_snapshot *s)
{
    struct chain_view *v = &c->view;

    *v = (struct chain_view){
        .chain_id = c->settings->chain_id,
        .block_number = s->number,
        .block_hash = AM_BIN(s->hash),
        .block_time = s->time,
        .cluster = AM_BIN(s->cluster),
        .member_contract = AM_BIN(s->member),
        .member_id = AM_BIN(s->member_id),
        .cidr_ip = s->cidr_ip,
        .cidr_prefix = s->cidr_prefix,
        .commitment = chain_some(s->commitment, 32),
        .kms_root = chain_some(s->kms_root, 20),
        .ed25519_on_chain = s->ed25519_on_chain,
        .originator_confirmed = s->originator_confirmed,
        .members_count = s->count,
    };
    for (size_t i = 0; i < s->count; i++) {
        const struct chain_peer *p = &s->peers[i];

        v->members[i] = (struct chain_member){
            .member_id = AM_BIN(p->id),
            .member_contract = AM_BIN(p->contract),
            .x_pub = AM_BIN(p->x_pub),
            .wg_pub = AM_BIN(p->wg_pub),
            .ed25519_pub = chain_some(p->ed25519_pub, 32),
            .mesh_ip = p->mesh_ip,
            .removed = p->removed,
        };
    }
    publish(c, BUS_TOPIC_chain_view, v);
}

/* What is wrong outside comes first; else a daily cap that stops what waits is worth a word. */
static const char *
reason_of(struct chain *c)
{
    return c->reason[0] != '\0' || c->desk == NULL ? c->reason : chain_desk_stopped(c->desk);
}

/* Every element that went outside, whoever asked for it. */
static void
count_calls(struct chain *c)
{
    eth_budget_count(&c->budget,
                     eth_rpc_count(c->rpc) + eth_rpc_count(c->bundler) +
                         (c->paymaster != NULL ? eth_rpc_count(c->paymaster) : 0),
                     am_wall_ms());
}

/* An operation in flight is followed whatever it costs: it is paid for. */
static int64_t
on_wait(void *arg, int64_t wanted_ms)
{
    struct chain *c = arg;
    int64_t wait;
    bool slowed;

    count_calls(c);
    wait = eth_budget_wait(&c->budget, wanted_ms, 1, am_wall_ms(), &slowed);
    c->spent[0] = '\0';
    if (!slowed || chain_desk_awaits(c->desk))
        return wanted_ms;
    eth_budget_text(c->spent, &c->budget, wait);
    return wait;
}

static void
publish_status(struct chain *c)
{
    struct chain_status status = {
        .phase = am_str_of(c->phase),
        .reason = am_str_of(reason_of(c)),
        .head = c->viewer != NULL ? chain_viewer_head(c->viewer) : 0,
        .rpc_calls = c->budget.seen,
        .rpc_today = c->budget.spent,
        .rpc_budget = c->budget.limit,
    };

    bus_status(c->bus, c->phase, reason_of(c));
    publish(c, BUS_TOPIC_chain_status, &status);
}

static void
on_status(void *arg, const char *phase, const char *reason)
{
    struct chain *c = arg;

    if (strcmp(c->phase, phase) != 0)
        am_log(strcmp(phase, "failing") == 0 ? AM_WARN : AM_INFO, "phase",
               "from=%s to=%s reason=\"%s\"", c->phase, phase, reason);
    snprintf(c->phase, sizeof c->phase, "%s", phase);
    if (reason[0] == '\0')
        reason = c->spent;
    count_calls(c);
    snprintf(c->reason, sizeof c->reason, "%.*s", (int)sizeof c->reason - 1, reason);
    publish_status(c);
}

static void
on_fatal(void *arg, int exit_code, const char *reason)
{
    struct chain *c = arg;

    on_status(c, "failing", reason);
    am_log(AM_ERROR, "stopped", "exit=%d reason=\"%s\"", exit_code, reason);
    c->exit_code = exit_code;
    ev_break(c->loop, EVBREAK_ALL);
}

static void
look(struct chain *c, const struct chain_snapshot *s)
{
    struct am_error err = {0};

    if (s != NULL && chain_desk_look(c->desk, s, &err) != AM_OK)
        am_log(AM_ERROR, "operations.failed", "reason=\"%s\"", err.text);
}

static void
on_view(void *arg, const struct chain_snapshot *s)
{
    struct chain *c = arg;

    publish_view(c, s); /* first: confirmed means seen in the published view */
    look(c, s);
}

static void
on_operation(void *arg, const struct chain_work *w)
{
    struct chain *c = arg;
    struct chain_operation fact = {
        .key = AM_BIN(w->key),
        .sequence = w->sequence,
        .purpose = am_str_of(chain_purpose_text(w->purpose)),
        .state = am_str_of(chain_state_text(w->state)),
        .user_op_hash = chain_some(w->user_op_hash, 32),
        .tx_hash = chain_some(w->tx_hash, 32),
        .block_number = w->block,
        .gas_used = w->gas_used,
        .reason = {w->reason, strnlen(w->reason, CHAIN_REASON - 1)},
    };

    publish(c, BUS_TOPIC_chain_operation, &fact);
    publish_status(c);
    chain_viewer_awaits(c->viewer, c->settled, chain_desk_awaits(c->desk));
}

static void
on_poke(void *arg)
{
    chain_viewer_poke(((struct chain *)arg)->viewer);
}

static bool
on_fresh(void *arg)
{
    return chain_viewer_fresh(((struct chain *)arg)->viewer);
}

static void
on_node(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct mesh_node *n = fact;
    struct chain *c = arg;

    (void)topic;
    if (change == BUS_VALUE)
        c->settled = n->healthy && n->live;
    else if (change == BUS_LOST)
        c->settled = false;
    chain_viewer_awaits(c->viewer, c->settled, chain_desk_awaits(c->desk));
}

static void
copy(uint8_t *out, size_t len, struct am_bin in)
{
    memset(out, 0, len);
    if (in.len == len)
        memcpy(out, in.p, len);
}

static void
on_identity(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct keyagent_identity *i = fact;
    struct chain *c = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return; /* keyagent that is down is still who we are */
    c->self.ready = am_str_eq(i->phase, "ready") && i->x_pub.len == 32 && i->wg_pub.len == 32;
    if (!c->self.ready)
        return;
    copy(c->self.app_id, 20, i->app_id);
    copy(c->self.x_pub, 32, i->x_pub);
    copy(c->self.wg_pub, 32, i->wg_pub);
    copy(c->self.ed25519_pub, 32, i->ed25519_pub);
    copy(c->self.kms_root, 20, i->kms_root);
    if (am_is_zero(c->settings->member_contract, 20) && !am_is_zero(c->self.app_id, 20))
        chain_viewer_member(c->viewer, c->self.app_id);
    chain_viewer_root(c->viewer, c->self.kms_root);
    look(c, chain_viewer_latest(c->viewer));
}

static void
on_csk(void *arg, enum bus_topic topic, enum bus_change change, const void *fact)
{
    const struct keyagent_csk *k = fact;
    struct chain *c = arg;

    (void)topic;
    if (change != BUS_VALUE)
        return;
    c->self.csk_held = k->held && k->commitment.len == 32;
    copy(c->self.commitment, 32, k->commitment);
    look(c, chain_viewer_latest(c->viewer));
}

static int
open_outside(struct chain *c, struct am_error *err)
{
    const struct am_settings *s = c->settings;
    int rc = am_http_open(&c->http, c->loop, err);

    if (rc == AM_OK)
        rc = eth_pool_open(&c->rpc, c->http, c->loop, "rpc", s->rpc_url, s->rpc_urls, s->chain_id,
                           err);
    if (rc == AM_OK)
        rc = eth_rpc_open(&c->bundler, c->http, c->loop, "bundler", s->bundler_url, err);
    if (rc == AM_OK && s->paymaster_url[0] != '\0')
        rc = eth_rpc_open(&c->paymaster, c->http, c->loop, "paymaster", s->paymaster_url, err);
    return rc;
}

static int
open_inside(struct chain *c, struct am_error *err)
{
    const struct am_settings *s = c->settings;
    struct chain_viewer_options v = {.loop = c->loop,
                                     .rpc = c->rpc,
                                     .chain_id = s->chain_id,
                                     .confirmations = s->confirmations,
                                     .poll_ms = (int64_t)s->poll_ms,
                                     .idle_ms = (int64_t)s->idle_poll_ms,
                                     .arg = c,
                                     .on_view = on_view,
                                     .wait = on_wait,
                                     .on_status = on_status,
                                     .on_fatal = on_fatal};
    struct chain_desk_options d = {.loop = c->loop,
                                   .bus = c->bus,
                                   .rpc = c->rpc,
                                   .bundler = c->bundler,
                                   .paymaster = c->paymaster,
                                   .self = &c->self,
                                   .state_dir = s->state_dir,
                                   .policy_id = s->gas_policy_id,
                                   .dialect = s->paymaster_dialect,
                                   .chain_id = s->chain_id,
                                   .confirmations = s->confirmations,
                                   .poll_ms = (int64_t)s->poll_ms,
                                   .arg = c,
                                   .poke = on_poke,
                                   .fresh = on_fresh,
                                   .changed = on_operation,
                                   .fatal = on_fatal};
    int rc;

#define X(upper, lower)                                                                            \
    d.caps[CHAIN_##upper] = (struct chain_spent){s->ops_daily_##lower, s->ops_daily_##lower##_gas};
    CHAIN_PURPOSES(X)
#undef X
    memcpy(v.entry_point, s->entry_point, 20);
    memcpy(d.entry_point, s->entry_point, 20);
    memcpy(v.multicall, s->multicall, 20);
    memcpy(d.multicall, s->multicall, 20);
    rc = chain_viewer_open(&c->viewer, &v, err);
    if (rc == AM_OK)
        rc = chain_desk_open(&c->desk, &d, err);
    am_secp_rest(); /* only the proof of the dummy recovers anything here */
    return rc;
}

static int
open_bus(struct chain *c, struct am_error *err)
{
    int rc = chain_serve(c, err);

    if (rc == AM_OK)
        rc = bus_subscribe(c->bus, BUS_TOPIC_keyagent_identity, on_identity, c, err);
    if (rc == AM_OK)
        rc = bus_subscribe(c->bus, BUS_TOPIC_keyagent_csk, on_csk, c, err);
    if (rc == AM_OK)
        rc = bus_subscribe(c->bus, BUS_TOPIC_mesh_node, on_node, c, err);
    return rc;
}

int
chain_start(struct chain **chain, const struct am_settings *settings, struct bus *bus,
            struct ev_loop *loop, struct am_error *err)
{
    struct chain *c = calloc(1, sizeof *c);
    int rc;

    *chain = c;
    if (c == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "chain: no memory");
    c->settings = settings;
    c->bus = bus;
    c->loop = loop;
    c->budget.limit = eth_budget_part(settings->rpc_budget, settings->rpc_chain_percent);
    rc = open_outside(c, err);
    if (rc == AM_OK)
        rc = open_inside(c, err);
    if (rc == AM_OK)
        rc = open_bus(c, err);
    if (rc != AM_OK)
        return rc;
    on_status(c, "starting", "waiting for keyagent's app id, or for the first answer of RPC_URL");
    if (!am_is_zero(settings->member_contract, 20))
        chain_viewer_member(c->viewer, settings->member_contract);
    return AM_OK;
}

void
chain_stop(struct chain *c)
{
    if (c == NULL)
        return;
    chain_desk_stop(c->desk);
    eth_rpc_close(&c->paymaster);
    eth_rpc_close(&c->bundler);
    eth_rpc_close(&c->rpc);
    am_http_close(&c->http);
}

void
chain_free(struct chain **chain)
{
    struct chain *c = *chain;

    if (c == NULL)
        return;
    chain_desk_close(&c->desk);
    chain_viewer_close(&c->viewer);
    free(c);
    *chain = NULL;
}

int
chain_exit_code(const struct chain *c)
{
    return c->exit_code;
}
