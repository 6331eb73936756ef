/*  dn_node -- one node of the devnet: a machine, its guest agent, its WireGuard, the suite on it.
 */
#include "dn_net.h"
#include "dn_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPOSE_HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"

static int
start_guest_agent(const struct dn_world *w, struct dn_node *node, struct am_error *err)
{
    char program[1024], socket[600], app_id[41], log[600];
    const char *const argv[] = {program,      "--socket",   socket,          "--app-id",
                                app_id,       "--kms-root", DN_KMS_ROOT_KEY, "--compose-hash",
                                COMPOSE_HASH, NULL};

    snprintf(program, sizeof program, "%s/guest-agent", w->paths.bin);
    snprintf(socket, sizeof socket, "%s/dstack.sock", node->dir);
    snprintf(log, sizeof log, "%s/log/guest-agent.log", node->dir);
    am_hex(app_id, node->member, 20);
    return dn_start(&node->guest_agent,
                    &(struct dn_spawn){.argv = argv, .log = log, .ns = &node->ns}, err);
}

static int
start_wireguard(struct dn_node *node, struct am_error *err)
{
    char log[600];
    const char *const argv[] = {"wireguard-go", "-f", "attestmesh0", NULL};
    const char *const env[] = {"LOG_LEVEL=error", NULL};

    snprintf(log, sizeof log, "%s/log/wireguard-go.log", node->dir);
    return dn_start(&node->wireguard,
                    &(struct dn_spawn){.argv = argv, .env = env, .log = log, .ns = &node->ns}, err);
}

#define LINE 640

static int
start_suite(const struct dn_world *w, struct dn_node *node, struct am_error *err)
{
    char program[1024], log[600], lines[11][LINE], address[ETH_ADDRESS_TEXT];
    const char *const argv[] = {program, "up", NULL};
    const char *env[17];
    size_t n = 0;

    snprintf(program, sizeof program, "%s/attestmesh", w->paths.bin);
    snprintf(log, sizeof log, "%s/log/up.log", node->dir);
    snprintf(lines[0], LINE, "ATTESTMESH_RUN=%s/run", node->dir);
    snprintf(lines[1], LINE, "SIDECAR_STATE_DIR=%s/state", node->dir);
    snprintf(lines[2], LINE, "DSTACK_SOCKET=%s/dstack.sock", node->dir);
    snprintf(lines[3], LINE, "CHAIN_ID=%u", DN_CHAIN_ID);
    snprintf(lines[4], LINE, "RPC_URL=%s", w->rpc_url != NULL ? w->rpc_url : DN_RPC_URL);
    eth_address_text(address, w->deployed.multicall3);
    snprintf(lines[5], LINE, "ATTESTMESH_MULTICALL3=%s", address);
    snprintf(lines[6], LINE, "ATTESTMESH_CONFIRMATIONS=%u", w->confirmations);
    snprintf(lines[7], LINE, "ATTESTMESH_ENDPOINTS=%s", w->endpoints);
    snprintf(lines[8], LINE, "INDEXER_START_BLOCK=%llu",
             (unsigned long long)w->deployed.start_block);
    snprintf(lines[9], LINE, "AGENT_GRPC_SOCKET=%s/agent.sock", node->dir);
    for (size_t i = 0; i < 10; i++)
        env[n++] = lines[i];
    if (w->rpc_urls != NULL) {
        snprintf(lines[10], LINE, "ATTESTMESH_RPC_URLS=%s", w->rpc_urls);
        env[n++] = lines[10];
    }
    env[n++] = "BUNDLER_URL=" DN_BUNDLER_URL;
    env[n++] = "ATTESTMESH_PAYMASTER_URL=" DN_PAYMASTER_URL;
    env[n++] = "ATTESTMESH_POLL_MS=125";
    if (!w->idle)
        env[n++] = "ATTESTMESH_IDLE_POLL_MS=125";
    env[n] = NULL;
    return dn_start(&node->up,
                    &(struct dn_spawn){.argv = argv, .env = env, .log = log, .ns = &node->ns}, err);
}

static int
make_folder(const char *parent, const char *name, struct am_error *err)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", parent, name);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return am_fail(err, AM_INTERNAL, "devnet: %s: %s", path, strerror(errno));
    return AM_OK;
}

int
dn_node_start(struct dn_world *w, struct dn_node *node, struct am_error *err)
{
    int r, status;

    if ((r = make_folder(node->dir, "", err)) != AM_OK ||
        (r = make_folder(node->dir, "run", err)) != AM_OK ||
        (r = make_folder(node->dir, "state", err)) != AM_OK ||
        (r = make_folder(node->dir, "log", err)) != AM_OK)
        return r;
    if (node->ns.holder == 0 && ((r = dn_ns_open(&node->ns, err)) != AM_OK ||
                                 (r = dn_net_plug(&node->ns, node->number, err)) != AM_OK))
        return r;
    if (!dn_alive(&node->guest_agent, &status) && (r = start_guest_agent(w, node, err)) != AM_OK)
        return r;
    if (!dn_alive(&node->wireguard, &status) && (r = start_wireguard(node, err)) != AM_OK)
        return r;
    if (!dn_alive(&node->up, &status) && (r = start_suite(w, node, err)) != AM_OK)
        return r;
    return AM_OK;
}

void
dn_node_stop(struct dn_node *node, int sig)
{
    dn_stop(&node->up, sig, 5000);
}

void
dn_node_off(struct dn_node *node)
{
    dn_stop(&node->up, SIGKILL, 1000);
    dn_stop(&node->wireguard, SIGKILL, 1000);
    dn_stop(&node->guest_agent, SIGKILL, 1000);
    if (node->ns.holder != 0) {
        dn_net_unplug(node->number);
        dn_ns_close(&node->ns);
    }
}

int
dn_node_forget(struct dn_node *node, struct am_error *err)
{
    char state[600];
    const char *const argv[] = {"find", state, "-mindepth", "1", "-delete", NULL};

    snprintf(state, sizeof state, "%s/state", node->dir);
    return dn_run(argv, NULL, NULL, NULL, 0, err);
}
