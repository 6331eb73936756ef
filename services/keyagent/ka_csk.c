/*  ka_csk -- when the Cluster Shared Key may be derived, taken, shown and kept.  */
#include "ka_csk.h"

#include "../../common/base/am_declassify.h"
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_hkdf.h"

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
            enum ka_csk_source source, struct am_error *err)
{
    char ours[65], theirs[65];
    bool other;
    int rc;

    if (source == KA_CSK_DERIVED && (rc = ka_csk_may_originate(view, err)) != AM_OK)
        return rc;
    if (source != KA_CSK_DERIVED && (!view->known || !view->has_commitment))
        return am_fail(err, AM_FAILED_PRECONDITION,
                       "chain.view commitment: expected one to hold the CSK against, got none");
    other = view->has_commitment && !am_ct_eq(view->commitment, commitment, 32);
    am_declassify(commitment, 32); /* it is shown from here on, whichever it is */
    if (other) {
        am_hex(ours, view->commitment, 32);
        am_hex(theirs, commitment, 32);
        return am_fail(err, AM_UNAUTHENTICATED,
                       "CSK: expected the key of commitment 0x%s, got 0x%s", ours, theirs);
    }
    *csk = (struct ka_csk){.held = true, .source = source, .on_chain = view->has_commitment};
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

int
ka_csk_derive(uint8_t out[static 32], const uint8_t csk[static 32], struct am_str label,
              struct am_error *err)
{
    static const char tag[] = "attestmesh.csk.derive.v1:"; /* no label of v1's begins so */
    uint8_t info[sizeof tag - 1 + KA_LABEL_MAX];

    memset(out, 0, 32);
    if (label.len == 0 || label.len > KA_LABEL_MAX)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "keyagent.derive label: expected 1 to %d bytes, got %zu", KA_LABEL_MAX,
                       label.len);
    memcpy(info, tag, sizeof tag - 1);
    memcpy(info + sizeof tag - 1, label.p, label.len);
    return am_hkdf_sha256(out, 32, (struct am_bin){NULL, 0}, am_bin_of(csk, 32),
                          am_bin_of(info, sizeof tag - 1 + label.len), err);
}

const char *
ka_csk_source_name(enum ka_csk_source source)
{
    static const char *const names[] = {"derived", "pulled", "cached"};

    return names[source];
}
