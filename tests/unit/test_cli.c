/*  test_cli -- attestmesh deploy on a real chain, twice, and with everything that fails.  */
#include "../../cli/deploy.h"
#include "../../common/crypto/am_keccak.h"
#include "../../common/crypto/am_secp.h"
#include "service_world.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPERATOR_DIGITS "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#define OPERATOR_KEY "0x" OPERATOR_DIGITS
#define OPERATOR "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
#define ZERO_KEY "0x0000000000000000000000000000000000000000000000000000000000000000"
#define POOR_DIGITS "1234567812345678123456781234567812345678123456781234567812345678"
#define POOR_KEY "0x" POOR_DIGITS
#define SIGNER "0x3333333333333333333333333333333333333333"
#define WORD "0x4444444444444444444444444444444444444444444444444444444444444444"
#define ENTRY_POINT "0x0000000071727De22E5E9d8BAf0edAc6f37da032"
#define CREATE2_PROXY "0x4e59b44847b379578588920cA78FbF26c0B4956C"

static char url[64], key_file[96], receipt[96];
static struct am_error err;
static struct cli_rpc *rpc;

static void
write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static const char *
read_file(const char *path)
{
    static char text[4096];
    FILE *f = fopen(path, "r");

    cr_assert_not_null(f, "%s", path);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void
start(void)
{
    sw_begin();
    sw_anvil(url);
    snprintf(key_file, sizeof key_file, "%s/key", sw_dir);
    snprintf(receipt, sizeof receipt, "%s/receipt.json", sw_dir);
    write_file(key_file, OPERATOR_KEY "\n");
    cr_assert_eq(cli_rpc_open(&rpc, url, &err), AM_OK, "%s", err.text);
}

static void
stop(void)
{
    cli_rpc_close(&rpc);
    sw_end();
}

TestSuite(cli_deploy, .init = start, .fini = stop, .timeout = 120);

/* attestmesh deploy `what`, with the usual options but for those given (NULL-terminated). */
static int
deploy(const char *log, const char *what, const char *const *others)
{
    const char *argv[48] = {
        ATTESTMESH, "deploy",         what,    "--rpc",       url,           "--key-file",
        key_file,   "--receipt",      receipt, "--artifacts", ARTIFACTS,     "--aa",
        AA,         "--signer",       SIGNER,  "--salt",      WORD,          "--kms-root",
        SIGNER,     "--compose-hash", WORD,    "--cidr",      "10.18.0.0/16"};
    size_t n = 23;

    for (; others != NULL && *others != NULL; others++)
        argv[n++] = *others;
    return sw_ended(sw_start(log, argv, NULL), 60000);
}

static uint64_t
nonce(void)
{
    uint64_t n;

    cr_assert_eq(cli_rpc_u64(rpc, &n, "eth_getTransactionCount",
                             json_pack("[s, s]", OPERATOR, "pending"), &err),
                 AM_OK, "%s", err.text);
    return n;
}

static void
set_code(const char *address, const char *code)
{
    json_t *result;
    int r = cli_rpc_call(rpc, &result, "anvil_setCode", json_pack("[s, s]", address, code), &err);

    cr_assert(r == AM_OK || r == AM_NOT_FOUND, "%s", err.text); /* success is null */
    json_decref(result);
}

Test(cli_deploy, twice_changes_nothing)
{
    static const char *const steps[] = {"infra", "cluster", "member"};
    char first[4096];
    uint64_t sent;

    for (int i = 0; i < 3; i++)
        cr_assert_eq(deploy(steps[i], steps[i], NULL), 0, "%s", sw_log(steps[i]));
    cr_assert_not_null(strstr(sw_log("infra"), "paymaster deposit"));
    sent = nonce();
    snprintf(first, sizeof first, "%s", read_file(receipt));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(deploy("again", steps[i], NULL), 0, "%s", sw_log("again"));
        cr_assert_eq(nonce(), sent, "%s sent a transaction:\n%s", steps[i], sw_log("again"));
    }
    cr_assert_null(strstr(sw_log("again"), " gas, "));
    cr_assert_str_eq(read_file(receipt), first, "start_block is still the first run's");
}

