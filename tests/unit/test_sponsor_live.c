/*  test_sponsor_live -- the sponsor before a real chain with the real contracts: members of the
 * factory, and a stock dstack app on its way to become one.  */
#include "../../cli/deploy.h"
#include "../../common/eth/eth_call.h"
#include "sponsor_world.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define OPERATOR_KEY "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#define CHAIN "0x7a69"
#define SEND "0x84076765"
#define AGAIN_MS 10000 /* a no is kept for one second here */

static struct cli_rpc *rpc;
static struct cli_tx tx;
static struct deployment d, second;
static struct deploy how = {&tx, ARTIFACTS, AA, NULL, NULL};
static struct am_error err;
static uint8_t memory[65536], member[20], stranger[20], app[20];
static struct eth_buf call = ETH_BUF(memory);
static char env[4][96];

static void
setting(size_t i, const char *name, const uint8_t contract[static 20])
{
    char address[ETH_ADDRESS_TEXT];

    eth_address_text(address, contract);
    snprintf(env[i], sizeof env[i], "%s=%s", name, address);
    spw_extra[i] = env[i];
}

static void
start(void)
{
    struct deploy_cluster_options options = {.cidr_ip = 0x0a120000, .cidr_prefix = 16};
    static char url[96] = "RPC_URL=";
    uint8_t salt[32] = {1}, signer[20] = {0x51};

    spw_begin();
    sw_anvil(url + 8);
    cr_assert_eq(cli_rpc_open(&rpc, url + 8, &err), AM_OK, "%s", err.text);
    cr_assert_eq(cli_tx_open(&tx, rpc, OPERATOR_KEY, &err), AM_OK, "%s", err.text);
    cr_assert_eq(deploy_infra(&how, &d, signer, &err), AM_OK, "%s", err.text);
    options.kms_root[0] = 1;
    second = d;
    cr_assert_eq(deploy_cluster(&how, &d, &options, &err), AM_OK, "%s", err.text);
    options.salt[0] = 1;
    cr_assert_eq(deploy_cluster(&how, &second, &options, &err), AM_OK, "%s", err.text);
    cr_assert_eq(deploy_member(&how, &d, member, salt, &err), AM_OK, "%s", err.text);
    memset(stranger, 0x77, 20);
    setting(0, "CANONICAL_CLUSTER_FACTORY", d.cluster_factory);
    setting(1, "CANONICAL_CLUSTER_FACTORY_V2", d.cluster_factory);
    setting(2, "CANONICAL_MEMBER_FACTORY", d.member_factory);
    spw_extra[3] = url;
    spw_extra[4] = "ATTESTMESH_NEGATIVE_CACHE_TTL_SECONDS=1";
    spw_start();
}

static void
stop(void)
{
    spw_stop(SIGTERM);
    cli_tx_close(&tx);
    cli_rpc_close(&rpc);
    spw_end();
}

TestSuite(sponsor_live, .init = start, .fini = stop, .timeout = 120);

static const char *
decision(const uint8_t sender[static 20], const uint8_t target[static 20])
{
    char body[4096], hex[41];
    int status;

    am_hex(hex, sender, 20);
    snprintf(body, sizeof body,
             "{\"userOperation\":{\"sender\":\"0x%s\",\"callData\":\"%s\"},\"chainId\":\"" CHAIN
             "\"}",
             hex, spw_execute(target, SEND));
    return spw_post("/?token=" SPW_TOKEN, body, &status);
}

#define APPROVED "{\"approved\":true}"
#define DENIED(reason) "{\"approved\":false,\"reason\":\"" reason "\"}"

Test(sponsor_live, members_strangers_and_other_clusters)
{
    cr_expect_str_eq(decision(stranger, d.cluster), DENIED("not-cluster-member"), "no contract");
    cr_expect_str_eq(decision(d.cluster_factory, d.cluster), DENIED("not-cluster-member"),
                     "a contract without cluster()");
    cr_expect_str_eq(decision(d.member_implementation, d.cluster), DENIED("not-cluster-member"),
                     "a member's code that nobody initialised");
    cr_expect_str_eq(decision(member, second.cluster), DENIED("target-not-our-cluster"));
    cr_expect_str_eq(decision(member, d.member_factory), DENIED("target-not-our-cluster"));
    cr_expect_str_eq(decision(member, d.cluster), APPROVED);
}

static void
transact(const uint8_t *to, struct cli_receipt *receipt)
{
    cr_assert_eq(cli_tx_send(&tx, receipt, to, 0, eth_bin(&call), &err), AM_OK, "%s", err.text);
}

static void
load(const char *name)
{
    char path[512];
    json_t *artifact;

    snprintf(path, sizeof path, ARTIFACTS "/%s.json", name);
    artifact = json_load_file(path, 0, NULL);
    cr_assert_not_null(artifact, "%s", path);
    cr_assert_eq(am_unhex_some(memory, sizeof memory, &call.len,
                               am_str_of(json_string_value(json_object_get(artifact, "bytecode"))),
                               "bytecode", &err),
                 AM_OK, "%s", err.text);
    json_decref(artifact);
}

/* A proxy before StockDstackApp, its owner the operator. */
static void
deploy_app(void)
{
    uint8_t data[68] = {0xbe, 0x13, 0xf4, 0x7c}; /* initialize(address,bytes32) */
    struct cli_receipt receipt;
    uint8_t stock[20];
    struct eth_enc e;
    size_t hole;

    load("StockDstackApp");
    transact(NULL, &receipt);
    memcpy(stock, receipt.contract, 20);
    memcpy(data + 16, tx.from, 20);
    load("ERC1967Proxy");
    eth_enc_start(&e, &call);
    eth_enc_address(&e, stock);
    hole = eth_enc_hole(&e);
    eth_enc_fill(&e, hole);
    eth_enc_bytes(&e, AM_BIN(data));
    transact(NULL, &receipt);
    memcpy(app, receipt.contract, 20);
}

Test(sponsor_live, a_stock_dstack_app_becomes_a_member_and_gets_gas)
{
    int64_t until = am_mono_ms() + AGAIN_MS * slow_factor();
    struct cli_receipt receipt;
    uint8_t inner[36];
    struct eth_buf data = ETH_BUF(inner);
    bool approved = false;

    deploy_app();
    cr_assert_str_eq(decision(app, d.cluster), DENIED("not-cluster-member"), "cluster() reverts");
    cr_assert_eq(eth_call_address(&data, ETH_FN_reinitializeFromDstackApp, d.cluster, &err), AM_OK);
    call.len = 0;
    cr_assert_eq(eth_call_upgrade(&call, d.member_implementation, eth_bin(&data), &err), AM_OK);
    transact(app, &receipt);
    cr_assert_str_eq(decision(app, d.cluster), DENIED("not-cluster-member"), "not listed yet");
    call.len = 0;
    cr_assert_eq(eth_call_address(&call, ETH_FN_addAllowedAppId, app, &err), AM_OK);
    transact(d.cluster, &receipt);
    while (!approved && am_mono_ms() < until)
        approved = strcmp(decision(app, d.cluster), APPROVED) == 0;
    cr_assert(approved, "a no is kept for a second here: %s", decision(app, d.cluster));
    cr_assert_str_eq(decision(app, second.cluster), DENIED("target-not-our-cluster"));
}
