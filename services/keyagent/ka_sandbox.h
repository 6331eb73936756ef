/*  ka_sandbox -- what keyagent gives up before its first socket: the network, children, tracing.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_SANDBOX_H
#define KA_SANDBOX_H

#include "../../common/base/am_err.h"

/* Set no_new_privs and a seccomp filter; threads made later inherit it.  Refused with EPERM:
 * sockets that are not AF_UNIX, new processes, execve, ptrace and reading another's memory, new
 * namespaces.  The rest stays allowed: libzmq's and libev's needs change with their versions.
 *
 * Returns: AM_OK, AM_FAILED_PRECONDITION (the kernel or libseccomp refuses)
 */
int ka_sandbox_close(struct am_error *err) AM_MUST_CHECK;

#endif
