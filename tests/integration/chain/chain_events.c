/*  chain_events -- what one sender really did, by the chain's own events and by what its keyagent
 * was asked to sign.  */
#include "chain_events.h"

#include "../../../common/eth/eth_table.h"
#include "../../../common/eth/rpc/eth_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 32 bytes of nonce in hex, as events and taps have it. */
static bool
take_nonce(struct done *out, const char *hex)
{
    uint8_t nonce[32];

    if (strlen(hex) < 64 || am_unhex(nonce, 32, (struct am_str){hex, 64}, "nonce", NULL) != AM_OK)
        return false;
    memcpy(out->key, nonce, 24);
    out->sequence = am_rd64(nonce + 24);
    return true;
}

size_t
events_of_host(struct done *out, struct host *h)
{
    struct am_error err = {0};
    uint8_t topic[32];
    size_t count = 0;
    json_t *logs;

    eth_word_address(topic, h->node->member);
    logs = e2e_logs(&world, world.world.deployed.entry_point, ETH_EVENT_UserOperationEvent, topic);
    for (; count < json_array_size(logs) && count < EVENTS_MAX; count++) {
        /* data: nonce, success, cost, gas */
        const json_t *log = json_array_get(logs, count);
        const char *data = json_string_value(json_object_get(log, "data"));
        struct done *d = &out[count];

        if (data == NULL || strlen(data) < 2 + 128 || !take_nonce(d, data + 2))
            e2e_need(&world, am_fail(&err, AM_DATA_LOSS, "an event without nonce"), &err, "events");
        d->success = data[2 + 127] == '1';
        e2e_need(&world, eth_json_u64(&d->block, json_object_get(log, "blockNumber"), "log", &err),
                 &err, "block");
        e2e_need(
            &world,
            eth_json_fixed(d->tx_hash, 32, json_object_get(log, "transactionHash"), "log", &err),
            &err, "transaction");
    }
    json_decref(logs);
    return count;
}

size_t
signed_by_host(struct done *out, struct host *h)
{
    static char line[65536];
    size_t count = 0;
    char path[600];
    FILE *f;

    snprintf(path, sizeof path, "%s/log/tap.log", h->node->dir);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL && count < EVENTS_MAX) {
        const char *nonce = strstr(line, "\"nonce\":\"");

        if (strstr(line, "keyagent.sign_operation") == NULL || nonce == NULL)
            continue;
        nonce += strlen("\"nonce\":\"");
        out[count] = (struct done){0};
        count += take_nonce(&out[count], strncmp(nonce, "0x", 2) == 0 ? nonce + 2 : nonce);
    }
    if (f != NULL)
        fclose(f);
    return count;
}

size_t
sponsored_for_host(struct host *h)
{
    static char line[65536];
    size_t count = 0;
    char path[600];
    FILE *f;

    snprintf(path, sizeof path, "%s/log/chain.log", h->node->dir);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        count += strstr(line, "\"what\":\"pm_getPaymasterData\"") != NULL &&
                 strstr(line, "\"outcome\":\"OK\"") != NULL;
    if (f != NULL)
        fclose(f);
    return count;
}

size_t
envelopes_sent(uint8_t (*out)[32])
{
    json_t *logs = e2e_logs(&world, world.world.deployed.cluster, ETH_EVENT_MessageSent, NULL);
    struct am_error err = {0};
    size_t count = 0;

    for (; count < json_array_size(logs) && count < EVENTS_MAX; count++)
        e2e_need(&world,
                 eth_json_fixed(
                     out[count], 32,
                     json_array_get(json_object_get(json_array_get(logs, count), "topics"), 3),
                     "MessageSent envelopeId", &err),
                 &err, "envelopes");
    json_decref(logs);
    return count;
}

size_t
count_key(const struct done *d, size_t count, const uint8_t key[static 24], size_t *success)
{
    size_t n = 0;

    *success = 0;
    for (size_t i = 0; i < count; i++)
        if (memcmp(d[i].key, key, 24) == 0) {
            n++;
            *success += d[i].success;
        }
    return n;
}

bool
any_twice(const struct done *d, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (memcmp(d[i].key, d[k].key, 24) == 0 && d[i].sequence == d[k].sequence)
                return true;
    return false;
}
