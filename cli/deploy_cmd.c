/*  deploy_cmd -- attestmesh deploy: infra, cluster, member, sponsor, each to be run twice.  */
#include "../common/base/am_addr.h"
#include "../common/base/am_log.h"
#include "../common/base/am_secret.h"
#include "../common/crypto/am_secp.h"
#include "cli.h"
#include "deploy_sponsor.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_TEXT 128

static struct {
    const char *what, *rpc, *key_file, *receipt, *artifacts, *aa, *signer, *kms_root, *compose_hash,
        *cidr, *salt, *route;
} options;

static const struct {
    const char *flag, *help;
    const char **value;
} flags[] = {
    {"--rpc", "URL of the chain's JSON-RPC", &options.rpc},
    {"--key-file", "file with the funded key, 32 bytes of hex", &options.key_file},
    {"--receipt", "JSON file of addresses, read and written", &options.receipt},
    {"--artifacts", "folder of AttestMesh's contract artifacts", &options.artifacts},
    {"--aa", "folder of @account-abstraction/contracts' artifacts", &options.aa},
    {"--signer", "infra: address that signs for the paymaster", &options.signer},
    {"--kms-root", "cluster: address of the dstack KMS root", &options.kms_root},
    {"--compose-hash", "cluster: first allowed compose hash", &options.compose_hash},
    {"--cidr", "cluster: mesh network, e.g. 10.18.0.0/16", &options.cidr},
    {"--salt", "cluster, member: 32 bytes of hex", &options.salt},
    {"--route", "sponsor: public URL at which the sponsor must answer", &options.route},
};

static int
usage(void)
{
    cli_usage("deploy");
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        fprintf(stderr, "  %-15s %s\n", flags[i].flag, flags[i].help);
    return CLI_USAGE;
}

static void
on_step(void *arg, const char *name, const uint8_t address[20], const struct cli_receipt *receipt)
{
    char text[ETH_ADDRESS_TEXT], hash[67] = "0x";

    (void)arg;
    eth_address_text(text, address);
    if (receipt == NULL) {
        printf("%-22s %s already there\n", name, text);
        return;
    }
    am_hex(hash + 2, receipt->hash, 32);
    printf("%-22s %s block %llu, %llu gas, %s\n", name, text, (unsigned long long)receipt->block,
           (unsigned long long)receipt->gas_used, hash);
}

static int
hex_option(uint8_t *out, size_t len, const char *value, const char *flag, struct am_error *err)
{
    return am_unhex(out, len, am_str_of(value != NULL ? value : ""), flag, err);
}

static int
parse_cidr(struct deploy_cluster_options *c, struct am_error *err)
{
    char ip[32] = "", *slash, *end = NULL;
    struct in_addr addr;
    unsigned long prefix = 0;

    if (options.cidr != NULL)
        am_str_copy(ip, sizeof ip, am_str_of(options.cidr));
    if ((slash = strchr(ip, '/')) != NULL) {
        *slash = '\0';
        prefix = strtoul(slash + 1, &end, 10);
    }
    if (slash == NULL || *end != '\0' || prefix < 8 || prefix > 30 ||
        inet_pton(AF_INET, ip, &addr) != 1)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "--cidr: expected network/8..30, e.g. 10.18.0.0/16");
    c->cidr_ip = ntohl(addr.s_addr);
    c->cidr_prefix = (uint8_t)prefix;
    if ((c->cidr_ip & (0xffffffffu >> prefix)) != 0)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "--cidr: expected host bits of zero: they are or-ed "
                       "into every mesh IP");
    return AM_OK;
}

static int
assert_route(const struct deploy *how, struct am_error *err)
{
    char text[ETH_ADDRESS_TEXT];
    struct deployment d;
    uint8_t signer[20];
    int r;

    if (options.route == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT, "--route: expected the sponsor's public URL");
    if ((r = deployment_read(&d, options.receipt, err)) != AM_OK ||
        (r = deploy_sponsor(how, &d, options.route, signer, err)) != AM_OK)
        return r;
    eth_address_text(text, signer);
    printf("%-22s %s answers at its route\n", "sponsor", text);
    return AM_OK;
}

