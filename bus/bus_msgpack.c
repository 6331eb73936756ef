/*  bus_msgpack -- MessagePack one token at a time: bounded, strict, without memory of its own.  */
#include "bus_msgpack.h"

#include <string.h>

/* What follows a first byte c0..df: the bytes of its number, and what it is. */
static const uint8_t widths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                   1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
static const char types[] = "0!??bbbxxxffuuuu----xxxxxsssaamm";

static enum bus_mp_type
type_of(char c)
{
    static const char order[] = "!0?u-fsbxam"; /* of enum bus_mp_type */

    return (enum bus_mp_type)(strchr(order, c) - order);
}

/* The smallest number that has no shorter form. */
static uint64_t
least(enum bus_mp_type type, int width)
{
    if (type == BUS_MP_UINT && width == 1)
        return 0x80;
    if (type == BUS_MP_STR && width == 1)
        return 32;
    if ((type == BUS_MP_ARRAY || type == BUS_MP_MAP) && width == 2)
        return 16;
    return type == BUS_MP_NEGATIVE || type == BUS_MP_FLOAT || width < 2 ? 0
                                                                        : UINT64_C(1) << 4 * width;
}

static struct bus_mp_token
head(struct bus_mp_in *in)
{
    struct bus_mp_token t = {.type = BUS_MP_BAD};
    uint8_t b = *in->p++;

    if (b < 0x80)
        return (struct bus_mp_token){.type = BUS_MP_UINT, .n = b};
    if (b < 0xa0)
        return (struct bus_mp_token){.type = b < 0x90 ? BUS_MP_MAP : BUS_MP_ARRAY, .n = b & 15};
    if (b < 0xc0)
        return (struct bus_mp_token){.type = BUS_MP_STR, .n = b & 31};
    if (b >= 0xe0)
        return (struct bus_mp_token){.type = BUS_MP_NEGATIVE};
    b = (uint8_t)(b - 0xc0);
    if (in->end - in->p < widths[b])
        return t;
    for (int i = 0; i < widths[b]; i++)
        t.n = t.n << 8 | *in->p++;
    if (t.n < least(type_of(types[b]), widths[b]))
        return t;
    t.type = type_of(types[b]);
    if (t.type == BUS_MP_BOOL)
        t.n = b & 1;
    else if (t.type == BUS_MP_EXT) /* one byte of type, then the data: fixext 1 to 16, or n */
        t.n = (b >= 0x14 ? UINT64_C(1) << (b - 0x14) : t.n) + 1;
    return t;
}

struct bus_mp_token
bus_mp_get(struct bus_mp_in *in)
{
    struct bus_mp_in at = *in;
    struct bus_mp_token t = {.type = BUS_MP_BAD};
    uint64_t left;

    if (at.p == at.end)
        return t;
    t = head(&at);
    left = (uint64_t)(at.end - at.p);
    if (t.type == BUS_MP_STR || t.type == BUS_MP_BIN || t.type == BUS_MP_EXT) {
        if (t.n > left)
            t.type = BUS_MP_BAD;
        else
            t.p = at.p, at.p += t.n;
    } else if ((t.type == BUS_MP_ARRAY && t.n > left) || (t.type == BUS_MP_MAP && t.n > left / 2)) {
        t.type = BUS_MP_BAD; /* each element takes a byte at least */
    }
    if (t.type == BUS_MP_BAD)
        return (struct bus_mp_token){.type = BUS_MP_BAD};
    *in = at;
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
        if (t.type == BUS_MP_ARRAY)
            owed += t.n;
        else if (t.type == BUS_MP_MAP)
            owed += 2 * t.n;
    }
    return true;
}

static void
put(struct bus_mp_out *out, const void *p, size_t len)
{
    if (out->full || len > out->cap - out->len) {
        out->full = true;
        return;
    }
    if (len > 0)
        memcpy(out->p + out->len, p, len);
    out->len += len;
}

static void
put_number(struct bus_mp_out *out, unsigned first, int width, uint64_t n)
{
    uint8_t b[9] = {(uint8_t)first};

    for (int i = 0; i < width; i++)
        b[1 + i] = (uint8_t)(n >> (8 * (width - 1 - i)));
    put(out, b, 1 + (size_t)width);
}

/* first byte for a short n, then the bytes that announce 8 (0: there is none), 16 and 32 bits */
static void
put_length(struct bus_mp_out *out, unsigned small, size_t below, unsigned w8, unsigned w16,
           size_t n)
{
    if (n < below)
        put_number(out, small | (unsigned)n, 0, 0);
    else if (n <= UINT8_MAX && w8 != 0)
        put_number(out, w8, 1, n);
    else if (n <= UINT16_MAX)
        put_number(out, w16, 2, n);
    else
        put_number(out, w16 + 1, 4, n);
}

void
bus_mp_uint(struct bus_mp_out *out, uint64_t v)
{
    if (v <= UINT32_MAX && v > UINT16_MAX)
        put_number(out, 0xce, 4, v);
    else if (v > UINT32_MAX)
        put_number(out, 0xcf, 8, v);
    else
        put_length(out, 0, 0x80, 0xcc, 0xcd, (size_t)v);
}

void
bus_mp_bool(struct bus_mp_out *out, bool v)
{
    put_number(out, v ? 0xc3 : 0xc2, 0, 0);
}

void
bus_mp_str(struct bus_mp_out *out, const char *p, size_t len)
{
    put_length(out, 0xa0, 32, 0xd9, 0xda, len);
    put(out, p, len);
}

void
bus_mp_bin(struct bus_mp_out *out, const uint8_t *p, size_t len)
{
    put_length(out, 0, 0, 0xc4, 0xc5, len);
    put(out, p, len);
}

void
bus_mp_array(struct bus_mp_out *out, size_t n)
{
    put_length(out, 0x90, 16, 0, 0xdc, n);
}

void
bus_mp_map(struct bus_mp_out *out, size_t n)
{
    put_length(out, 0x80, 16, 0, 0xde, n);
}

const char *
bus_mp_name(enum bus_mp_type type)
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
