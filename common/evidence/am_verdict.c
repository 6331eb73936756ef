/*  am_verdict -- what became of each check, and the one word at the end.  */
#include "am_verdict.h"

#include <stdarg.h>
#include <stdio.h>

enum group {
#define GROUP(name, meaning) GROUP_##name,
    AM_GROUP_LIST(GROUP)
#undef GROUP
};

static const char *const meanings[] = {
#define MEANING(name, meaning) meaning,
    AM_GROUP_LIST(MEANING)
#undef MEANING
};

enum { MAY, MUST };

static const struct {
    const char *name, *text;
    enum group group;
    int need;
} table[] = {
#define CHECK(name, group, need, text) {#name, text, GROUP_##group, need},
#include "am_checks.def"
#undef CHECK
};

void
am_verdict_set(struct am_verdict *v, enum am_check check, enum am_outcome outcome, const char *fmt,
               ...)
{
    char *why = v->checks[check].why;
    va_list ap;

    if (v->checks[check].outcome == AM_REFUSED)
        return;
    v->checks[check].outcome = outcome;
    va_start(ap, fmt);
    vsnprintf(why, AM_ERROR_TEXT, fmt, ap);
    va_end(ap);
    for (; *why != '\0'; why++)
        if (*why < 0x20 || *why > 0x7e)
            *why = '?';
}

int
am_verdict_judge(struct am_verdict *v, enum am_check check, int r, const struct am_error *err)
{
    am_verdict_set(v, check, r == AM_OK ? AM_PASSED : AM_REFUSED, "%s",
                   r == AM_OK ? "" : err->text);
    return r;
}

const char *
am_check_name(enum am_check check)
{
    return table[check].name;
}

const char *
am_check_text(enum am_check check)
{
    return table[check].text;
}

enum am_check
am_verdict_refusal(const struct am_verdict *v)
{
    enum am_check found = 0;

    while (found < AM_CHECKS && v->checks[found].outcome != AM_REFUSED)
        found++;
    for (enum am_check i = 0; i < AM_CHECKS && found == AM_CHECKS; i++)
        if (table[i].need == MUST && v->checks[i].outcome != AM_PASSED)
            found = i;
    return found;
}

void
am_verdict_words(char *out, size_t cap, const struct am_verdict *v)
{
    enum am_check refusal = am_verdict_refusal(v);

    if (refusal == AM_CHECKS)
        snprintf(out, cap, "signed by Intel, TCB not evaluated");
    else
        snprintf(out, cap, "refused: %s: %s: %s", meanings[table[refusal].group],
                 table[refusal].name,
                 v->checks[refusal].outcome == AM_REFUSED ? v->checks[refusal].why : "not done");
}
