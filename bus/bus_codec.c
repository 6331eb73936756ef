/*  bus_codec -- any message to bytes and back, by its table rows.  */
#include "bus_codec.h"

#include "bus_msgpack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where a value is, for errors: "chain.view members[3].member_id". */
struct place {
    const struct bus_row *row, *array;
    size_t index;
    struct am_error *err;
};

static int
refuse(const struct place *at, const struct bus_row *field, int code, const char *text)
{
    if (at->array != NULL)
        return am_fail(at->err, code, "%s %s[%zu].%s: %s", at->row->name, at->array->name,
                       at->index, field->name, text);
    return am_fail(at->err, code, "%s %s: %s", at->row->name, field->name, text);
}

static int
check_limit(const struct place *at, const struct bus_row *field, uint64_t n)
{
    const char *unit = field->kind == BUS_FIELD_U64     ? ""
                       : field->kind == BUS_FIELD_ARRAY ? " elements"
                                                        : " bytes";
    char text[96];

    if (n >= field->min && n <= field->max)
        return AM_OK;
    snprintf(text, sizeof text, "expected %" PRIu64 " to %" PRIu64 "%s, got %" PRIu64, field->min,
             field->max, unit, n);
    return refuse(at, field, AM_OUT_OF_RANGE, text);
}

bool
bus_is_secret(const struct bus_row *row)
{
    for (row++; bus_is_field(row); row++)
        if ((row->flags & BUS_SECRET) != 0 ||
            (row->kind == BUS_FIELD_ARRAY && bus_is_secret(&bus_rows[row->element])))
            return true;
    return false;
}

/* The number of a field that decides about limits and absence. */
static uint64_t
amount(const struct bus_row *field, const uint8_t *message)
{
    const void *p = message + field->offset;

    switch (field->kind) {
    case BUS_FIELD_U64:
        return *(const uint64_t *)p;
    case BUS_FIELD_BOOL:
        return *(const bool *)p;
    case BUS_FIELD_STR:
        return ((const struct am_str *)p)->len;
    case BUS_FIELD_BIN:
        return ((const struct am_bin *)p)->len;
    default:
        return *(const size_t *)(const void *)(message + field->count_offset);
    }
}

static int encode_map(const struct place *at, const struct bus_row *row, const uint8_t *message,
                      struct bus_mp_out *out);

static int
encode_field(const struct place *at, const struct bus_row *field, const uint8_t *message,
             struct bus_mp_out *out)
{
    const void *p = message + field->offset;
    uint64_t n = amount(field, message);
    int r = check_limit(at, field, n);

    if (r != AM_OK)
        return r;
    bus_mp_str(out, field->name, strlen(field->name));
    if (field->kind == BUS_FIELD_U64) {
        bus_mp_uint(out, n);
    } else if (field->kind == BUS_FIELD_BOOL) {
        bus_mp_bool(out, n != 0);
    } else if (field->kind == BUS_FIELD_STR) {
        bus_mp_str(out, ((const struct am_str *)p)->p, n);
    } else if (field->kind == BUS_FIELD_BIN) {
        bus_mp_bin(out, ((const struct am_bin *)p)->p, n);
    } else {
        const struct bus_row *element = &bus_rows[field->element];
        struct place in = {at->row, field, 0, at->err};

        bus_mp_array(out, n);
        for (; in.index < n && r == AM_OK; in.index++)
            r = encode_map(&in, element, (const uint8_t *)p + in.index * element->offset, out);
    }
    return r;
}

static int
encode_map(const struct place *at, const struct bus_row *row, const uint8_t *message,
           struct bus_mp_out *out)
{
    const struct bus_row *f;
    size_t n = 0;
    int r = AM_OK;

    for (f = row + 1; bus_is_field(f); f++)
        n += (f->flags & BUS_OPT) == 0 || amount(f, message) != 0;
    bus_mp_map(out, n);
    for (f = row + 1; bus_is_field(f) && r == AM_OK; f++)
        if ((f->flags & BUS_OPT) == 0 || amount(f, message) != 0)
            r = encode_field(at, f, message, out);
    return r;
}

int
bus_encode(const struct bus_row *row, const void *message, uint8_t *out, size_t cap, size_t *len,
           struct am_error *err)
{
    struct place at = {row, NULL, 0, err};
    struct bus_mp_out o = {out, cap, 0, false};
    int r;

