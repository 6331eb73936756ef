/*  am_text -- printing into a buffer that may be too small, without losing sight of it.  */
#include "am_text.h"

#include <stdarg.h>
#include <stdio.h>

void
am_text(struct am_text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->full)
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->p + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < t->cap - t->len)
        t->len += (size_t)n;
    else
        t->full = true;
    t->p[t->len] = '\0';
}

void
am_text_json(struct am_text *t, struct am_str s)
{
    am_text(t, "\"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c >= 0x7f)
            am_text(t, "\\u%04x", c);
        else
            am_text(t, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    am_text(t, "\"");
}
