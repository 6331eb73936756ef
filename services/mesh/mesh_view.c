/*  mesh_view -- pure: chain.view as mesh keeps it, and what it says of the own member  */
#include "mesh_view.h"

#include <string.h>

static bool
copy(uint8_t *out, size_t len, struct am_bin from) /* an absent optional field is zero */
{
    memset(out, 0, len);
    if (from.len != len)
        return false;
    memcpy(out, from.p, len);
    return true;
}

void
mesh_view_take(struct mesh_view *v, const struct chain_view *fact)
{
    memset(v, 0, sizeof *v);
    v->known = true;
    v->block = fact->block_number;
    v->block_time = fact->block_time;
    v->cidr_ip = (uint32_t)fact->cidr_ip;
    v->prefix = (uint8_t)fact->cidr_prefix;
    v->facet = fact->ed25519_on_chain;
    v->confirmed = fact->originator_confirmed;
    v->committed = copy(v->commitment, 32, fact->commitment);
    copy(v->own_id, 32, fact->member_id);
    copy(v->own_contract, 20, fact->member_contract);
    v->count = fact->members_count;
    for (size_t i = 0; i < v->count; i++) {
        const struct chain_member *from = &fact->members[i];
        struct mesh_known *to = &v->member[i];

        copy(to->id, 32, from->member_id);
        copy(v->ids[i], 32, from->member_id);
        copy(to->contract, 20, from->member_contract);
        copy(to->x_pub, 32, from->x_pub);
        copy(to->wg_pub, 32, from->wg_pub);
        to->has_ed25519 = copy(to->ed25519_pub, 32, from->ed25519_pub);
        to->ip = (uint32_t)from->mesh_ip;
        to->removed = from->removed;
    }
    v->self = mesh_view_find(v, v->own_id);
}

void
mesh_identity_take(struct mesh_identity *id, const struct keyagent_identity *fact)
{
    size_t n = fact->reason.len < sizeof id->reason ? fact->reason.len : sizeof id->reason - 1;
    bool whole;

    memset(id, 0, sizeof *id);
    id->known = true;
    whole = copy(id->x_pub, 32, fact->x_pub);
    whole = copy(id->wg_pub, 32, fact->wg_pub) && whole;
    whole = copy(id->ed25519_pub, 32, fact->ed25519_pub) && whole;
    id->ready = whole && am_str_eq(fact->phase, "ready");
    if (n > 0)
        memcpy(id->reason, fact->reason.p, n);
}

size_t
mesh_view_find(const struct mesh_view *v, const uint8_t id[static 32])
{
    for (size_t i = 0; i < v->count; i++)
        if (memcmp(v->ids[i], id, 32) == 0)
            return i;
    return MESH_NOBODY;
}

size_t
mesh_view_rival(const struct mesh_view *v, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (v->member[k].ip == v->member[i].ip ||
            memcmp(v->member[k].wg_pub, v->member[i].wg_pub, 32) == 0)
            return k;
    return MESH_NOBODY;
}

bool
mesh_view_continues(const struct mesh_view *a, const struct mesh_view *b)
{
    return a->count <= b->count && memcmp(a->ids, b->ids, a->count * 32) == 0;
}

struct mesh_facts
mesh_view_facts(const struct mesh_view *v, const struct mesh_identity *id, uint64_t registered_at)
{
    struct mesh_facts f = {.identity = id->ready,
                           .view = v->known,
                           .block = v->block,
                           .registered_at = registered_at,
                           .facet = v->facet,
                           .committed = v->committed};
    const struct mesh_known *own;

    memcpy(f.commitment, v->commitment, 32);
    if (!id->ready || !v->known || v->self == MESH_NOBODY)
        return f;
    own = &v->member[v->self];
    f.published = own->has_ed25519;
    f.record = MESH_RECORD_OTHER;
    if (own->removed)
        f.record = MESH_RECORD_REMOVED;
    else if (memcmp(own->x_pub, id->x_pub, 32) != 0)
        f.other = MESH_KEY_X25519;
    else if (memcmp(own->wg_pub, id->wg_pub, 32) != 0)
        f.other = MESH_KEY_WIREGUARD;
    else if (own->has_ed25519 && memcmp(own->ed25519_pub, id->ed25519_pub, 32) != 0)
        f.other = MESH_KEY_ED25519;
    else
        f.record = MESH_RECORD_OURS;
    return f;
}
