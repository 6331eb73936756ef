/*  bus_msgpack -- MessagePack one token at a time, read and written by one table of its forms.  */
#include "bus_codec.h"

#include <string.h>

/* Of each type the shorter form first.  Its number is what the first byte is above `first`, or
 * stands in the `width` bytes that follow. */
static const struct form {
    uint8_t first, last;
    enum bus_mp_type type;
    int width;
} forms[] = {
    {0x00, 0x7f, BUS_MP_UINT, 0},     {0xcc, 0xcc, BUS_MP_UINT, 1},
    {0xcd, 0xcd, BUS_MP_UINT, 2},     {0xce, 0xce, BUS_MP_UINT, 4},
    {0xcf, 0xcf, BUS_MP_UINT, 8},     {0xa0, 0xbf, BUS_MP_STR, 0},
    {0xd9, 0xd9, BUS_MP_STR, 1},      {0xda, 0xda, BUS_MP_STR, 2},
    {0xdb, 0xdb, BUS_MP_STR, 4},      {0xc4, 0xc4, BUS_MP_BIN, 1},
    {0xc5, 0xc5, BUS_MP_BIN, 2},      {0xc6, 0xc6, BUS_MP_BIN, 4},
    {0x80, 0x8f, BUS_MP_MAP, 0},      {0xde, 0xde, BUS_MP_MAP, 2},
    {0xdf, 0xdf, BUS_MP_MAP, 4},      {0x90, 0x9f, BUS_MP_ARRAY, 0},
    {0xdc, 0xdc, BUS_MP_ARRAY, 2},    {0xdd, 0xdd, BUS_MP_ARRAY, 4},
    {0xc2, 0xc3, BUS_MP_BOOL, 0},     {0xc0, 0xc0, BUS_MP_NIL, 0},
    {0xca, 0xca, BUS_MP_FLOAT, 4},    {0xcb, 0xcb, BUS_MP_FLOAT, 8},
    {0xe0, 0xff, BUS_MP_NEGATIVE, 0}, {0xd0, 0xd0, BUS_MP_NEGATIVE, 1},
    {0xd1, 0xd1, BUS_MP_NEGATIVE, 2}, {0xd2, 0xd2, BUS_MP_NEGATIVE, 4},
    {0xd3, 0xd3, BUS_MP_NEGATIVE, 8}, {0xc7, 0xc7, BUS_MP_EXT, 1},
    {0xc8, 0xc8, BUS_MP_EXT, 2},      {0xc9, 0xc9, BUS_MP_EXT, 4},
    {0xd4, 0xd8, BUS_MP_EXT, 0},      {0xc1, 0xc1, BUS_MP_BAD, 0},
};

static uint64_t
most(const struct form *f)
{
    return f->width == 0 ? (uint64_t)(f->last - f->first) : UINT64_MAX >> (64 - 8 * f->width);
}

static bool
is_shortest(const struct form *form, uint64_t n)
{
    if (form->width == 0 || form->type == BUS_MP_FLOAT || form->type == BUS_MP_NEGATIVE)
        return true;
    for (const struct form *f = forms; f < form; f++)
        if (f->type == form->type && n <= most(f))
            return false;
    return true;
}

struct bus_mp_token
bus_mp_get(struct bus_mp_in *in)
{
    const struct bus_mp_token bad = {.type = BUS_MP_BAD};
    struct bus_mp_token t = bad;
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
    if (t.type == BUS_MP_BAD || !is_shortest(f, t.n))
        return bad;
    if (t.type == BUS_MP_EXT) /* a byte of type, then the data: 1, 2, 4, 8, 16 or n */
        t.n = (f->width == 0 ? UINT64_C(1) << t.n : t.n) + 1;
    left = (uint64_t)(in->end - p);
    /* An element takes a byte at least, a pair two. */
    if (t.type >= BUS_MP_STR && t.n > (t.type == BUS_MP_MAP ? left / 2 : left))
        return bad;
    if (t.type == BUS_MP_STR || t.type == BUS_MP_BIN || t.type == BUS_MP_EXT) {
        t.p = p;
        p += t.n;
    }
    in->p = p;
    return t;
}

bool
bus_mp_skip(struct bus_mp_in *in)
{
    /* Values still owed.  Each head adds less than the bytes that are left, so it cannot wrap. */
    for (uint64_t owed = 1; owed > 0; owed--) {
        struct bus_mp_token t = bus_mp_get(in);

        if (t.type == BUS_MP_BAD)
            return false;
        if (t.type == BUS_MP_ARRAY || t.type == BUS_MP_MAP)
            owed += t.type == BUS_MP_MAP ? 2 * t.n : t.n;
    }
    return true;
}

void
bus_mp_put(struct bus_mp_out *out, struct bus_mp_token t)
{
    size_t data = t.type == BUS_MP_STR || t.type == BUS_MP_BIN ? t.n : 0;
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
