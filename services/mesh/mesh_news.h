/*  mesh_news -- pure: when to have chain look because a peer speaks of a member that we do not know
 *
 *  An idle node looks at the chain seldom.  The peer that looked first meets the new member and
 *  lists it in its heartbeats: that is how all the others learn of it.  A peer may lie, so each
 *  look that found nobody doubles the time to the next one.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_NEWS_H
#define MESH_NEWS_H

#include <stdbool.h>
#include <stdint.h>

#define MESH_NEWS_FIRST_MS 3000
#define MESH_NEWS_CAP_MS 3600000

struct mesh_news {  /* zero: nothing was asked yet */
    unsigned asked; /* in vain, in a row */
    int64_t due_ms;
};

/* An id was heard that is in no view.  True: ask now. */
bool mesh_news_heard(struct mesh_news *n, int64_t now_ms);
/* The view lists other members than before. */
void mesh_news_came(struct mesh_news *n);

#endif
