/*  v1_peer -- the v1 node of tests/v1peer on a machine of the devnet, in place of the suite.  */
#include "v1_peer.h"

#include "../../../common/base/am_clock.h"
#include "../../../common/wire/am_member.h"
#include "../../../devnet/dn_net.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPOSE_HASH "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a"
#define READY_MS 10000 /* for the guest agent's socket and the WireGuard device */
#define LINE 640

void
v1_id_text(char out[static V1_ID_TEXT], const uint8_t id[static 32])
{
    memcpy(out, "0x", 2);
    am_hex(out + 2, id, 32);
}

static void
make_folder(struct e2e *t, const char *path)
{
    struct am_error err = {0};
    int r = AM_OK;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        r = am_fail(&err, AM_INTERNAL, "%s: %s", path, strerror(errno));
    e2e_need(t, r, &err, "folder of the v1 peer");
}

/* v1 knows no comments in this file, which is why the devnet's own cannot be given to it. */
static void
copy_endpoints(struct e2e *t, const char *path)
{
    FILE *from = fopen(t->world.endpoints, "re"), *to = fopen(path, "we");
    struct am_error err = {0};
    char line[256];
    int r = AM_OK;

    while (from != NULL && to != NULL && fgets(line, sizeof line, from) != NULL)
        if (line[0] != '#')
            fputs(line, to);
    if (from == NULL || to == NULL || ferror(from) != 0 || ferror(to) != 0)
        r = am_fail(&err, AM_INTERNAL, "cannot copy %s to %s", t->world.endpoints, path);
    if (from != NULL)
        fclose(from);
    if (to != NULL && fclose(to) != 0)
        r = am_fail(&err, AM_INTERNAL, "cannot write %s: %s", path, strerror(errno));
    e2e_need(t, r, &err, "endpoints of the v1 peer");
}

static void
start_guest_agent(struct e2e *t, struct dn_node *node)
{
    char program[600], socket[600], app_id[41], log[600];
    const char *const argv[] = {program,      "--socket",   socket,          "--app-id",
                                app_id,       "--kms-root", DN_KMS_ROOT_KEY, "--compose-hash",
                                COMPOSE_HASH, NULL};
    struct dn_spawn spawn = {.argv = argv, .log = log, .ns = &node->ns};
    struct am_error err = {0};

    snprintf(program, sizeof program, "%s/guest-agent", t->paths.bin);
    snprintf(socket, sizeof socket, "%s/dstack.sock", node->dir);
    snprintf(log, sizeof log, "%s/log/guest-agent.log", node->dir);
    am_hex(app_id, node->member, 20);
    e2e_need(t, dn_start(&node->guest_agent, &spawn, &err), &err, "guest agent");
}

static void
start_wireguard(struct e2e *t, struct dn_node *node)
{
    const char *const argv[] = {"wireguard-go", "-f", "attestmesh0", NULL};
    const char *const env[] = {"LOG_LEVEL=error", NULL};
    char log[600];
    struct dn_spawn spawn = {.argv = argv, .env = env, .log = log, .ns = &node->ns};
    struct am_error err = {0};

    snprintf(log, sizeof log, "%s/log/wireguard-go.log", node->dir);
    e2e_need(t, dn_start(&node->wireguard, &spawn, &err), &err, "wireguard-go");
}

/* What v1 expects to find when it boots. */
static bool
machine_ready(struct e2e *t, void *arg)
{
    const char *const argv[] = {"wg", "show", "attestmesh0", "listen-port", NULL};
    struct dn_node *node = arg;
    char socket[600];

    (void)t;
    snprintf(socket, sizeof socket, "%s/dstack.sock", node->dir);
    return access(socket, F_OK) == 0 && dn_run(argv, &node->ns, NULL, NULL, 0, NULL) == AM_OK;
}

static void
start_node(struct e2e *t, struct v1_peer *peer)
{
    char cwd[600], modules[700], socket[LINE], file[LINE], chain[LINE], state[LINE];
    const char *const argv[] = {"node", "main.mjs", NULL};
    const char *const env[] = {chain,
                               socket,
                               file,
                               state,
                               "RPC_URL=" DN_RPC_URL,
                               "BUNDLER_URL=" DN_BUNDLER_URL,
                               "PAYMASTER_URL=" DN_PAYMASTER_URL,
                               "RECONCILE_MS=1000",
                               "HEALTH_HTTP_ADDR=127.0.0.1:9090",
                               NULL};
    struct dn_spawn spawn = {
        .argv = argv, .env = env, .log = peer->log, .cwd = cwd, .ns = &peer->node->ns};
    struct am_error err = {0};
    int r = AM_OK;

    snprintf(cwd, sizeof cwd, "%s/tests/v1peer", t->paths.source);
    snprintf(modules, sizeof modules, "%s/node_modules/viem", cwd);
    snprintf(chain, sizeof chain, "CHAIN_ID=%u", DN_CHAIN_ID);
    snprintf(socket, sizeof socket, "DSTACK_SOCKET=%s/dstack.sock", peer->node->dir);
    snprintf(file, sizeof file, "ATTESTMESH_ENDPOINTS=%s/endpoints", peer->node->dir);
    snprintf(state, sizeof state, "SIDECAR_STATE_DIR=%s/state", peer->node->dir);
    if (access(modules, F_OK) != 0)
        r = am_fail(&err, AM_NOT_FOUND, "%s is missing: run `npm ci --ignore-scripts` in %s",
                    modules, cwd);
    e2e_need(t, r, &err, "packages of the v1 peer");
    e2e_need(t, dn_start(&peer->node->up, &spawn, &err), &err, "v1 peer");
}

