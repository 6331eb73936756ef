/*  ka_http -- the head of an HTTP/1.1 answer, read strictly and in place.  */
#include "ka_http.h"

#include "ka_json.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS 12 /* more than any limit of ours */

static int
bad(struct am_error *err, const char *what, const char *expected)
{
    return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected %s, got something else", what, expected);
}

static int
status_line(int *status, struct am_str line)
{
    const char *p = line.p + 9;

    if (line.len < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ' ||
        (line.len > 12 && line.p[12] != ' '))
        return AM_INVALID_ARGUMENT;
    for (int i = 0; i < 3; i++)
        if (p[i] < '0' || p[i] > '9')
            return AM_INVALID_ARGUMENT;
    *status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    return *status >= 100 && *status < 600 ? AM_OK : AM_INVALID_ARGUMENT;
}

/* The value when the line is this header; p is NULL when it is another. */
static struct am_str
header(struct am_str line, const char *name)
{
    size_t n = strlen(name);

    if (line.len <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
        return (struct am_str){NULL, 0};
    for (n++; n < line.len && (line.p[n] == ' ' || line.p[n] == '\t'); n++)
        ;
    while (line.len > n && (line.p[line.len - 1] == ' ' || line.p[line.len - 1] == '\t'))
        line.len--;
    return (struct am_str){line.p + n, line.len - n};
}

static int
length(size_t *out, struct am_str text)
{
    *out = 0;
    if (text.len == 0 || text.len > LENGTH_DIGITS)
        return AM_INVALID_ARGUMENT;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return AM_INVALID_ARGUMENT;
        *out = *out * 10 + (size_t)(text.p[i] - '0');
    }
    return AM_OK;
}

int
ka_http_read(struct ka_http_head *head, bool *complete, struct am_str in, const char *what,
             struct am_error *err)
{
    const char *blank = memmem(in.p, in.len, "\r\n\r\n", 4), *line = in.p, *cr;
    bool have = false, first = true;

    memset(head, 0, sizeof *head);
    *complete = false;
    if (in.len > 0 && memcmp(in.p, "HTTP/1.1", in.len < 7 ? in.len : 7) != 0)
        return bad(err, what, "HTTP/1.1"); /* no need to wait for the end of garbage */
    if (blank == NULL)
        return AM_OK;
    for (; line < blank + 2; line = cr + 2) {
        struct am_str l, v;
        size_t n;

        cr = memmem(line, (size_t)(blank + 2 - line), "\r\n", 2);
        l = (struct am_str){line, (size_t)(cr - line)};
        if (first && status_line(&head->status, l) != AM_OK)
            return bad(err, what, "a status line");
        first = false;
        if (header(l, "transfer-encoding").p != NULL)
            return bad(err, what, "no transfer coding");
        if ((v = header(l, "content-length")).p == NULL)
            continue;
        if (length(&n, v) != AM_OK || (have && n != head->body_len))
            return bad(err, what, "one Content-Length in digits");
        head->body_len = n;
        have = true;
    }
    if (!have)
        return bad(err, what, "a Content-Length");
    head->head_len = (size_t)(blank - in.p) + 4;
    *complete = true;
    return AM_OK;
}

struct am_str
ka_http_words(struct am_str body)
{
    struct am_str words;
    const struct ka_json_field fields[] = {{"error", KA_JSON_TEXT, true, &words}};

    if (ka_json_read(body, fields, 1, "error body", NULL) != AM_OK)
        return (struct am_str){"", 0};
    return words;
}

bool
ka_http_no_method(int status, struct am_str words)
{
    static const char text[] = "Service not found";

    return (status == 400 || status == 404) && words.len >= sizeof text - 1 &&
           memcmp(words.p, text, sizeof text - 1) == 0;
}
