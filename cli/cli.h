/*  cli -- attestmesh, the operator's command: what each sub-command is.
 *
 *  A sub-command gets the arguments after its own name and returns an exit status: 0 done, 1
 * failed, 64 wrong usage, 75 somebody else holds the lock.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_H
#define CLI_H

/* name in C, usage (its first word is the name), one line of help */
#define CLI_COMMANDS(X)                                                                            \
    X(demo, "demo [--nodes N] [--keep]", "bring up a mesh on a local chain and watch it")          \
    X(up, "up", "run and supervise the services of this machine")                                  \
    X(status, "status [--run DIR] [--json]", "what every service of this machine says of itself")  \
    X(ops, "ops [--run DIR] [--json]",                                                             \
      "user operations of this node, and today's beside their caps")                               \
    X(tap, "tap [--run DIR] [SERVICE...]", "follow the conversation on the bus, redacted")         \
    X(health, "health SERVICE [node]", "whether a service answers, and its node is healthy")       \
    X(hold, "hold", "own a network namespace: do nothing until told to end")                       \
    X(deploy, "deploy infra|cluster|member|sponsor ...", "put contracts on a chain")               \
    X(verify, "verify URL|FILE [--compose-hash HEX|--compose FILE] [--app-id HEX] [--json]",       \
      "check a node's evidence: signatures, event log, keys, code")                                \
    X(doctor, "doctor [--json] [--paid] [--gateway HOST] [--shadow URL] ...",                      \
      "ask every outside thing again: expected, seen, likely cause")                               \
    X(compose_hash, "compose-hash FILE", "the hash that dstack measures of an app-compose file")

#define CLI_DECLARE(name, usage, help) int cli_##name(int argc, char **argv);
CLI_COMMANDS(CLI_DECLARE)
#undef CLI_DECLARE

#define CLI_USAGE 64

/* verify has no 0: nothing here reads Intel's TCB collateral, so nothing is "verified". */
#define CLI_VERIFY_REFUSED 1 /* a check failed; the last line names it */
#define CLI_VERIFY_SIGNED 20 /* signed by Intel, TCB not evaluated; what was asked for agrees */
#define CLI_VERIFY_NO_EVIDENCE 69 /* the node or the file gave none to judge */

/* Say how a sub-command is used, on stderr; returns CLI_USAGE. */
int cli_usage(const char *name);

/* Where this program's own binaries and sources lie. */
void cli_paths(char bin[static 512], char source[static 512]);

#endif
