/*  doctor_print -- a report for a person, for a program, or for the log.  */
#include "doctor_print.h"

#include "../common/base/am_log.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INDENT 28
#define LINE (192 + AM_ERROR_TEXT + 256 + 64)

/* Words of `text` from column INDENT on, at most `width` wide; width 0: all in one line. */
static void
print_folded(const char *text, size_t width)
{
    size_t column = INDENT;

    for (bool first = true; *text != '\0'; first = false) {
        size_t n = strcspn(text, " ");

        if (!first && width > 0 && column + 1 + n > width) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)n, text);
        column += n;
        text += n + (text[n] == ' ');
    }
    putchar('\n');
}

static size_t
terminal_width(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > INDENT + 24 ? size.ws_col
                                                                                     : 80;
}

/* On a terminal what is wrong has a line for each of its three parts. */
static void
print_parts(const struct doctor_line *line, size_t width)
{
    const struct {
        const char *word, *text;
    } parts[] = {{"seen", line->seen}, {"expected", line->expected}, {"likely", line->cause}};
    char text[LINE];

    for (size_t i = 0; i < 3; i++) {
        if (i > 0)
            printf("%*s", INDENT, "");
        snprintf(text, sizeof text, "%s: %s", parts[i].word, parts[i].text);
        print_folded(text, width);
    }
}

static void
print_line(enum doctor_check check, const struct doctor_line *line, size_t width)
{
    static const char *const colours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[1;31m"};
    bool terminal = width > 0;
    char text[LINE];

    printf("%s%-5s%s %-21s ", terminal ? colours[line->outcome] : "",
           doctor_outcome_name(line->outcome), terminal ? "\033[0m" : "", doctor_name(check));
    if (terminal && line->cause[0] != '\0') {
        print_parts(line, width);
        return;
    }
    if (line->cause[0] != '\0')
        snprintf(text, sizeof text, "expected %s; seen: %s; likely: %s", line->expected, line->seen,
                 line->cause);
    else if (line->outcome == DOCTOR_SKIP)
        snprintf(text, sizeof text, "%s", line->seen);
    else
        snprintf(text, sizeof text, "%s (expected %s)", line->seen, line->expected);
    print_folded(text, width);
}

void
doctor_print_page(const struct doctor_report *report)
{
    size_t width = terminal_width();

    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++)
        print_line(i, &report->lines[i], width);
    printf("%u ok, %u warn, %u fail, %u skip\n", doctor_count(report, DOCTOR_OK),
           doctor_count(report, DOCTOR_WARN), doctor_count(report, DOCTOR_FAIL),
           doctor_count(report, DOCTOR_SKIP));
}

void
doctor_print_json(const struct doctor_report *report)
{
    enum doctor_outcome worst = doctor_worst(report);
    json_t *checks = json_array(), *root;

    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++) {
        const struct doctor_line *line = &report->lines[i];

        json_array_append_new(checks,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", doctor_name(i),
                                        "outcome", doctor_outcome_name(line->outcome), "expected",
                                        line->expected, "seen", line->seen, "cause", line->cause));
    }
    root = json_pack("{s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "schema", 1, "outcome",
                     doctor_outcome_name(worst == DOCTOR_SKIP ? DOCTOR_OK : worst), "status",
                     doctor_exit(report), "ok", (int)doctor_count(report, DOCTOR_OK), "warn",
                     (int)doctor_count(report, DOCTOR_WARN), "fail",
                     (int)doctor_count(report, DOCTOR_FAIL), "skip",
                     (int)doctor_count(report, DOCTOR_SKIP), "checks", checks);
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(root);
}

void
doctor_print_log(const struct doctor_report *report)
{
    for (enum doctor_check i = 0; i < DOCTOR_CHECKS; i++) {
        const struct doctor_line *line = &report->lines[i];

        if (line->outcome >= DOCTOR_WARN)
            am_log(AM_WARN, "doctor.found",
                   "check=%s outcome=%s reason=\"expected %s; seen: %s; likely: %s\"",
                   doctor_name(i), doctor_outcome_name(line->outcome), line->expected, line->seen,
                   line->cause);
    }
    am_log(AM_INFO, "doctor.done", "ok=%u warn=%u fail=%u skip=%u", doctor_count(report, DOCTOR_OK),
           doctor_count(report, DOCTOR_WARN), doctor_count(report, DOCTOR_FAIL),
           doctor_count(report, DOCTOR_SKIP));
}
