/*  eth_rlp -- Recursive Length Prefix: sizes, a writer, and a strict reader.  */
#include "eth_rlp.h"

#include <string.h>

static size_t
bytes_of(uint64_t v)
{
    size_t n = 0;

    for (; v > 0; v >>= 8)
        n++;
    return n;
}

static size_t
head_size(size_t len)
{
    return len < 56 ? 1 : 1 + bytes_of(len);
}

size_t
eth_rlp_bytes_size(struct am_bin b)
{
    return b.len == 1 && b.p[0] < 0x80 ? 1 : head_size(b.len) + b.len;
}

size_t
eth_rlp_list_size(size_t payload_len)
{
    return head_size(payload_len) + payload_len;
}

struct am_bin
eth_rlp_uint(const uint8_t *p, size_t len)
{
    while (len > 0 && *p == 0) {
        p++;
        len--;
    }
    return am_bin_of(p, len);
}

/* base 0x80 for strings, 0xc0 for lists; the caller has checked the room. */
static void
put_head(struct eth_buf *out, unsigned base, size_t len)
{
    size_t n = bytes_of(len);

    if (len < 56) {
        out->p[out->len++] = (uint8_t)(base + len);
        return;
    }
    out->p[out->len++] = (uint8_t)(base + 55 + n);
    while (n-- > 0)
        out->p[out->len++] = (uint8_t)(len >> (8 * n));
}

static int
room(const struct eth_buf *out, size_t need, struct am_error *err)
{
    if (need > out->cap - out->len)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "RLP: expected room for %zu bytes, got %zu",
                       need, out->cap - out->len);
    return AM_OK;
}

int
eth_rlp_bytes(struct eth_buf *out, struct am_bin b, struct am_error *err)
{
    int rc = room(out, eth_rlp_bytes_size(b), err);

    if (rc != AM_OK)
        return rc;
    if (b.len != 1 || b.p[0] >= 0x80)
        put_head(out, 0x80, b.len);
    if (b.len > 0)
        memcpy(out->p + out->len, b.p, b.len);
    out->len += b.len;
    return AM_OK;
}

int
eth_rlp_list(struct eth_buf *out, size_t payload_len, struct am_error *err)
{
    int rc = room(out, eth_rlp_list_size(payload_len), err);

    if (rc == AM_OK)
        put_head(out, 0xc0, payload_len);
    return rc;
}

static int
bad(struct am_bin in, const char *expected, struct am_error *err)
{
    return am_fail(err, AM_INVALID_ARGUMENT, "RLP: expected %s, got %zu bytes of something else",
                   expected, in.len);
}

int
eth_rlp_next(struct am_bin *item, bool *list, struct am_bin *in, struct am_error *err)
{
    size_t skip = 1, len = 0;
    unsigned first, base;

    *item = (struct am_bin){NULL, 0};
    *list = false;
    if (in->len == 0)
        return bad(*in, "one more item", err);
    first = in->p[0];
    *list = first >= 0xc0;
    base = *list ? 0xc0 : 0x80;
    if (first < 0x80) {
        skip = 0;
        len = 1;
    } else if (first < base + 56)
        len = first - base;
    else {
        size_t n = first - base - 55;

        if (n > in->len - 1 || n > sizeof len || in->p[1] == 0)
            return bad(*in, "a length without leading zeros that is all there", err);
        for (size_t i = 0; i < n; i++)
            len = len << 8 | in->p[1 + i];
        skip = 1 + n;
        if (len < 56)
            return bad(*in, "the shortest form of a length", err);
    }
    if (len > in->len - skip)
        return bad(*in, "as many bytes as the length says", err);
    if (skip == 1 && !*list && len == 1 && in->p[1] < 0x80)
        return bad(*in, "a single small byte without a length", err);
    *item = am_bin_of(in->p + skip, len);
    *in = am_bin_of(in->p + skip + len, in->len - skip - len);
    return AM_OK;
}
