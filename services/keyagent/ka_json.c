/*  ka_json -- a strict JSON reader that works in place: no tree, no copy, no allocation.  */
#include "ka_json.h"

#include "../../common/base/am_declassify.h"

#include <string.h>

#define NAMES_MAX 64 /* members of the object that is read */

struct reader {
    const char *p, *end, *start;
    const char *what;
    struct am_error *err;
};

static int
bad(const struct reader *r, const char *expected)
{
    return am_fail(r->err, AM_INVALID_ARGUMENT, "%s: expected %s at byte %zu of %zu", r->what,
                   expected, (size_t)(r->p - r->start), (size_t)(r->end - r->start));
}

static void
blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

static bool
take(struct reader *r, char c)
{
    blanks(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* Length of an escape at r->p, which is a backslash; 0 when it is none. */
static size_t
escape_len(const struct reader *r)
{
    size_t left = (size_t)(r->end - r->p);

    if (left < 2)
        return 0;
    if (r->p[1] != 'u')
        return memchr("\"\\/bfnrt", r->p[1], 8) != NULL ? 2 : 0;
    if (left < 6)
        return 0;
    for (int i = 2; i < 6; i++)
        if (memchr("0123456789abcdefABCDEF", r->p[i], 22) == NULL)
            return 0;
    return 6;
}

/* Whether a byte of a string is more than itself.  That is form, and public; the digits of a key
 * that it is asked of are not. */
static bool
is_form(char c)
{
    bool form = (c == '"') | (c == '\\') | ((unsigned char)c < 0x20);

    am_declassify(&form, sizeof form);
    return form;
}

/* escaped: whether the text has escapes; it is lent as it stands. */
static int
string(struct reader *r, struct am_str *out, bool *escaped)
{
    const char *from;

    *escaped = false;
    if (!take(r, '"'))
        return bad(r, "a string");
    from = r->p;
    while (r->p < r->end) {
        size_t step = 1;

        if (is_form(*r->p)) {
            if (*r->p == '"')
                break;
            if ((unsigned char)*r->p < 0x20)
                return bad(r, "no control byte in a string");
            *escaped = true;
            if ((step = escape_len(r)) == 0)
                return bad(r, "an escape");
        }
        r->p += step;
    }
    if (r->p == r->end)
        return bad(r, "the end of a string");
    *out = (struct am_str){from, (size_t)(r->p - from)};
    r->p++;
    return AM_OK;
}

static size_t
digits(struct reader *r)
{
    const char *from = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return (size_t)(r->p - from);
}

static int
number(struct reader *r)
{
    const char *from;
    size_t n;

    if (r->p < r->end && *r->p == '-')
        r->p++;
    from = r->p;
    n = digits(r);
    if (n == 0 || (n > 1 && *from == '0'))
        return bad(r, "a number");
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (digits(r) == 0)
            return bad(r, "digits behind the point");
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        if (digits(r) == 0)
            return bad(r, "digits of an exponent");
    }
    return AM_OK;
}

static bool
word(struct reader *r, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
        return false;
    r->p += n;
    return true;
}

/* Check the form of any value and pass over it. */
static int
pass_over(struct reader *r, int depth)
{
    struct am_str ignored;
    bool escaped, object;
    int rc;

    blanks(r);
    if (r->p == r->end || depth == 0)
        return bad(r, depth == 0 ? "no deeper nesting" : "a value");
    if (*r->p == '"')
        return string(r, &ignored, &escaped);
    if (*r->p != '{' && *r->p != '[')
        return word(r, "true") || word(r, "false") || word(r, "null") ? AM_OK : number(r);
    object = *r->p++ == '{';
    if (take(r, object ? '}' : ']'))
        return AM_OK;
    do {
        if (object && ((rc = string(r, &ignored, &escaped)) != 0 || !take(r, ':')))
            return bad(r, "a name and a colon");
        if ((rc = pass_over(r, depth - 1)) != 0)
            return rc;
    } while (take(r, ','));
    return take(r, object ? '}' : ']') ? AM_OK : bad(r, "a comma or the end");
}

static int
plain(struct reader *r, struct am_str *out)
{
    bool escaped;
    int rc = string(r, out, &escaped);

    return rc == AM_OK && escaped ? bad(r, "a string without escapes") : rc;
}

static int
value(struct reader *r, const struct ka_json_field *f)
{
    bool escaped;
    int rc;

    if (f->kind == KA_JSON_TEXT)
        return string(r, f->out, &escaped);
    if (f->kind == KA_JSON_PLAIN)
        return plain(r, f->out);
    if (!take(r, '[') || (rc = plain(r, &f->out[0])) != 0 || !take(r, ',') ||
        (rc = plain(r, &f->out[1])) != 0 || !take(r, ']'))
        return bad(r, "an array of exactly two strings");
    return AM_OK;
}

static int
member(struct reader *r, const struct ka_json_field *fields, size_t count, struct am_str *names,
       size_t name_count)
{
    struct am_str *name = &names[name_count];
    bool escaped;
    int rc;

    if ((rc = string(r, name, &escaped)) != 0)
        return rc;
    for (size_t i = 0; i < name_count; i++)
        if (names[i].len == name->len && memcmp(names[i].p, name->p, name->len) == 0)
            return bad(r, "no name twice");
    if (!take(r, ':'))
        return bad(r, "a colon");
    for (size_t i = 0; i < count; i++)
        if (am_str_eq(*name, fields[i].name))
            return value(r, &fields[i]);
    return pass_over(r, KA_JSON_DEPTH - 1);
}

static int
object(struct reader *r, const struct ka_json_field *fields, size_t count)
{
    struct am_str names[NAMES_MAX];
    size_t n = 0;
    int rc;

    if (!take(r, '{'))
        return bad(r, "a JSON object");
    if (!take(r, '}')) {
        do {
            if (n == NAMES_MAX)
                return bad(r, "at most 64 members");
            if ((rc = member(r, fields, count, names, n++)) != 0)
                return rc;
        } while (take(r, ','));
        if (!take(r, '}'))
            return bad(r, "a comma or the end of the object");
    }
    blanks(r);
    return r->p == r->end ? AM_OK : bad(r, "nothing behind the object");
}

static void
clear(const struct ka_json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k <= (fields[i].kind == KA_JSON_PLAINS2); k++)
            fields[i].out[k] = (struct am_str){NULL, 0};
}

