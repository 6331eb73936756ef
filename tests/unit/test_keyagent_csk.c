/*  test_keyagent_csk -- when the CSK is derived, taken and wiped: every cell.  */
#include "ka_csk.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t ours[32] = {1}, theirs[32] = {2};

/* A view in which the own id is first or not, with this commitment or none. */
static struct ka_view
csk_view(bool first, const uint8_t *commitment)
{
    struct ka_view v = {.known = true, .member_count = 2, .has_commitment = commitment != NULL};

    v.member_id[0] = 7;
    v.members[first ? 0 : 1].id[0] = 7;
    v.members[first ? 1 : 0].id[0] = 8;
    if (commitment != NULL)
        memcpy(v.commitment, commitment, 32);
    return v;
}

Test(keyagent_csk, is_derived_only_by_the_first_member)
{
    struct ka_view v = csk_view(true, NULL), second = csk_view(false, NULL), none = {0};
    struct ka_view nobody = {.known = true};
    struct ka_csk csk = {0};

    cr_assert_eq(ka_csk_may_originate(&none, NULL), AM_FAILED_PRECONDITION);
    cr_assert_eq(ka_csk_may_originate(&nobody, NULL), AM_PERMISSION_DENIED);
    cr_assert_eq(ka_csk_may_originate(&second, NULL), AM_PERMISSION_DENIED);
    cr_assert_eq(ka_csk_may_originate(&v, NULL), AM_OK);
    cr_assert_eq(ka_csk_take(&csk, &second, ours, KA_CSK_DERIVED, NULL), AM_PERMISSION_DENIED);
    v = csk_view(true, theirs);
    cr_assert_eq(ka_csk_take(&csk, &v, ours, KA_CSK_DERIVED, NULL), AM_UNAUTHENTICATED);
    cr_assert_not(csk.held);
    v = csk_view(true, ours);
    cr_assert_eq(ka_csk_take(&csk, &v, ours, KA_CSK_DERIVED, NULL), AM_OK);
    cr_assert(csk.held && csk.source == KA_CSK_DERIVED && csk.on_chain);
    csk = (struct ka_csk){0};
    v = csk_view(true, NULL);
    cr_assert_eq(ka_csk_take(&csk, &v, ours, KA_CSK_DERIVED, NULL), AM_OK);
    cr_assert(csk.held && !csk.on_chain);
}

Test(keyagent_csk, is_accepted_only_against_the_commitment)
{
    struct ka_view none = {0}, without = csk_view(false, NULL), other = csk_view(false, theirs);
    struct ka_view right = csk_view(false, ours);
    struct ka_csk csk = {0};

    cr_assert_eq(ka_csk_take(&csk, &none, ours, KA_CSK_PULLED, NULL), AM_FAILED_PRECONDITION);
    cr_assert_eq(ka_csk_take(&csk, &without, ours, KA_CSK_PULLED, NULL), AM_FAILED_PRECONDITION);
    cr_assert_eq(ka_csk_take(&csk, &other, ours, KA_CSK_PULLED, NULL), AM_UNAUTHENTICATED);
    cr_assert_not(csk.held);
    cr_assert_eq(ka_csk_take(&csk, &right, ours, KA_CSK_PULLED, NULL), AM_OK);
    cr_assert(csk.held && csk.source == KA_CSK_PULLED);
}

/* Every cell: (source) x (was on chain or not) x (first or not) x (commitment). */
Test(keyagent_csk, is_wiped_when_the_commitment_vanishes_or_differs)
{
    static const struct {
        bool on_chain, first;
        const uint8_t *commitment;
        bool wiped;
    } cells[] = {
        {false, true, NULL, false}, {false, true, ours, false},  {false, true, theirs, true},
        {false, false, NULL, true}, {false, false, ours, false}, {false, false, theirs, true},
        {true, true, NULL, true},   {true, true, ours, false},   {true, true, theirs, true},
        {true, false, NULL, true},  {true, false, ours, false},  {true, false, theirs, true},
    };

    for (size_t i = 0; i < 3 * sizeof cells / sizeof *cells; i++) {
        const size_t c = i / 3;
        struct ka_csk csk = {
            .held = true, .source = (enum ka_csk_source)(i % 3), .on_chain = cells[c].on_chain};
        struct ka_view v = csk_view(cells[c].first, cells[c].commitment);
        const char *why;

        memcpy(csk.commitment, ours, 32);
        cr_assert_eq(ka_csk_must_wipe(&csk, &v, &why), cells[c].wiped, "%zu", i);
        cr_assert_eq(csk.held, !cells[c].wiped);
        cr_assert_eq(why != NULL, cells[c].wiped);
        if (!cells[c].wiped)
            cr_assert_eq(csk.on_chain, cells[c].on_chain || cells[c].commitment != NULL);
        else
            cr_assert_not(ka_csk_must_wipe(&csk, &v, &why));
    }
}

/* Computed with node's crypto.hkdfSync, and the first by hand with HMAC-SHA256. */
Test(keyagent_csk, derives_a_secret_for_each_label)
{
    static const struct {
        uint8_t csk;
        const char *label, *want;
    } rows[] = {
        {0x42, "app", "97de1729b56ed61df01ab82611d5388712032eee111beb1f88e9b7ffa9b56307"},
        {0x01, "db/primary", "cf9b1e8689fc3f3cd9ea533bf46dbd1a126b093661e7a4e50282ea48862fd52b"},
        {0x42,
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "dfb2718858b7d58c0c0a88f7a332970729062e1e1a83d297a89dcfd9629522d4"},
    };
    uint8_t csk[32], out[32];
    struct am_error err = {0};
    char long_label[130], text[65];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(csk, rows[i].csk, sizeof csk);
        cr_assert_eq(ka_csk_derive(out, csk, am_str_of(rows[i].label), &err), AM_OK, "%s",
                     err.text);
        am_hex(text, out, sizeof out);
        cr_assert_str_eq(text, rows[i].want);
    }
    memset(long_label, 'x', 129);
    long_label[129] = '\0';
    cr_assert_eq(ka_csk_derive(out, csk, am_str_of(long_label), &err), AM_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "expected 1 to 128 bytes, got 129"), "%s", err.text);
    cr_assert_eq(ka_csk_derive(out, csk, am_str_of(""), &err), AM_INVALID_ARGUMENT);
    cr_assert(am_is_zero(out, sizeof out));
}

Test(keyagent_csk, a_cached_one_needs_the_commitment_as_a_pulled_one_does)
{
    struct ka_view without = csk_view(true, NULL), other = csk_view(true, theirs);
    struct ka_view right = csk_view(false, ours);
    struct ka_csk csk = {0};

    cr_assert_eq(ka_csk_take(&csk, &without, ours, KA_CSK_CACHED, NULL), AM_FAILED_PRECONDITION);
    cr_assert_eq(ka_csk_take(&csk, &other, ours, KA_CSK_CACHED, NULL), AM_UNAUTHENTICATED);
    cr_assert_not(csk.held);
    cr_assert_eq(ka_csk_take(&csk, &right, ours, KA_CSK_CACHED, NULL), AM_OK);
    cr_assert_str_eq(ka_csk_source_name(csk.source), "cached");
}
