/*  deploy -- put AttestMesh on a chain: infrastructure, a cluster, its members.  */
#include "deploy.h"

#include "../common/crypto/am_keccak.h"
#include "../common/eth/eth_call.h"
#include "../common/eth/eth_op.h"
#include "../common/eth/eth_ret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INIT_CODE_MAX 65536
#define PAYMASTER_DEPOSIT_WEI 10000000000000000000u

/* The proxy that anvil and every public chain carry (github.com/Arachnid's deployment proxy). */
static const uint8_t create2_proxy[20] = {0x4e, 0x59, 0xb4, 0x48, 0x47, 0xb3, 0x79,
                                          0x57, 0x85, 0x88, 0x92, 0x0c, 0xa7, 0x8f,
                                          0xbf, 0x26, 0xc0, 0xb4, 0x95, 0x6c};
/* With this salt the canonical init code lands on the canonical address. */
static const uint8_t entry_point_salt[32] = {
    0x90, 0xd8, 0x08, 0x4d, 0xea, 0xb3, 0x0c, 0x2a, 0x37, 0xc4, 0x5e, 0x8d, 0x47, 0xf4, 0x9f, 0x2f,
    0x79, 0x65, 0x18, 0x3c, 0xb6, 0x99, 0x0a, 0x98, 0x94, 0x3e, 0xf9, 0x49, 0x40, 0x68, 0x1d, 0xe3};
static const uint8_t no_salt[32];

static void
report(const struct deploy *how, const char *name, const uint8_t address[20],
       const struct cli_receipt *receipt)
{
    if (how->step != NULL)
        how->step(how->arg, name, address, receipt);
}

/* Append the artifact's init code and its constructor's arguments, addresses all. */
static int
init_code(struct eth_buf *out, const char *folder, const char *artifact,
          const uint8_t *const *arguments, size_t count, struct am_error *err)
{
    char path[1024], what[128];
    json_t *root;
    size_t len;
    int r;

    snprintf(path, sizeof path, "%s/%s.json", folder, artifact);
    snprintf(what, sizeof what, "%s bytecode", artifact);
    if ((root = json_load_file(path, 0, NULL)) == NULL ||
        !json_is_string(json_object_get(root, "bytecode"))) {
        json_decref(root);
        return am_fail(err, AM_NOT_FOUND, "%s: expected a contract artifact with bytecode", path);
    }
    r = am_unhex_some(out->p + out->len, out->cap - out->len, &len,
                      am_str_of(json_string_value(json_object_get(root, "bytecode"))), what, err);
    json_decref(root);
    if (r != AM_OK)
        return r;
    out->len += len;
    for (size_t i = 0; i < count; i++) {
        if (out->cap - out->len < 32)
            return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: init code is too long", artifact);
        eth_word_address(out->p + out->len, arguments[i]);
        out->len += 32;
    }
    return AM_OK;
}

static int
has_code(const struct deploy *how, bool *yes, const uint8_t address[20], uint8_t hash[static 32],
         struct am_error *err)
{
    static uint8_t code[INIT_CODE_MAX];
    char text[ETH_ADDRESS_TEXT];
    size_t len;
    int r;

    eth_address_text(text, address);
    r = cli_rpc_bytes(how->tx->rpc, code, sizeof code, &len, "eth_getCode",
                      json_pack("[s, s]", text, "latest"), err);
    *yes = r == AM_OK && len > 0;
    am_keccak256(hash, code, len);
    return r;
}

