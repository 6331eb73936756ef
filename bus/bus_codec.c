/*  bus_codec -- any message to bytes and back, by its table rows.  */
#include "bus_codec.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Where a value is, for errors: "chain.view members[3].member_id". */
struct place {
    const struct bus_row *row, *array;
    uint64_t index;
    struct am_error *err;
};

static const enum am_mp_type types[] = {AM_MP_UINT, AM_MP_BOOL, AM_MP_STR, AM_MP_BIN, AM_MP_ARRAY};
static int
refuse(const struct place *at, const struct bus_row *field, int code, const char *text)
{
    if (at->array != NULL)
        return am_fail(at->err, code, "%s %s[%" PRIu64 "].%s: %s", at->row->name, at->array->name,
                       at->index, field->name, text);
    return am_fail(at->err, code, "%s %s: %s", at->row->name, field->name, text);
}

/* Is it of the field's type and within its limits? */
static int
check(const struct place *at, const struct bus_row *field, struct am_mp_token t)
{
    enum am_mp_type want = types[field->kind - BUS_FIELD_U64];
    const char *unit = want == AM_MP_UINT ? "" : want == AM_MP_ARRAY ? " elements" : " bytes";
    char text[96];

    if (t.type != want) {
        snprintf(text, sizeof text, "expected %s, got %s", am_mp_name(want), am_mp_name(t.type));
        return refuse(at, field, AM_INVALID_ARGUMENT, text);
    }
    if (t.n >= field->min && t.n <= field->max)
        return AM_OK;
    snprintf(text, sizeof text, "expected %" PRIu64 " to %" PRIu64 "%s, got %" PRIu64, field->min,
             field->max, unit, t.n);
    return refuse(at, field, AM_OUT_OF_RANGE, text);
}

static bool
is_secret(const struct bus_row *row)
{
    for (row++; bus_is_field(row); row++)
        if ((row->flags & BUS_SECRET) != 0 ||
            (row->kind == BUS_FIELD_ARRAY && is_secret(&bus_rows[row->element])))
            return true;
    return false;
}

void
bus_wipe(const struct bus_row *row, void *message, struct am_bin bytes)
{
    if (!is_secret(row))
        return;
    sodium_memzero(message, row->offset);
    sodium_memzero((void *)bytes.p, bytes.len);
}

struct am_mp_token
bus_value(const struct bus_row *f, const void *message)
{
    const void *at = (const uint8_t *)message + f->offset;
    const void *count = (const uint8_t *)message + f->count_offset;
    const struct am_str *str = at;
    const struct am_bin *bin = at;

    switch (f->kind) {
    case BUS_FIELD_U64:
        return (struct am_mp_token){AM_MP_UINT, *(const uint64_t *)at, NULL};
    case BUS_FIELD_BOOL:
        return (struct am_mp_token){AM_MP_BOOL, *(const bool *)at, NULL};
    case BUS_FIELD_STR:
        return (struct am_mp_token){AM_MP_STR, str->len, str->p};
    case BUS_FIELD_BIN:
        return (struct am_mp_token){AM_MP_BIN, bin->len, bin->p};
    default:
        return (struct am_mp_token){AM_MP_ARRAY, *(const size_t *)count, at};
    }
}

static int
encode_map(const struct place *at, const struct bus_row *row, const void *message,
           struct am_mp_out *out)
{
    const struct bus_row *f;
    uint64_t n = 0;
    int r = AM_OK;

    for (f = row + 1; bus_is_field(f); f++)
        n += (f->flags & BUS_OPT) == 0 || bus_value(f, message).n != 0;
    am_mp_put(out, (struct am_mp_token){AM_MP_MAP, n, NULL});
    for (f = row + 1; bus_is_field(f) && r == AM_OK; f++) {
        struct am_mp_token v = bus_value(f, message);
        const struct bus_row *element = &bus_rows[f->element];
        struct place in = {at->row, f, 0, at->err};

        if ((f->flags & BUS_OPT) != 0 && v.n == 0)
            continue;
        if ((r = check(at, f, v)) != AM_OK)
            return r;
        am_mp_put(out, (struct am_mp_token){AM_MP_STR, strlen(f->name), f->name});
        am_mp_put(out, v);
        for (; v.type == AM_MP_ARRAY && in.index < v.n && r == AM_OK; in.index++)
            r = encode_map(&in, element, (const uint8_t *)v.p + in.index * element->offset, out);
    }
    return r;
}

