/*  bus_print -- a message as one line of JSON for eyes, redacted by type.  */
#include "bus_codec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 32     /* of a bin; longer ones are shortened */
#define ELEMENT_ROOM 4096u /* no element of an array prints longer, except by many escapes */

struct text {
    char *p;
    size_t cap, len;
    bool full;
};

static void put(struct text *t, const char *fmt, ...) AM_PRINTF(2, 3);

static void
put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->full)
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->p + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->cap - t->len)
        t->full = true;
    else
        t->len += (size_t)n;
    t->p[t->len] = '\0';
}

static void
put_text(struct text *t, struct am_str s)
{
    put(t, "\"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c >= 0x7f)
            put(t, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            put(t, "\\%c", c);
        else
            put(t, "%c", c);
    }
    put(t, "\"");
}

static void
put_bin(struct text *t, struct am_bin b)
{
    char hex[2 * SHOWN_BYTES + 1];

    am_hex(hex, b.p, b.len < SHOWN_BYTES ? b.len : SHOWN_BYTES);
    if (b.len <= SHOWN_BYTES)
        put(t, "\"0x%s\"", hex);
    else
        put(t, "\"0x%.32s... %zu bytes\"", hex, b.len);
}

static void put_map(struct text *t, const struct bus_row *row, bool key_only, const uint8_t *m);

static void
put_array(struct text *t, const struct bus_row *field, const uint8_t *message)
{
    const struct bus_row *element = &bus_rows[field->element];
    size_t n = *(const size_t *)(const void *)(message + field->count_offset);

    put(t, "[");
    for (size_t i = 0; i < n; i++) {
        put(t, i == 0 ? "" : ",");
        if (t->cap - t->len < ELEMENT_ROOM) {
            put(t, "\"%zu more\"", n - i);
            break;
        }
        put_map(t, element, false, message + field->offset + i * element->offset);
    }
    put(t, "]");
}

static void
put_value(struct text *t, const struct bus_row *field, const uint8_t *message)
{
    const void *p = message + field->offset;

    if ((field->flags & BUS_SECRET) != 0 && field->kind == BUS_FIELD_BIN)
        put(t, "\"<secret %zu>\"", ((const struct am_bin *)p)->len);
    else if ((field->flags & BUS_SECRET) != 0)
        put(t, "\"<secret>\"");
    else if (field->kind == BUS_FIELD_U64)
        put(t, "%" PRIu64, *(const uint64_t *)p);
    else if (field->kind == BUS_FIELD_BOOL)
        put(t, *(const bool *)p ? "true" : "false");
    else if (field->kind == BUS_FIELD_STR)
        put_text(t, *(const struct am_str *)p);
    else if (field->kind == BUS_FIELD_BIN)
        put_bin(t, *(const struct am_bin *)p);
    else
        put_array(t, field, message);
}

static void
put_map(struct text *t, const struct bus_row *row, bool key_only, const uint8_t *message)
{
    put(t, "{");
    for (const struct bus_row *f = row + 1; bus_is_field(f) && !(key_only && f > row + 1); f++) {
        put(t, "%s\"%s\":", f == row + 1 ? "" : ",", f->name);
        put_value(t, f, message);
    }
    put(t, "}");
}

size_t
bus_print(const struct bus_row *row, bool key_only, const void *message, char *out, size_t cap)
{
    struct text t = {out, cap, 0, false};

    put_map(&t, row, key_only, message);
    if (t.full) {
        t = (struct text){out, cap, 0, false};
        put(&t, "{\"not_shown\":\"longer than %zu bytes\"}", cap);
    }
    return t.len;
}

size_t
bus_print_text(char *out, size_t cap, size_t len, struct am_str text)
{
    struct text t = {out, cap, len, false};

    put_text(&t, text);
    if (t.full)
        out[len] = '\0';
    return t.full ? len : t.len;
}
