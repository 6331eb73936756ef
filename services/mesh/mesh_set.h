/*  mesh_set -- pure: a set of members by their index in listMembers
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_SET_H
#define MESH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESH_MEMBERS_MAX 256 /* chain.view's limit */
#define MESH_NOBODY SIZE_MAX

struct mesh_set {
    uint64_t word[MESH_MEMBERS_MAX / 64];
};

static inline void
mesh_set_add(struct mesh_set *s, size_t i)
{
    s->word[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool
mesh_set_has(const struct mesh_set *s, size_t i)
{
    return (s->word[i / 64] >> (i % 64) & 1) != 0;
}

static inline bool
mesh_set_eq(const struct mesh_set *a, const struct mesh_set *b)
{
    for (size_t w = 0; w < MESH_MEMBERS_MAX / 64; w++)
        if (a->word[w] != b->word[w])
            return false;
    return true;
}

/* First member of a that is not in b, or MESH_NOBODY. */
static inline size_t
mesh_set_lacks(const struct mesh_set *b, const struct mesh_set *a)
{
    for (size_t w = 0; w < MESH_MEMBERS_MAX / 64; w++)
        if ((a->word[w] & ~b->word[w]) != 0)
            return w * 64 + (size_t)__builtin_ctzll(a->word[w] & ~b->word[w]);
    return MESH_NOBODY;
}

static inline size_t
mesh_set_count(const struct mesh_set *s)
{
    size_t n = 0;

    for (size_t w = 0; w < MESH_MEMBERS_MAX / 64; w++)
        n += (size_t)__builtin_popcountll(s->word[w]);
    return n;
}

#endif
