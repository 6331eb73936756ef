/*  doctor_visit -- one run of attestmesh doctor in a node's place, and what its lines say.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCTOR_VISIT_H
#define DOCTOR_VISIT_H

#include "../../e2e/e2e.h"

#include <jansson.h>

#define VISIT_EXTRA 8 /* further settings or arguments, at most */

struct clinic {
    struct e2e *t;
    struct dn_node *node;
    char folder[600]; /* of this test's own files */
    pid_t started[4]; /* doubles and servers of the visit at hand */
    unsigned count;
};

struct visit {
    char out[131072];
    json_t *root;
    int status; /* exit status */
};

/* Run `attestmesh doctor --json` with the node's settings.
 * In: settings, args   NULL-terminated, may be NULL; a setting stands for the node's own */
void visit(struct clinic *c, struct visit *v, const char *const *settings, const char *const *args);
/* The same, the bare page. */
void visit_page(struct clinic *c, struct visit *v, const char *const *settings);
void visit_end(struct visit *v);
const char *visit_outcome(const struct visit *v, const char *check);
const char *visit_seen(const struct visit *v, const char *check);

/* Judge: `check` (NULL: none) ended as `outcome`, no other line is warn or fail, exit status fits.
 */
void visit_is(struct clinic *c, const struct visit *v, const char *what, const char *check,
              const char *outcome);

/* The same with several checks, NULL-terminated: these fail and no others. */
void visit_are(struct clinic *c, const struct visit *v, const char *what,
               const char *const *checks);
/* Whether a line of the node's up.log has this word. */
bool visit_log_has(const struct clinic *c, const char *word);

/* Start something beside the node; visit_stop_all ends it. */
void visit_start(struct clinic *c, const char *const argv[], const char *name);
/* Wait until something listens on this port of the node's loopback. */
void visit_awaits(struct clinic *c, const char *port);
void visit_stop_all(struct clinic *c);
/* rpc-double on a port of the node's loopback, playing `boundary` of a transcript. */
void visit_replay(struct clinic *c, const char *port, const char *file, const char *boundary);

/* What each part of the test does. */
void breaks_together(struct clinic *c);
void breaks_each(struct clinic *c);
void replay_each(struct clinic *c, bool sample);

#endif
