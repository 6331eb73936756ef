/*  story -- what the parts of this program share: one world, and the node whose story it is.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORY_H
#define STORY_H

#include "holders.h"
#include "reader.h"

#define BACK_MS 30000

struct story {
    struct e2e t;
    struct reader reader;
    struct dn_node *node; /* whose story it is */
    pid_t tap, stopped;
    char run[600], tap_log[600];
    int64_t gone_ms;  /* when the stopped one was gone, 0 not yet */
    bool was_healthy; /* it showed as healthy when it was absent */
};

/* e2e_condition: all nodes healthy and live, with the same CSK. */
bool story_whole(struct e2e *t, void *arg);

/* absent.c: stop each service of the node, one after the other; then end all of it. */
void absent_each(struct story *s);
void absent_all(struct story *s);

#endif
