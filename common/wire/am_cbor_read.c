/*  am_cbor_read -- a bounded reader of CBOR, as tolerant as AttestMesh v1 and no more.  */
#include "am_cbor.h"

#include <string.h>

enum { UINT = 0, NINT = 1, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6, SIMPLE = 7 };

#define BREAK 0xff

struct head {
    unsigned major;
    bool indefinite;
    uint64_t arg;
};

int
am_cbor_fail(struct am_cbor_in *in, const char *expected)
{
    if (in->rc == AM_OK)
        in->rc = am_fail(in->err, AM_INVALID_ARGUMENT,
                         "%s: expected %s at byte %zu of %zu, got something else", in->what,
                         expected, in->at, in->len);
    return in->rc;
}

void
am_cbor_start(struct am_cbor_in *in, struct am_bin b, const char *what, struct am_error *err)
{
    *in = (struct am_cbor_in){.p = b.p, .len = b.len, .what = what, .err = err};
}

/* One item head of any kind, tags included.  A break is refused: who expects one looks first. */
static bool
raw_head(struct am_cbor_in *in, struct head *h)
{
    unsigned info;
    size_t extra;

    *h = (struct head){0};
    if (in->rc != AM_OK || in->at >= in->len) {
        (void)am_cbor_fail(in, "one more item");
        return false;
    }
    h->major = in->p[in->at] >> 5;
    info = in->p[in->at] & 31u;
    extra = info < 24 || info > 27 ? 0 : (size_t)1 << (info - 24);
    h->indefinite = info == 31;
    if ((info > 27 && info != 31) || (info == 31 && (h->major < BYTES || h->major > MAP)) ||
        extra > in->len - in->at - 1) {
        (void)am_cbor_fail(in, "a well-formed head");
        return false;
    }
    h->arg = extra == 0 && info < 24 ? info : 0;
    for (size_t i = 0; i < extra; i++)
        h->arg = h->arg << 8 | in->p[in->at + 1 + i];
    in->at += 1 + extra;
    return true;
}

/* The head of the item itself, tags skipped. */
static bool
head(struct am_cbor_in *in, struct head *h)
{
    do {
        if (!raw_head(in, h))
            return false;
    } while (h->major == TAG);
    return true;
}

static bool
at_break(struct am_cbor_in *in)
{
    if (in->rc != AM_OK || in->at >= in->len || in->p[in->at] != BREAK)
        return false;
    in->at++;
    return true;
}

static void
enter(struct am_cbor_in *in, struct am_cbor_list *l, unsigned major, const char *expected)
{
    struct head h;

    *l = (struct am_cbor_list){0};
    if (!head(in, &h))
        return;
    if (h.major != major)
        (void)am_cbor_fail(in, expected);
    else
        *l = (struct am_cbor_list){.left = h.arg, .indefinite = h.indefinite};
}

void
am_cbor_enter_map(struct am_cbor_in *in, struct am_cbor_list *l)
{
    enter(in, l, MAP, "a map");
}

void
am_cbor_enter_array(struct am_cbor_in *in, struct am_cbor_list *l)
{
    enter(in, l, ARRAY, "an array");
}

bool
am_cbor_more(struct am_cbor_in *in, struct am_cbor_list *l)
{
    if (in->rc != AM_OK)
        return false;
    if (l->indefinite)
        return !at_break(in);
    if (l->left == 0)
        return false;
    l->left--;
    return true;
}

void
am_cbor_get_uint(struct am_cbor_in *in, uint64_t max, uint64_t *out)
{
    struct head h;

    *out = 0;
    if (!head(in, &h))
        return;
    if (h.major != UINT || h.arg > max)
        (void)am_cbor_fail(in, "an unsigned number in range");
    else
        *out = h.arg;
}

/* The bytes of a string, chunk by chunk, into out; more than cap bytes are passed over and *len
 * says how many there were. */
