/*  am_sandbox -- what a process gives up before its first socket: capabilities, files, system
 * calls.
 *
 *  What is left to whom stands in sandbox.def, one reason a line.  no_new_privs and seccomp are
 *  required, Landlock and a root of its own (keyagent) hold where the kernel has them.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_SANDBOX_H
#define AM_SANDBOX_H

#include "am_settings.h"

enum am_sandbox_who {
    AM_SANDBOX_KEYAGENT = 1,
    AM_SANDBOX_CHAIN = 2,
    AM_SANDBOX_MESH = 4,
    AM_SANDBOX_HELPER = 8, /* of mesh: runs ip and wg */
    AM_SANDBOX_INDEXER = 16,
    AM_SANDBOX_API = 32,
    AM_SANDBOX_SPONSOR = 64,
    AM_SANDBOX_SANITIZER = 128, /* added by builds that look for leaks */
};

/* Enter it, for good: no_new_privs, a root of its own, capabilities, no core and no tracing,
 * Landlock, seccomp, in this order.  Call while there is one thread; later ones and children
 * inherit all of it but "no tracing", which a new program loses.
 *
 * In:      settings  of this process, after am_settings_load; names the folders that stay open. The
 *                    state folder is made when it is missing; another stays closed for good then
 * Returns: AM_OK
 *          AM_FAILED_PRECONDITION  the kernel refuses no_new_privs, seccomp, or to give up
 *                                  capabilities; not for the first two with
 *                                  ATTESTMESH_ALLOW_UNSANDBOXED=1
 * Source:  ours; prctl(2), capabilities(7), landlock(7), seccomp(2)
 */
int am_sandbox_enter(enum am_sandbox_who who, const struct am_settings *settings,
                     struct am_error *err) AM_MUST_CHECK;

/* What holds, for hello: "seccomp,no_new_privs,landlock 7,own root", or "none" before
 * am_sandbox_enter; "shared root" where one of its own is wanted and cannot be had; with
 * ": ATTESTMESH_ALLOW_UNSANDBOXED" behind it when that is set.  Static text. */
const char *am_sandbox_status(void);

#endif
