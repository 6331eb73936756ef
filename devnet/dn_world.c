/*  dn_world -- the world on one machine: a chain, a cluster on it, and nodes with namespaces of
 * their own.  */
#include "dn_world.h"

#include "../common/crypto/am_keccak.h"
#include "../common/crypto/am_secp.h"
#include "dn_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CIDR_IP 0x0a120000u /* 10.18.0.0 */
#define CIDR_PREFIX 16
#define WG_PORT 51821

static int
append_line(const char *path, const char *line, struct am_error *err)
{
    FILE *f = fopen(path, "ae");

    if (f == NULL || fputs(line, f) < 0 || fclose(f) != 0)
        return am_fail(err, AM_INTERNAL, "devnet: cannot write %s: %s", path, strerror(errno));
    return AM_OK;
}

static int
signer_address(uint8_t address[static 20], const char *secret_text, struct am_error *err)
{
    uint8_t secret[32];
    int r = am_unhex(secret, 32, am_str_of(secret_text), "devnet key", err);

    return r != AM_OK ? r : am_address_of_secret(address, secret, err);
}

static struct deploy
plan(struct dn_world *w, char artifacts[static 600], char aa[static 600])
{
    snprintf(artifacts, 600, "%s/contracts/artifacts", w->paths.source);
    snprintf(aa, 600, "%s/devnet/node_modules/@account-abstraction/contracts/artifacts",
             w->paths.source);
    return (struct deploy){&w->operator_key, artifacts, aa, w->step, w->arg};
}

int
dn_world_cluster(struct dn_world *w, unsigned number, struct am_error *err)
{
    char artifacts[600], aa[600], receipt[600];
    struct deploy how = plan(w, artifacts, aa);
    struct deploy_cluster_options options = {.cidr_ip = CIDR_IP, .cidr_prefix = CIDR_PREFIX};
    int r;

    eth_word_u64(options.salt, number);
    snprintf(receipt, sizeof receipt, "%s/deployment.json", w->dir);
    if ((r = signer_address(options.kms_root, DN_KMS_ROOT_KEY, err)) != AM_OK ||
        (r = deploy_cluster(&how, &w->deployed, &options, err)) != AM_OK)
        return r;
    return deployment_write(&w->deployed, receipt, err);
}

static int
deploy_all(struct dn_world *w, struct am_error *err)
{
    char artifacts[600], aa[600];
    struct deploy how = plan(w, artifacts, aa);
    uint8_t signer[20];
    int r;

    if ((r = signer_address(signer, DN_SPONSOR_KEY, err)) != AM_OK ||
        (r = deploy_infra(&how, &w->deployed, signer, err)) != AM_OK)
        return r;
    return dn_world_cluster(w, 0, err);
}

int
dn_world_open(struct dn_world *w, const struct dn_paths *paths, struct am_error *err)
{
    int r;

    w->paths = *paths;
    snprintf(w->dir, sizeof w->dir, "%s", paths->dir);
    snprintf(w->endpoints, sizeof w->endpoints, "%s/endpoints", w->dir);
    if ((r = append_line(w->endpoints, "# member contract, WireGuard endpoint\n", err)) != AM_OK ||
        (r = am_crypto_init(err)) != AM_OK || (r = dn_net_open(err)) != AM_OK ||
        (r = dn_chain_open(&w->chain, paths, err)) != AM_OK ||
        (r = cli_rpc_open(&w->rpc, DN_RPC_URL, err)) != AM_OK ||
        (r = cli_tx_open(&w->operator_key, w->rpc, DN_OPERATOR_KEY, err)) != AM_OK ||
        (r = deploy_all(w, err)) != AM_OK)
        return r;
    return dn_chain_serve(&w->chain, paths, &w->deployed, err);
}

void
dn_world_close(struct dn_world *w)
{
    for (unsigned i = 0; i < w->count; i++) {
        dn_node_stop(&w->nodes[i], 15);
        dn_node_off(&w->nodes[i]);
    }
    dn_chain_close(&w->chain);
    cli_tx_close(&w->operator_key);
    cli_rpc_close(&w->rpc);
}

int
dn_world_add(struct dn_world *w, struct dn_node **out, struct am_error *err)
{
    char artifacts[600], aa[600], line[128], address[ETH_ADDRESS_TEXT];
    struct deploy how = plan(w, artifacts, aa);
    struct dn_node *node = &w->nodes[w->count];
    uint8_t salt[32];
    int r;

    *out = NULL;
    if (w->count == DN_NODES_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "devnet: at most %d nodes", DN_NODES_MAX);
    memset(node, 0, sizeof *node);
    node->ns.net = node->ns.mnt = -1;
    node->number = w->count + 1;
    snprintf(node->dir, sizeof node->dir, "%.480s/node-%u", w->dir, node->number);
    eth_word_u64(salt, node->number);
    if ((r = deploy_member(&how, &w->deployed, node->member, salt, err)) != AM_OK)
        return r;
    eth_address_text(address, node->member);
    snprintf(line, sizeof line, "%s 10.77.0.%u:%d\n", address, node->number, WG_PORT);
    if ((r = append_line(w->endpoints, line, err)) != AM_OK)
        return r;
    w->count++;
    *out = node;
    return AM_OK;
}
