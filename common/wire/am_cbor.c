/*  am_cbor -- write the exact CBOR shapes of AttestMesh v1.  */
#include "am_cbor.h"

#include <string.h>

static void
put(struct am_cbor_out *o, const void *p, size_t len)
{
    if (o->sink != NULL)
        o->sink(o->arg, p, len);
    else if (!o->full && len <= o->cap - o->len) {
        if (len > 0)
            memcpy(o->p + o->len, p, len);
    } else
        o->full = true;
    o->len += len;
}

/* Major type in the top three bits, then the shortest form of the argument. */
static void
put_head(struct am_cbor_out *o, unsigned major, uint64_t v)
{
    uint8_t b[9];
    size_t n = v < 24 ? 0 : v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    unsigned low = n == 0 ? (unsigned)v : n == 1 ? 24u : n == 2 ? 25u : n == 4 ? 26u : 27u;

    b[0] = (uint8_t)(major << 5 | low);
    for (size_t i = 0; i < n; i++)
        b[1 + i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    put(o, b, 1 + n);
}

void
am_cbor_map(struct am_cbor_out *o, uint64_t pairs)
{
    put_head(o, 5, pairs);
}

void
am_cbor_array(struct am_cbor_out *o, uint64_t items)
{
    put_head(o, 4, items);
}

void
am_cbor_uint(struct am_cbor_out *o, uint64_t v)
{
    put_head(o, 0, v);
}

void
am_cbor_text(struct am_cbor_out *o, struct am_str s)
{
    put_head(o, 3, s.len);
    put(o, s.p, s.len);
}

void
am_cbor_key(struct am_cbor_out *o, const char *key)
{
    am_cbor_text(o, am_str_of(key));
}

void
am_cbor_ints(struct am_cbor_out *o, const uint8_t *p, size_t len)
{
    am_cbor_array(o, len);
    for (size_t i = 0; i < len; i++)
        am_cbor_uint(o, p[i]);
}
