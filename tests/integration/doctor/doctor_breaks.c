/*  doctor_breaks -- each outside thing broken for real: its line fails, and no other.  */
#include "doctor_visit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OTHER_KMS_ROOT_KEY "5b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212102"

/* Wrong by a setting alone. */
static void
by_setting(struct clinic *c)
{
    static const struct {
        const char *what, *setting, *check;
    } rows[] = {
        {"a setting of the wrong form", "CHAIN_ID=x", "settings"},
        {"no such device", "ATTESTMESH_WG_INTERFACE=nosuch0", "wireguard.device"},
        {"another port", "WG_LISTEN_PORT=51999", "wireguard.device"},
        {"no guest agent", "DSTACK_SOCKET=/nowhere/dstack.sock", "guest_agent.version"},
        {"no RPC", "RPC_URL=http://127.0.0.1:1/v2/key", "rpc.chain_id"},
        {"no Multicall3", "ATTESTMESH_MULTICALL3=0x00000000000000000000000000000000000000aa",
         "multicall3.code"},
        {"no member", "MEMBER_CONTRACT=0x00000000000000000000000000000000000000aa",
         "member.cluster"},
        {"no bundler", "BUNDLER_URL=" DN_RPC_URL, "bundler.entry_points"},
        {"no registry", "INDEXER_REGISTRY_ADDR=0x00000000000000000000000000000000000000aa",
         "indexer.registry"},
        {"a route to another server", "ATTESTMESH_SPONSOR_URL=" DN_BUNDLER_URL, "sponsor.identity"},
    };
    static struct visit v;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const settings[] = {rows[i].setting, NULL};

        visit(c, &v, settings, NULL);
        visit_is(c, &v, rows[i].what, rows[i].check, "fail");
        visit_end(&v);
    }
}

/* Things that have nothing to do with each other, broken at once: each shows, none hides another.
 */
void
breaks_together(struct clinic *c)
{
    static const char *const settings[] = {
        "ATTESTMESH_WG_INTERFACE=nosuch0",
        "DSTACK_SOCKET=/nowhere/dstack.sock",
        "ATTESTMESH_MULTICALL3=0x00000000000000000000000000000000000000aa",
        "BUNDLER_URL=" DN_RPC_URL,
        "INDEXER_REGISTRY_ADDR=0x00000000000000000000000000000000000000aa",
        "ATTESTMESH_SPONSOR_URL=" DN_BUNDLER_URL,
        NULL};
    static const char *const args[] = {"--gateway", "127.0.0.1:1", NULL};
    static const char *const checks[] = {
        "wireguard.device", "guest_agent.version", "multicall3.code", "bundler.entry_points",
        "indexer.registry", "sponsor.identity",    "gateway.sni",     NULL};
    static struct visit v;

    visit(c, &v, settings, args);
    visit_are(c, &v, "broken together", checks);
    e2e_check(c->t, strstr(visit_seen(&v, "sponsor.identity"), "Route GET:/identity") != NULL,
              "what answered on the route is quoted", "%s", visit_seen(&v, "sponsor.identity"));
    visit_end(&v);
}

static void
open_folder(struct clinic *c)
{
    char setting[700];
    const char *const settings[] = {setting, NULL};
    static struct visit v;

    snprintf(setting, sizeof setting, "%s/open", c->folder);
    mkdir(setting, 0700);
    chmod(setting, 0755);
    snprintf(setting, sizeof setting, "SIDECAR_STATE_DIR=%s/open", c->folder);
    visit(c, &v, settings, NULL);
    visit_is(c, &v, "a state folder that others can read", "state.folder", "fail");
    visit_end(&v);
}

static void
no_sponsorship(struct clinic *c)
{
    static const char *const settings[] = {"ATTESTMESH_PAYMASTER_URL=" DN_RPC_URL, NULL};
    static const char *const paid[] = {"--paid", NULL};
    static struct visit v;

    visit(c, &v, settings, paid);
    visit_is(c, &v, "no paymaster", "paymaster.stub", "fail");
    visit_end(&v);
}

