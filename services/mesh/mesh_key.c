/*  mesh_key -- pure: the texts that wg and ip speak: base64 keys, addresses, endpoints  */
#include "mesh_key.h"

#include <stdio.h>
#include <string.h>

/* Base64 digit of 0..63 without a table or a branch. */
static char
digit(unsigned v)
{
    int d = (int)v, c = d + 'A';

    c += ((25 - d) >> 8) & 6;  /* a.. */
    c -= ((51 - d) >> 8) & 75; /* 0.. */
    c -= ((61 - d) >> 8) & 15; /* + */
    c += ((62 - d) >> 8) & 3;  /* / */
    return (char)c;
}

void
mesh_key_text(char out[static MESH_KEY_TEXT], const uint8_t key[static 32])
{
    for (size_t i = 0; i < 11; i++) {
        unsigned a = key[3 * i], b = key[3 * i + 1], c = i < 10 ? key[3 * i + 2] : 0;

        out[4 * i] = digit(a >> 2);
        out[4 * i + 1] = digit((a << 4 | b >> 4) & 63);
        out[4 * i + 2] = digit((b << 2 | c >> 6) & 63);
        out[4 * i + 3] = digit(c & 63);
    }
    out[43] = '=';
    out[44] = '\0';
}

static int
value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
mesh_key_parse(uint8_t out[static 32], struct am_str text)
{
    uint32_t bits = 0;
    size_t n = 0;

    memset(out, 0, 32);
    if (text.len != 44 || text.p[43] != '=')
        return false;
    for (size_t i = 0; i < 44; i++) {
        int v = i < 43 ? value(text.p[i]) : 0;

        if (v < 0 || (i == 42 && (v & 3) != 0)) {
            memset(out, 0, 32);
            return false;
        }
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 == 3) {
            for (unsigned shift = 16; n < 32; shift -= 8) {
                out[n++] = (uint8_t)(bits >> shift);
                if (shift == 0)
                    break;
            }
            bits = 0;
        }
    }
    return true;
}

bool
mesh_number_parse(uint32_t *out, struct am_str text, uint32_t max)
{
    uint64_t n = 0;

    *out = 0;
    if (text.len == 0 || text.len > 10 || (text.len > 1 && text.p[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.p[i] - '0');
    }
    if (n > max)
        return false;
    *out = (uint32_t)n;
    return true;
}

bool
mesh_next(struct am_str *piece, struct am_str *rest, char sep)
{
    const char *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->p, sep, rest->len);
    piece->p = rest->p;
    piece->len = end == NULL ? rest->len : (size_t)(end - rest->p);
    rest->p += piece->len + (end != NULL);
    rest->len -= piece->len + (end != NULL);
    return true;
}

void
mesh_ip_text(char out[static MESH_IP_TEXT], uint32_t ip)
{
    snprintf(out, MESH_IP_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

bool
mesh_ip_parse(uint32_t *out, struct am_str text)
{
    struct am_str piece;
    uint32_t ip = 0, part;

    *out = 0;
    if (text.len == 0 || text.p[text.len - 1] == '.')
        return false;
    for (int i = 0; i < 4; i++) {
        if (!mesh_next(&piece, &text, '.') || !mesh_number_parse(&part, piece, 255))
            return false;
        ip = ip << 8 | part;
    }
    if (text.len != 0)
        return false;
    *out = ip;
    return true;
}

void
mesh_endpoint_text(char out[static MESH_ENDPOINT_TEXT], struct mesh_endpoint e)
{
    snprintf(out, MESH_ENDPOINT_TEXT, "%u.%u.%u.%u:%u", e.ip >> 24, e.ip >> 16 & 255,
             e.ip >> 8 & 255, e.ip & 255, (unsigned)e.port);
}

bool
mesh_endpoint_parse(struct mesh_endpoint *out, struct am_str text)
{
    struct am_str ip, rest = text;
    uint32_t a, port;

    *out = (struct mesh_endpoint){0};
    if (!mesh_next(&ip, &rest, ':') || !mesh_ip_parse(&a, ip) || a == 0 ||
        !mesh_number_parse(&port, rest, 65535) || port == 0)
        return false;
    *out = (struct mesh_endpoint){.ip = a, .port = (uint16_t)port};
    return true;
}
