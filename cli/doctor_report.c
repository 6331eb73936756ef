/*  doctor_report -- the table of checks, and the lines that it becomes.  */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SKIP = DOCTOR_SKIP, WARN = DOCTOR_WARN, FAIL = DOCTOR_FAIL };

#define NEEDS(id) (1u << DOCTOR_##id)
static const struct {
    const char *name, *expected, *cause;
    enum doctor_outcome severity;
    unsigned needs;
} table[DOCTOR_CHECKS] = {
#define CHECK(id, name, severity, needs, expected, cause)                                          \
    [DOCTOR_##id] = {name, expected, cause, (enum doctor_outcome)severity, needs},
#include "doctor.def"
#undef CHECK
};
_Static_assert(DOCTOR_CHECKS <= 32, "needs is a bit for each check");

const char *
doctor_name(enum doctor_check check)
{
    return table[check].name;
}

enum doctor_outcome
doctor_severity(enum doctor_check check)
{
    return table[check].severity;
}

const char *
doctor_outcome_name(enum doctor_outcome outcome)
{
    static const char *const names[] = {"skip", "ok", "warn", "fail"};

    return names[outcome];
}

/* What was seen may be anybody's words: one line of printable ASCII. */
AM_PRINTF(3, 0)
static void
put(char *out, size_t cap, const char *fmt, va_list ap)
{
    vsnprintf(out, cap, fmt, ap);
    for (; *out != '\0'; out++)
        if (*out < 0x20 || *out > 0x7e)
            *out = '?';
}

void
doctor_report_open(struct doctor_report *report)
{
    memset(report, 0, sizeof *report);
    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        doctor_expect(&report->lines[i], "%s", table[i].expected);
}

/* The failed check that all this waits for, if there is one. */
static const char *
culprit(const struct doctor_report *report, enum doctor_check check)
{
    const char *name = NULL;

    for (enum doctor_check i = 0; i < check && name == NULL; i++)
        if ((table[check].needs & 1u << i) != 0)
            name = report->lines[i].outcome == DOCTOR_FAIL ? table[i].name : culprit(report, i);
    return name;
}

bool
doctor_may_ask(struct doctor_report *report, enum doctor_check check)
{
    const char *failed = culprit(report, check);

    for (enum doctor_check i = 0; i < check; i++) {
        enum doctor_outcome o = report->lines[i].outcome;

        if ((table[check].needs & 1u << i) == 0 || o == DOCTOR_OK || o == DOCTOR_WARN)
            continue;
        if (failed != NULL)
            doctor_skip(&report->lines[check], "not asked: %s failed", failed);
        else
            doctor_skip(&report->lines[check], "not asked: %s was not asked", table[i].name);
        return false;
    }
    return true;
}

void
doctor_report_close(struct doctor_report *report)
{
    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        if (report->lines[i].outcome == DOCTOR_SKIP && report->lines[i].seen[0] == '\0')
            (void)doctor_may_ask(report, i);
}

#define SAY(field)                                                                                 \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    put(line->field, sizeof line->field, fmt, ap);                                                 \
    va_end(ap)

static void
settle(struct doctor_line *line, enum doctor_outcome outcome)
{
    line->outcome = outcome;
    line->cause[0] = '\0';
}

void
doctor_ok(struct doctor_line *line, const char *fmt, ...)
{
    SAY(seen);
    settle(line, DOCTOR_OK);
}

void
doctor_warn(struct doctor_report *report, enum doctor_check check, const char *fmt, ...)
{
    struct doctor_line *line = &report->lines[check];

    SAY(seen);
    settle(line, DOCTOR_WARN);
    doctor_cause(line, "%s", table[check].cause);
}

void
doctor_skip(struct doctor_line *line, const char *fmt, ...)
{
    SAY(seen);
    settle(line, DOCTOR_SKIP);
}

void
doctor_bad(struct doctor_report *report, enum doctor_check check, const char *fmt, ...)
{
    struct doctor_line *line = &report->lines[check];

    SAY(seen);
    settle(line, table[check].severity);
    doctor_cause(line, "%s", table[check].cause);
}

void
doctor_expect(struct doctor_line *line, const char *fmt, ...)
{
    SAY(expected);
}

void
doctor_cause(struct doctor_line *line, const char *fmt, ...)
{
    SAY(cause);
}

enum doctor_outcome
doctor_worst(const struct doctor_report *report)
{
    enum doctor_outcome worst = DOCTOR_SKIP;

    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        if (report->lines[i].outcome > worst)
            worst = report->lines[i].outcome;
    return worst;
}

int
doctor_exit(const struct doctor_report *report)
{
    switch (doctor_worst(report)) {
    case DOCTOR_FAIL:
        return DOCTOR_EXIT_FAIL;
    case DOCTOR_WARN:
        return DOCTOR_EXIT_WARN;
    default:
        return DOCTOR_EXIT_OK;
    }
}

unsigned
doctor_count(const struct doctor_report *report, enum doctor_outcome outcome)
{
    unsigned n = 0;

    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        n += report->lines[i].outcome == outcome;
    return n;
}
