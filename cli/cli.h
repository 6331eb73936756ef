/*  cli -- attestmesh, the operator's command: what each sub-command is.
 *
 *  A sub-command gets the arguments after its own name and returns an exit status: 0 done, 1
 * failed, 64 wrong usage, 75 somebody else holds the lock.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_H
#define CLI_H

/* name, usage, one line of help */
#define CLI_COMMANDS(X)                                                                            \
    X(demo, "demo [--nodes N] [--keep]", "bring up a mesh on a local chain and watch it")          \
    X(up, "up", "run and supervise the services of this machine")                                  \
    X(status, "status [--run DIR] [--json]", "what every service of this machine says of itself")  \
    X(tap, "tap [--run DIR] [SERVICE...]", "follow the conversation on the bus, redacted")         \
    X(deploy, "deploy infra|cluster|member ...", "put contracts on a chain")

#define CLI_DECLARE(name, usage, help) int cli_##name(int argc, char **argv);
CLI_COMMANDS(CLI_DECLARE)
#undef CLI_DECLARE

#define CLI_USAGE 64

/* Say how a sub-command is used, on stderr; returns CLI_USAGE. */
int cli_usage(const char *name);

/* Where this program's own binaries and sources lie. */
void cli_paths(char bin[static 512], char source[static 512]);

#endif
