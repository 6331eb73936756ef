/*  ka_view -- what keyagent keeps of chain.view, and what it refuses to hear.
 *
 *  Pure.  Trust: whoever owns `chain` can lie about membership; it cannot make this process serve
 *  another cluster, another chain or another member than the first.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_VIEW_H
#define KA_VIEW_H

#include "../../bus/bus_schema.h"
#include "ka_self.h"

#define KA_MEMBERS_MAX 256 /* as chain.view */

struct ka_view {
    bool known;
    uint8_t cluster[20];
    uint8_t member_id[32]; /* own, computed here */
    uint64_t block_number;
    bool has_commitment;
    uint8_t commitment[32];
    bool has_root; /* chain asked allowedKmsRoots about kms_root and got true */
    uint8_t kms_root[20];
    size_t member_count;
    struct ka_view_member {
        uint8_t id[32], x_pub[32];
        bool removed; /* nothing is sealed for it any more */
    } members[KA_MEMBERS_MAX];
};

/* Take a newer view.  The first one latches the cluster.
 *
 * In-out:  view    unchanged on failure
 * Returns: AM_OK
 *          AM_PERMISSION_DENIED  another cluster than the latched one, another chain id than
 *                                CHAIN_ID, another member contract, or a member id that is not
 *                                what (cluster, member) gives
 */
int ka_view_take(struct ka_view *view, const struct chain_view *fact, const struct ka_self *self,
                 uint64_t chain_id, struct am_error *err) AM_MUST_CHECK;

/* The member, or NULL; a removed one is none.  Borrowed until the next view. */
const struct ka_view_member *ka_view_member(const struct ka_view *view, struct am_bin id);

#endif
