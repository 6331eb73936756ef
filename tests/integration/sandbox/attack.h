/*  attack -- what one process of a machine may try on the memory and the root of another.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdbool.h>
#include <sys/types.h>

enum attack {
    ATTACK_MEM = 1,   /* open /proc/PID/mem */
    ATTACK_TRACE = 2, /* ptrace(PTRACE_ATTACH) */
    ATTACK_READ = 4,  /* process_vm_readv */
    ATTACK_ROOT = 8,  /* open /proc/PID/ns/mnt, to enter its root */
    ATTACK_ALL = 15,
};

/* Try all of them as uid; powers: with the capabilities of this process, else without any.
 * Returns: those that succeeded; negative when the attacker could not become what it should be */
int attack(pid_t victim, uid_t uid, bool powers);

/* A process of uid that guards nothing, to show that an attack can succeed.  Ends with SIGKILL. */
pid_t attack_easy_victim(uid_t uid);

#endif
