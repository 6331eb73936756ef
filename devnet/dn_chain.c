/*  dn_chain -- the chain of the devnet: anvil, Alto and our sponsor, as real processes.  */
#include "dn_chain.h"

#include "../common/base/am_clock.h"
#include "dn_net.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_WAIT_MS                                                                              \
    120000 /* Alto loads for 2 s on an idle machine, for 15 s from a cold disk at load 11 */

/* anvil's accounts but 0 (operator), 3 (utility) and 5 (sponsor): one bundle each may be waiting
 * for its block, so that few executors would make operations wait for a block more. */
#define ALTO_EXECUTORS                                                                             \
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d,"                          \
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a,"                          \
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a,"                          \
    "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e,"                          \
    "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356,"                          \
    "0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97,"                          \
    "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"
#define ALTO_UTILITY "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"

/* Wait for a server by asking it a method that changes nothing. */
static int
wait_for(const char *name, const char *url, const char *method, pid_t *pid, struct am_error *err)
{
    int64_t until = am_mono_ms() + READY_WAIT_MS;
    struct am_error last = {0};
    struct cli_rpc *rpc;
    json_t *result;
    int r, status;

    if ((r = cli_rpc_open(&rpc, url, err)) != AM_OK)
        return r;
    while ((r = cli_rpc_call(rpc, &result, method, json_array(), &last)) != AM_OK &&
           am_mono_ms() < until && dn_alive(pid, &status))
        poll(NULL, 0, 20);
    json_decref(result);
    cli_rpc_close(&rpc);
    if (r == AM_OK)
        return AM_OK;
    return am_fail(err, AM_UNAVAILABLE, "%s: expected it to answer within %d s, got: %s", name,
                   READY_WAIT_MS / 1000, last.text);
}

static int
installed(const char *path, struct am_error *err)
{
    if (access(path, R_OK) == 0)
        return AM_OK;
    return am_fail(
        err, AM_NOT_FOUND,
        "%s is not installed: run `npm ci --ignore-scripts` in devnet/, or ./script/demo", path);
}

int
dn_chain_open(struct dn_chain *chain, const struct dn_paths *paths, struct am_error *err)
{
    char anvil[1024], log[1024];
    const char *const argv[] = {anvil,  "--host",          DN_BRIDGE_IP, "--port",
                                "8545", "--hardfork",      "cancun",     "--slots-in-an-epoch",
                                "1",    "--prune-history", "1000",       "--silent",
                                NULL};
    int r;

    memset(chain, 0, sizeof *chain);
    chain->bundler_host.net = chain->bundler_host.mnt = -1;
    snprintf(anvil, sizeof anvil, "%s/devnet/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil",
             paths->source);
    snprintf(log, sizeof log, "%s/anvil.log", paths->dir);
    if ((r = installed(anvil, err)) != AM_OK ||
        (r = dn_start(&chain->anvil,
                      &(struct dn_spawn){.argv = argv, .log = log, .cwd = paths->dir}, err)) !=
            AM_OK)
        return r;
    return wait_for("anvil", DN_RPC_URL, "eth_chainId", &chain->anvil, err);
}

int
dn_chain_tick(unsigned seconds, struct am_error *err)
{
    struct cli_rpc *rpc;
    json_t *result;
    int r;

    if ((r = cli_rpc_open(&rpc, DN_RPC_URL, err)) != AM_OK)
        return r;
    r = cli_rpc_call(rpc, &result, "evm_setIntervalMining", json_pack("[i]", (int)seconds), err);
    json_decref(result);
    cli_rpc_close(&rpc);
    return r == AM_NOT_FOUND ? AM_OK : r; /* the answer of success is null */
}

static int
start_alto(struct dn_chain *chain, const struct dn_paths *paths, const char *entry_point,
           struct am_error *err)
{
    char alto[1024], log[1024];
    const char *const argv[] = {
        "node", alto, "run", "--port", "4337", "--rpc-url", DN_RPC_URL, "--entrypoints",
        entry_point, "--executor-private-keys", ALTO_EXECUTORS, "--utility-private-key",
        ALTO_UTILITY,
        /* safe mode cannot decode its own simulation here */
        "--safe-mode", "false", "--deploy-simulations-contract", "true", "--min-executor-balance",
        "0", "--utility-wallet-monitor", "false", "--block-time", "1000", "--min-bundle-interval",
        "50", "--max-bundle-interval", "100", "--block-number-cache-ttl", "0", "--max-block-range",
        "10000000", "--log-level", "warn", "--json", "true", NULL};
    int r;

