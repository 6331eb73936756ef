/*  ka_csk -- when the Cluster Shared Key may be derived, taken, shown and kept.  */
#include "ka_csk.h"

#include "../../common/base/am_declassify.h"
#include "../../common/crypto/am_curve.h"

#include <string.h>

static bool
is_originator(const struct ka_view *view)
{
    return view->member_count > 0 && memcmp(view->members[0].id, view->member_id, 32) == 0;
}

int
ka_csk_may_originate(const struct ka_view *view, struct am_error *err)
{
    char first[65] = "nobody";

    if (!view->known)
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "chain.view: expected a view before a CSK is derived, got none yet");
    if (is_originator(view))
        return AM_OK;
    if (view->member_count > 0)
        am_hex(first, view->members[0].id, 32);
    return am_fail(err, AM_PERMISSION_DENIED,
                   "CSK: expected the own id first in chain.view's members, got %s", first);
}

int
ka_csk_take(struct ka_csk *csk, const struct ka_view *view, const uint8_t commitment[static 32],
            bool derived, struct am_error *err)
{
    char ours[65], theirs[65];
    bool other;
    int rc;

    if (derived && (rc = ka_csk_may_originate(view, err)) != AM_OK)
        return rc;
    if (!derived && (!view->known || !view->has_commitment))
        return am_fail(
            err, AM_FAILED_PRECONDITION,
            "chain.view commitment: expected one to hold a pulled CSK against, got none");
    other = view->has_commitment && !am_ct_eq(view->commitment, commitment, 32);
    am_declassify(commitment, 32); /* it is shown from here on, whichever it is */
    if (other) {
        am_hex(ours, view->commitment, 32);
        am_hex(theirs, commitment, 32);
        return am_fail(err, AM_UNAUTHENTICATED,
                       "CSK: expected the key of commitment 0x%s, got 0x%s", ours, theirs);
    }
    *csk = (struct ka_csk){.held = true, .derived = derived, .on_chain = view->has_commitment};
    memcpy(csk->commitment, commitment, 32);
    return AM_OK;
}

bool
ka_csk_must_wipe(struct ka_csk *csk, const struct ka_view *view, const char **why)
{
    *why = NULL;
    if (!csk->held)
        return false;
    if (view->has_commitment && memcmp(view->commitment, csk->commitment, 32) != 0)
        *why = "the commitment on chain is another";
    else if (!view->has_commitment && csk->on_chain)
        *why = "the commitment vanished from the chain";
    else if (!view->has_commitment && !is_originator(view))
        *why = "the own id is no longer first and nothing is committed";
    csk->on_chain |= view->has_commitment;
    if (*why != NULL)
        *csk = (struct ka_csk){0};
    return *why != NULL;
}
