/*  doctor_print -- a report for a person, for a program, or for the log.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCTOR_PRINT_H
#define DOCTOR_PRINT_H

#include "doctor.h"

/* A line each, then the sum.  On a terminal lines are folded and the outcome coloured; elsewhere a
 * line is a line and there is no escape code. */
void doctor_print_page(const struct doctor_report *report);
/* {"schema": 1, "outcome", "status", "ok", "warn", "fail", "skip", "checks": [{"name", "outcome",
 * "expected", "seen", "cause"}]}: every check of the table, in its order, always. */
void doctor_print_json(const struct doctor_report *report);
/* warn for each warning and failure, info for the sum: a node that starts is never stopped by it.
 */
void doctor_print_log(const struct doctor_report *report);

#endif