    *len = 0;
    AM_ASSERT(message != NULL || !bus_is_field(row + 1));
    r = encode_map(&at, row, message, &o);
    if (r == AM_OK && o.full)
        r = am_fail(err, AM_OUT_OF_RANGE, "%s: expected at most %zu bytes, got more", row->name,
                    cap);
    if (r == AM_OK)
        *len = o.len;
    return r;
}

static int decode_map(const struct place *at, const struct bus_row *row, bool key_only,
                      uint8_t *message, struct bus_mp_in *in);

static int
decode_field(const struct place *at, const struct bus_row *field, uint8_t *message,
             struct bus_mp_in *in)
{
    static const enum bus_mp_type wanted[] = {BUS_MP_UINT, BUS_MP_BOOL, BUS_MP_STR, BUS_MP_BIN,
                                              BUS_MP_ARRAY};
    enum bus_mp_type want = wanted[field->kind - BUS_FIELD_U64];
    struct bus_mp_token t = bus_mp_get(in);
    void *p = message + field->offset;
    char text[96];
    int r;

    if (t.type != want) {
        snprintf(text, sizeof text, "expected %s, got %s", bus_mp_name(want), bus_mp_name(t.type));
        return refuse(at, field, AM_INVALID_ARGUMENT, text);
    }
    if ((r = check_limit(at, field, t.n)) != AM_OK)
        return r;
    if (field->kind == BUS_FIELD_U64) {
        *(uint64_t *)p = t.n;
    } else if (field->kind == BUS_FIELD_BOOL) {
        *(bool *)p = t.n != 0;
    } else if (field->kind == BUS_FIELD_STR) {
        *(struct am_str *)p = (struct am_str){(const char *)t.p, t.n};
    } else if (field->kind == BUS_FIELD_BIN) {
        *(struct am_bin *)p = (struct am_bin){t.p, t.n};
    } else {
        const struct bus_row *element = &bus_rows[field->element];
        struct place inner = {at->row, field, 0, at->err};

        *(size_t *)(void *)(message + field->count_offset) = t.n;
        for (; inner.index < t.n && r == AM_OK; inner.index++)
            r = decode_map(&inner, element, false, (uint8_t *)p + inner.index * element->offset,
                           in);
    }
    return r;
}

static int
decode_map(const struct place *at, const struct bus_row *row, bool key_only, uint8_t *message,
           struct bus_mp_in *in)
{
    struct bus_mp_token head = bus_mp_get(in);
    uint64_t seen = 0;
    int r;

    if (head.type != BUS_MP_MAP)
        return am_fail(at->err, AM_INVALID_ARGUMENT, "%s: expected a map, got %s", row->name,
                       bus_mp_name(head.type));
    for (uint64_t i = 0; i < head.n; i++) {
        struct bus_mp_token key = bus_mp_get(in);
        const struct bus_row *f = row + 1;

        if (key.type != BUS_MP_STR)
            return am_fail(at->err, AM_INVALID_ARGUMENT, "%s: expected a field name, got %s",
                           row->name, bus_mp_name(key.type));
        while (bus_is_field(f) && !am_str_eq((struct am_str){(const char *)key.p, key.n}, f->name))
            f++;
        if (!bus_is_field(f)) {
            if (!bus_mp_skip(in))
                return am_fail(at->err, AM_INVALID_ARGUMENT,
                               "%s: expected a value for an unknown field, got %s", row->name,
                               bus_mp_name(BUS_MP_BAD));
            continue;
        }
        if ((seen & UINT64_C(1) << (f - row)) != 0)
            return refuse(at, f, AM_INVALID_ARGUMENT, "expected once, got it twice");
        seen |= UINT64_C(1) << (f - row);
        if ((r = decode_field(at, f, message, in)) != AM_OK)
            return r;
    }
    for (const struct bus_row *f = row + 1; bus_is_field(f) && !(key_only && f > row + 1); f++)
        if ((f->flags & BUS_OPT) == 0 && (seen & UINT64_C(1) << (f - row)) == 0)
            return refuse(at, f, AM_INVALID_ARGUMENT, "expected a value, got none");
    return AM_OK;
}

int
bus_decode(const struct bus_row *row, bool key_only, void *message, struct am_bin bytes,
           struct am_error *err)
{
    struct place at = {row, NULL, 0, err};
    struct bus_mp_in in = {bytes.p, bytes.p + bytes.len};
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