    snprintf(alto, sizeof alto, "%s/devnet/node_modules/@pimlico/alto/esm/cli/alto.js",
             paths->source);
    snprintf(log, sizeof log, "%s/alto.log", paths->dir);
    if ((r = installed(alto, err)) != AM_OK ||
        (r = dn_ns_open(&chain->bundler_host, err)) != AM_OK ||
        (r = dn_net_plug(&chain->bundler_host, DN_BUNDLER_HOST, err)) != AM_OK)
        return r;
    return dn_start(
        &chain->alto,
        &(struct dn_spawn){.argv = argv, .log = log, .cwd = paths->dir, .ns = &chain->bundler_host},
        err);
}

/* "NAME=0x...": a setting of the sponsor's that is a contract. */
static void
setting(char out[static 96], const char *name, const uint8_t contract[static 20])
{
    char address[ETH_ADDRESS_TEXT];

    eth_address_text(address, contract);
    snprintf(out, 96, "%s=%s", name, address);
}

/* Without caps: tests send more in a day than a member would. */
static int
start_sponsor(struct dn_chain *chain, const struct dn_paths *paths, const struct deployment *d,
              struct am_error *err)
{
    char program[1024], log[1024], state[1024], chain_id[32], contracts[4][96];
    const char *const argv[] = {program, NULL};
    const char *const env[] = {
        "RPC_URL=" DN_RPC_URL, "ATTESTMESH_SPONSOR_KEY=" DN_SPONSOR_KEY,
        "ATTESTMESH_SPONSOR_LISTEN=" DN_BRIDGE_IP ":8787", "MAX_DAILY_OPS_PER_SENDER=0",
        /* what an owner allows is seen at once */
        "ATTESTMESH_NEGATIVE_CACHE_TTL_SECONDS=1", "ATTESTMESH_MAX_DAILY_OPS_PER_CLUSTER=0",
        "ATTESTMESH_MAX_DAILY_GWEI_PER_CLUSTER=0", contracts[0], contracts[1], contracts[2],
        contracts[3], state, chain_id, NULL};

    snprintf(program, sizeof program, "%s/attestmesh-sponsor", paths->bin);
    snprintf(log, sizeof log, "%s/sponsor.log", paths->dir);
    snprintf(state, sizeof state, "SIDECAR_STATE_DIR=%s/sponsor", paths->dir);
    setting(contracts[0], "ATTESTMESH_ENTRY_POINT", d->entry_point);
    setting(contracts[1], "ATTESTMESH_PAYMASTER", d->paymaster);
    setting(contracts[2], "CANONICAL_CLUSTER_FACTORY", d->cluster_factory);
    setting(contracts[3], "CANONICAL_MEMBER_FACTORY", d->member_factory);
    snprintf(chain_id, sizeof chain_id, "CHAIN_ID=%u", DN_CHAIN_ID);
    return dn_start(&chain->sponsor, &(struct dn_spawn){.argv = argv, .env = env, .log = log}, err);
}

int
dn_chain_serve(struct dn_chain *chain, const struct dn_paths *paths, const struct deployment *d,
               struct am_error *err)
{
    char entry_point[ETH_ADDRESS_TEXT];
    int r;

    eth_address_text(entry_point, d->entry_point);

    if ((r = start_sponsor(chain, paths, d, err)) != AM_OK ||
        (r = start_alto(chain, paths, entry_point, err)) != AM_OK)
        return r;
    return wait_for("bundler", DN_BUNDLER_URL, "eth_supportedEntryPoints", &chain->alto, err);
}

void
dn_chain_close(struct dn_chain *chain)
{
    dn_stop(&chain->alto, SIGTERM, 3000);
    dn_stop(&chain->sponsor, SIGTERM, 2000);
    dn_stop(&chain->anvil, SIGTERM, 3000);
    dn_ns_close(&chain->bundler_host);
}
