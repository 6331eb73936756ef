/*  doctor -- the checks of attestmesh doctor: what each is, how it ended, what follows from all.
 *
 *  One table, doctor.def.  A check that was not made says why; nothing that was not seen is "ok".
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "../common/base/am_bytes.h"

enum doctor_check {
#define CHECK(id, name, severity, needs, expected, cause) DOCTOR_##id,
#include "doctor.def"
#undef CHECK
    DOCTOR_CHECKS
};

enum doctor_outcome { DOCTOR_SKIP, DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_line {
    enum doctor_outcome outcome;
    char expected[192];       /* the table's words, or with a value where a judge knows it */
    char seen[AM_ERROR_TEXT]; /* of a skip: why it was not asked */
    char cause[256];          /* "" unless warn or fail */
};

struct doctor_report {
    struct doctor_line lines[DOCTOR_CHECKS];
};

/* Exit statuses of the command, beside CLI_USAGE. */
#define DOCTOR_EXIT_OK 0   /* nothing but ok and skip */
#define DOCTOR_EXIT_WARN 1 /* warnings, no failure */
#define DOCTOR_EXIT_FAIL 2 /* a failure */

const char *doctor_name(enum doctor_check check); /* static, as all below */
const char *doctor_outcome_name(enum doctor_outcome outcome);
/* What a failed judgement of this check counts as. */
enum doctor_outcome doctor_severity(enum doctor_check check);

/* Every line unsaid; and, at the end, what nobody asked says why. */
void doctor_report_open(struct doctor_report *report);
void doctor_report_close(struct doctor_report *report);
/* Whether this check may be made; if not, its line says which failed one it needs. */
bool doctor_may_ask(struct doctor_report *report, enum doctor_check check);

/* End a line.  `fmt` is what was seen. */
void doctor_ok(struct doctor_line *line, const char *fmt, ...) AM_PRINTF(2, 3);
void doctor_skip(struct doctor_line *line, const char *fmt, ...) AM_PRINTF(2, 3);
/* A warning; and a failure, which counts as the table says.  Both with the table's cause. */
void doctor_warn(struct doctor_report *report, enum doctor_check check, const char *fmt, ...)
    AM_PRINTF(3, 4);
void doctor_bad(struct doctor_report *report, enum doctor_check check, const char *fmt, ...)
    AM_PRINTF(3, 4);
/* Other words than the table's, where a judge knows better. */
void doctor_expect(struct doctor_line *line, const char *fmt, ...) AM_PRINTF(2, 3);
void doctor_cause(struct doctor_line *line, const char *fmt, ...) AM_PRINTF(2, 3);

enum doctor_outcome doctor_worst(const struct doctor_report *report);
int doctor_exit(const struct doctor_report *report);
unsigned doctor_count(const struct doctor_report *report, enum doctor_outcome outcome);

#endif
