/*  holders -- which process may hold which key, and where keys are: files, memory, cores.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORY_HOLDERS_H
#define STORY_HOLDERS_H

#include "../../e2e/e2e.h"
#include "../scan/scan.h"

struct holders {
    struct scan_found memory; /* argv, environment and all that is written or of no file */
    struct scan_found core;   /* memory that the kernel would write into a core; no registers */
};

/* Derive the keys of the first SCAN_NODES nodes.
 * In: originator  index of the node whose CSK is the cluster's; the other's would be nobody's */
void holders_open(struct e2e *t, unsigned originator);

/* Every process in these namespaces but this one. */
void holders_processes(struct holders *out, const struct e2e *t);
void holders_process(struct holders *out, const struct e2e *t, pid_t pid);
/* Every regular file below dir. */
void holders_files(struct scan_found *out, const char *dir);

/* leak.c: a process that is no service, with the owner key of node 0 in am_secret memory and in
 * plain memory as well.  Ends with us, or by dn_stop. */
void leak_start(struct e2e *t, pid_t *pid);
/* What that process does.  Returns: its exit status */
int leak_main(void);

#endif
