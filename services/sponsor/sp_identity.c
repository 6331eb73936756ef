/*  sp_identity -- proof of which sponsor answers on a route, for which chain and contracts.  */
#include "sp_identity.h"

#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS 43 /* "0x", 40 digits, NUL */

static void
lower(char out[static ADDRESS], const uint8_t address[static 20])
{
    memcpy(out, "0x", 2);
    am_hex(out + 2, address, 20);
}

/* Cluster factories, then the member factory. */
static size_t
factories(char out[static 3][ADDRESS], const struct sp_chain *chain)
{
    size_t n = 0;

    for (; n < chain->cluster_factory_count; n++)
        lower(out[n], chain->cluster_factories[n]);
    lower(out[n++], chain->member_factory);
    return n;
}

char *
sp_identity_text(const struct sponsor *sp, const char nonce[static SP_NONCE_TEXT])
{
    char entry_point[ADDRESS], paymaster[ADDRESS], list[3][ADDRESS], *text = NULL;
    size_t n = factories(list, &sp->chain);

    lower(entry_point, sp->entry_point);
    lower(paymaster, sp->paymaster);
    if (asprintf(&text, "attestmesh.sponsor.identity.v1\n%s\n%llu\n%s\n%s\n%s,%s%s%s", nonce,
                 (unsigned long long)sp->chain.chain_id, entry_point, paymaster, list[0], list[1],
                 n > 2 ? "," : "", n > 2 ? list[2] : "") < 0)
        return NULL;
    return text;
}

static char *
signed_answer(const struct sponsor *sp, const char *nonce, const uint8_t signature[static 65])
{
    char entry_point[ADDRESS], paymaster[ADDRESS], signer[ADDRESS], list[3][ADDRESS];
    char cluster[ADDRESS], hex[2 + 2 * 65 + 1] = "0x", *text = NULL;
    size_t n = factories(list, &sp->chain);
    json_t *array = json_array(), *clusters = json_array(), *root;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_string(list[i]));
    for (size_t i = 0; i < sp->rules.cluster_count; i++) {
        lower(cluster, sp->rules.clusters[i]);
        json_array_append_new(clusters, json_string(cluster));
    }
    lower(entry_point, sp->entry_point);
    lower(paymaster, sp->paymaster);
    lower(signer, sp->signer);
    am_hex(hex + 2, signature, 65);
    root = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:s, s:s, s:s}", "service",
                     "attestmesh-sponsor", "version", ATTESTMESH_VERSION, "build",
                     ATTESTMESH_VERSION, "chainId", (json_int_t)sp->chain.chain_id, "entryPoint",
                     entry_point, "paymaster", paymaster, "factories", array, "clusters", clusters,
                     "address", signer, "nonce", nonce, "signature", hex);
    if (root != NULL)
        text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

char *
sp_identity_answer(const struct sponsor *sp, unsigned *status, const char *nonce)
{
    uint8_t bytes[32], hash[32], digest[32], signature[65];
    char canonical[SP_NONCE_TEXT] = "0x", *text;
    struct am_error err = {0};
    int r;

    *status = 400;
    if (nonce == NULL || strlen(nonce) != SP_NONCE_TEXT - 1 || strncmp(nonce, "0x", 2) != 0 ||
        am_unhex(bytes, 32, am_str_of(nonce), "nonce", &err) != AM_OK)
        return strdup("{\"error\":\"missing-or-invalid-nonce\"}");
    am_hex(canonical + 2, bytes, 32);
    if ((text = sp_identity_text(sp, canonical)) == NULL)
        return NULL;
    am_keccak256(hash, text, strlen(text));
    free(text);
    am_eip191_32(digest, hash);
    r = am_secp_sign(signature, digest, sp->secrets->key, AM_V_ETH, &err);
    if (r != AM_OK) {
        *status = 500;
        return strdup("{\"error\":\"internal-error\"}");
    }
    *status = 200;
    return signed_answer(sp, canonical, signature);
}
