/*  boot_node -- one node whose guest agent can be broken and whose settings can be wrong.  */
#include "boot_node.h"

#include "../../../devnet/dn_net.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPOSE_HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"
#define LINE 640

static void
folder(struct e2e *t, const struct dn_node *node, const char *name)
{
    struct am_error err = {0};
    char path[600];
    int r = AM_OK;

    snprintf(path, sizeof path, "%s/%s", node->dir, name);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        r = am_fail(&err, AM_INTERNAL, "%s: %s", path, strerror(errno));
    e2e_need(t, r, &err, "folder");
}

struct dn_node *
boot_machine(struct e2e *t)
{
    static const char *const folders[] = {"", "run", "state", "log"};
    const char *const argv[] = {"wireguard-go", "-f", "attestmesh0", NULL};
    const char *const env[] = {"LOG_LEVEL=error", NULL};
    struct dn_node *node = e2e_add(t);
    struct am_error err = {0};
    char log[600], run[600];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        folder(t, node, folders[i]);
    e2e_need(t, dn_ns_open(&node->ns, &err), &err, "namespaces of the node");
    e2e_need(t, dn_net_plug(&node->ns, node->number, &err), &err, "cable of the node");
    snprintf(log, sizeof log, "%s/log/wireguard-go.log", node->dir);
    e2e_need(t,
             dn_start(&node->wireguard,
                      &(struct dn_spawn){.argv = argv, .env = env, .log = log, .ns = &node->ns},
                      &err),
             &err, "wireguard-go");
    snprintf(run, sizeof run, "%s/run", node->dir);
    e2e_need(t, watch_open(e2e_watch(t, node), t->loop, run, &err), &err, "watch");
    return node;
}

void
boot_fault(struct e2e *t, struct dn_node *node, const char *fault)
{
    struct am_error err = {0};
    char path[600], fresh[620];
    int r = AM_OK;
    FILE *f;

    snprintf(path, sizeof path, "%s/fault", node->dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    if ((f = fopen(fresh, "we")) == NULL || fprintf(f, "%s\n", fault != NULL ? fault : "") < 0 ||
        fclose(f) != 0 || rename(fresh, path) != 0)
        r = am_fail(&err, AM_INTERNAL, "%s: %s", path, strerror(errno));
    e2e_need(t, r, &err, "fault");
}

void
boot_agent(struct e2e *t, struct dn_node *node, const char *fault, const struct boot_settings *s)
{
    char program[600], socket[600], app_id[41], control[600], log[600];
    const char *const argv[] = {program,
                                "--socket",
                                socket,
                                "--app-id",
                                app_id,
                                "--kms-root",
                                s->kms_root != NULL ? s->kms_root : DN_KMS_ROOT_KEY,
                                "--compose-hash",
                                COMPOSE_HASH,
                                "--control",
                                control,
                                NULL};
    struct am_error err = {0};

    snprintf(program, sizeof program, "%s/guest-agent", t->paths.bin);
    snprintf(socket, sizeof socket, "%s/dstack.sock", node->dir);
    snprintf(control, sizeof control, "%s/fault", node->dir);
    snprintf(log, sizeof log, "%s/log/guest-agent.log", node->dir);
    am_hex(app_id, node->member, 20);
    boot_fault(t, node, fault);
    e2e_need(t,
             dn_start(&node->guest_agent,
                      &(struct dn_spawn){.argv = argv, .log = log, .ns = &node->ns}, &err),
             &err, "guest agent");
}

static size_t
settings(char lines[static 11][LINE], const struct e2e *t, const struct dn_node *node,
         const struct boot_settings *s)
{
    char address[ETH_ADDRESS_TEXT];

    eth_address_text(address, t->world.deployed.multicall3);
    snprintf(lines[0], LINE, "ATTESTMESH_RUN=%s/run", node->dir);
    snprintf(lines[1], LINE, "SIDECAR_STATE_DIR=%s/state", node->dir);
    snprintf(lines[2], LINE, "DSTACK_SOCKET=%s/dstack.sock", node->dir);
    snprintf(lines[3], LINE, "CHAIN_ID=%u", s->chain_id != 0 ? s->chain_id : DN_CHAIN_ID);
    snprintf(lines[4], LINE, "RPC_URL=%s", s->rpc_url != NULL ? s->rpc_url : DN_RPC_URL);
    snprintf(lines[5], LINE, "ATTESTMESH_MULTICALL3=%s", address);
    snprintf(lines[6], LINE, "ATTESTMESH_ENDPOINTS=%s", t->world.endpoints);
    snprintf(lines[7], LINE, "INDEXER_START_BLOCK=%llu",
             (unsigned long long)t->world.deployed.start_block);
    snprintf(lines[8], LINE, "ATTESTMESH_CONFIRMATIONS=%u", t->world.confirmations);
    snprintf(lines[9], LINE, "AGENT_GRPC_SOCKET=%s/agent.sock", node->dir);
    if (s->member == NULL)
        return 10;
    snprintf(lines[10], LINE, "MEMBER_CONTRACT=%s", s->member);
    return 11;
}

static void
log_path(char path[static 600], const struct dn_node *node)
{
    snprintf(path, 600, "%s/log/up.log", node->dir);
}

void
boot_up(struct e2e *t, struct dn_node *node, const struct boot_settings *s)
{
    static char lines[11][LINE];
    char program[600], log[600];
    const char *const argv[] = {program, "up", NULL};
    const char *env[16] = {"BUNDLER_URL=" DN_BUNDLER_URL,
                           "ATTESTMESH_PAYMASTER_URL=" DN_PAYMASTER_URL, "ATTESTMESH_POLL_MS=250",
                           "ATTESTMESH_IDLE_POLL_MS=250"};
    size_t n = settings(lines, t, node, s);
    struct am_error err = {0};

    for (size_t i = 0; i < n; i++)
        env[4 + i] = lines[i];
    snprintf(program, sizeof program, "%s/attestmesh", t->paths.bin);
    log_path(log, node);
    unlink(log);
    e2e_need(t,
             dn_start(&node->up,
                      &(struct dn_spawn){.argv = argv, .env = env, .log = log, .ns = &node->ns},
                      &err),
             &err, "attestmesh up");
}

void
boot_stop(struct dn_node *node)
{
    dn_stop(&node->up, SIGTERM, 8000);
    dn_stop(&node->guest_agent, SIGKILL, 1000);
}

bool
boot_healthz(const struct dn_node *node, char *body, size_t cap)
{
    const char *const argv[] = {"curl", "-s", "-m", "1", "http://127.0.0.1:9090/healthz", NULL};

    body[0] = '\0';
    return dn_run(argv, &node->ns, NULL, body, cap, NULL) == AM_OK;
}

unsigned
boot_log_count(const struct dn_node *node, const char *word)
{
    char path[600], line[4096];
    unsigned count = 0;
    FILE *f;

    log_path(path, node);
    if ((f = fopen(path, "re")) == NULL)
        return 0;
    while (fgets(line, sizeof line, f) != NULL)
        count += strstr(line, word) != NULL ? 1 : 0;
    fclose(f);
    return count;
}
