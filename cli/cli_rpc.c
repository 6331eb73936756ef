/*  cli_rpc -- the JSON-RPC client for a program that waits for each answer.  */
#include "cli_rpc.h"

#include "../common/eth/eth_table.h"
#include "../common/eth/rpc/eth_rpc.h"

#include <stdlib.h>
#include <string.h>

struct cli_rpc {
    struct ev_loop *loop; /* of its own: nothing else runs while we wait */
    struct am_http *http;
    struct eth_rpc *rpc;
    cli_rpc_heard_fn *heard; /* may be NULL */
    void *arg;
};

int
cli_rpc_open_as(struct cli_rpc **out, const char *name, const char *url, struct am_error *err)
{
    struct cli_rpc *rpc = calloc(1, sizeof *rpc);
    int r;

    *out = NULL;
    if (rpc == NULL || (rpc->loop = ev_loop_new(EVFLAG_AUTO)) == NULL) {
        free(rpc);
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc: no memory for a client");
    }
    if ((r = am_http_open(&rpc->http, rpc->loop, err)) != AM_OK ||
        (r = eth_rpc_open(&rpc->rpc, rpc->http, rpc->loop, name, url, err)) != AM_OK)
        cli_rpc_close(&rpc);
    *out = rpc;
    return r;
}

int
cli_rpc_open(struct cli_rpc **out, const char *url, struct am_error *err)
{
    return cli_rpc_open_as(out, "rpc", url, err);
}

void
cli_rpc_listen(struct cli_rpc *rpc, cli_rpc_heard_fn *fn, void *arg)
{
    rpc->heard = fn;
    rpc->arg = arg;
}

void
cli_rpc_close(struct cli_rpc **rpc)
{
    if (*rpc == NULL)
        return;
    eth_rpc_close(&(*rpc)->rpc);
    am_http_close(&(*rpc)->http);
    ev_loop_destroy((*rpc)->loop);
    free(*rpc);
    *rpc = NULL;
}

struct waiting {
    struct cli_rpc *rpc;
    const char *method;
    json_t *params; /* held for whoever listens */
    json_t *result;
    struct am_error err;
    int code;
};

/* A node's words for a revert are often its bytes alone: name the contract's error. */
static void
name_revert(struct am_error *err, const json_t *data)
{
    uint8_t revert[1024];
    char text[256];
    size_t len;

    if (!json_is_string(data) ||
        am_unhex_some(revert, sizeof revert, &len, am_str_of(json_string_value(data)), "", NULL) !=
            AM_OK)
        return;
    eth_revert_text(text, sizeof text, am_bin_of(revert, len));
    am_wrap(err, "reverted with %s", text);
}

static void
on_answer(void *arg, const struct eth_rpc_answer *answer, size_t count)
{
    struct waiting *w = arg;

    (void)count;
    w->code = answer->code;
    w->err = answer->err;
    if (w->rpc->heard != NULL)
        w->rpc->heard(w->rpc->arg, w->method, w->params, answer->result, answer->error_code,
                      answer->err.text);
    name_revert(&w->err, answer->error_data);
    w->result = json_incref(answer->result);
    ev_break(w->rpc->loop, EVBREAK_ALL);
}

int
cli_rpc_call(struct cli_rpc *rpc, json_t **result, const char *method, json_t *params,
             struct am_error *err)
{
    struct eth_rpc_item item = {method, params};
    struct waiting w = {rpc, method, json_incref(params), .code = AM_INTERNAL};
    int r;

    *result = NULL;
    if (params == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: no memory for its parameters", method);
    if ((r = eth_rpc_call(rpc->rpc, &item, 1, "", on_answer, &w, err)) == AM_OK)
        ev_run(rpc->loop, 0);
    json_decref(w.params);
    if (r != AM_OK)
        return r;
    *result = w.result;
    if (w.code != AM_OK && err != NULL)
        *err = w.err;
    return w.code;
}

int
cli_rpc_u64(struct cli_rpc *rpc, uint64_t *out, const char *method, json_t *params,
            struct am_error *err)
{
    json_t *result;
    int r;

    *out = 0;
    if ((r = cli_rpc_call(rpc, &result, method, params, err)) != AM_OK)
        return r;
    r = eth_json_u64(out, result, method, err);
    json_decref(result);
    return r;
}

int
cli_rpc_bytes(struct cli_rpc *rpc, uint8_t *out, size_t cap, size_t *len, const char *method,
              json_t *params, struct am_error *err)
{
    struct am_str text;
    json_t *result;
    int r;

    *len = 0;
    if ((r = cli_rpc_call(rpc, &result, method, params, err)) != AM_OK)
        return r;
    if ((r = eth_json_text(&text, result, method, err)) == AM_OK)
        r = am_unhex_some(out, cap, len, text, method, err);
    json_decref(result);
    return r;
}