Test(cli_deploy, a_receipt_that_cannot_be_read_is_no_first_run)
{
    static const char *const broken[] = {"", "{", "{\"start_block\": 1}", "[]"};
    uint64_t sent = nonce();

    for (int i = 0; i < 4; i++) {
        write_file(receipt, broken[i]);
        cr_assert_eq(deploy("broken", "infra", NULL), 1);
        cr_assert_eq(nonce(), sent, "a second paymaster would cost its deposit");
        cr_assert_str_eq(read_file(receipt), broken[i]);
    }
    cr_assert_not_null(strstr(sw_log("broken"), "receipt"), "%s", sw_log("broken"));
}

Test(cli_deploy, a_paymaster_that_was_made_is_in_the_receipt_even_when_the_rest_fails)
{
    const char *const none[] = {"--artifacts", sw_dir, NULL};
    uint64_t sent;

    cr_assert_eq(deploy("half", "infra", none), 1);
    cr_assert_not_null(strstr(sw_log("half"), "paymaster deposit"), "%s", sw_log("half"));
    cr_assert_not_null(strstr(sw_log("half"), "/Multicall3.json"), "%s", sw_log("half"));
    sent = nonce();
    cr_assert_eq(deploy("rest", "infra", NULL), 0, "%s", sw_log("rest"));
    cr_assert_null(strstr(sw_log("rest"), "paymaster deposit"), "%s", sw_log("rest"));
    cr_assert_gt(nonce(), sent);
}

Test(cli_deploy, keys_that_are_none)
{
    static const char longer[] = OPERATOR_KEY "00";
    static const char *const keys[] = {
        "", "\n", "0x12", longer, ZERO_KEY, "not hex at all, and a secret nevertheless"};
    const char *const absent[] = {"--key-file", "/nowhere/key", NULL};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        write_file(key_file, keys[i]);
        cr_expect_eq(deploy("key.log", "infra", NULL), 1, "%s", keys[i]);
        cr_expect_null(strstr(sw_log("key.log"), "secret nevertheless"));
        cr_expect_null(strstr(sw_log("key.log"), OPERATOR_DIGITS));
    }
    cr_assert_eq(deploy("absent", "infra", absent), 1);
    cr_assert_not_null(strstr(sw_log("absent"), "/nowhere/key"));
    write_file(key_file, POOR_KEY);
    cr_assert_eq(deploy("poor", "infra", NULL), 1, "a key without ether");
    cr_assert_not_null(strstr(sw_log("poor"), "funds"), "%s", sw_log("poor"));
    cr_assert_null(strstr(sw_log("poor"), POOR_DIGITS));
    cr_assert_neq(access(receipt, F_OK), 0, "nothing was made");
}

Test(cli_deploy, a_provider_that_is_not_there_is_told_by_its_host_alone)
{
    char dead[128];
    const char *const other[] = {"--rpc", dead, NULL};
    uint16_t port = sw_port();

    snprintf(dead, sizeof dead, "http://user:password1@127.0.0.1:%u/v2/verysecretkey?token=hidden",
             port);
    cr_assert_eq(deploy("dead", "infra", other), 1);
    snprintf(dead, sizeof dead, "127.0.0.1:%u", port);
    cr_assert_not_null(strstr(sw_log("dead"), dead), "%s", sw_log("dead"));
    cr_assert_null(strstr(sw_log("dead"), "verysecretkey"), "%s", sw_log("dead"));
    cr_assert_null(strstr(sw_log("dead"), "hidden"));
    cr_assert_null(strstr(sw_log("dead"), "password1"));
    snprintf(dead, sizeof dead, "ftp://x/verysecretkey");
    cr_assert_eq(deploy("dead", "infra", other), 1);
    cr_assert_null(strstr(sw_log("dead"), "verysecretkey"));
}

Test(cli_deploy, an_artifact_that_is_not_there_is_named)
{
    const char *const none[] = {"--aa", sw_dir, NULL};
    uint64_t sent = nonce();

    cr_assert_eq(deploy("artifact", "infra", none), 1);
    cr_assert_not_null(strstr(sw_log("artifact"), "/EntryPoint.json"), "%s", sw_log("artifact"));
    cr_assert_eq(nonce(), sent);
}

Test(cli_deploy, only_the_entry_point_that_we_know)
{
    uint64_t sent = nonce();

    set_code(ENTRY_POINT, "0x60006000fd");
    cr_assert_eq(deploy("other", "infra", NULL), 1);
    cr_assert_not_null(strstr(sw_log("other"), "EntryPoint"), "%s", sw_log("other"));
    cr_assert_not_null(strstr(sw_log("other"), "v0.7"));
    cr_assert_eq(nonce(), sent, "nothing is paid into it");
}

