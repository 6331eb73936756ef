/*  mesh_helper -- a child that may configure the network, and runs what is on one list
 *
 *  Forked before mesh has threads, sockets or its sandbox; it enters one of its own, and is the one
 *  process of a node that keeps CAP_NET_ADMIN.  It runs wg and ip from fixed paths with
 * an empty environment, one at a time, 5 s at most, and dies with mesh.  Secrets reach it on the
 *  socket pair and go on through a pipe; both copies are wiped.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_HELPER_H
#define MESH_HELPER_H

#include "../../common/base/am_settings.h"
#include "mesh_cmd.h"

#include <ev.h>

#define MESH_HELPER_JOBS 32      /* unanswered at most */
#define MESH_HELPER_OUTPUT 65536 /* bytes of standard output that are read */
#define MESH_HELPER_STDERR 1024
#define MESH_HELPER_LIMIT_MS 5000

struct mesh_helper;

/* Fork the child.  Call first thing in main; sink its events into the loop with mesh_helper_attach.
 * In:      settings  wg_interface: the one that it may touch; must be mesh_if_valid
 * Returns: AM_OK, AM_INVALID_ARGUMENT (wg_interface), AM_INTERNAL; a child that cannot enter its
 *          sandbox logs why and is gone */
int mesh_helper_open(struct mesh_helper **h, const struct am_settings *settings,
                     struct am_error *err) AM_MUST_CHECK;

/* dead is called once when the child is gone: mesh cannot go on then. */
void mesh_helper_attach(struct mesh_helper *h, struct ev_loop *loop, void (*dead)(void *arg),
                        void *arg);
void mesh_helper_close(struct mesh_helper **h);

/* How a command ended.  code AM_OK: exit status 0, out is whole.  Else err says which command, and
 * what it wrote to stderr: AM_PERMISSION_DENIED (not on the list), AM_FAILED_PRECONDITION (its exit
 * status), AM_DEADLINE_EXCEEDED, AM_NOT_FOUND (no such program), AM_OUT_OF_RANGE (too much output).
 */
typedef void mesh_helper_fn(void *arg, int code, struct am_str out, const struct am_error *err);

/* Run a command; commands run in the order of the calls.  fn is called once, from the loop.
 * In:      argv   NULL-terminated, without the program's name
 *          input  standard input, at most MESH_CMD_STDIN bytes; borrowed, not kept
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED, AM_UNAVAILABLE (the child is gone); fn is not called then
 */
int mesh_helper_run(struct mesh_helper *h, enum mesh_tool tool, const char *const *argv,
                    struct am_bin input, mesh_helper_fn *fn, void *arg,
                    struct am_error *err) AM_MUST_CHECK;

#endif
