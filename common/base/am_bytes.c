/*  am_bytes -- borrowed bytes, hex, and big-endian numbers.  */
#include "am_bytes.h"

#include "am_declassify.h"

#include <string.h>

struct am_bin
am_bin_of(const void *p, size_t len)
{
    return (struct am_bin){p, len};
}

struct am_str
am_str_of(const char *s)
{
    return (struct am_str){s, strlen(s)};
}

bool
am_bin_eq(struct am_bin a, struct am_bin b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool
am_str_eq(struct am_str a, const char *b)
{
    return a.len == strlen(b) && (a.len == 0 || memcmp(a.p, b, a.len) == 0);
}

bool
am_is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

void
am_hex(char *out, const uint8_t *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

static int
nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int
am_unhex_some(uint8_t *out, size_t cap, size_t *out_len, struct am_str text, const char *what,
              struct am_error *err)
{
    *out_len = 0;
    memset(out, 0, cap);
    if (text.len >= 2 && text.p[0] == '0' && text.p[1] == 'x') {
        text.p += 2;
        text.len -= 2;
    }
    if (text.len % 2 != 0)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected whole bytes of hex, got %zu digits",
                       what, text.len);
    if (text.len / 2 > cap)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected at most %zu bytes of hex, got %zu",
                       what, cap, text.len / 2);
    for (size_t i = 0; i < text.len / 2; i++) {
        int hi = nibble(text.p[2 * i]), lo = nibble(text.p[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            memset(out, 0, cap);
            return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected hex, got another byte at %zu",
                           what, 2 * i);
        }
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    *out_len = text.len / 2;
    return AM_OK;
}

int
am_unhex(uint8_t *out, size_t len, struct am_str text, const char *what, struct am_error *err)
{
    size_t got;
    int r = am_unhex_some(out, len, &got, text, what, err);

    if (r != AM_OK)
        return r;
    if (got != len) {
        memset(out, 0, len);
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected %zu bytes of hex, got %zu", what,
                       len, got);
    }
    return AM_OK;
}

/* All ones when low <= c <= high, else zero; c is a byte. */
static unsigned
within(unsigned c, unsigned low, unsigned high)
{
    return 0u - (((low - 1 - c) & (c - high - 1)) >> 31);
}

static unsigned
secret_nibble(unsigned c, unsigned *good)
{
    unsigned digit = within(c, '0', '9'), letter = within(c | 0x20, 'a', 'f');

    *good &= digit | letter;
    return (digit & (c - '0')) | (letter & ((c | 0x20) - 'a' + 10));
}

int
am_unhex_secret(uint8_t *out, size_t len, struct am_str text, const char *what,
                struct am_error *err)
{
    const uint8_t *p = (const uint8_t *)text.p;
    unsigned good = ~0u;

    memset(out, 0, len);
    if (text.len == 2 * len + 2 && memcmp(p, "0x", 2) == 0) {
        p += 2;
        text.len -= 2;
    }
    if (text.len != 2 * len)
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected %zu bytes of hex, got %zu", what,
                       len, text.len / 2);
    for (size_t i = 0; i < len; i++) {
        unsigned hi = secret_nibble(p[2 * i], &good), lo = secret_nibble(p[2 * i + 1], &good);

        out[i] = (uint8_t)(hi << 4 | lo);
    }
    am_declassify(&good, sizeof good); /* whether it is hex is no secret */
    if (good == 0) {
        memset(out, 0, len);
        return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected hex, got another byte", what);
    }
    return AM_OK;
}

void
am_be16(uint8_t out[static 2], uint16_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

void
am_be32(uint8_t out[static 4], uint32_t v)
{
    am_be16(out, (uint16_t)(v >> 16));
    am_be16(out + 2, (uint16_t)v);
}

void
am_be64(uint8_t out[static 8], uint64_t v)
{
    am_be32(out, (uint32_t)(v >> 32));
    am_be32(out + 4, (uint32_t)v);
}

uint16_t
am_rd16(const uint8_t p[static 2])
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
am_rd32(const uint8_t p[static 4])
{
    return (uint32_t)am_rd16(p) << 16 | am_rd16(p + 2);
}

uint64_t
am_rd64(const uint8_t p[static 8])
{
    return (uint64_t)am_rd32(p) << 32 | am_rd32(p + 4);
}

void
am_str_copy(char *out, size_t cap, struct am_str s)
{
    size_t n = s.len < cap - 1 ? s.len : cap - 1;

    if (n > 0)
        memcpy(out, s.p, n);
    out[n] = '\0';
}