/* One contract by CREATE2; nothing is sent when it is there already. */
static int
create2(const struct deploy *how, uint8_t address[static 20], const char *name, const char *folder,
        const char *artifact, const uint8_t salt[static 32], const uint8_t *const *arguments,
        size_t count, struct am_error *err)
{
    static uint8_t data[INIT_CODE_MAX];
    struct eth_buf buf = ETH_BUF(data);
    struct cli_receipt receipt;
    uint8_t hash[32];
    bool there;
    int r;

    memcpy(data, salt, 32);
    buf.len = 32;
    if ((r = init_code(&buf, folder, artifact, arguments, count, err)) != AM_OK)
        return r;
    am_keccak256(hash, data + 32, buf.len - 32);
    eth_create2_address(address, create2_proxy, salt, hash);
    if ((r = has_code(how, &there, address, hash, err)) != AM_OK)
        return am_wrap(err, "%s", name);
    if (there) {
        report(how, name, address, NULL);
        return AM_OK;
    }
    if ((r = cli_tx_send(how->tx, &receipt, create2_proxy, 0, eth_bin(&buf), err)) != AM_OK)
        return am_wrap(err, "deploying %s", name);
    if ((r = has_code(how, &there, address, hash, err)) != AM_OK)
        return am_wrap(err, "%s", name);
    if (!there)
        return am_fail(err, AM_ABORTED, "deploying %s: expected code at its address, found none",
                       name);
    report(how, name, address, &receipt);
    return AM_OK;
}

static int
check_entry_point(const struct deploy *how, const uint8_t address[20], struct am_error *err)
{
    uint8_t hash[32];
    bool there;
    int r = has_code(how, &there, address, hash, err);

    if (r == AM_OK && memcmp(hash, eth_entry_point_v07_code_hash, 32) != 0)
        r = am_fail(err, AM_FAILED_PRECONDITION,
                    "EntryPoint: expected the code of v0.7, found another");
    return r;
}

/* VerifyingPaymaster belongs to whoever creates it, so it cannot come through the proxy. */
static int
paymaster(const struct deploy *how, struct deployment *d, const uint8_t signer[static 20],
          struct am_error *err)
{
    static uint8_t data[INIT_CODE_MAX];
    const uint8_t *const arguments[] = {d->entry_point, signer};
    struct eth_buf buf = ETH_BUF(data);
    struct cli_receipt receipt;
    uint8_t hash[32];
    bool there = false;
    int r;

    if (!am_is_zero(d->paymaster, 20) &&
        (r = has_code(how, &there, d->paymaster, hash, err)) != AM_OK)
        return r;
    if (there) {
        report(how, "paymaster", d->paymaster, NULL);
        return AM_OK;
    }
    if ((r = init_code(&buf, how->aa, "VerifyingPaymaster", arguments, 2, err)) != AM_OK ||
        (r = cli_tx_send(how->tx, &receipt, NULL, 0, eth_bin(&buf), err)) != AM_OK)
        return am_wrap(err, "deploying paymaster");
    memcpy(d->paymaster, receipt.contract, 20);
    report(how, "paymaster", d->paymaster, &receipt);
    buf.len = 0;
    if ((r = eth_call_address(&buf, ETH_FN_depositTo, d->paymaster, err)) != AM_OK ||
        (r = cli_tx_send(how->tx, &receipt, d->entry_point, PAYMASTER_DEPOSIT_WEI, eth_bin(&buf),
                         err)) != AM_OK)
        return am_wrap(err, "funding paymaster");
    report(how, "paymaster deposit", d->paymaster, &receipt);
    return AM_OK;
}

int
deploy_infra(const struct deploy *how, struct deployment *d, const uint8_t signer[static 20],
             struct am_error *err)
{
    const uint8_t *owner = how->tx->from;
    const struct {
        uint8_t *address;
        const char *name, *artifact;
        const uint8_t *arguments[6];
        size_t count;
    } plan[] = {
        {d->multicall3, "multicall3", "Multicall3", {0}, 0},
        {d->member_implementation, "member implementation", "ClusterMember", {0}, 0},
        {d->member_factory,
         "member factory",
         "ClusterMemberFactory",
         {d->member_implementation, owner},
         2},
        {d->diamond_init, "diamond init", "DiamondInit", {0}, 0},
        {d->attest_facet, "attest facet", "AttestFacet", {0}, 0},
        {d->message_facet, "message facet", "MessageFacet", {0}, 0},
        {d->network_facet, "network facet", "NetworkFacet", {0}, 0},
        {d->dstack_facet, "dstack facet", "DstackFacet", {0}, 0},
        {d->cluster_factory,
         "cluster factory",
         "ClusterDiamondFactory",
         {owner, d->diamond_init, d->attest_facet, d->message_facet, d->network_facet,
          d->dstack_facet},
         6},
        {d->indexer_registry, "indexer registry", "IndexerRegistry", {owner}, 1},
    };
    uint8_t hash[32];
    bool there;
    int r;

