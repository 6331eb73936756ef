/*  am_msgpack -- MessagePack one token at a time, read and written by one table of its forms.  */
#include "am_msgpack.h"

#include <string.h>

/* Of each type the shorter form first.  Its number is what the first byte is above `first`, or
 * stands in the `width` bytes that follow. */
static const struct form {
    uint8_t first, last;
    enum am_mp_type type;
    int width;
} forms[] = {
    {0x00, 0x7f, AM_MP_UINT, 0},     {0xcc, 0xcc, AM_MP_UINT, 1},
    {0xcd, 0xcd, AM_MP_UINT, 2},     {0xce, 0xce, AM_MP_UINT, 4},
    {0xcf, 0xcf, AM_MP_UINT, 8},     {0xa0, 0xbf, AM_MP_STR, 0},
    {0xd9, 0xd9, AM_MP_STR, 1},      {0xda, 0xda, AM_MP_STR, 2},
    {0xdb, 0xdb, AM_MP_STR, 4},      {0xc4, 0xc4, AM_MP_BIN, 1},
    {0xc5, 0xc5, AM_MP_BIN, 2},      {0xc6, 0xc6, AM_MP_BIN, 4},
    {0x80, 0x8f, AM_MP_MAP, 0},      {0xde, 0xde, AM_MP_MAP, 2},
    {0xdf, 0xdf, AM_MP_MAP, 4},      {0x90, 0x9f, AM_MP_ARRAY, 0},
    {0xdc, 0xdc, AM_MP_ARRAY, 2},    {0xdd, 0xdd, AM_MP_ARRAY, 4},
    {0xc2, 0xc3, AM_MP_BOOL, 0},     {0xc0, 0xc0, AM_MP_NIL, 0},
    {0xca, 0xca, AM_MP_FLOAT, 4},    {0xcb, 0xcb, AM_MP_FLOAT, 8},
    {0xe0, 0xff, AM_MP_NEGATIVE, 0}, {0xd0, 0xd0, AM_MP_NEGATIVE, 1},
    {0xd1, 0xd1, AM_MP_NEGATIVE, 2}, {0xd2, 0xd2, AM_MP_NEGATIVE, 4},
    {0xd3, 0xd3, AM_MP_NEGATIVE, 8}, {0xc7, 0xc7, AM_MP_EXT, 1},
    {0xc8, 0xc8, AM_MP_EXT, 2},      {0xc9, 0xc9, AM_MP_EXT, 4},
    {0xd4, 0xd8, AM_MP_EXT, 0},      {0xc1, 0xc1, AM_MP_BAD, 0},
};

static uint64_t
most(const struct form *f)
{
    return f->width == 0 ? (uint64_t)(f->last - f->first) : UINT64_MAX >> (64 - 8 * f->width);
}

static bool
is_shortest(const struct form *form, uint64_t n)
{
    if (form->width == 0 || form->type == AM_MP_FLOAT || form->type == AM_MP_NEGATIVE)
        return true;
    for (const struct form *f = forms; f < form; f++)
        if (f->type == form->type && n <= most(f))
            return false;
    return true;
}

struct am_mp_token
am_mp_get(struct am_mp_in *in)
{
    const struct am_mp_token bad = {.type = AM_MP_BAD};
    struct am_mp_token t = bad;
    const uint8_t *p = in->p;
    const struct form *f = forms;
    uint64_t left;

    if (p == in->end)
        return bad;
    while (*p < f->first || *p > f->last)
        f++;
    t.type = f->type;
    t.n = (uint64_t)(*p++ - f->first);
    if (in->end - p < f->width)
        return bad;
    for (int i = 0; i < f->width; i++)
        t.n = t.n << 8 | *p++;
    if (t.type == AM_MP_BAD || !is_shortest(f, t.n))
        return bad;
    if (t.type == AM_MP_EXT) /* a byte of type, then the data: 1, 2, 4, 8, 16 or n */
        t.n = (f->width == 0 ? UINT64_C(1) << t.n : t.n) + 1;
    left = (uint64_t)(in->end - p);
    /* An element takes a byte at least, a pair two. */
    if (t.type >= AM_MP_STR && t.n > (t.type == AM_MP_MAP ? left / 2 : left))
        return bad;
    if (t.type == AM_MP_STR || t.type == AM_MP_BIN || t.type == AM_MP_EXT) {
        t.p = p;
        p += t.n;
    }
    in->p = p;
    return t;
}

bool
am_mp_skip(struct am_mp_in *in)
{
    /* Values still owed.  Each head adds less than the bytes that are left, so it cannot wrap. */
    for (uint64_t owed = 1; owed > 0; owed--) {
        struct am_mp_token t = am_mp_get(in);

        if (t.type == AM_MP_BAD)
            return false;
        if (t.type == AM_MP_ARRAY || t.type == AM_MP_MAP)
            owed += t.type == AM_MP_MAP ? 2 * t.n : t.n;
    }
    return true;
}

void
am_mp_put(struct am_mp_out *out, struct am_mp_token t)
{
    size_t data = t.type == AM_MP_STR || t.type == AM_MP_BIN ? t.n : 0;
    size_t room = out->cap - out->len;
    const struct form *f = forms;

    while (f->type != t.type || t.n > most(f))
        f++;
    out->full = out->full || room < 1u + (size_t)f->width || room - 1 - (size_t)f->width < data;
    if (out->full)
        return;
    out->p[out->len++] = (uint8_t)(f->first + (f->width == 0 ? t.n : 0));
    for (int i = f->width; i-- > 0;)
        out->p[out->len++] = (uint8_t)(t.n >> 8 * i);
    if (data > 0)
        memcpy(out->p + out->len, t.p, data);
    out->len += data;
}

const char *
am_mp_name(enum am_mp_type type)
{
    static const char *const names[] = {"bytes that are no MessagePack",
                                        "nil",
                                        "a bool",
                                        "a number",
                                        "a negative number",
                                        "a fraction",
                                        "a str",
                                        "a bin",
                                        "an ext",
                                        "an array",
                                        "a map"};

    return names[type];
}
