/*  mesh_news -- pure: when to have chain look because a peer speaks of a member that we do not know
 */
#include "mesh_news.h"

bool
mesh_news_heard(struct mesh_news *n, int64_t now_ms)
{
    int64_t wait = MESH_NEWS_CAP_MS;

    if (now_ms < n->due_ms)
        return false;
    if (n->asked < 11)
        wait = (int64_t)MESH_NEWS_FIRST_MS << n->asked;
    n->due_ms = now_ms + (wait < MESH_NEWS_CAP_MS ? wait : MESH_NEWS_CAP_MS);
    n->asked++;
    return true;
}

void
mesh_news_came(struct mesh_news *n)
{
    *n = (struct mesh_news){0};
}
