/*  mesh_holders -- pure: which members are known to hold the CSK, and who is asked next  */
#include "mesh_holders.h"

#include <string.h>

static bool
same_keys(const struct mesh_known *a, const struct mesh_known *b)
{
    return memcmp(a->x_pub, b->x_pub, 32) == 0 && memcmp(a->wg_pub, b->wg_pub, 32) == 0 &&
           (!a->has_ed25519 || /* the first one changes nothing */
            (b->has_ed25519 && memcmp(a->ed25519_pub, b->ed25519_pub, 32) == 0));
}

void
mesh_holders_view(struct mesh_holders *h, const struct mesh_view *before,
                  const struct mesh_view *next)
{
    struct mesh_holder moved[MESH_MEMBERS_MAX] = {0};
    size_t kept = 0;

    if (before->committed != next->committed ||
        memcmp(before->commitment, next->commitment, 32) != 0) {
        mesh_holders_reset(h);
        return;
    }
    for (size_t i = 0; i < next->count; i++) {
        size_t old = mesh_view_find(before, next->ids[i]);

        if (old == MESH_NOBODY || !same_keys(&before->member[old], &next->member[i]))
            continue;
        moved[i] = h->member[old];
        kept++;
    }
    h->era += kept != before->count;
    memcpy(h->member, moved, sizeof moved);
}

void
mesh_holders_reset(struct mesh_holders *h)
{
    *h = (struct mesh_holders){.era = h->era + 1, .busy = h->busy};
}

static void
look(struct mesh_holders *h, const struct mesh_view *view, const struct mesh_set *live, int64_t now)
{
    for (size_t i = 0; i < view->count; i++)
        if (mesh_set_has(live, i))
            h->member[i].seen_ms = now;
        else if (now - h->member[i].seen_ms >= MESH_HOLDERS_KEEP_MS)
            h->member[i].holds = h->member[i].asked = false;
}

/* The next live member behind the last one that does not hold and was, or was not, asked. */
static size_t
candidate(const struct mesh_holders *h, const struct mesh_view *view, const struct mesh_set *live,
          bool asked)
{
    for (size_t k = 1; k <= view->count; k++) {
        size_t i = (h->last + k) % view->count;

        if (i != view->self && mesh_set_has(live, i) && !h->member[i].holds &&
            h->member[i].asked == asked)
            return i;
    }
    return MESH_NOBODY;
}

size_t
mesh_holders_step(struct mesh_holders *h, const struct mesh_view *view, const struct mesh_set *live,
                  bool ask, int64_t now)
{
    size_t i;

    look(h, view, live, now);
    if (!ask || h->busy || now < h->due_next_ms)
        return MESH_NOBODY;
    i = candidate(h, view, live, false);
    if (i == MESH_NOBODY && now >= h->due_again_ms)
        i = candidate(h, view, live, true);
    if (i == MESH_NOBODY)
        return i;
    h->member[i].asked = h->busy = true;
    h->last = i;
    return i;
}

void
mesh_holders_ended(struct mesh_holders *h, int64_t now, int jitter)
{
    h->busy = false;
    h->due_next_ms = now + MESH_HOLDERS_NEXT_MS + MESH_HOLDERS_NEXT_MS * jitter / 1000;
    h->due_again_ms = now + MESH_HOLDERS_AGAIN_MS + MESH_HOLDERS_AGAIN_MS * jitter / 1000;
}

void
mesh_holders_proved(struct mesh_holders *h, size_t i, int64_t now)
{
    h->member[i].holds = true;
    h->member[i].seen_ms = now; /* it has just spoken */
}

size_t
mesh_holders_count(const struct mesh_holders *h, const struct mesh_view *view, bool own)
{
    size_t n = own;

    for (size_t i = 0; i < view->count; i++)
        n += i != view->self && h->member[i].holds && !view->member[i].removed;
    return n;
}