static bool
string(struct am_cbor_in *in, const struct head *first, uint8_t *out, size_t cap, size_t *len)
{
    struct head h = *first;

    *len = 0;
    for (;;) {
        if (first->indefinite) {
            if (at_break(in))
                return true;
            if (!raw_head(in, &h))
                return false;
        }
        if (h.major != first->major || (first->indefinite && h.indefinite) ||
            h.arg > in->len - in->at) {
            (void)am_cbor_fail(in, "a string that is all there");
            return false;
        }
        if (h.arg > 0 && *len <= cap && h.arg <= cap - *len)
            memcpy(out + *len, in->p + in->at, (size_t)h.arg);
        *len += (size_t)h.arg;
        in->at += (size_t)h.arg;
        if (!first->indefinite)
            return true;
    }
}

/* How many bytes the UTF-8 sequence at p takes, 0 if it is none.  RFC 3629, table 3-7 of Unicode */
static size_t
utf8(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] > 0xf4 || n == 0 || n > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (n > 1 && (p[1] < low || p[1] > high))
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static bool
is_text(const uint8_t *p, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8(p + i, len - i);
        if (n == 0 || p[i] == 0)
            return false;
    }
    return true;
}

enum { STRICT = 0, LAX = 1, KEY = 2 };

static void
text(struct am_cbor_in *in, char *out, size_t cap, int mode)
{
    struct head h;
    size_t len;

    memset(out, 0, cap);
    if (!head(in, &h))
        return;
    if (h.major != TEXT && !(mode == KEY && h.major == BYTES)) {
        (void)am_cbor_fail(in, "text");
        return;
    }
    if (!string(in, &h, (uint8_t *)out, cap - 1, &len))
        memset(out, 0, cap);
    else if (len > cap - 1) {
        memset(out, 0, cap);
        if (mode == STRICT)
            (void)am_cbor_fail(in, "shorter text");
    } else if (!is_text((const uint8_t *)out, len)) {
        memset(out, 0, cap);
        if (mode != KEY)
            (void)am_cbor_fail(in, "UTF-8 without NUL");
    }
}

void
am_cbor_get_text(struct am_cbor_in *in, char *out, size_t cap)
{
    text(in, out, cap, STRICT);
}

void
am_cbor_get_text_lax(struct am_cbor_in *in, char *out, size_t cap)
{
    text(in, out, cap, LAX);
}

void
am_cbor_get_key(struct am_cbor_in *in, char *out, size_t cap)
{
    text(in, out, cap, KEY);
}

void
am_cbor_get_ints(struct am_cbor_in *in, uint8_t *out, size_t len)
{
    struct head h;
    struct am_cbor_list l;
    size_t n = 0;

    memset(out, 0, len);
    if (!head(in, &h))
        return;
    if (h.major == BYTES) {
        if (string(in, &h, out, len, &n) && n != len)
            (void)am_cbor_fail(in, "another number of bytes");
    } else if (h.major == ARRAY) {
        l = (struct am_cbor_list){.left = h.arg, .indefinite = h.indefinite};
        while (am_cbor_more(in, &l)) {
            uint64_t v;

            am_cbor_get_uint(in, UINT8_MAX, &v);
            if (n < len)
                out[n] = (uint8_t)v;
            else
                (void)am_cbor_fail(in, "another number of elements");
            n++;
        }
        if (n != len)
            (void)am_cbor_fail(in, "another number of elements");
    } else
        (void)am_cbor_fail(in, "an array of small numbers");
    if (in->rc != AM_OK)
        memset(out, 0, len);
}

bool
am_cbor_get_null(struct am_cbor_in *in)
{
    if (in->rc != AM_OK || in->at >= in->len || (in->p[in->at] != 0xf6 && in->p[in->at] != 0xf7))
        return false;
    in->at++;
    return true;
}

static void
skip(struct am_cbor_in *in, unsigned depth)
{
    struct head h;
    struct am_cbor_list l;
    size_t len;

    if (!head(in, &h))
        return;
    if (h.major == BYTES || h.major == TEXT) {
        (void)string(in, &h, NULL, 0, &len);
        return;
    }
    if (h.major != ARRAY && h.major != MAP)
        return;
    if (depth == 0) {
        (void)am_cbor_fail(in, "less nesting");
        return;
    }
    l = (struct am_cbor_list){.left = h.arg, .indefinite = h.indefinite};
    while (am_cbor_more(in, &l)) {
        skip(in, depth - 1);
        if (h.major == MAP)
            skip(in, depth - 1);
    }
}

void
am_cbor_skip(struct am_cbor_in *in)
{
    skip(in, AM_CBOR_DEPTH);
}