int
bus_encode(const struct bus_row *row, const void *message, uint8_t *out, size_t cap, size_t *len,
           struct am_error *err)
{
    struct place at = {row, NULL, 0, err};
    struct am_mp_out o = {out, cap, 0, false};
    int r = encode_map(&at, row, message, &o);

    if (r == AM_OK && o.full)
        r = am_fail(err, AM_OUT_OF_RANGE, "%s: expected at most %zu bytes, got more", row->name,
                    cap);
    *len = r == AM_OK ? o.len : 0;
    return r;
}

static int decode_map(const struct place *at, const struct bus_row *row, bool key_only,
                      void *message, struct am_mp_in *in);

static int
decode_field(const struct place *at, const struct bus_row *f, uint8_t *message, struct am_mp_in *in)
{
    struct am_mp_token t = am_mp_get(in);
    const struct bus_row *element = &bus_rows[f->element];
    struct place inner = {at->row, f, 0, at->err};
    void *to = message + f->offset;
    int r = check(at, f, t);

    if (r != AM_OK)
        return r;
    if (f->kind == BUS_FIELD_U64)
        *(uint64_t *)to = t.n;
    else if (f->kind == BUS_FIELD_BOOL)
        *(bool *)to = t.n != 0;
    else if (f->kind == BUS_FIELD_STR)
        *(struct am_str *)to = (struct am_str){t.p, t.n};
    else if (f->kind == BUS_FIELD_BIN)
        *(struct am_bin *)to = (struct am_bin){t.p, t.n};
    else
        *(size_t *)(void *)(message + f->count_offset) = t.n;
    for (; t.type == AM_MP_ARRAY && inner.index < t.n && r == AM_OK; inner.index++)
        r = decode_map(&inner, element, false, (uint8_t *)to + inner.index * element->offset, in);
    return r;
}

static int
decode_map(const struct place *at, const struct bus_row *row, bool key_only, void *message,
           struct am_mp_in *in)
{
    struct am_mp_token head = am_mp_get(in);
    const struct bus_row *f;
    uint64_t seen = 0; /* one bit a field */
    int r;

    if (head.type != AM_MP_MAP)
        return am_fail(at->err, AM_INVALID_ARGUMENT, "%s: expected a map, got %s", row->name,
                       am_mp_name(head.type));
    for (uint64_t i = 0; i < head.n; i++) {
        struct am_mp_token key = am_mp_get(in);

        if (key.type != AM_MP_STR)
            return am_fail(at->err, AM_INVALID_ARGUMENT, "%s: expected a field name, got %s",
                           row->name, am_mp_name(key.type));
        f = row + 1;
        while (bus_is_field(f) && !am_str_eq((struct am_str){key.p, key.n}, f->name))
            f++;
        if (!bus_is_field(f) && am_mp_skip(in)) /* from a later version */
            continue;
        if (!bus_is_field(f))
            return am_fail(at->err, AM_INVALID_ARGUMENT,
                           "%s: expected a value for an unknown field, got %s", row->name,
                           am_mp_name(AM_MP_BAD));
        if ((seen & UINT64_C(1) << (f - row)) != 0)
            return refuse(at, f, AM_INVALID_ARGUMENT, "expected once, got it twice");
        seen |= UINT64_C(1) << (f - row);
        if ((r = decode_field(at, f, message, in)) != AM_OK)
            return r;
    }
    for (f = row + 1; bus_is_field(f) && !(key_only && f > row + 1); f++)
        if ((f->flags & BUS_OPT) == 0 && (seen & UINT64_C(1) << (f - row)) == 0)
            return refuse(at, f, AM_INVALID_ARGUMENT, "expected a value, got none");
    return AM_OK;
}

int
bus_decode(const struct bus_row *row, bool key_only, void *message, struct am_bin bytes,
           struct am_error *err)
{
    struct place at = {row, NULL, 0, err};
    struct am_mp_in in = {bytes.p, bytes.p + bytes.len};
    int r;

    memset(message, 0, row->offset);
    r = decode_map(&at, row, key_only, message, &in);
    if (r == AM_OK && in.p != in.end)
        r = am_fail(err, AM_INVALID_ARGUMENT, "%s: expected the end, got %zu trailing bytes",
                    row->name, (size_t)(in.end - in.p));
    if (r != AM_OK)
        memset(message, 0, row->offset);
    return r;
}
