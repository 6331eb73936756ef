/*  am_verdict -- what became of each check, and the one word at the end.
 *
 *  Pure.  Without TCB collateral the best word is "signed by Intel, TCB not evaluated".
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_VERDICT_H
#define AM_VERDICT_H

#include "../base/am_bytes.h"

/* group, what is said when one of its checks refuses */
#define AM_GROUP_LIST(X)                                                                           \
    X(INTEL, "not signed by Intel")                                                                \
    X(TD, "a TD that is not to be trusted")                                                        \
    X(LOG, "the event log is not this TD's")                                                       \
    X(BOUND, "not said of these keys, or not now")                                                 \
    X(CODE, "other code than expected")

enum am_check {
#define CHECK(name, group, need, text) AM_CHECK_##name,
#include "am_checks.def"
#undef CHECK
    AM_CHECKS
};

enum am_outcome { AM_NOT_DONE, AM_PASSED, AM_REFUSED };

struct am_verdict { /* zero: nothing was done */
    struct {
        enum am_outcome outcome;
        char why[AM_ERROR_TEXT]; /* printable ASCII; "" when there is nothing to add */
    } checks[AM_CHECKS];
};

/* Record an outcome.  A refusal stays whatever comes later.  Bytes that a terminal could act on
 * become '?'. */
void am_verdict_set(struct am_verdict *v, enum am_check check, enum am_outcome outcome,
                    const char *fmt, ...) AM_PRINTF(4, 5);
/* AM_OK passes; anything else refuses, with the error's text.  Returns: r */
int am_verdict_judge(struct am_verdict *v, enum am_check check, int r, const struct am_error *err);

const char *am_check_name(enum am_check check);
const char *am_check_text(enum am_check check);

/* The first check that refuses, or that had to be done and was not; AM_CHECKS when there is none:
 * signed by Intel, TCB not evaluated. */
enum am_check am_verdict_refusal(const struct am_verdict *v);

/* "signed by Intel, TCB not evaluated" or "refused: <meaning>: <check>: <why>". */
void am_verdict_words(char *out, size_t cap, const struct am_verdict *v);

#endif