    if ((r = has_code(how, &there, create2_proxy, hash, err)) != AM_OK)
        return r;
    if (!there)
        return am_fail(err, AM_NOT_FOUND, "chain %llu: has no deterministic deployment proxy",
                       (unsigned long long)how->tx->chain_id);
    if ((r = create2(how, d->entry_point, "entry point", how->aa, "EntryPoint", entry_point_salt,
                     NULL, 0, err)) != AM_OK ||
        (r = check_entry_point(how, d->entry_point, err)) != AM_OK ||
        (r = paymaster(how, d, signer, err)) != AM_OK)
        return r;
    for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
        r = create2(how, plan[i].address, plan[i].name, how->artifacts, plan[i].artifact, no_salt,
                    plan[i].arguments, plan[i].count, err);
        if (r != AM_OK)
            return r;
    }
    return AM_OK;
}

/* Ask a factory where it will deploy; deploy there unless something is there. */
static int
by_factory(const struct deploy *how, uint8_t address[static 20], const char *name,
           const uint8_t factory[static 20], struct am_bin predict, struct am_bin make,
           struct am_error *err)
{
    struct cli_receipt receipt;
    uint8_t ret[32], hash[32];
    size_t len;
    bool there;
    int r;

    if ((r = cli_tx_view(how->tx, ret, sizeof ret, &len, factory, predict, err)) != AM_OK ||
        (r = eth_ret_address(address, am_bin_of(ret, len), name, err)) != AM_OK ||
        (r = has_code(how, &there, address, hash, err)) != AM_OK)
        return am_wrap(err, "predicting %s", name);
    if (there) {
        report(how, name, address, NULL);
        return AM_OK;
    }
    if ((r = cli_tx_send(how->tx, &receipt, factory, 0, make, err)) != AM_OK)
        return am_wrap(err, "deploying %s", name);
    report(how, name, address, &receipt);
    return AM_OK;
}

/* The factory nominates us as diamond owner; the role counts only once it is accepted. */
static int
accept_ownership(const struct deploy *how, const uint8_t cluster[static 20], struct am_error *err)
{
    uint8_t data[64], ret[32], nominee[20];
    struct eth_buf buf = ETH_BUF(data);
    struct cli_receipt receipt;
    size_t len;
    int r;

    if ((r = eth_call_none(&buf, ETH_FN_nomineeOwner, err)) != AM_OK ||
        (r = cli_tx_view(how->tx, ret, sizeof ret, &len, cluster, eth_bin(&buf), err)) != AM_OK ||
        (r = eth_ret_address(nominee, am_bin_of(ret, len), "nomineeOwner", err)) != AM_OK)
        return r;
    if (memcmp(nominee, how->tx->from, 20) != 0)
        return AM_OK;
    buf.len = 0;
    if ((r = eth_call_none(&buf, ETH_FN_acceptOwnership, err)) != AM_OK ||
        (r = cli_tx_send(how->tx, &receipt, cluster, 0, eth_bin(&buf), err)) != AM_OK)
        return am_wrap(err, "accepting ownership");
    report(how, "cluster ownership", cluster, &receipt);
    return AM_OK;
}

