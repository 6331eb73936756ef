/*  doctor_indexer -- asks the IndexerRegistry, and the indexer that its record names.  */
#include "../common/eth/eth_call.h"
#include "../common/eth/eth_ret.h"
#include "doctor_world.h"

#include <string.h>

static int
ask_registry(struct doctor_world *w, struct doctor_seen_registry *seen)
{
    uint8_t data[64], ret[2048];
    struct eth_buf buf = ETH_BUF(data);
    struct eth_indexer record;
    size_t len;
    int r;

    if ((r = eth_call_none(&buf, ETH_FN_current, &seen->err)) != AM_OK ||
        (r = doctor_view(w, ret, sizeof ret, &len, w->s.indexer_registry, eth_bin(&buf),
                         &seen->err)) != AM_OK ||
        (r = eth_ret_indexer(&record, am_bin_of(ret, len), "IndexerRegistry current()",
                             &seen->err)) != AM_OK)
        return r;
    am_str_copy(seen->endpoint, sizeof seen->endpoint, record.endpoint);
    memcpy(seen->code_id, record.code_id, 32);
    memcpy(seen->pub_key, record.pub_key, 32);
    return AM_OK;
}

/* /status, as every indexer since v1 answers it. */
static int
ask_status(struct doctor_world *w, struct doctor_seen_indexer *seen)
{
    char host[DOCTOR_HOST];
    const json_t *chain;
    json_t *o;
    int r = doctor_get(w, &o, host, "indexer", w->o->indexer, "/status", false, &seen->err);

    if (r != AM_OK)
        return r;
    chain = json_object_get(o, "chainId");
    if (!json_is_integer(chain))
        r = am_fail(&seen->err, AM_INVALID_ARGUMENT,
                    "indexer %s /status: expected chainId, a number", host);
    seen->chain_id = (uint64_t)json_integer_value(chain);
    if (r == AM_OK)
        r = eth_json_fixed(seen->pub_key, 32, json_object_get(o, "pubKey"),
                           "indexer /status pubKey", &seen->err);
    if (r == AM_OK)
        r = eth_json_fixed(seen->code_id, 32, json_object_get(o, "codeId"),
                           "indexer /status codeId", &seen->err);
    json_decref(o);
    return r;
}

void
doctor_ask_indexer(struct doctor_world *w)
{
    struct doctor_seen_indexer indexer = {.expected_chain_id = w->s.chain_id};
    struct doctor_seen_registry registry = {0};

    if (!doctor_may_ask(&w->report, DOCTOR_REGISTRY))
        return;
    if (am_is_zero(w->s.indexer_registry, 20)) {
        doctor_skip(&w->report.lines[DOCTOR_REGISTRY], "INDEXER_REGISTRY_ADDR is not set");
        return;
    }
    (void)ask_registry(w, &registry);
    doctor_judge_registry(&w->report, &registry);
    if (!doctor_may_ask(&w->report, DOCTOR_INDEXER))
        return;
    if (w->o->indexer == NULL) {
        doctor_skip(&w->report.lines[DOCTOR_INDEXER],
                    "give --indexer URL: where the indexer answers /status");
        return;
    }
    (void)ask_status(w, &indexer);
    doctor_judge_indexer(&w->report, &indexer, &registry);
}
