/*  mesh_view -- pure: chain.view as mesh keeps it, and what it says of the own member
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_VIEW_H
#define MESH_VIEW_H

#include "../../bus/bus_schema.h"
#include "mesh_member.h"
#include "mesh_set.h"

struct mesh_identity { /* keyagent.identity */
    bool known, ready;
    uint8_t x_pub[32], wg_pub[32], ed25519_pub[32];
    char reason[257];
};

struct mesh_known { /* one record of listMembers */
    uint8_t id[32], contract[20], x_pub[32], wg_pub[32], ed25519_pub[32];
    bool has_ed25519, removed;
    uint32_t ip;
};

struct mesh_view {
    bool known;
    uint64_t block, block_time;
    uint32_t cidr_ip;
    uint8_t prefix;
    uint8_t own_id[32], own_contract[20];
    bool facet, confirmed, committed;
    uint8_t commitment[32];
    size_t count, self; /* self: index of own_id, or MESH_NOBODY */
    uint8_t ids[MESH_MEMBERS_MAX][32];
    struct mesh_known member[MESH_MEMBERS_MAX];
};

/* Copy a fact; its strings and bytes are borrowed only for the call. */
void mesh_view_take(struct mesh_view *v, const struct chain_view *fact);
void mesh_identity_take(struct mesh_identity *id, const struct keyagent_identity *fact);

/* Index of an id, or MESH_NOBODY. */
size_t mesh_view_find(const struct mesh_view *v, const uint8_t id[static 32]);

/* The lower index that keeps the mesh IP or WireGuard key of member i, or MESH_NOBODY. */
size_t mesh_view_rival(const struct mesh_view *v, size_t i);

/* Whether b lists the members of a at their places (and perhaps more behind). */
bool mesh_view_continues(const struct mesh_view *a, const struct mesh_view *b);

/* What the view says of the own record, beside the own keys.
 * In:  registered_at  block in which the own registration was included, 0 unknown */
struct mesh_facts mesh_view_facts(const struct mesh_view *v, const struct mesh_identity *id,
                                  uint64_t registered_at);

#endif
