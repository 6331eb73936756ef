/*  deploy_route -- is what answers at a sponsor's public route this sponsor.  */
#include "deploy_route.h"

#include "../common/crypto/am_keccak.h"
#include "../common/crypto/am_secp.h"
#include "../common/eth/eth_word.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_BYTES 120
#define FACTORIES_MAX 16
#define ADDRESS_HEX 43 /* "0x", 40 digits, NUL */

static void
lower(char out[static ADDRESS_HEX], const uint8_t address[static 20])
{
    memcpy(out, "0x", 2);
    am_hex(out + 2, address, 20);
}

static int
address_is(const json_t *root, const char *name, const uint8_t expected[static 20],
           struct am_error *err)
{
    const char *text = json_string_value(json_object_get(root, name));
    char want[ADDRESS_HEX];
    uint8_t seen[20];

    lower(want, expected);
    if (text == NULL || eth_address_read(seen, am_str_of(text), name, NULL) != AM_OK ||
        memcmp(seen, expected, 20) != 0)
        return am_fail(err, AM_FAILED_PRECONDITION, "expected %s %s", name, want);
    return AM_OK;
}

/* An address of the list, and the list as it is signed. */
static int
list_has(const json_t *list, const char *name, const uint8_t expected[static 20],
         char signed_text[static FACTORIES_MAX * ADDRESS_HEX], struct am_error *err)
{
    size_t count = json_array_size(list), len = 0;
    char want[ADDRESS_HEX];
    bool has = false;

    signed_text[0] = '\0';
    if (count > FACTORIES_MAX)
        return am_fail(err, AM_FAILED_PRECONDITION, "expected at most %d %s", FACTORIES_MAX, name);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        uint8_t seen[20];

        if (text == NULL || eth_address_read(seen, am_str_of(text), name, NULL) != AM_OK)
            return am_fail(err, AM_FAILED_PRECONDITION, "expected addresses in %s", name);
        has = has || memcmp(seen, expected, 20) == 0;
        if (i > 0)
            signed_text[len++] = ',';
        lower(signed_text + len, seen);
        len += ADDRESS_HEX - 1;
    }
    lower(want, expected);
    return has ? AM_OK : am_fail(err, AM_FAILED_PRECONDITION, "expected %s to name %s", name, want);
}

static int
signed_by(const struct deploy_route *e, const json_t *root, const char *factories,
          struct am_error *err)
{
    const char *hex = json_string_value(json_object_get(root, "signature"));
    char text[256 + FACTORIES_MAX * ADDRESS_HEX], nonce[65];
    char entry_point[ADDRESS_HEX], paymaster[ADDRESS_HEX], signer[ADDRESS_HEX];
    uint8_t signature[AM_SIG_LEN], digest[32], message[32], seen[20];

    am_hex(nonce, e->nonce, 32);
    lower(entry_point, e->entry_point);
    lower(paymaster, e->paymaster);
    lower(signer, e->signer);
    snprintf(text, sizeof text, "attestmesh.sponsor.identity.v1\n0x%s\n%" PRIu64 "\n%s\n%s\n%s",
             nonce, e->chain_id, entry_point, paymaster, factories);
    am_keccak256(message, text, strlen(text));
    am_eip191_32(digest, message);
    if (hex == NULL || am_unhex(signature, sizeof signature, am_str_of(hex), "", NULL) != AM_OK ||
        am_secp_recover_address(seen, digest, signature, AM_V_ETH, NULL) != AM_OK ||
        memcmp(seen, e->signer, 20) != 0)
        return am_fail(err, AM_UNAUTHENTICATED,
                       "expected our nonce signed by the paymaster's verifyingSigner %s", signer);
    return AM_OK;
}

static int
judge(const struct deploy_route *e, int status, const json_t *root, struct am_error *err)
{
    char factories[FACTORIES_MAX * ADDRESS_HEX], clusters[FACTORIES_MAX * ADDRESS_HEX];
    const char *service = json_string_value(json_object_get(root, "service"));
    const json_t *chain = json_object_get(root, "chainId");
    const json_t *listed = json_object_get(root, "clusters");
    int r;

    if (status != 200 || service == NULL || strcmp(service, "attestmesh-sponsor") != 0)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "expected status 200 and service attestmesh-sponsor");
    if (!json_is_integer(chain) || json_integer_value(chain) < 0 ||
        (uint64_t)json_integer_value(chain) != e->chain_id)
        return am_fail(err, AM_FAILED_PRECONDITION, "expected chainId %" PRIu64, e->chain_id);
    if ((r = address_is(root, "entryPoint", e->entry_point, err)) != AM_OK ||
        (r = address_is(root, "paymaster", e->paymaster, err)) != AM_OK ||
        (r = address_is(root, "address", e->signer, err)) != AM_OK ||
        (r = list_has(json_object_get(root, "factories"), "factories", e->member_factory, factories,
                      err)) != AM_OK ||
        (listed != NULL && (r = list_has(listed, "clusters", e->cluster, clusters, err)) != AM_OK))
        return r;
    return signed_by(e, root, factories, err);
}

int
deploy_route_judge(const struct deploy_route *expected, int status, struct am_bin body,
                   struct am_error *err)
{
    json_t *root = json_loadb((const char *)body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
    char quote[QUOTE_BYTES + 1];
    size_t len = body.len < QUOTE_BYTES ? body.len : QUOTE_BYTES;
    struct am_error why = {0};
    int r = judge(expected, status, root, &why);

    json_decref(root);
    if (r == AM_OK)
        return r;
    for (size_t i = 0; i < len; i++) /* what answers may be written to a terminal */
        quote[i] = body.p[i] >= 0x20 && body.p[i] < 0x7f ? (char)body.p[i] : '?';
    quote[len] = '\0';
    return am_fail(err, r, "sponsor route: %.160s; status %d answered instead: %s", why.text,
                   status, quote);
}