Test(cli_deploy, a_chain_without_the_deployment_proxy)
{
    set_code(CREATE2_PROXY, "0x");
    cr_assert_eq(deploy("proxy", "infra", NULL), 1);
    cr_assert_not_null(strstr(sw_log("proxy"), "deterministic deployment proxy"), "%s",
                       sw_log("proxy"));
}

Test(cli_deploy, options_that_are_none)
{
    static const char *const usage[][3] = {{"--what", "x"}, {"--salt"}};
    static const struct {
        const char *what;
        const char *others[3];
        const char *words;
    } bad[] = {
        {"infra", {"--signer", "0x12"}, "--signer"},
        {"cluster", {"--salt", "0x12"}, "--salt"},
        {"cluster", {"--kms-root", ""}, "--kms-root"},
        {"cluster", {"--compose-hash", "x"}, "--compose-hash"},
        {"cluster", {"--cidr", "10.18.0.0"}, "--cidr"},
        {"cluster", {"--cidr", "10.18.0.0/7"}, "--cidr"},
        {"cluster", {"--cidr", "10.18.0.0/31"}, "--cidr"},
        {"cluster", {"--cidr", "10.18.0.1/16"}, "host bits"},
        {"cluster", {"--cidr", "10.18.0/16"}, "--cidr"},
    };

    for (int i = 0; i < 2; i++)
        cr_expect_eq(deploy("usage", "infra", usage[i]), 64);
    cr_expect_eq(deploy("usage", "everything", NULL), 64);
    cr_expect_eq(deploy("early", "cluster", NULL), 1, "before infra there is no receipt");
    cr_expect_not_null(strstr(sw_log("early"), "receipt"));
    cr_assert_eq(deploy("infra", "infra", NULL), 0, "%s", sw_log("infra"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char log[16];

        snprintf(log, sizeof log, "bad%zu", i);
        cr_expect_eq(deploy(log, bad[i].what, bad[i].others), 1, "%s", bad[i].words);
        cr_expect_not_null(strstr(sw_log(log), bad[i].words), "%s", sw_log(log));
    }
}

Test(cli_deploy, a_revert_is_told_by_the_contracts_name_for_it)
{
    struct cli_tx tx;
    struct cli_receipt done;
    struct deployment d;
    uint8_t call[4 + 3 * 32 + 32 + 32], hash[32];
    static const char send[] = "send(bytes32,bytes32,bytes)";

    cr_assert_eq(deploy("infra", "infra", NULL), 0, "%s", sw_log("infra"));
    cr_assert_eq(deploy("cluster", "cluster", NULL), 0, "%s", sw_log("cluster"));
    cr_assert_eq(deployment_read(&d, receipt, &err), AM_OK, "%s", err.text);
    cr_assert_eq(cli_tx_open(&tx, rpc, OPERATOR_KEY, &err), AM_OK, "%s", err.text);
    memset(call, 0, sizeof call);
    am_keccak256(hash, send, strlen(send));
    memcpy(call, hash, 4);
    call[4 + 95] = 0x60;
    cr_assert_neq(cli_tx_send(&tx, &done, d.cluster, 0, AM_BIN(call), &err), AM_OK);
    cr_assert_not_null(strstr(err.text, "NotClusterMember"), "%s", err.text);
    cli_tx_close(&tx);
}

Test(cli_deploy, a_route_that_leads_to_another_server_is_refused_and_quoted)
{
    const char *const elsewhere[] = {"--route", url, NULL}; /* anvil is a web server, too */
    uint64_t sent;

    cr_assert_eq(deploy("infra", "infra", NULL), 0, "%s", sw_log("infra"));
    cr_assert_eq(deploy("cluster", "cluster", NULL), 0, "%s", sw_log("cluster"));
    sent = nonce();
    cr_assert_eq(deploy("route", "sponsor", elsewhere), 1, "%s", sw_log("route"));
    cr_assert_not_null(
        strstr(sw_log("route"), "expected status 200 and service attestmesh-sponsor"), "%s",
        sw_log("route"));
    cr_assert_not_null(strstr(sw_log("route"), " answered instead: "), "%s", sw_log("route"));
    cr_assert_null(strchr(sw_log("route"), '\x1b'));
    cr_assert_eq(deploy("none", "sponsor", NULL), 1);
    cr_assert_not_null(strstr(sw_log("none"), "--route: expected"), "%s", sw_log("none"));
    cr_assert_eq(nonce(), sent);
}

/* One answer of a sponsor of this deployment, in a process of its own. */
static void
serve_identity(int listener, const struct deployment *d)
{
    char ask[1024] = "", text[512], body[1024], hex[131], e[41], p[41], f[41];
    uint8_t key[32], message[32], digest[32], signature[65];
    int fd = accept(listener, NULL, NULL);
    char *query;

    if (fd < 0 || read(fd, ask, sizeof ask - 1) <= 0 ||
        (query = strstr(ask, "GET /identity?nonce=0x")) == NULL ||
        am_unhex(key, 32, am_str_of(OPERATOR_KEY), "", NULL) != AM_OK)
        _exit(1);
    am_hex(e, d->entry_point, 20);
    am_hex(p, d->paymaster, 20);
    am_hex(f, d->member_factory, 20);
    snprintf(text, sizeof text, "attestmesh.sponsor.identity.v1\n%.66s\n31337\n0x%s\n0x%s\n0x%s",
             query + 20, e, p, f);
    am_keccak256(message, text, strlen(text));
    am_eip191_32(digest, message);
    if (am_secp_sign(signature, digest, key, AM_V_ETH, NULL) != AM_OK)
        _exit(1);
    am_hex(hex, signature, 65);
    snprintf(body, sizeof body,
             "{\"service\":\"attestmesh-sponsor\",\"chainId\":31337,\"entryPoint\":\"0x%s\","
             "\"paymaster\":\"0x%s\",\"factories\":[\"0x%s\"],\"address\":\"" OPERATOR
             "\",\"signature\":\"0x%s\"}",
             e, p, f, hex);
    dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
            strlen(body), body);
    _exit(0);
}