int
ka_json_read(struct am_str text, const struct ka_json_field *fields, size_t count, const char *what,
             struct am_error *err)
{
    struct reader r = {text.p, text.p + text.len, text.p, what, err};
    int rc;

    clear(fields, count);
    rc = object(&r, fields, count);
    for (size_t i = 0; rc == AM_OK && i < count; i++)
        if (fields[i].needed && fields[i].out[0].p == NULL)
            rc = am_fail(err, AM_INVALID_ARGUMENT, "%s: expected \"%s\", got an object without it",
                         what, fields[i].name);
    if (rc != AM_OK)
        clear(fields, count);
    return rc;
}

/* What the escape at p means; the reader has checked its form. */
static unsigned
escaped_char(const char *p)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = strchr(from, p[1]);
    unsigned v = 0;

    if (p[1] != 'u')
        return (unsigned char)(at != NULL ? to[at - from] : p[1]);
    for (int i = 2; i < 6; i++) {
        unsigned c = (unsigned char)p[i];

        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

int
ka_json_unescape(char *out, size_t cap, size_t *len, struct am_str text, const char *what,
                 struct am_error *err)
{
    *len = 0;
    for (size_t i = 0; i < text.len; *len += 1) {
        const bool escape = text.p[i] == '\\';
        unsigned c = escape ? escaped_char(text.p + i) : (unsigned char)text.p[i];

        if (c == 0 || c > 0x7e)
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected ASCII, got 0x%02x", what, c);
        if (*len == cap)
            return am_fail(err, AM_RESOURCE_EXHAUSTED, "%s: expected at most %zu bytes, got more",
                           what, cap);
        out[*len] = (char)c;
        i += !escape ? 1 : text.p[i + 1] == 'u' ? 6 : 2;
    }
    return AM_OK;
}
