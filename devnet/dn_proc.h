/*  dn_proc -- child processes of the devnet: start one inside a node's namespaces, run one to its
 * end.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_PROC_H
#define DN_PROC_H

#include "../common/base/am_bytes.h"

#include <sys/types.h>

struct dn_ns { /* one host of the devnet: a network and a mount namespace */
    int net, mnt;
    pid_t holder; /* sleeps, so that links can be moved in by pid */
};

struct dn_spawn {
    const char *const *argv; /* argv[0] is an absolute path or found in PATH */
    const char *const
        *env; /* "NAME=value", NULL-terminated; may be NULL; PATH and the like are added */
    const struct dn_ns *ns; /* NULL: stay where we are */
    const char *log;        /* stdout and stderr are appended here; NULL: inherited */
    const char *cwd;        /* NULL: as it is */
};

/* Start a process that dies with us.
 * Out:     pid   to be reaped by the caller (dn_stop or waitpid)
 * Returns: AM_OK, or AM_INTERNAL; a failing exec shows as exit status 127 with a line in the log */
int dn_start(pid_t *pid, const struct dn_spawn *spawn, struct am_error *err) AM_MUST_CHECK;

/* Run a program to its end, `input` on its standard input.
 * In:      ns     where, or NULL
 *          out    receives standard output, NUL-terminated, cut at cap; may be NULL
 * Returns: AM_OK when it exits 0; AM_INTERNAL with its last line of stderr otherwise */
int dn_run(const char *const argv[], const struct dn_ns *ns, const char *input, char *out,
           size_t cap, struct am_error *err) AM_MUST_CHECK;

/* Send sig, wait up to wait_ms, then SIGKILL; reaps.  *pid becomes 0; 0 is accepted. */
void dn_stop(pid_t *pid, int sig, int wait_ms);

/* Whether a child is still running (reaps it when it is not; *pid becomes 0 then, *status is its
 * wait status). */
bool dn_alive(pid_t *pid, int *status);

/* A new host: namespaces of its own, lo up, an empty /run/wireguard. */
int dn_ns_open(struct dn_ns *ns, struct am_error *err) AM_MUST_CHECK;
void dn_ns_close(struct dn_ns *ns);

/* Re-create this process inside namespaces of its own (user, pid, mount, network), so that whatever
 * it starts ends with it.  The caller goes on inside, under a pid 1 that reaps orphans; the outer
 * process passes SIGTERM on and exits with the same status.
 * Returns: AM_OK inside; AM_FAILED_PRECONDITION with what this machine lacks */
int dn_enter(struct am_error *err) AM_MUST_CHECK;

#endif
