/*  verify_print -- what attestmesh verify says: a page for a person, or JSON.
 *
 *  Whatever came from outside is printed as ASCII without control bytes.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef VERIFY_PRINT_H
#define VERIFY_PRINT_H

#include "../common/evidence/am_evidence.h"

/* What the evidence says, a line for each check, the verdict as the last line.
 * In: e  judged; its facts are shown as what they are worth: claims of what was checked */
void verify_print_page(const struct am_verdict *v, const struct am_evidence *e);

/* One object: verdict, status, checks [{name, outcome, text, why}], evidence {...}. */
void verify_print_json(const struct am_verdict *v, const struct am_evidence *e, int status);

#endif
