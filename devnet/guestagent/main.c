/*  guest-agent -- a dstack guest agent for one machine: same keys, same words, same manners.
 *
 *  Usage: guest-agent --socket PATH [--app-id HEX] [--kms-root HEX | --k256-key HEX
 *         --k256-signature HEX] [--instance-id HEX] [--compose-hash HEX] [--compat VERSION]
 *         [--version-text TEXT] [--fault NAME[@Method]] [--control FILE]
 */
#include "../../common/base/am_log.h"
#include "../../common/crypto/am_hkdf.h"
#include "../../common/crypto/am_secp.h"
#include "dn_guest.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *socket, *app_id, *kms_root, *k256_key, *k256_signature, *instance_id, *compose_hash;
    const char *compat, *version, *fault, *control;
};

static const struct {
    const char *name, *version;
    enum dn_compat compat;
} compats[] = {{"0.4.2", "0.4.2", DN_COMPAT_0_4_2},    {"0.5.0", "0.5.0", DN_COMPAT_0_5_0},
               {"0.5.3", "0.5.3", DN_COMPAT_0_5_3},    {"0.5.5", "0.5.5", DN_COMPAT_0_5_5},
               {"0.5.6", "0.5.6", DN_COMPAT_0_5_6},    {"0.5.7", "0.5.7", DN_COMPAT_0_5_11},
               {"0.5.11", "0.5.11", DN_COMPAT_0_5_11}, {"next", "0.6.0-dev", DN_COMPAT_NEXT},
               {"0.6.0", "0.6.0", DN_COMPAT_0_6_0}};

static int
read_options(struct options *o, int argc, char **argv, struct am_error *err)
{
    struct {
        const char *name;
        const char **to;
    } rows[] = {{"socket", &o->socket},
                {"app-id", &o->app_id},
                {"kms-root", &o->kms_root},
                {"k256-key", &o->k256_key},
                {"k256-signature", &o->k256_signature},
                {"instance-id", &o->instance_id},
                {"compose-hash", &o->compose_hash},
                {"compat", &o->compat},
                {"version-text", &o->version},
                {"fault", &o->fault},
                {"control", &o->control}};
    const size_t count = sizeof rows / sizeof *rows;
    struct option longs[sizeof rows / sizeof *rows + 1] = {0};
    int c, which;

    for (size_t i = 0; i < count; i++)
        longs[i] = (struct option){rows[i].name, required_argument, NULL, 0};
    while ((c = getopt_long(argc, argv, "", longs, &which)) == 0)
        *rows[which].to = optarg;
    if (c != -1 || optind != argc || o->socket == NULL)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "usage: expected --socket PATH and known options; see the top of main.c");
    return AM_OK;
}

/* Defaults are upstream's: app id and KMS root of signature_chain.json, measured compose hash of
 * the simulator's recording. */
static int
fill_guest(struct dn_guest *g, const struct options *o, struct am_error *err)
{
    static const char app_id[] = "a9019d1b2c3d4e5f60718293a4b5c6d7e8f90a1b";
    static const char compose[] =
        "c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a";
    uint8_t secret[32], signature[65], hash[32];
    size_t signature_len = 0;
    int rc;

    g->faults = (struct dn_faults){o->fault, o->control};
    if ((o->fault != NULL && (rc = dn_fault_check(o->fault, err)) != 0) ||
        (rc = am_unhex(g->app_id, 20, am_str_of(o->app_id ? o->app_id : app_id), "--app-id",
                       err)) != 0 ||
        (rc = am_unhex(g->compose_hash, 32, am_str_of(o->compose_hash ? o->compose_hash : compose),
                       "--compose-hash", err)) != 0)
        return rc;
    am_sha256(hash, g->app_id, sizeof g->app_id);
    memcpy(g->instance_id, hash, sizeof g->instance_id);
    if (o->instance_id != NULL &&
        (rc = am_unhex(g->instance_id, 20, am_str_of(o->instance_id), "--instance-id", err)) != 0)
        return rc;
    if (o->k256_key == NULL) {
        memcpy(secret, dn_fixture_root, sizeof secret);
        if (o->kms_root != NULL &&
            (rc = am_unhex(secret, 32, am_str_of(o->kms_root), "--kms-root", err)) != 0)
            return rc;
        return dn_guest_issue(g, secret, err);
    }
    if ((rc = am_unhex(secret, 32, am_str_of(o->k256_key), "--k256-key", err)) != 0)
        return rc;
    if (o->k256_signature != NULL && o->k256_signature[0] != '\0' &&
        (rc = am_unhex_some(signature, sizeof signature, &signature_len,
                            am_str_of(o->k256_signature), "--k256-signature", err)) != 0)
        return rc;
    return dn_guest_load(g, secret, am_bin_of(signature, signature_len), err);
}

static int
choose_compat(struct dn_guest *g, const struct options *o, struct am_error *err)
{
    const char *wanted = o->compat != NULL ? o->compat : "0.5.11";

    for (size_t i = 0; i < sizeof compats / sizeof *compats; i++) {
        if (strcmp(compats[i].name, wanted) == 0) {
            g->compat = compats[i].compat;
            g->version = o->version != NULL ? o->version : compats[i].version;
            return AM_OK;
        }
    }
    return am_fail(err, AM_INVALID_ARGUMENT,
                   "--compat: expected 0.4.2, 0.5.0, 0.5.3, 0.5.5, 0.5.6, 0.5.7, 0.5.11, next or "
                   "0.6.0, got %s",
                   wanted);
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)w;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int
main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct options o = {0};
    struct dn_guest guest = {0};
    struct dn_http *http = NULL;
    struct am_error err = {0};
    ev_signal term, intr;
    char app_id[41];

    am_log_open("guest-agent", getenv("LOG_FORMAT"), getenv("LOG_LEVEL"));
    if (read_options(&o, argc, argv, &err) != 0 || am_crypto_init(&err) != 0 ||
        choose_compat(&guest, &o, &err) != 0 || fill_guest(&guest, &o, &err) != 0 ||
        dn_http_open(&http, loop, o.socket, "dstack guest agent", dn_guest_handle, &guest, &err) !=
            0) {
        fprintf(stderr, "guest-agent: %s\n", err.text);
        return 1;
    }
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&intr, on_signal, SIGINT);
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &intr);
    am_hex(app_id, guest.app_id, sizeof guest.app_id);
    am_log(AM_INFO, "agent.listening", "app_id=%s version=%s socket=\"%s\"", app_id, guest.version,
           o.socket);
    ev_run(loop, 0);
    dn_http_close(&http);
    return 0;
}
