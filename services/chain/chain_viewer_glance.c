/*  chain_viewer_glance -- one call at the newest block: has the cluster changed since the view?  */
#include "chain_viewer_int.h"

#include <stdlib.h>

static const uint8_t *
root_of(const struct chain_viewer *v)
{
    return am_is_zero(v->root, 20) ? NULL : v->root;
}

/* What a provider cannot do in one call it may do in several: the next look is a whole one. */
static void
failed(struct chain_viewer *v, const struct am_error *err)
{
    v->whole = true;
    chain_viewer_failed(v, err);
}

static void
on_glance(void *arg, const struct eth_rpc_answer *a, size_t count)
{
    struct chain_viewer *v = arg;
    struct chain_glance glance = {0};
    struct am_error err = a[0].err;
    uint8_t *data = NULL;
    size_t len = 0;
    int rc = a[0].code;

    (void)count;
    if (rc == AM_OK)
        rc = eth_json_data(&data, &len, a[0].result, "eth_call aggregate3", &err);
    if (rc == AM_OK && !v->force) /* else another root was asked about meanwhile */
        rc = chain_glance_read(&glance, v->next, v->last, root_of(v), v->turn, am_bin_of(data, len),
                               &err);
    free(data);
    v->turn++;
    if (rc != AM_OK) {
        failed(v, &err);
        return;
    }
    if (glance.number > v->top)
        v->top = glance.number;
    v->pace.glances++;
    if (v->force || glance.changed)
        chain_viewer_block(v);
    else
        chain_viewer_done(v, "ready", "");
}

void
chain_viewer_glance(struct chain_viewer *v)
{
    struct eth_buf buf = ETH_BUF(v->call_data);
    struct eth_rpc_item item = {"eth_call", NULL};
    struct am_error err = {0};

    if (chain_glance_call(&buf, v->last, v->o.multicall, root_of(v), v->turn, &err) != AM_OK) {
        failed(v, &err);
        return;
    }
    item.params = json_pack("[{soso}s]", "to", eth_json_of_data(v->o.multicall, 20), "data",
                            eth_json_of_data(buf.p, buf.len), "latest");
    chain_viewer_ask(v, &item, 1, on_glance);
}
