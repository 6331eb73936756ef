/*  am_compose -- is an app-compose file in the form whose hash every tool agrees on?  */
#include "am_compose.h"

#include <jansson.h>
#include <string.h>

#define DEPTH_MAX 64
#define DIGITS_MAX 15 /* JavaScript keeps so many exactly */

struct in {
    const uint8_t *p;
    size_t len, at;
    struct am_error *err;
};

static int value(struct in *in, int depth);

static int
differs(struct in *in, int code, const char *how)
{
    return am_fail(in->err, code, "app-compose, byte %zu: %s", in->at, how);
}

static int
next_is(struct in *in, char want, const char *how)
{
    if (in->at >= in->len || in->p[in->at] != (uint8_t)want)
        return differs(in, AM_FAILED_PRECONDITION, how);
    in->at++;
    return AM_OK;
}

/* After a backslash.  JSON.stringify writes the seven short escapes, and \u00 with small letters
 * for the other control bytes. */
static int
escape(struct in *in)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = in->p + in->at;

    if (in->len - in->at >= 1 && *p != '\0' && strchr("\"\\bfnrt", *p) != NULL) {
        in->at++;
        return AM_OK;
    }
    if (in->len - in->at >= 5 && memcmp(p, "u00", 3) == 0 && (p[3] == '0' || p[3] == '1') &&
        p[4] != '\0' && strchr(digits, p[4]) != NULL &&
        (p[3] == '1' || strchr("89acd", p[4]) == NULL)) {
        in->at += 5;
        return AM_OK;
    }
    return differs(in, AM_FAILED_PRECONDITION, "an escape that is longer than it need be");
}

/* Out: *text borrows what stands between the quotes. */
static int
string(struct in *in, struct am_str *text)
{
    size_t start;
    int r = next_is(in, '"', "expected a string and no blank before it");

    if (r != AM_OK)
        return r;
    for (start = in->at; in->at < in->len && in->p[in->at] != '"';)
        if (in->p[in->at++] == '\\' && (r = escape(in)) != AM_OK)
            return r;
    *text = (struct am_str){(const char *)in->p + start, in->at - start};
    return next_is(in, '"', "a string without end");
}

static int
number(struct in *in)
{
    size_t start = in->at, digits = 0;
    bool fraction = false;

    if (in->p[in->at] == '-')
        in->at++;
    for (; in->at < in->len && strchr("0123456789.", in->p[in->at]) != NULL && in->p[in->at];
         in->at++)
        if (in->p[in->at] == '.')
            fraction = true;
        else
            digits++;
    if (digits == 0 || digits > DIGITS_MAX || (fraction && in->p[in->at - 1] == '0') ||
        (in->at - start == 2 && memcmp(in->p + start, "-0", 2) == 0) ||
        (in->at < in->len && (in->p[in->at] == 'e' || in->p[in->at] == 'E')))
        return differs(in, AM_FAILED_PRECONDITION, "a number that JavaScript writes otherwise");
    return AM_OK;
}

static int
members(struct in *in, int depth)
{
    struct am_str key, before = {NULL, 0};
    int r = AM_OK;

    while (r == AM_OK && (r = string(in, &key)) == AM_OK) {
        size_t shorter = key.len < before.len ? key.len : before.len;
        int order = shorter > 0 ? memcmp(before.p, key.p, shorter) : 0;

        for (size_t i = 0; i < key.len; i++)
            if (key.p[i] == '\\' || (unsigned char)key.p[i] >= 0x80)
                return differs(in, AM_UNIMPLEMENTED,
                               "a key beyond plain ASCII: whether it is in order is not judged");
        if (before.p != NULL && (order > 0 || (order == 0 && key.len <= before.len)))
            return differs(in, AM_FAILED_PRECONDITION, "this key belongs before the one before it");
        before = key;
        if ((r = next_is(in, ':', "expected a colon and no blank before it")) != AM_OK ||
            (r = value(in, depth)) != AM_OK)
            return r;
        if (in->at < in->len && in->p[in->at] == '}')
            break;
        r = next_is(in, ',', "expected a comma or a brace and no blank before it");
    }
    if (r == AM_OK)
        in->at++;
    return r;
}

static int
elements(struct in *in, int depth)
{
    int r;

    while ((r = value(in, depth)) == AM_OK) {
        if (in->at < in->len && in->p[in->at] == ']')
            break;
        if ((r = next_is(in, ',', "expected a comma or a bracket and no blank before it")) != AM_OK)
            break;
    }
    if (r == AM_OK)
        in->at++;
    return r;
}

static int
value(struct in *in, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    struct am_str text;
    uint8_t c = in->at < in->len ? in->p[in->at] : 0;

    if (depth > DEPTH_MAX)
        return differs(in, AM_OUT_OF_RANGE, "nested too deeply");
    if (c == '"')
        return string(in, &text);
    if (c == '-' || (c >= '0' && c <= '9'))
        return number(in);
    if (c == '{' || c == '[') {
        in->at++;
        if (in->at < in->len && in->p[in->at] == (c == '{' ? '}' : ']')) {
            in->at++;
            return AM_OK;
        }
        return c == '{' ? members(in, depth + 1) : elements(in, depth + 1);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (in->len - in->at >= strlen(words[i]) &&
            memcmp(in->p + in->at, words[i], strlen(words[i])) == 0) {
            in->at += strlen(words[i]);
            return AM_OK;
        }
    return differs(in, AM_FAILED_PRECONDITION, "expected a value and no blank before it");
}

int
am_compose_canonical(struct am_bin file, struct am_error *err)
{
    struct in in = {file.p, file.len, 0, err};
    json_error_t why;
    json_t *root =
        json_loadb((const char *)file.p, file.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    bool object = json_is_object(root);
    int r;

    json_decref(root);
    if (!object)
        return am_fail(err, AM_INVALID_ARGUMENT, "app-compose: expected a JSON object: line %d: %s",
                       root == NULL ? why.line : 1, root == NULL ? why.text : "another value");
    /* It is JSON; what follows asks only whether it is this writing of it. */
    if ((r = value(&in, 0)) != AM_OK)
        return r;
    return in.at == in.len
               ? AM_OK
               : differs(&in, AM_FAILED_PRECONDITION, "something behind the last brace");
}
