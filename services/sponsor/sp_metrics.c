/*  sp_metrics -- what the sponsor did since its start, as Prometheus reads it.  */
#include "sp_metrics.h"

#include <stdio.h>
#include <stdlib.h>

static void
head(FILE *out, const char *name, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
}

static void
decisions(FILE *out, const struct sp_gate *gate)
{
    static const char name[] = "attestmesh_sponsor_decisions_total";

    head(out, name, "operations judged, by route and reason");
    for (int route = 0; route < SP_ROUTE_COUNT; route++)
        for (int reason = 0; reason < SP_REASON_COUNT; reason++) {
            uint64_t n = sp_gate_decided(gate, (enum sp_route)route, (enum sp_reason)reason);

            fprintf(out, "%s{route=\"%s\",reason=\"%s\"} %llu\n", name,
                    sp_route_text((enum sp_route)route), sp_reason_text((enum sp_reason)reason),
                    (unsigned long long)n);
        }
}

static void
questions(FILE *out, const struct sp_lookup *lookup)
{
    static const char name[] = "attestmesh_sponsor_lookups_total";
    static const char *const facts[] = {
#define X(fact, text) text,
        SP_FACTS(X)
#undef X
    };

    head(out, name, "questions to the chain that no cache answered, by fact");
    for (int fact = 0; fact < SP_FACT_COUNT; fact++)
        fprintf(out, "%s{fact=\"%s\"} %llu\n", name, facts[fact],
                (unsigned long long)sp_lookup_asked(lookup, (enum sp_fact)fact));
}

char *
sp_metrics(const struct sponsor *sp)
{
    static const char written[] = "attestmesh_sponsor_cache_writes_total";
    static const char refused[] = "attestmesh_sponsor_lookups_refused_total";
    static const char calls[] = "attestmesh_rpc_calls_total";
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    decisions(out, sp->gate);
    questions(out, sp->lookup);
    head(out, refused, "questions that were not asked: none left today, or too many at once");
    fprintf(out, "%s %llu\n", refused, (unsigned long long)sp_lookup_refused(sp->lookup));
    head(out, written, "answers kept in memory, by what they said");
    fprintf(out, "%s{answer=\"yes\"} %llu\n%s{answer=\"no\"} %llu\n", written,
            (unsigned long long)sp_cache_written(sp->cache, SP_YES), written,
            (unsigned long long)sp_cache_written(sp->cache, SP_NO));
    head(out, calls, "JSON-RPC elements asked");
    fprintf(out, "%s %llu\n", calls, (unsigned long long)eth_rpc_count(sp->rpc));
    return fclose(out) == 0 ? text : (free(text), NULL);
}
