/*  reach -- what a program reaches that has entered the same sandbox as keyagent.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef REACH_H
#define REACH_H

#include "../../../common/base/am_settings.h"

#include <sys/types.h>

/* A Unix socket that listens and lets everybody connect.  Returns: its descriptor, or -1 */
int reach_listen(const char *path);

/* Connect to the Unix socket at path, as uid; sandboxed: from keyagent's sandbox.
 * Returns: 0, or the errno of connect; negative when the sandbox could not be entered */
int reach(const struct am_settings *settings, uid_t uid, bool sandboxed, const char *path);

/* The mounts of a process that do not lie in folder, its root left out, which must be ours.
 * Out:     of   how many it has
 * Returns: how many; -1 when its root is not ours */
int reach_mounts_outside(pid_t pid, const char *folder, unsigned *of);

#endif