static int
act(const struct deploy *how, struct am_error *err)
{
    struct deploy_cluster_options cluster = {0};
    struct deployment d = {0};
    uint8_t signer[20], salt[32], member[20];
    int r;

    if (strcmp(options.what, "sponsor") == 0)
        return assert_route(how, err);
    if (strcmp(options.what, "infra") == 0) {
        if ((r = hex_option(signer, 20, options.signer, "--signer", err)) != AM_OK)
            return r;
        /* A receipt that cannot be read is no first run: it would pay a second paymaster. */
        if (access(options.receipt, F_OK) == 0 &&
            (r = deployment_read(&d, options.receipt, err)) != AM_OK)
            return r;
        r = deploy_infra(how, &d, signer, err);
        if (r != AM_OK && !am_is_zero(d.paymaster, 20) &&
            deployment_write(&d, options.receipt, NULL) != AM_OK)
            r = am_wrap(err, "a paymaster was made and %s cannot be written", options.receipt);
    } else if ((r = deployment_read(&d, options.receipt, err)) != AM_OK ||
               (r = hex_option(salt, 32, options.salt, "--salt", err)) != AM_OK) {
        return r;
    } else if (strcmp(options.what, "member") == 0) {
        return deploy_member(how, &d, member, salt, err);
    } else {
        memcpy(cluster.salt, salt, 32);
        if ((r = hex_option(cluster.kms_root, 20, options.kms_root, "--kms-root", err)) != AM_OK ||
            (r = hex_option(cluster.compose_hash, 32, options.compose_hash, "--compose-hash",
                            err)) != AM_OK ||
            (r = parse_cidr(&cluster, err)) != AM_OK)
            return r;
        r = deploy_cluster(how, &d, &cluster, err);
    }
    return r == AM_OK ? deployment_write(&d, options.receipt, err) : r;
}

static int
read_key(char key[static KEY_TEXT], struct am_error *err)
{
    FILE *f = fopen(options.key_file, "re");
    bool read = f != NULL && fgets(key, KEY_TEXT, f) != NULL;

    if (f != NULL)
        fclose(f);
    if (!read)
        return am_fail(err, AM_NOT_FOUND, "--key-file: cannot read %s", options.key_file);
    key[strcspn(key, "\r\n")] = '\0';
    return AM_OK;
}

static int
run(struct am_error *err)
{
    struct cli_rpc *rpc = NULL;
    struct cli_tx tx = {0};
    struct deploy how = {&tx, options.artifacts, options.aa, on_step, NULL};
    char *key;
    int r;

    if ((r = am_secret_init(err)) != AM_OK || (r = am_crypto_init(err)) != AM_OK)
        return r;
    if ((key = am_secret_alloc(KEY_TEXT, err)) == NULL)
        return err->code;
    if ((r = read_key(key, err)) == AM_OK && (r = cli_rpc_open(&rpc, options.rpc, err)) == AM_OK &&
        (r = cli_tx_open(&tx, rpc, key, err)) == AM_OK)
        r = act(&how, err);
    cli_tx_close(&tx);
    cli_rpc_close(&rpc);
    am_secret_free((void **)&key);
    return r;
}

int
cli_deploy(int argc, char **argv)
{
    struct am_error err = {0};

    if (argc < 1 || (strcmp(argv[0], "infra") != 0 && strcmp(argv[0], "cluster") != 0 &&
                     strcmp(argv[0], "member") != 0 && strcmp(argv[0], "sponsor") != 0))
        return usage();
    options.what = argv[0];
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;

        while (k < sizeof flags / sizeof flags[0] && strcmp(flags[k].flag, argv[i]) != 0)
            k++;
        if (k == sizeof flags / sizeof flags[0] || i + 1 == argc)
            return usage();
        *flags[k].value = argv[i + 1];
    }
    if (options.rpc == NULL || options.key_file == NULL || options.receipt == NULL ||
        options.artifacts == NULL || options.aa == NULL)
        return usage();
    am_log_open("deploy", NULL, "warn");
    if (run(&err) == AM_OK)
        return 0;
    fprintf(stderr, "deploy %s: %s\n", options.what, err.text);
    return 1;
}
