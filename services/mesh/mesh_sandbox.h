/*  mesh_sandbox -- what mesh gives up before its first socket: programs, children, tracing.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_SANDBOX_H
#define MESH_SANDBOX_H

#include "../../common/base/am_err.h"

/* Set no_new_privs and a seccomp filter; threads made later inherit it.  Refused with EPERM:
 * sockets that are neither AF_UNIX nor AF_INET (so no netlink: the helper alone configures), new
 * processes, execve, ptrace and reading another's memory, new namespaces.
 *
 * Returns: AM_OK, AM_FAILED_PRECONDITION (the kernel or libseccomp refuses)
 */
int mesh_sandbox_close(struct am_error *err) AM_MUST_CHECK;

#endif
