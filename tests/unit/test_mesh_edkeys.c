/*  test_mesh_edkeys -- peer-ed25519.v1 byte for byte, and which key is used  */
#include "../../services/mesh/mesh_edkeys.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct mesh_edkeys keys;

static struct mesh_known
member(uint8_t id, uint8_t key) /* key 0: none on chain */
{
    struct mesh_known m = {.has_ed25519 = key != 0};

    memset(m.id, id, 32);
    memset(m.ed25519_pub, key, 32);
    return m;
}

static struct mesh_view *
view(size_t count, const struct mesh_known *members, size_t self)
{
    static struct mesh_view v;

    memset(&v, 0, sizeof v);
    v.known = true;
    v.count = count;
    v.self = self;
    for (size_t i = 0; i < count; i++) {
        v.member[i] = members[i];
        memcpy(v.ids[i], members[i].id, 32);
    }
    return &v;
}

static int
read_records(const uint8_t (*pairs)[2], size_t count, size_t tail)
{
    static uint8_t bytes[1024];

    for (size_t i = 0; i < count; i++) {
        memset(bytes + 64 * i, pairs[i][0], 32);
        memset(bytes + 64 * i + 32, pairs[i][1], 32);
    }
    memset(bytes + 64 * count, 9, tail);
    return mesh_edkeys_read(&keys, am_bin_of(bytes, 64 * count + tail), NULL);
}

static bool
has(uint8_t id, uint8_t key)
{
    struct mesh_known m = member(id, 0);
    const uint8_t *found = mesh_edkeys_of(&keys, &m);
    uint8_t want[32];

    memset(want, key, 32);
    return found != NULL && memcmp(found, want, 32) == 0;
}

Test(edkeys, write_the_protocol_page_s_example)
{
    const struct mesh_known one[] = {member(0x01, 0xff)};
    uint8_t want[64];

    memset(want, 0x01, 32);
    memset(want + 32, 0xff, 32);
    cr_assert(mesh_edkeys_learn(&keys, view(1, one, MESH_NOBODY)));
    cr_assert(am_bin_eq(mesh_edkeys_bytes(&keys), AM_BIN(want)));
    cr_assert(!mesh_edkeys_learn(&keys, view(1, one, MESH_NOBODY)), "nothing new, nothing written");
}

Test(edkeys, are_written_by_id_and_not_the_own_one)
{
    const struct mesh_known four[] = {member(7, 70), member(3, 30), member(5, 50), member(4, 0)};
    const uint8_t order[] = {3, 7};

    cr_assert(mesh_edkeys_learn(&keys, view(4, four, 2)));
    cr_assert_eq(keys.count, 2);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(keys.row[i].id[31], order[i]);
}

Test(edkeys, of_a_file_lose_a_truncated_tail_and_nothing_else)
{
    static const uint8_t two[][2] = {{1, 10}, {2, 20}};

    for (size_t tail = 0; tail < 64; tail++) {
        cr_assert_eq(read_records(two, 2, tail), AM_OK);
        cr_assert(keys.count == 2 && has(1, 10) && has(2, 20));
    }
    cr_assert_eq(read_records(two, 0, 63), AM_OK);
    cr_assert_eq(keys.count, 0);
}

Test(edkeys, of_a_file_in_another_order_are_found)
{
    static const uint8_t three[][2] = {{9, 90}, {1, 10}, {5, 50}};

    cr_assert_eq(read_records(three, 3, 0), AM_OK);
    cr_assert(has(1, 10) && has(5, 50) && has(9, 90) && !has(4, 0));
}

Test(edkeys, of_a_file_that_names_a_member_twice_are_not_taken)
{
    static const uint8_t twice[][2] = {{1, 10}, {5, 50}, {1, 11}};

    cr_assert_eq(read_records(twice, 3, 0), AM_INVALID_ARGUMENT);
    cr_assert_eq(keys.count, 0);
}

Test(edkeys, of_a_file_of_one_mebibyte_are_taken_and_of_a_longer_one_not)
{
    uint8_t *bytes = calloc(1, MESH_EDKEYS_BYTES + 1);
    const struct mesh_known one[] = {member(0xff, 1)};

    cr_assert_not_null(bytes);
    for (size_t i = 0; i < MESH_EDKEYS_MAX; i++)
        am_be32(bytes + 64 * i, (uint32_t)i);
    cr_assert_eq(mesh_edkeys_read(&keys, am_bin_of(bytes, MESH_EDKEYS_BYTES), NULL), AM_OK);
    cr_assert_eq(keys.count, MESH_EDKEYS_MAX);
    cr_assert(!mesh_edkeys_learn(&keys, view(1, one, MESH_NOBODY)), "there is no room");
    cr_assert_eq(mesh_edkeys_read(&keys, am_bin_of(bytes, MESH_EDKEYS_BYTES + 1), NULL),
                 AM_OUT_OF_RANGE);
    cr_assert_eq(keys.count, 0);
    free(bytes);
}

Test(edkeys, are_used_only_where_the_chain_has_none)
{
    static const uint8_t kept[][2] = {{1, 10}};
    struct mesh_known m = member(1, 11), stranger = member(2, 0);

    cr_assert_eq(read_records(kept, 1, 0), AM_OK);
    cr_assert(has(1, 10), "the chain has none");
    cr_assert_eq(mesh_edkeys_of(&keys, &m), m.ed25519_pub, "the chain has one");
    cr_assert_null(mesh_edkeys_of(&keys, &stranger));
    cr_assert(mesh_edkeys_learn(&keys, view(1, &m, MESH_NOBODY)));
    cr_assert(has(1, 11), "and it is kept from then on");
    cr_assert_eq(keys.count, 1);
}
