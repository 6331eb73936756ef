/*  doctor -- attestmesh doctor: every outside thing asked again, live, a line each.  */
#include "doctor.h"

#include "../common/base/am_clock.h"
#include "../common/base/am_log.h"
#include "../common/crypto/am_secp.h"
#include "cli.h"
#include "doctor_print.h"
#include "doctor_world.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

static struct doctor_options options;

static const struct {
    const char *flag, *help;
    const char **value;
    bool *on;
} flags[] = {
    {"--json", "the same as JSON, of a stable schema", NULL, &options.json},
    {"--paid", "ask the paymaster too: the provider may charge for it", NULL, &options.paid},
    {"--gateway", "HOST[:PORT]: the TLS route to try; else that of GATEWAY_DOMAIN",
     &options.gateway, NULL},
    {"--indexer", "URL: where the registry's indexer answers /status", &options.indexer, NULL},
    {"--shadow", "URL: /healthz of a running v1 node, held against the chain; writes nothing",
     &options.shadow, NULL},
    {"--record", "FILE: a transcript without secrets, for the devnet's doubles", &options.record,
     NULL},
    {"--log", "findings as log lines, as `up` has them at its start", NULL, &options.log},
};

static int
usage(void)
{
    cli_usage("doctor");
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        fprintf(stderr, "  %-10s %s\n", flags[i].flag, flags[i].help);
    fprintf(stderr,
            "settings are those of the services, from the environment (docs/settings.md)\n"
            "exit status: %d all well, %d warnings, %d a failure, %d usage\n",
            DOCTOR_EXIT_OK, DOCTOR_EXIT_WARN, DOCTOR_EXIT_FAIL, CLI_USAGE);
    return CLI_USAGE;
}

static bool
parse(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        size_t f = 0;

        while (f < sizeof flags / sizeof flags[0] && strcmp(argv[i], flags[f].flag) != 0)
            f++;
        if (f == sizeof flags / sizeof flags[0])
            return false;
        if (flags[f].on != NULL)
            *flags[f].on = true;
        else if (i + 1 < argc)
            *flags[f].value = argv[++i];
        else
            return false;
    }
    return options.shadow == NULL || options.record == NULL; /* --shadow writes nothing */
}

static int
write_record(const struct doctor_world *w)
{
    const char *const secrets[] = {w->s.rpc_url, w->s.bundler_url, w->s.paymaster_url,
                                   w->s.sponsor_url, w->s.gas_policy_id};
    struct am_error err = {0};

    if (doctor_record_write(w->record, options.record, am_wall_ms() / 1000, secrets,
                            sizeof secrets / sizeof secrets[0], &err) == AM_OK)
        return 0;
    fprintf(stderr, "doctor: %s\n", err.text);
    return -1;
}

int
cli_doctor(int argc, char **argv)
{
    static struct doctor_world w;
    struct doctor_record record;
    struct am_error err = {0};
    int status;

    if (!parse(argc, argv))
        return usage();
    am_log_open("doctor", NULL, "error"); /* what fails is a line of the report */
    if (am_crypto_init(&err) != AM_OK ||
        (options.record != NULL && doctor_record_open(&record, &err) != AM_OK)) {
        fprintf(stderr, "doctor: %s\n", err.text);
        return DOCTOR_EXIT_FAIL;
    }
    w.record = options.record != NULL ? &record : NULL;
    doctor_world_run(&w, &options, environ);
    status = doctor_exit(&w.report);
    if (options.log) {
        am_log_open("doctor", w.s.log_format, w.s.log_level);
        doctor_print_log(&w.report);
    } else if (options.json) {
        doctor_print_json(&w.report);
    } else {
        doctor_print_page(&w.report);
    }
    if (w.record != NULL) {
        if (write_record(&w) != 0)
            status = DOCTOR_EXIT_FAIL;
        doctor_record_close(&record);
    }
    doctor_world_close(&w);
    return status;
}
