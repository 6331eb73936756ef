/*  mesh_cmd -- pure: the list of what the privileged helper may run, and nothing else
 *
 *  Trust:   the helper keeps CAP_NET_ADMIN while mesh, which reads the network, may be taken over:
 *           then this list is what a thief can do.  It holds no way to read a private key.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_CMD_H
#define MESH_CMD_H

#include "mesh_key.h"

#define MESH_IF_TEXT 16   /* an interface name and a NUL */
#define MESH_CMD_ARGS 160 /* arguments of one command */
#define MESH_CMD_STDIN 64 /* bytes on standard input: a key and a newline */
#define MESH_MTU "1420"
#define MESH_KEEPALIVE "25"

enum mesh_tool { MESH_TOOL_IP, MESH_TOOL_WG };

/* 1..15 of [a-zA-Z0-9_=+.-], as wg-quick has it, and neither "." nor "..". */
bool mesh_if_valid(const char *name);

/* Whether argv (without the program's name) is on the list, for this one interface.
 * *takes_stdin: whether it is the one that reads a key. */
bool mesh_cmd_allowed(enum mesh_tool tool, const char *const *argv, size_t argc, const char *name,
                      bool *takes_stdin);

#endif
