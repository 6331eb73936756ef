/*  doctor_sponsor -- asks the sponsor's public route who answers there.  */
#include "../common/crypto/am_keccak.h"
#include "../common/crypto/am_secp.h"
#include "../common/eth/eth_call.h"
#include "../common/eth/eth_ret.h"
#include "doctor_world.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define FACTORIES_MAX 16
#define SIGNED_MAX 1536
#define WHAT "sponsor /identity "

struct identity {
    uint8_t factories[FACTORIES_MAX][20], signature[65];
    size_t count;
};

static int
read_fixed(const json_t *o, const char *name, uint8_t *out, size_t len, struct am_error *err)
{
    char what[64];

    snprintf(what, sizeof what, WHAT "%s", name);
    return eth_json_fixed(out, len, json_object_get(o, name), what, err);
}

static int
read_identity(struct doctor_seen_sponsor *seen, struct identity *id, const json_t *o,
              const char *nonce, struct am_error *err)
{
    const json_t *list = json_object_get(o, "factories"), *chain = json_object_get(o, "chainId");
    const char *service = json_string_value(json_object_get(o, "service"));
    const char *echo = json_string_value(json_object_get(o, "nonce"));
    int r;

    if (service == NULL || strcmp(service, "attestmesh-sponsor") != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "sponsor %s: expected service attestmesh-sponsor, got \"%.60s\"", seen->host,
                       service != NULL ? service : "");
    if (echo == NULL || strcmp(echo, nonce) != 0)
        return am_fail(
            err, AM_UNAUTHENTICATED,
            "sponsor %s: expected our nonce in the answer, got another: it is an old one",
            seen->host);
    if (!json_is_integer(chain) || !json_is_array(list) || json_array_size(list) > FACTORIES_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT, WHAT ": expected chainId and at most %d factories",
                       FACTORIES_MAX);
    seen->chain_id = (uint64_t)json_integer_value(chain);
    id->count = json_array_size(list);
    for (size_t i = 0; i < id->count; i++)
        if ((r = eth_json_fixed(id->factories[i], 20, json_array_get(list, i), WHAT "factories",
                                err)) != AM_OK)
            return r;
    if ((r = read_fixed(o, "entryPoint", seen->entry_point, 20, err)) != AM_OK ||
        (r = read_fixed(o, "paymaster", seen->paymaster, 20, err)) != AM_OK ||
        (r = read_fixed(o, "address", seen->address, 20, err)) != AM_OK)
        return r;
    return read_fixed(o, "signature", id->signature, 65, err);
}

static size_t
put_address(char *text, size_t at, const uint8_t address[static 20])
{
    memcpy(text + at, "0x", 2);
    am_hex(text + at + 2, address, 20);
    return at + 42;
}

/* What the signer signed, said by us: any other value in the answer recovers to a stranger. */
static void
recover(struct doctor_seen_sponsor *seen, const struct identity *id, const char *nonce)
{
    uint8_t hash[32], digest[32];
    char text[SIGNED_MAX];
    size_t n = (size_t)snprintf(text, sizeof text, "attestmesh.sponsor.identity.v1\n%s\n%llu\n",
                                nonce, (unsigned long long)seen->chain_id);

    n = put_address(text, n, seen->entry_point);
    text[n++] = '\n';
    n = put_address(text, n, seen->paymaster);
    text[n++] = '\n';
    for (size_t i = 0; i < id->count; i++) {
        if (i > 0)
            text[n++] = ',';
        n = put_address(text, n, id->factories[i]);
    }
    am_keccak256(hash, text, n);
    am_eip191_32(digest, hash);
    if (am_secp_recover_address(seen->recovered, digest, id->signature, AM_V_ETH, NULL) != AM_OK)
        memset(seen->recovered, 0, 20);
}

static int
ask_signer(struct doctor_world *w, struct doctor_seen_sponsor *seen)
{
    uint8_t data[64], ret[64];
    struct eth_buf buf = ETH_BUF(data);
    size_t len;
    int r = eth_call_none(&buf, ETH_FN_verifyingSigner, &seen->signer_err);

    if (r == AM_OK)
        r = doctor_view(w, ret, sizeof ret, &len, seen->paymaster, eth_bin(&buf),
                        &seen->signer_err);
    return r != AM_OK ? r
                      : eth_ret_address(seen->signer, am_bin_of(ret, len), "verifyingSigner()",
                                        &seen->signer_err);
}

void
doctor_ask_sponsor(struct doctor_world *w)
{
    char host[DOCTOR_HOST], nonce[67] = "0x", path[96];
    struct doctor_seen_sponsor seen = {.host = host, .expected_chain_id = w->s.chain_id};
    struct identity id = {0};
    uint8_t random[32];
    json_t *o;

    if (!doctor_may_ask(&w->report, DOCTOR_SPONSOR))
        return;
    if (w->s.sponsor_url[0] == '\0') {
        doctor_skip(&w->report.lines[DOCTOR_SPONSOR], "ATTESTMESH_SPONSOR_URL is not set");
        return;
    }
    randombytes_buf(random, sizeof random);
    am_hex(nonce + 2, random, sizeof random);
    snprintf(path, sizeof path, "/identity?nonce=%s", nonce);
    memcpy(seen.expected_entry_point, w->s.entry_point, 20);
    if (doctor_get(w, &o, host, "sponsor", w->s.sponsor_url, path, false, &seen.err) == AM_OK &&
        read_identity(&seen, &id, o, nonce, &seen.err) == AM_OK) {
        recover(&seen, &id, nonce);
        (void)ask_signer(w, &seen);
    }
    json_decref(o);
    doctor_judge_sponsor(&w->report, &seen);
}
