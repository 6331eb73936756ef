/*  ka_view -- what keyagent keeps of chain.view, and what it refuses to hear.  */
#include "ka_view.h"

#include "../../common/wire/am_member.h"

#include <string.h>

static int
differs(struct am_error *err, const char *what, const uint8_t *ours, const uint8_t *theirs,
        size_t len)
{
    char a[65], b[65];

    am_hex(a, ours, len);
    am_hex(b, theirs, len);
    return am_fail(err, AM_PERMISSION_DENIED, "chain.view %s: expected 0x%s, got 0x%s", what, a, b);
}

static int
check(const struct ka_view *view, const struct chain_view *fact, const uint8_t id[static 32],
      const struct ka_self *self, uint64_t chain_id, struct am_error *err)
{
    if (fact->chain_id != chain_id)
        return am_fail(err, AM_PERMISSION_DENIED,
                       "chain.view chain_id: expected %llu as in CHAIN_ID, got %llu",
                       (unsigned long long)chain_id, (unsigned long long)fact->chain_id);
    if (view->known && memcmp(view->cluster, fact->cluster.p, 20) != 0)
        return differs(err, "cluster, which is fixed until a restart", view->cluster,
                       fact->cluster.p, 20);
    if (memcmp(self->member, fact->member_contract.p, 20) != 0)
        return differs(err, "member_contract", self->member, fact->member_contract.p, 20);
    if (memcmp(id, fact->member_id.p, 32) != 0)
        return differs(err, "member_id", id, fact->member_id.p, 32);
    return AM_OK;
}

int
ka_view_take(struct ka_view *view, const struct chain_view *fact, const struct ka_self *self,
             uint64_t chain_id, struct am_error *err)
{
    uint8_t id[32];
    int rc;

    am_member_id(id, fact->cluster.p, self->member, am_attestor_dstack);
    if ((rc = check(view, fact, id, self, chain_id, err)) != AM_OK)
        return rc;
    view->known = true;
    memcpy(view->cluster, fact->cluster.p, 20);
    memcpy(view->member_id, id, 32);
    view->block_number = fact->block_number;
    view->has_commitment = fact->commitment.len == 32;
    if (view->has_commitment)
        memcpy(view->commitment, fact->commitment.p, 32);
    view->has_root = fact->kms_root.len == 20;
    if (view->has_root)
        memcpy(view->kms_root, fact->kms_root.p, 20);
    view->member_count = fact->members_count;
    for (size_t i = 0; i < fact->members_count; i++) {
        memcpy(view->members[i].id, fact->members[i].member_id.p, 32);
        memcpy(view->members[i].x_pub, fact->members[i].x_pub.p, 32);
        view->members[i].removed = fact->members[i].removed;
    }
    return AM_OK;
}

const struct ka_view_member *
ka_view_member(const struct ka_view *view, struct am_bin id)
{
    for (size_t i = 0; i < view->member_count; i++)
        if (am_bin_eq(id, am_bin_of(view->members[i].id, 32)) && !view->members[i].removed)
            return &view->members[i];
    return NULL;
}