int
deploy_cluster(const struct deploy *how, struct deployment *d,
               const struct deploy_cluster_options *options, struct am_error *err)
{
    uint8_t hashes[1][32];
    struct eth_cluster_init init = {.compose_hashes = (const uint8_t(*)[32])hashes,
                                    .compose_count = 1,
                                    .allow_any_device = true,
                                    .cidr_ip = options->cidr_ip,
                                    .cidr_prefix = options->cidr_prefix};
    static uint8_t predict[4096], make[4096];
    struct eth_buf p = ETH_BUF(predict), m = ETH_BUF(make);
    uint8_t known[20];
    uint64_t now;
    int r;

    memcpy(known, d->cluster, 20);
    memcpy(hashes[0], options->compose_hash, 32);
    memcpy(init.owner, how->tx->from, 20);
    memcpy(init.kms_root, options->kms_root, 20);
    memcpy(init.member_factory, d->member_factory, 20);
    if ((r = cli_rpc_u64(how->tx->rpc, &now, "eth_blockNumber", json_array(), err)) != AM_OK ||
        (r = eth_call_cluster(&p, ETH_FN_predictClusterAddress, &init, options->salt, err)) !=
            AM_OK ||
        (r = eth_call_cluster(&m, ETH_FN_deployCluster, &init, options->salt, err)) != AM_OK ||
        (r = by_factory(how, d->cluster, "cluster", d->cluster_factory, eth_bin(&p), eth_bin(&m),
                        err)) != AM_OK)
        return r;
    if (memcmp(known, d->cluster, 20) != 0) /* a second run must not forget where it began */
        d->start_block = now;
    return accept_ownership(how, d->cluster, err);
}

int
deploy_member(const struct deploy *how, const struct deployment *d, uint8_t member[static 20],
              const uint8_t salt[static 32], struct am_error *err)
{
    uint8_t predict[128], make[128];
    struct eth_buf p = ETH_BUF(predict), m = ETH_BUF(make);
    int r;

    if ((r = eth_call_member(&p, ETH_FN_predictMemberAddress, d->cluster, salt, err)) != AM_OK ||
        (r = eth_call_member(&m, ETH_FN_deployMember, d->cluster, salt, err)) != AM_OK)
        return r;
    return by_factory(how, member, "member", d->member_factory, eth_bin(&p), eth_bin(&m), err);
}

int
deployment_write(const struct deployment *d, const char *path, struct am_error *err)
{
    const struct {
        const char *name;
        const uint8_t *address;
    } rows[] = {
#define DEPLOY_ROW(name) {#name, d->name},
        DEPLOY_CONTRACTS(DEPLOY_ROW)
#undef DEPLOY_ROW
    };
    json_t *root = json_pack("{s:I}", "start_block", (json_int_t)d->start_block);
    char text[ETH_ADDRESS_TEXT], fresh[1024];
    int r = AM_OK;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        eth_address_text(text, rows[i].address);
        json_object_set_new(root, rows[i].name, json_string(text));
    }
    snprintf(fresh, sizeof fresh, "%s.new", path); /* half a receipt is worse than none */
    if (json_dump_file(root, fresh, JSON_INDENT(2) | JSON_SORT_KEYS) != 0 ||
        rename(fresh, path) != 0)
        r = am_fail(err, AM_INTERNAL, "%s: cannot be written", path);
    json_decref(root);
    return r;
}

int
deployment_read(struct deployment *d, const char *path, struct am_error *err)
{
    const struct {
        const char *name;
        uint8_t *address;
    } rows[] = {
#define DEPLOY_ROW(name) {#name, d->name},
        DEPLOY_CONTRACTS(DEPLOY_ROW)
#undef DEPLOY_ROW
    };
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    int r = AM_OK;

    memset(d, 0, sizeof *d);
    if (!json_is_object(root) || !json_is_integer(json_object_get(root, "start_block"))) {
        json_decref(root);
        return am_fail(err, AM_NOT_FOUND, "%s: expected the receipt of attestmesh deploy", path);
    }
    d->start_block = (uint64_t)json_integer_value(json_object_get(root, "start_block"));
    for (size_t i = 0; r == AM_OK && i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = json_string_value(json_object_get(root, rows[i].name));

        r = eth_address_read(rows[i].address, am_str_of(text != NULL ? text : ""), rows[i].name,
                             err);
    }
    json_decref(root);
    return r;
}
