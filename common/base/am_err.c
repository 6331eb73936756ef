/*  am_err -- the one list of errors, shared by code, logs, bus replies and tests.  */
#include "am_err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Outside text ends up here: a provider must not be able to write escape codes into a log. */
static void
blank_controls(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

#undef am_fail /* the analyzer's, see am_err.h */
int
am_fail(struct am_error *err, int code, const char *fmt, ...)
{
    va_list ap;

    AM_ASSERT(code < 0);
    if (err == NULL)
        return code;
    err->code = code;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    blank_controls(err->text);
    return code;
}

int
am_wrap(struct am_error *err, const char *fmt, ...)
{
    char context[AM_ERROR_TEXT], inner[AM_ERROR_TEXT];
    va_list ap;
    int n;

    if (err == NULL)
        return AM_INTERNAL;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    memcpy(inner, err->text, sizeof inner);
    n = snprintf(err->text, sizeof err->text, "%.150s: %s", context, inner);
    if (n < 0)
        err->text[0] = '\0';
    blank_controls(err->text);
    return err->code;
}

const char *
am_err_name(int code)
{
    switch (code) {
    case AM_OK:
        return "OK";
#define AM_ERR_CASE(name, n)                                                                       \
    case AM_##name:                                                                                \
        return #name;
        AM_ERR_LIST(AM_ERR_CASE)
#undef AM_ERR_CASE
    default:
        return "UNKNOWN";
    }
}

void
am_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "bug at %s:%d: %s\n", file, line, what);
    abort();
}
