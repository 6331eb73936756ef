/*  mesh_edkeys -- pure: peers' Ed25519 keys that outlive a restart (peer-ed25519.v1), and when one
 *  is used  */
#include "mesh_edkeys.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct mesh_edkey) == 64, "a row is a record of the file");

static int
compare(const void *a, const void *b)
{
    return memcmp(a, b, 32); /* both begin with the id */
}

int
mesh_edkeys_read(struct mesh_edkeys *k, struct am_bin file, struct am_error *err)
{
    char id[65];

    k->count = 0;
    if (file.len > MESH_EDKEYS_BYTES)
        return am_fail(err, AM_OUT_OF_RANGE,
                       MESH_EDKEYS_FILE ": expected at most %d bytes, got %zu", MESH_EDKEYS_BYTES,
                       file.len);
    k->count = file.len / 64;
    if (k->count > 0)
        memcpy(k->row, file.p, k->count * 64);
    qsort(k->row, k->count, 64, compare);
    for (size_t i = 1; i < k->count; i++)
        if (compare(&k->row[i - 1], &k->row[i]) == 0) {
            am_hex(id, k->row[i].id, 32);
            k->count = 0;
            return am_fail(err, AM_INVALID_ARGUMENT,
                           MESH_EDKEYS_FILE ": expected each member once, got 0x%s twice", id);
        }
    return AM_OK;
}

struct am_bin
mesh_edkeys_bytes(const struct mesh_edkeys *k)
{
    return am_bin_of(k->row, k->count * 64);
}

static struct mesh_edkey *
find(const struct mesh_edkeys *k, const uint8_t id[static 32])
{
    return bsearch(id, k->row, k->count, 64, compare);
}

static bool
keep(struct mesh_edkeys *k, const struct mesh_known *member)
{
    struct mesh_edkey *row = find(k, member->id);
    size_t at = k->count;

    if (row != NULL && memcmp(row->key, member->ed25519_pub, 32) == 0)
        return false;
    if (row == NULL) {
        if (k->count == MESH_EDKEYS_MAX)
            return false;
        while (at > 0 && compare(&k->row[at - 1], member->id) > 0)
            at--;
        row = &k->row[at];
        memmove(row + 1, row, (k->count++ - at) * 64);
        memcpy(row->id, member->id, 32);
    }
    memcpy(row->key, member->ed25519_pub, 32);
    return true;
}

bool
mesh_edkeys_learn(struct mesh_edkeys *k, const struct mesh_view *view)
{
    bool changed = false;

    for (size_t i = 0; i < view->count; i++)
        if (i != view->self && view->member[i].has_ed25519)
            changed = keep(k, &view->member[i]) || changed;
    return changed;
}

const uint8_t *
mesh_edkeys_of(const struct mesh_edkeys *k, const struct mesh_known *member)
{
    const struct mesh_edkey *row = find(k, member->id);

    if (member->has_ed25519)
        return member->ed25519_pub;
    return row != NULL ? row->key : NULL;
}
