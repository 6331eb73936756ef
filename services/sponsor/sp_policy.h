/*  sp_policy -- who gets free gas: the operator's list of app ids.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_POLICY_H
#define SP_POLICY_H

#include "../../common/base/am_bytes.h"

#define SP_APPS_MAX 4096

struct sp_policy {
    uint8_t apps[SP_APPS_MAX][20];
    size_t count;
};

/* Read the list: one 20-byte hex address a line, '#' begins a comment.  The old list stays when
 * the new one is refused.
 * Returns: AM_OK, AM_NOT_FOUND (cannot be read, or not whole), AM_INVALID_ARGUMENT (line named),
 *          AM_RESOURCE_EXHAUSTED (more than SP_APPS_MAX) */
int sp_policy_load(struct sp_policy *policy, const char *path, struct am_error *err) AM_MUST_CHECK;

/* Returns: AM_OK, or AM_PERMISSION_DENIED with the sender's address */
int sp_policy_check(const struct sp_policy *policy, const uint8_t sender[static 20],
                    struct am_error *err) AM_MUST_CHECK;

#endif
