/*  am_envelope -- what an indexer signs: events and checkpoints.  */
#include "am_envelope.h"

#include "../crypto/am_keccak.h"
#include "am_cbor.h"

#include <stdio.h>
#include <string.h>

#define DOMAIN "attestmesh.indexer.envelope.v1"

int
am_repro_params(char *out, size_t cap, const struct eth_log *log, uint64_t block_number,
                struct am_error *err)
{
    char address[41], block[ETH_QUANTITY_TEXT], topics[ETH_TOPICS_MAX * 70];
    size_t at = 0;
    int n;

    am_hex(address, log->address, 20);
    eth_quantity_u64(block, block_number);
    topics[0] = '\0';
    for (size_t i = 0; i < log->topic_count && i < ETH_TOPICS_MAX; i++) {
        char hex[65];

        am_hex(hex, log->topics[i], 32);
        at +=
            (size_t)snprintf(topics + at, sizeof topics - at, "%s\"0x%s\"", i > 0 ? "," : "", hex);
    }
    n = snprintf(out, cap,
                 "[{\"address\":\"0x%s\",\"fromBlock\":\"%s\",\"toBlock\":\"%s\",\"topics\":[%s]}]",
                 address, block, block, topics);
    if (n < 0 || (size_t)n >= cap) {
        if (cap > 0)
            out[0] = '\0';
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "rpc_repro: expected room for %d bytes, got %zu",
                       n + 1, cap);
    }
    return AM_OK;
}

static void
put(struct am_cbor_out *o, const struct am_envelope *e)
{
    am_cbor_array(o, 7);
    am_cbor_ints(o, e->event_data.p, e->event_data.len);
    am_cbor_ints(o, e->cluster.p, e->cluster.len);
    am_cbor_uint(o, e->block_number);
    am_cbor_ints(o, e->tx_hash.p, e->tx_hash.len);
    am_cbor_uint(o, e->log_index);
    am_cbor_text(o, e->repro_method);
    am_cbor_text(o, e->repro_params);
}

int
am_envelope_cbor(uint8_t *out, size_t cap, size_t *out_len, const struct am_envelope *e,
                 struct am_error *err)
{
    struct am_cbor_out o = {.p = out, .cap = out != NULL ? cap : 0};

    put(&o, e);
    *out_len = o.len;
    if (o.full && out != NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "envelope: expected room for %zu bytes, got %zu",
                       o.len, cap);
    return AM_OK;
}

static void
absorb(void *arg, const void *p, size_t len)
{
    am_keccak_update(arg, p, len);
}

void
am_envelope_digest(uint8_t out[static 32], const struct am_envelope *e)
{
    struct am_keccak k;
    struct am_cbor_out o = {.sink = absorb, .arg = &k};

    am_keccak_init(&k);
    am_keccak_update(&k, DOMAIN, sizeof DOMAIN - 1);
    put(&o, e);
    am_keccak_final(&k, out);
}

bool
am_envelope_is_checkpoint(const struct am_envelope *e)
{
    return e->event_data.len == 0 && e->tx_hash.len == 0 && e->log_index == AM_CHECKPOINT_INDEX &&
           e->repro_method.len == 0 && e->repro_params.len == 0;
}
