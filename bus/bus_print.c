/*  bus_print -- a message as one line of JSON for eyes, redacted by type.  */
#include "bus_codec.h"

#include <inttypes.h>

#define SHOWN_BYTES 32     /* of a bin; longer ones are shortened */
#define ELEMENT_ROOM 4096u /* no element of an array prints longer, except by many escapes */

static void
put_bin(struct am_text *t, const uint8_t *p, size_t len)
{
    char hex[2 * SHOWN_BYTES + 1];

    am_hex(hex, p, len < SHOWN_BYTES ? len : SHOWN_BYTES);
    if (len <= SHOWN_BYTES)
        am_text(t, "\"0x%s\"", hex);
    else
        am_text(t, "\"0x%.32s... %zu bytes\"", hex, len);
}

static void put_map(struct am_text *t, const struct bus_row *row, bool key_only, const void *m);

static void
put_value(struct am_text *t, const struct bus_row *f, const void *message)
{
    const struct bus_row *element = &bus_rows[f->element];
    struct am_mp_token v = bus_value(f, message);

    if ((f->flags & BUS_SECRET) != 0) {
        am_text(t, v.type == AM_MP_BIN ? "\"<secret %" PRIu64 ">\"" : "\"<secret>\"", v.n);
    } else if (v.type == AM_MP_UINT) {
        am_text(t, "%" PRIu64, v.n);
    } else if (v.type == AM_MP_BOOL) {
        am_text(t, v.n != 0 ? "true" : "false");
    } else if (v.type == AM_MP_STR) {
        am_text_json(t, (struct am_str){v.p, v.n});
    } else if (v.type == AM_MP_BIN) {
        put_bin(t, v.p, v.n);
    } else {
        am_text(t, "[");
        for (uint64_t i = 0; i < v.n; i++) {
            am_text(t, i == 0 ? "" : ",");
            if (t->cap - t->len < ELEMENT_ROOM) {
                am_text(t, "\"%" PRIu64 " more\"", v.n - i);
                break;
            }
            put_map(t, element, false, (const uint8_t *)v.p + i * element->offset);
        }
        am_text(t, "]");
    }
}

static void
put_map(struct am_text *t, const struct bus_row *row, bool key_only, const void *message)
{
    am_text(t, "{");
    for (const struct bus_row *f = row + 1; bus_is_field(f) && !(key_only && f > row + 1); f++) {
        am_text(t, "%s\"%s\":", f == row + 1 ? "" : ",", f->name);
        put_value(t, f, message);
    }
    am_text(t, "}");
}

void
bus_print(struct am_text *t, const struct bus_row *row, bool key_only, const void *message)
{
    struct am_text line = {t->p + t->len, t->cap - t->len - 1, 0, false};

    put_map(&line, row, key_only, message);
    if (line.full) {
        line = (struct am_text){line.p, line.cap, 0, false};
        am_text(&line, "{\"not_shown\":\"longer than %zu bytes\"}", line.cap);
    }
    t->len += line.len;
}
