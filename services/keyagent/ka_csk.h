/*  ka_csk -- when the Cluster Shared Key may be derived, taken, shown and kept.
 *
 *  Pure: (state, view) -> decision.  The key itself is in am_secret memory elsewhere.
 *  Source: protocol page 3.3, 6.8; traps page, "Reorg"
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_CSK_H
#define KA_CSK_H

#include "ka_view.h"

enum ka_csk_source {
    KA_CSK_DERIVED, /* from the own TEE seed */
    KA_CSK_PULLED,  /* from another member */
    KA_CSK_CACHED,  /* from csk.v1 */
};

struct ka_csk { /* public half of the state */
    bool held;
    enum ka_csk_source source;
    bool on_chain; /* the commitment was seen in a view since the key is held */
    uint8_t commitment[32];
};

/* May the CSK be derived here?
 * Returns: AM_OK, AM_FAILED_PRECONDITION (no view yet), AM_PERMISSION_DENIED (members[0] is
 *          another, or nobody is registered) */
int ka_csk_may_originate(const struct ka_view *view, struct am_error *err) AM_MUST_CHECK;

/* Take a key whose keccak256 is `commitment`.  A derived one may come before there is a commitment
 * on chain, another may not.
 *
 * In-out:  csk     unchanged on failure
 * Returns: AM_OK, AM_FAILED_PRECONDITION (no view; or not derived, and no commitment on chain),
 *          AM_PERMISSION_DENIED (derived, but not the originator), AM_UNAUTHENTICATED (it is not
 *          the key of the commitment) */
int ka_csk_take(struct ka_csk *csk, const struct ka_view *view, const uint8_t commitment[static 32],
                enum ka_csk_source source, struct am_error *err) AM_MUST_CHECK;

/* Judge the held key against a newer view.
 *
 * Returns: true: it must be wiped, and csk says so already.  why: static text. */
bool ka_csk_must_wipe(struct ka_csk *csk, const struct ka_view *view, const char **why);

#define KA_LABEL_MAX 128 /* bytes, as keyagent.derive */

/* A secret of the application: HKDF-SHA256 of the CSK, no salt, with the info
 * "attestmesh.csk.derive.v1:" label.
 *
 * Out:     out     32 bytes in locked memory
 * In:      label   1..KA_LABEL_MAX bytes
 * Returns: AM_OK, AM_INVALID_ARGUMENT (length)
 * Source:  ours; RFC 5869 */
int ka_csk_derive(uint8_t out[static 32], const uint8_t csk[static 32], struct am_str label,
                  struct am_error *err) AM_MUST_CHECK;

/* "derived", "pulled" or "cached" */
const char *ka_csk_source_name(enum ka_csk_source source);

#endif
