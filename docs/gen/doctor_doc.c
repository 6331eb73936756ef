/*  doctor_doc -- print docs/doctor.md from the table of checks, so that the page cannot disagree
 * with the code.  */
#include <stdio.h>

enum { FAIL, WARN };

static const struct {
    const char *name, *expected, *cause;
    int severity;
} checks[] = {
#define NEEDS(id) 0
#define CHECK(id, name, severity, needs, expected, cause) {name, expected, cause, severity},
#include "../../cli/doctor.def"
#undef CHECK
};

int
main(void)
{
    fputs("# attestmesh doctor\n\nMade by `doctor_doc` from `cli/doctor.def`; do not edit.\n\n"
          "Asks every outside thing again, live, with the settings of the services "
          "([settings.md](settings.md)), and prints a line for each: `ok`, `warn`, `fail`, or "
          "`skip` with the reason why it was not asked; what was expected, what was seen, and the "
          "likely cause. It sends no operation and writes nothing but the file of `--record`. "
          "Exit status: 0 all well, 1 warnings, 2 a failure, 64 wrong usage.\n\n"
          "| option | |\n|---|---|\n"
          "| `--json` | `{schema: 1, outcome, status, ok, warn, fail, skip, checks: [{name, "
          "outcome, expected, seen, cause}]}`; every check, always in this order |\n"
          "| `--paid` | asks the paymaster too, for which a provider may charge |\n"
          "| `--gateway HOST[:PORT]` | the TLS route to try; else that of `GATEWAY_DOMAIN` |\n"
          "| `--indexer URL` | where the registry's indexer answers `/status` |\n"
          "| `--shadow URL` | `/healthz` of a running v1 node, held against the chain |\n"
          "| `--record FILE` | a transcript: hosts and addresses are kept; paths and queries of "
          "URLs, keys and policies are not, and it is not written when a secret setting came back "
          "in an answer. `rpc-double PORT replay:FILE none rpc` plays it |\n"
          "| `--log` | findings as log lines; `attestmesh up` has this run once, two seconds after "
          "its start, and nothing follows from it |\n\n"
          "| check | counts as | expected | likely cause: what to do |\n|---|---|---|---|\n",
          stdout);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        printf("| %s | %s | %s | %s |\n", checks[i].name,
               checks[i].severity == FAIL ? "fail" : "warn", checks[i].expected, checks[i].cause);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
