/*  am_sandbox -- what a service gives up before its first socket: programs, children, tracing,
 * sockets.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_SANDBOX_H
#define AM_SANDBOX_H

#include "am_err.h"

/* Set no_new_privs and a seccomp filter; threads made later inherit it.  Refused with EPERM:
 * sockets of a family above last_family, new processes, execve, ptrace and reading another's
 * memory, new namespaces.  The rest stays allowed: libzmq's and libev's needs change with their
 * versions.
 *
 * In:      last_family  AF_UNIX (1): no network at all; AF_INET (2): no netlink and no packet
 *                       sockets behind it either
 * Returns: AM_OK, AM_FAILED_PRECONDITION (the kernel or libseccomp refuses)
 */
int am_sandbox_close(int last_family, struct am_error *err) AM_MUST_CHECK;

#endif