void
v1_peer_start(struct e2e *t, struct v1_peer *peer)
{
    struct dn_node *node = e2e_add(t);
    char path[600];
    struct am_error err = {0};
    int r = AM_OK;

    peer->node = node;
    am_member_id(peer->id, t->world.deployed.cluster, node->member, am_attestor_dstack);
    snprintf(peer->log, sizeof peer->log, "%s/log/v1.log", node->dir);
    make_folder(t, node->dir);
    snprintf(path, sizeof path, "%s/log", node->dir);
    make_folder(t, path);
    snprintf(path, sizeof path, "%s/endpoints", node->dir);
    copy_endpoints(t, path);
    e2e_need(t, dn_ns_open(&node->ns, &err), &err, "machine of the v1 peer");
    e2e_need(t, dn_net_plug(&node->ns, node->number, &err), &err, "cable of the v1 peer");
    start_guest_agent(t, node);
    start_wireguard(t, node);
    if (e2e_until(t, machine_ready, node, READY_MS) < 0)
        r = am_fail(&err, AM_DEADLINE_EXCEEDED,
                    "expected a guest agent and a WireGuard device within %d ms", READY_MS);
    e2e_need(t, r, &err, "machine of the v1 peer");
    start_node(t, peer);
}

void
v1_peer_again(struct e2e *t, struct v1_peer *peer)
{
    start_node(t, peer);
}

bool
v1_peer_runs(struct v1_peer *peer)
{
    int status;

    return dn_alive(&peer->node->up, &status);
}

json_t *
v1_peer_lines(const struct v1_peer *peer, const char *step)
{
    FILE *f = fopen(peer->log, "re");
    json_t *all = json_array(), *line;
    static char text[8192];

    while (f != NULL && fgets(text, sizeof text, f) != NULL) {
        line = json_loads(text, 0, NULL); /* NULL: still being written, or a crash's own words */
        if (line != NULL && json_is_string(json_object_get(line, "step")) &&
            strcmp(json_string_value(json_object_get(line, "step")), step) == 0)
            json_array_append(all, line);
        json_decref(line);
    }
    if (f != NULL)
        fclose(f);
    return all;
}

unsigned
v1_peer_count(const struct v1_peer *peer, const char *step, const char *field, const char *value)
{
    json_t *all = v1_peer_lines(peer, step), *line;
    unsigned count = 0;
    size_t i;

    json_array_foreach(all, i, line)
    {
        const char *got = field != NULL ? json_string_value(json_object_get(line, field)) : NULL;

        count += field == NULL || (got != NULL && strcmp(got, value) == 0);
    }
    json_decref(all);
    return count;
}

/* While v1 sets a peer up it refuses it for one of two reasons, until the first heartbeat that it
 * accepts. */
static bool
is_excused(const json_t *refused, const json_t *live)
{
    const char *reason = json_string_value(json_object_get(refused, "reason"));
    const char *sender = json_string_value(json_object_get(refused, "sender"));
    const char *when = json_string_value(json_object_get(refused, "ts"));
    const json_t *line;
    size_t i;

    if (reason == NULL || sender == NULL || when == NULL ||
        (strcmp(reason, "unknown sender") != 0 &&
         strcmp(reason, "no Ed25519 key of the sender yet") != 0))
        return false;
    json_array_foreach(live, i, line)
    {
        const char *since = json_string_value(json_object_get(line, "ts"));
        const char *peer = json_string_value(json_object_get(line, "peer"));

        if (since != NULL && peer != NULL && strcmp(peer, sender) == 0)
            return strcmp(when, since) <= 0; /* ISO 8601 sorts as text */
    }
    return false;
}

char *
v1_peer_refusal(const struct v1_peer *peer)
{
    json_t *all = v1_peer_lines(peer, "heartbeat-refused"), *line;
    json_t *live = v1_peer_lines(peer, "peer-live");
    char *text = NULL;
    size_t i;

    json_array_foreach(all, i, line)
    {
        if (text == NULL && !is_excused(line, live))
            text = json_dumps(line, JSON_COMPACT);
    }
    json_decref(live);
    json_decref(all);
    return text;
}

int
v1_peer_health(struct v1_peer *peer, json_t **body, struct am_error *err)
{
    static const char script[] =
        "fetch('http://127.0.0.1:9090/healthz').then(async (r) =>"
        " console.log(JSON.stringify({ http: r.status, ...await r.json() })))";
    const char *const argv[] = {"node", "-e", script, NULL};
    char out[4096];
    int r;

    *body = NULL;
    if ((r = dn_run(argv, &peer->node->ns, NULL, out, sizeof out, err)) != AM_OK)
        return r;
    if ((*body = json_loads(out, 0, NULL)) == NULL)
        return am_fail(err, AM_DATA_LOSS, "/healthz: expected JSON, got %.80s", out);
    return AM_OK;
}

int
v1_peer_end(struct v1_peer *peer, int wait_ms)
{
    int64_t until = am_mono_ms() + wait_ms;
    int status = -1;

    if (peer->node->up == 0)
        return -1;
    kill(peer->node->up, SIGTERM);
    while (dn_alive(&peer->node->up, &status) && am_mono_ms() < until)
        poll(NULL, 0, 10);
    return peer->node->up == 0 ? status : -1;
}
