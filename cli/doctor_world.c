/*  doctor_world -- what the checks share, and the order in which they are made.  */
#include "doctor_world.h"

#include "../common/eth/rpc/eth_rpc_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET_MS 8000
#define GET_MAX 65536u
#define SHOWN 96 /* bytes of what answered instead */

struct got {
    struct doctor_world *w;
    json_t *body;
    int code, status;
    char start[SHOWN + 1];
    struct am_error err;
};

static void
on_got(void *arg, int code, const struct am_http_answer *answer, const struct am_error *err)
{
    struct got *g = arg;

    g->code = code;
    g->status = answer->status;
    g->err = *err;
    if (code == AM_OK) {
        g->body = json_loadb((const char *)answer->body.p, answer->body.len, JSON_REJECT_DUPLICATES,
                             NULL);
        am_str_copy(g->start, sizeof g->start,
                    (struct am_str){(const char *)answer->body.p, answer->body.len});
    }
    ev_break(g->w->loop, EVBREAK_ALL);
}

/* A route's own path stays, its query goes: it may be a token of another service. */
static void
join(char url[static 1024], const char *base, const char *path)
{
    size_t len = strlen(base);

    if (*path != '\0') {
        len = strcspn(base, "?");
        while (len > 0 && base[len - 1] == '/')
            len--;
    }
    snprintf(url, 1024, "%.*s%s", (int)len, base, path);
}

int
doctor_get(struct doctor_world *w, json_t **out, char host[static DOCTOR_HOST],
           const char *boundary, const char *base, const char *path, bool any_status,
           struct am_error *err)
{
    struct got g = {.w = w, .code = AM_INTERNAL};
    char url[1024];
    int r;

    *out = NULL;
    join(url, base, path);
    eth_rpc_url_host(host, url);
    if ((r = am_http_get(w->http, url, GET_MS, GET_MAX, on_got, &g, err)) != AM_OK)
        return am_wrap(err, "%s", boundary);
    ev_run(w->loop, 0);
    doctor_record_get(w->record, boundary, url, path, g.status, g.body);
    if (g.code != AM_OK)
        return am_fail(err, g.code, "%s: %s", boundary, g.err.text);
    if (!json_is_object(g.body) || (g.status != 200 && !any_status)) {
        json_decref(g.body);
        r = am_fail(err, AM_INVALID_ARGUMENT, "%s %s: expected 200 and JSON, got status %d: \"%s\"",
                    boundary, host, g.status, g.start);
        if (err != NULL)
            eth_rpc_scrub(err->text, base); /* what answered may repeat what it was asked */
        return r;
    }
    *out = g.body;
    return AM_OK;
}

int
doctor_view(struct doctor_world *w, uint8_t *out, size_t cap, size_t *len,
            const uint8_t to[static 20], struct am_bin data, struct am_error *err)
{
    return cli_rpc_bytes(w->rpc, out, cap, len, "eth_call",
                         json_pack("[{s:o, s:o}, s]", "to", eth_json_of_data(to, 20), "data",
                                   eth_json_of_data(data.p, data.len), "latest"),
                         err);
}

/* ---- clients ---- */

struct heard {
    struct doctor_world *w;
    const char *boundary, *url;
};

static void
on_heard(void *arg, const char *method, const json_t *params, const json_t *result,
         int64_t error_code, const char *words)
{
    const struct heard *h = arg;

    doctor_record_rpc(h->w->record, h->boundary, h->url, method, params, result, error_code, words);
}

static int
open_clients(struct doctor_world *w, struct am_error *err)
{
    static struct heard heard[3]; /* one doctor a process */
    const struct {
        const char *boundary, *url;
        struct cli_rpc **rpc;
    } rows[] = {{"rpc", w->s.rpc_url, &w->rpc},
                {"bundler", w->s.bundler_url, &w->bundler},
                {"paymaster", w->s.paymaster_url, &w->paymaster}};
    int r;

    for (size_t i = 0; i < 3; i++) {
        if (*rows[i].url == '\0')
            continue;
        if ((r = cli_rpc_open_as(rows[i].rpc, rows[i].boundary, rows[i].url, err)) != AM_OK)
            return am_wrap(err, "%s", rows[i].boundary);
        heard[i] = (struct heard){w, rows[i].boundary, rows[i].url};
        cli_rpc_listen(*rows[i].rpc, on_heard, &heard[i]);
    }
    return AM_OK;
}

/* What no check can go on without. */
static void
open_all(struct doctor_world *w, char *const *env)
{
    struct am_error err = {0};
    int r;

    if ((w->loop = ev_loop_new(EVFLAG_AUTO)) == NULL)
        r = am_fail(&err, AM_RESOURCE_EXHAUSTED, "doctor: no memory for an event loop");
    else
        r = am_http_open(&w->http, w->loop, &err);
    if (r == AM_OK)
        r = am_settings_load(&w->s, AM_READ_DOCTOR, env, &err);
    if (r == AM_OK)
        r = open_clients(w, &err);
    if (r != AM_OK)
        doctor_bad(&w->report, DOCTOR_SETTINGS, "%s", err.text);
    else
        doctor_ok(&w->report.lines[DOCTOR_SETTINGS], "all of them");
    w->member_known = r == AM_OK && !am_is_zero(w->s.member_contract, 20);
    memcpy(w->member, w->s.member_contract, 20);
}

void
doctor_world_run(struct doctor_world *w, const struct doctor_options *o, char *const *env)
{
    static void (*const order[])(struct doctor_world *) = {
        doctor_ask_host,    doctor_ask_agent,   doctor_ask_rpc,
        doctor_ask_cluster, doctor_ask_bundler, doctor_ask_sponsor,
        doctor_ask_gateway, doctor_ask_indexer, doctor_ask_shadow};

    w->o = o;
    doctor_report_open(&w->report);
    open_all(w, env);
    for (size_t i = 0; w->http != NULL && i < sizeof order / sizeof order[0]; i++)
        order[i](w);
    doctor_report_close(&w->report);
}

void
doctor_world_close(struct doctor_world *w)
{
    cli_rpc_close(&w->rpc);
    cli_rpc_close(&w->bundler);
    cli_rpc_close(&w->paymaster);
    am_http_close(&w->http);
    if (w->loop != NULL)
        ev_loop_destroy(w->loop);
    w->loop = NULL;
}
