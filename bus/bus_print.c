/*  bus_print -- a message as one line of JSON for eyes, redacted by type.  */
#include "bus_codec.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SHOWN_BYTES 32     /* of a bin; longer ones are shortened */
#define ELEMENT_ROOM 4096u /* no element of an array prints longer, except by many escapes */

void
bus_text(struct bus_text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->full)
        return;
    va_start(ap, fmt);
    n = vsnprintf(t->p + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < t->cap - t->len)
        t->len += (size_t)n;
    else
        t->full = true;
    t->p[t->len] = '\0';
}

void
bus_text_string(struct bus_text *t, struct am_str s)
{
    bus_text(t, "\"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c >= 0x7f)
            bus_text(t, "\\u%04x", c);
        else
            bus_text(t, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    bus_text(t, "\"");
}

static void
put_bin(struct bus_text *t, const uint8_t *p, size_t len)
{
    char hex[2 * SHOWN_BYTES + 1];

    am_hex(hex, p, len < SHOWN_BYTES ? len : SHOWN_BYTES);
    if (len <= SHOWN_BYTES)
        bus_text(t, "\"0x%s\"", hex);
    else
        bus_text(t, "\"0x%.32s... %zu bytes\"", hex, len);
}

static void put_map(struct bus_text *t, const struct bus_row *row, bool key_only, const void *m);

static void
put_value(struct bus_text *t, const struct bus_row *f, const void *message)
{
    const struct bus_row *element = &bus_rows[f->element];
    struct bus_mp_token v = bus_value(f, message);

    if ((f->flags & BUS_SECRET) != 0) {
        bus_text(t, v.type == BUS_MP_BIN ? "\"<secret %" PRIu64 ">\"" : "\"<secret>\"", v.n);
    } else if (v.type == BUS_MP_UINT) {
        bus_text(t, "%" PRIu64, v.n);
    } else if (v.type == BUS_MP_BOOL) {
        bus_text(t, v.n != 0 ? "true" : "false");
    } else if (v.type == BUS_MP_STR) {
        bus_text_string(t, (struct am_str){v.p, v.n});
    } else if (v.type == BUS_MP_BIN) {
        put_bin(t, v.p, v.n);
    } else {
        bus_text(t, "[");
        for (uint64_t i = 0; i < v.n; i++) {
            bus_text(t, i == 0 ? "" : ",");
            if (t->cap - t->len < ELEMENT_ROOM) {
                bus_text(t, "\"%" PRIu64 " more\"", v.n - i);
                break;
            }
            put_map(t, element, false, (const uint8_t *)v.p + i * element->offset);
        }
        bus_text(t, "]");
    }
}

static void
put_map(struct bus_text *t, const struct bus_row *row, bool key_only, const void *message)
{
    bus_text(t, "{");
    for (const struct bus_row *f = row + 1; bus_is_field(f) && !(key_only && f > row + 1); f++) {
        bus_text(t, "%s\"%s\":", f == row + 1 ? "" : ",", f->name);
        put_value(t, f, message);
    }
    bus_text(t, "}");
}

void
bus_text_message(struct bus_text *t, const struct bus_row *row, bool key_only, const void *message)
{
    struct bus_text line = {t->p + t->len, t->cap - t->len - 1, 0, false};

    put_map(&line, row, key_only, message);
    if (line.full) {
        line = (struct bus_text){line.p, line.cap, 0, false};
        bus_text(&line, "{\"not_shown\":\"longer than %zu bytes\"}", line.cap);
    }
    t->len += line.len;
}