/* A server of loopback that gives one answer. */
static pid_t
server_at(char there[static 64], void (*serve)(int, const struct deployment *),
          const struct deployment *d)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t server;

    cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    snprintf(there, 64, "http://127.0.0.1:%u", ntohs(at.sin_port));
    if ((server = fork()) == 0)
        serve(listener, d);
    close(listener);
    return server;
}

static void
serve_page(int listener, const struct deployment *d)
{
    char ask[1024];
    int fd = accept(listener, NULL, NULL);

    (void)d;
    if (fd < 0 || read(fd, ask, sizeof ask) <= 0)
        _exit(1);
    dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n<h1>Welcome</h1>");
    _exit(0);
}

Test(cli_deploy, a_page_at_the_route_is_refused_and_quoted)
{
    char there[64];
    const char *const route[] = {"--route", there, NULL};
    pid_t server;

    cr_assert_eq(deploy("infra", "infra", NULL), 0, "%s", sw_log("infra"));
    cr_assert_eq(deploy("cluster", "cluster", NULL), 0, "%s", sw_log("cluster"));
    server = server_at(there, serve_page, NULL);
    cr_expect_eq(deploy("route", "sponsor", route), 1, "%s", sw_log("route"));
    cr_expect_not_null(strstr(sw_log("route"), "status 200 answered instead: <h1>Welcome</h1>"),
                       "%s", sw_log("route"));
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

Test(cli_deploy, a_route_that_leads_to_this_sponsor_is_accepted)
{
    const char *const signer[] = {"--signer", OPERATOR, NULL};
    char there[64];
    const char *const route[] = {"--route", there, NULL};
    struct deployment d;
    pid_t server;

    cr_assert_eq(deploy("infra", "infra", signer), 0, "%s", sw_log("infra"));
    cr_assert_eq(deploy("cluster", "cluster", NULL), 0, "%s", sw_log("cluster"));
    cr_assert_eq(deployment_read(&d, receipt, &err), AM_OK, "%s", err.text);
    server = server_at(there, serve_identity, &d);
    cr_expect_eq(deploy("route", "sponsor", route), 0, "%s", sw_log("route"));
    cr_expect_not_null(strstr(sw_log("route"), OPERATOR " answers at its route"), "%s",
                       sw_log("route"));
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}
