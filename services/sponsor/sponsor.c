/*  sponsor -- the operator's gate to free gas: what it is set to, and its parts.  */
#include "sponsor.h"

#include "../../common/base/am_log.h"
#include "../../common/base/am_secret.h"
#include "../../common/crypto/am_secp.h"
#include "sp_http.h"

#include <sodium.h>
#include <string.h>

static void
move(char *to, char from[static AM_SETTING_TEXT])
{
    memcpy(to, from, AM_SETTING_TEXT);
    sodium_memzero(from, AM_SETTING_TEXT);
}

/* A secret that cannot be decoded closes one route, which says so in v1's words, not the others. */
static void
take_pimlico(struct sponsor *sp, char secret[static AM_SETTING_TEXT])
{
    struct am_error err = {0};

    sp->pimlico = *secret != '\0';
    if (sp->pimlico &&
        sp_pimlico_key(sp->secrets->pimlico_key, &sp->pimlico_key_len, secret, &err) != AM_OK)
        am_log(AM_ERROR, "pimlico.closed", "reason=\"%s\"", err.text);
    sodium_memzero(secret, AM_SETTING_TEXT);
}

/* "0x...,0x...": blanks around a comma are taken, an empty place is not. */
static int
take_clusters(struct sp_rules *rules, const char *list, struct am_error *err)
{
    static const char what[] = "ATTESTMESH_SPONSOR_CLUSTERS";
    int r = AM_OK;

    for (const char *p = list; r == AM_OK && *list != '\0'; p++) {
        size_t blank = strspn(p, " "), len = strcspn(p + blank, ", ");

        if (rules->cluster_count == SP_CLUSTERS_MAX)
            return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %d", what,
                           SP_CLUSTERS_MAX);
        r = eth_address_read(rules->clusters[rules->cluster_count++],
                             (struct am_str){p + blank, len}, what, err);
        p += blank + len;
        p += strspn(p, " ");
        if (*p == '\0')
            break;
        if (r == AM_OK && *p != ',')
            r = am_fail(err, AM_INVALID_ARGUMENT, "%s: expected a comma between clusters", what);
    }
    return r;
}

int
sponsor_configure(struct sponsor *sp, struct am_settings *s, struct am_error *err)
{
    int r;

    *sp = (struct sponsor){
        .rules = {.chain_id = s->chain_id,
                  .sender_ops = s->sender_ops,
                  .cluster_ops = s->cluster_ops,
                  .cluster_gwei = s->cluster_gwei},
        .chain = {.chain_id = s->chain_id, .cluster_factory_count = 1},
        .valid_s = s->sponsor_valid_s,
    };
    memcpy(sp->entry_point, s->entry_point, 20);
    memcpy(sp->paymaster, s->paymaster, 20);
    memcpy(sp->chain.member_factory, s->member_factory, 20);
    memcpy(sp->chain.cluster_factories[0], s->cluster_factory, 20);
    if (!am_is_zero(s->cluster_factory_v2, 20))
        memcpy(sp->chain.cluster_factories[sp->chain.cluster_factory_count++],
               s->cluster_factory_v2, 20);
    if ((r = take_clusters(&sp->rules, s->sponsor_clusters, err)) != AM_OK)
        return r;
    if ((sp->secrets = am_secret_alloc(sizeof *sp->secrets, err)) == NULL)
        return err->code;
    move(sp->secrets->webhook_token, s->webhook_token);
    move(sp->secrets->rpc_token, s->sponsor_token);
    take_pimlico(sp, s->pimlico_secret);
    r = am_unhex(sp->secrets->key, 32, am_str_of(s->sponsor_key), "ATTESTMESH_SPONSOR_KEY", err);
    sodium_memzero(s->sponsor_key, sizeof s->sponsor_key);
    return r != AM_OK ? r : am_address_of_secret(sp->signer, sp->secrets->key, err);
}

int
sponsor_open(struct sponsor *sp, struct ev_loop *loop, const struct am_settings *s,
             struct am_error *err)
{
    uint8_t places[16];
    int r;

    sp->loop = loop;
    randombytes_buf(places, sizeof places);
    if ((r = sp_store_open(&sp->store, s->state_dir, err)) != AM_OK ||
        (r = am_http_open(&sp->http, loop, err)) != AM_OK ||
        (r = eth_rpc_open(&sp->rpc, sp->http, loop, "rpc", s->rpc_url, err)) != AM_OK ||
        (r = sp_cache_open(&sp->cache, places, (int64_t)s->cache_ttl_s * 1000,
                           (int64_t)s->negative_ttl_s * 1000, err)) != AM_OK ||
        (r = sp_lookup_open(&sp->lookup, sp->rpc, sp->cache, &sp->chain, s->lookups_per_day,
                            err)) != AM_OK ||
        (r = sp_gate_open(&sp->gate, sp->lookup, sp->store, &sp->rules, err)) != AM_OK)
        return r;
    return sp_http_open(&sp->server, sp, s->sponsor_listen, err);
}

void
sponsor_close(struct sponsor *sp)
{
    eth_rpc_close(&sp->rpc); /* what waits for a fact is answered rpc-failure */
    if (sp->gate != NULL)
        sp_gate_flush(sp->gate);
    sp_http_close(&sp->server);
    am_http_close(&sp->http);
    sp_gate_close(&sp->gate);
    sp_lookup_close(&sp->lookup);
    sp_cache_close(&sp->cache);
    sp_store_close(&sp->store);
    am_secret_free((void **)&sp->secrets);
}
