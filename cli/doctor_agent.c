/*  doctor_agent -- asks the guest agent, with keyagent's own client and readers.
 *
 *  The keys that are asked for are of paths that nothing uses: their chains show what every key's
 *  would, and a thief of them has nothing.
 */
#include "../common/base/am_secret.h"
#include "../common/crypto/am_secp.h"
#include "../common/wire/am_dstack.h"
#include "../services/keyagent/ka_agent.h"
#include "../services/keyagent/ka_link.h"
#include "../services/keyagent/ka_quote.h"
#include "doctor_world.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define DEADLINE_S 10.0

static const char *const paths[] = {"attestmesh.doctor.v1/a", "attestmesh.doctor.v1/b"};

struct asked {
    struct doctor_world *w;
    struct am_error err;
    int code;
    int (*read)(struct asked *a, struct am_str body);
    struct doctor_seen_agent *seen;
    uint8_t app_pub[33], root[20]; /* of a key */
    int chain_code;
    struct am_error chain_err;
};

static void
on_answer(void *arg, int code, struct am_str body, const struct am_error *err)
{
    struct asked *a = arg;

    a->code = code;
    if (code != AM_OK)
        a->err = *err;
    else
        a->code = a->read(a, body);
    ev_break(a->w->loop, EVBREAK_ALL);
}

static int
ask(struct asked *a, const char *method, const char *json, bool secret,
    int (*read)(struct asked *a, struct am_str body))
{
    struct ka_ask *pending;
    int r;

    a->read = read;
    r = ka_agent_ask(&pending, a->w->loop, a->w->s.dstack_socket, method, json, secret, DEADLINE_S,
                     on_answer, a, &a->err);
    if (r != AM_OK)
        return r;
    ev_run(a->w->loop, 0);
    return a->code;
}

static int
read_version(struct asked *a, struct am_str body)
{
    int r = ka_version_read(a->seen->version, body, &a->err);

    if (r == AM_OK)
        doctor_record_fact(a->w->record, "guest_agent", "Version",
                           json_pack("{s:s}", "version", a->seen->version));
    return r;
}

static int
read_info(struct asked *a, struct am_str body)
{
    struct ka_self self;
    char app_id[41], compose[65];
    int r = ka_info_read(&self, body, &a->err);

    if (r != AM_OK)
        return r;
    memcpy(a->seen->app_id, self.app_id, 20);
    am_hex(app_id, self.app_id, 20);
    am_hex(compose, self.compose_hash, 32);
    doctor_record_fact(a->w->record, "guest_agent", "Info",
                       json_pack("{s:s, s:s}", "app_id", app_id, "compose_hash", compose));
    return AM_OK;
}

/* The form is for guest_agent.methods, what it proves for guest_agent.chain. */
static int
read_key(struct asked *a, struct am_str body)
{
    json_t *o = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *chain = json_object_get(o, "signature_chain");
    struct am_str key, link[2];
    uint8_t secret[32], pub[33], chains[2][65], app_sig[65], kms_sig[65];
    size_t lens[2] = {0};
    int r = eth_json_text(&key, json_object_get(o, "key"), "guest agent /GetKey key", &a->err);

    for (size_t i = 0; r == AM_OK && i < 2; i++)
        r = eth_json_text(&link[i], json_array_get(chain, i), "guest agent /GetKey signature_chain",
                          &a->err);
    if (r == AM_OK)
        r = am_unhex_secret(secret, 32, key, "guest agent /GetKey key", &a->err);
    for (size_t i = 0; r == AM_OK && i < 2; i++)
        r = am_unhex_some(chains[i], 65, &lens[i], link[i], "guest agent /GetKey signature_chain",
                          &a->err);
    if (r == AM_OK)
        r = am_secp_pub(pub, secret, &a->err);
    if (r == AM_OK) {
        a->chain_code = am_dstack_chain(a->app_pub, a->root, app_sig, kms_sig, am_str_of(""), pub,
                                        a->seen->app_id, am_bin_of(chains[0], lens[0]),
                                        am_bin_of(chains[1], lens[1]), &a->chain_err);
        doctor_record_fact(a->w->record, "guest_agent", "GetKey",
                           json_pack("{s:O}", "signature_chain", chain));
    }
    sodium_memzero(secret, sizeof secret);
    json_decref(o);
    return r;
}

static const uint8_t report_data[64] = "attestmesh doctor";

static int
read_quote(struct asked *a, struct am_str body)
{
    static struct ka_quote quote;
    int r = ka_quote_read(&quote, body, report_data, &a->err);

    a->seen->quote_len = r == AM_OK ? quote.len : 0;
    return r;
}

static void
ask_methods(struct doctor_world *w, struct doctor_seen_agent *seen, struct asked keys[static 2])
{
    char json[192], hex[129];
    struct asked a = {.w = w, .seen = seen};

    if (ask(&a, "Info", "{}", false, read_info) != AM_OK) {
        seen->info_err = a.err;
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        keys[i] = (struct asked){.w = w, .seen = seen, .chain_code = AM_UNAVAILABLE};
        snprintf(json, sizeof json, "{\"path\":\"%s\",\"purpose\":\"\"}", paths[i]);
        if (ask(&keys[i], "GetKey", json, true, read_key) != AM_OK) {
            seen->key_err = keys[i].err;
            return;
        }
    }
    am_hex(hex, report_data, 64);
    snprintf(json, sizeof json, "{\"report_data\":\"%s\"}", hex);
    if (ask(&a, "GetQuote", json, false, read_quote) != AM_OK)
        seen->quote_err = a.err;
}

/* One app has one app key: a chain over another public key recovers to a stranger each time. */
static void
compare(struct doctor_seen_chain *chain, const struct asked keys[static 2])
{
    for (size_t i = 0; i < 2; i++)
        if (keys[i].chain_code != AM_OK) {
            chain->err = keys[i].chain_err;
            return;
        }
    if (memcmp(keys[0].app_pub, keys[1].app_pub, 33) != 0)
        (void)am_fail(&chain->err, AM_UNAUTHENTICATED,
                      "guest agent /GetKey signature_chain[0]: expected one app key behind two "
                      "keys, recovered two");
    memcpy(chain->root, keys[0].root, 20);
}

void
doctor_ask_agent(struct doctor_world *w)
{
    struct doctor_seen_agent seen = {0};
    struct asked keys[2] = {0}, version = {.w = w, .seen = &seen};
    struct doctor_seen_chain chain = {0};

    if (!doctor_may_ask(&w->report, DOCTOR_AGENT_VERSION))
        return;
    if (ask(&version, "Version", "{}", false, read_version) != AM_OK)
        seen.version_err = version.err;
    doctor_judge_agent_version(&w->report, &seen);
    if (!doctor_may_ask(&w->report, DOCTOR_AGENT_METHODS))
        return;
    ask_methods(w, &seen, keys);
    doctor_judge_agent_methods(&w->report, &seen);
    if (seen.info_err.code == AM_OK) {
        memcpy(w->app_id, seen.app_id, 20);
        if (!w->member_known)
            memcpy(w->member, seen.app_id, 20);
        w->member_known = true;
    }
    if (!doctor_may_ask(&w->report, DOCTOR_AGENT_CHAIN))
        return;
    compare(&chain, keys);
    doctor_judge_agent_chain(&w->report, &chain);
    w->root_known = chain.err.code == AM_OK;
    memcpy(w->root, chain.root, 20);
}