/* A second guest agent beside the node's own. */
static void
agents(struct clinic *c)
{
    static const struct {
        const char *what, *flag, *value, *root, *check;
    } rows[] = {
        {"an old guest agent", "--compat", "0.5.5", DN_KMS_ROOT_KEY, "guest_agent.version"},
        {"no quotes", "--fault", "error-500@GetQuote", DN_KMS_ROOT_KEY, "guest_agent.methods"},
        {"a CVM without a KMS", "--fault", "empty-chain", DN_KMS_ROOT_KEY, "guest_agent.chain"},
        {"a chain over another key", "--fault", "wrong-chain", DN_KMS_ROOT_KEY,
         "guest_agent.chain"},
        {"another KMS", "--compat", "0.5.11", OTHER_KMS_ROOT_KEY, "cluster.kms_root"},
    };
    char program[600], socket[700], setting[720], app_id[41];
    const char *const settings[] = {setting, NULL};
    static struct visit v;

    snprintf(program, sizeof program, "%s/guest-agent", c->t->bin);
    am_hex(app_id, c->node->member, 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const argv[] = {program,      "--socket",   socket,       "--app-id",    app_id,
                                    "--kms-root", rows[i].root, rows[i].flag, rows[i].value, NULL};
        struct stat st;

        snprintf(socket, sizeof socket, "%s/agent-%zu.sock", c->folder, i);
        snprintf(setting, sizeof setting, "DSTACK_SOCKET=%s", socket);
        visit_start(c, argv, "agent");
        for (int waited = 0; stat(socket, &st) != 0 && waited < 5000; waited += 10)
            e2e_pause(c->t, 10);
        visit(c, &v, settings, NULL);
        visit_is(c, &v, rows[i].what, rows[i].check, "fail");
        visit_end(&v);
        visit_stop_all(c);
    }
}

/* ---- the gateway: OpenSSL's own server under names of ours ---- */

#define PASS "00112233445566778899aabbccddeeff00112233-51900s.gw.test"
#define ENDED "00112233445566778899aabbccddeeff00112233-50051.gw.test"

static void
names_and_certificate(struct clinic *c)
{
    char line[1024];
    const char *const argv[] = {"sh", "-c", line, NULL};
    struct am_error err = {0};

    snprintf(line, sizeof line,
             "cd %s && echo '127.0.0.1 localhost " PASS " " ENDED "' >hosts && "
             "mount --bind hosts /etc/hosts && openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -subj /CN=attestmesh-node -days 1 -keyout key.pem "
             "-out cert.pem",
             c->folder);
    e2e_need(c->t, dn_run(argv, &c->node->ns, NULL, NULL, 0, &err), &err, "names");
}

static void
gateway(struct clinic *c)
{
    static const struct {
        const char *what, *name, *alpn, *check, *outcome;
    } rows[] = {
        {"a node's own TLS", PASS ":4430", "attestmesh/1", "gateway.alpn", "ok"},
        {"a name that ends at the gateway", PASS ":4431", "http/1.1", "gateway.alpn", "fail"},
        {"a gateway that hides its h2", ENDED ":4432", "http/1.1", "gateway.alpn", "warn"},
        {"no route for the name", PASS ":4439", NULL, "gateway.sni", "fail"},
    };
    static struct visit v;

    names_and_certificate(c);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *port = strchr(rows[i].name, ':') + 1;
        const char *const server[] = {"openssl", "s_server",   "-accept", port,
                                      "-cert",   "cert.pem",   "-key",    "key.pem",
                                      "-alpn",   rows[i].alpn, "-quiet",  NULL};
        const char *const args[] = {"--gateway", rows[i].name, NULL};

        if (rows[i].alpn != NULL) {
            visit_start(c, server, "s_server");
            visit_awaits(c, port);
        }
        visit(c, &v, NULL, args);
        visit_is(c, &v, rows[i].what, rows[i].check, rows[i].outcome);
        visit_end(&v);
        visit_stop_all(c);
    }
}

void
breaks_each(struct clinic *c)
{
    by_setting(c);
    open_folder(c);
    no_sponsorship(c);
    agents(c);
    gateway(c);
}
