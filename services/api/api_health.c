/*  api_health -- pure: what /healthz and /metrics say, from the facts that are known.  */
#include "api_health.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Direct UDP is all there is until the tunnel process exists. */
static json_t *
transports(const struct api_facts *f)
{
    json_t *object = json_object();
    char hex[65];

    for (size_t i = 0; i < f->peer_count; i++) {
        if (f->peers[i].removed)
            continue;
        am_hex(hex, f->peers[i].member_id, 32);
        json_object_set_new(object, hex, json_string("udp"));
    }
    return object;
}

static json_t *
removed(const struct api_facts *f)
{
    json_t *list = json_array();
    char hex[65];

    for (size_t i = 0; i < f->peer_count; i++)
        if (f->peers[i].removed) {
            am_hex(hex, f->peers[i].member_id, 32);
            json_array_append_new(list, json_string(hex));
        }
    return list;
}

/* A reason may quote what came from outside, cut at any byte: JSON has only UTF-8, and a health
 * page that cannot be written would look like a dead process. */
static json_t *
text_of(const char *text)
{
    json_t *value = json_string(text);
    char plain[512];
    size_t n = 0;

    if (value != NULL)
        return value;
    for (; text[n] != '\0' && n < sizeof plain - 1; n++)
        plain[n] = (char)((unsigned char)text[n] < 0x80 ? text[n] : '?');
    plain[n] = '\0';
    return json_string(plain);
}

/* A cluster whose last holder goes has lost its key. */
static bool
single_holder(const struct api_facts *f)
{
    return f->mesh_answers && f->csk_members > 0 && f->csk_holders == 1;
}

static const char *
reason_of(const struct api_facts *f, char held[static 96])
{
    if (!f->mesh_answers)
        return "mesh does not answer on the bus";
    if (*f->reason != '\0' || !single_holder(f))
        return f->reason;
    snprintf(held, 96, "warning: the CSK is held by 1 of %llu members: lose it and it is gone",
             (unsigned long long)f->csk_members);
    return held;
}

char *
api_healthz(const struct api_facts *f, unsigned *status)
{
    bool healthy = f->mesh_answers && f->healthy;
    char held[96];
    json_t *root =
        json_pack("{s:o, s:b, s:b, s:I, s:o, s:{s:i, s:i, s:i}, s:b, s:b, s:I, s:b, s:o, s:o}",
                  "phase", text_of(*f->phase != '\0' ? f->phase : "booting"), "first_converged",
                  f->first_converged, "csk_acquired", f->csk_acquired, "live_peers",
                  (json_int_t)(f->mesh_answers ? f->live_peers : 0), "transports", transports(f),
                  "punch", "punch_attempts_total", 0, "punch_success_total", 0, "udp_reverts_total",
                  0, "indexer_connected", f->indexer_connected, "indexer_caught_up",
                  f->indexer_caught_up, "indexer_cursor_block", (json_int_t)f->indexer_cursor_block,
                  "live", f->mesh_answers && f->live, "reason", text_of(reason_of(f, held)),
                  "removed_members", removed(f));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    *status = healthy ? 200 : 503;
    return text;
}

static void
rpc_rows(FILE *out, const struct api_facts *f)
{
    const struct {
        const char *name, *type, *help;
        uint64_t chain, indexer;
    } rows[] = {
        {"attestmesh_rpc_requests_total", "counter",
         "JSON-RPC requests, every element of a batch counted", f->rpc_chain.calls,
         f->rpc_indexer.calls},
        {"attestmesh_rpc_day_requests", "gauge", "the same since 00:00 UTC", f->rpc_chain.today,
         f->rpc_indexer.today},
        {"attestmesh_rpc_day_budget", "gauge", "of which so many may be; 0: no budget",
         f->rpc_chain.budget, f->rpc_indexer.budget},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out,
                "# HELP %s %s\n# TYPE %s %s\n%s{service=\"chain\"} %llu\n"
                "%s{service=\"indexer\"} %llu\n",
                rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name,
                (unsigned long long)rows[i].chain, rows[i].name,
                (unsigned long long)rows[i].indexer);
}

char *
api_metrics(const struct api_facts *f)
{
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"attestmesh_healthy", "gauge", "1 once the gate has opened and the CSK is held",
         f->mesh_answers && f->healthy},
        {"attestmesh_live", "gauge", "1 while the mesh is converged", f->mesh_answers && f->live},
        {"attestmesh_members", "gauge", "members of the cluster on chain", f->members},
        {"attestmesh_live_peers", "gauge", "peers heard within 6 s",
         f->mesh_answers ? f->live_peers : 0},
        {"attestmesh_csk_acquired", "gauge", "1 while the Cluster Shared Key is held",
         f->csk_acquired},
        {"attestmesh_csk_holders", "gauge", "members known to hold the Cluster Shared Key",
         f->mesh_answers ? f->csk_holders : 0},
        {"attestmesh_csk_members", "gauge", "out of how many; 0 while that is not known",
         f->mesh_answers ? f->csk_members : 0},
        {"attestmesh_csk_single_holder", "gauge", "1 while one member alone holds it: warn",
         single_holder(f)},
        {"attestmesh_head_block", "gauge", "newest block seen", f->head},
        {"attestmesh_indexer_cursor_block", "gauge", "every event up to here is stored",
         f->indexer_cursor_block},
        {"attestmesh_punch_attempts_total", "counter", "hole punches tried", 0},
        {"attestmesh_punch_success_total", "counter", "hole punches that carried", 0},
        {"attestmesh_udp_reverts_total", "counter", "peers taken back from UDP to TCP", 0},
    };
    char *text = NULL, hex[65];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", rows[i].name, rows[i].help,
                rows[i].name, rows[i].type, rows[i].name, (unsigned long long)rows[i].value);
    rpc_rows(out, f);
    fprintf(out, "# HELP attestmesh_peer_transport what carries WireGuard to a peer\n"
                 "# TYPE attestmesh_peer_transport gauge\n");
    for (size_t i = 0; i < f->peer_count; i++) {
        if (f->peers[i].removed)
            continue;
        am_hex(hex, f->peers[i].member_id, 32);
        fprintf(out, "attestmesh_peer_transport{member_id=\"%s\",transport=\"udp\"} 1\n", hex);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
