/*  am_grpc_frame -- what gRPC puts into HTTP/2.  */
#include "am_grpc_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
read_prefix(struct am_grpc_reader *r, struct am_error *err)
{
    r->announced = am_rd32(r->prefix + 1);
    if (r->prefix[0] != 0)
        return am_fail(err, AM_UNIMPLEMENTED,
                       "gRPC message: expected an uncompressed one, got compressed flag %u",
                       r->prefix[0]);
    if (r->announced > AM_GRPC_MESSAGE_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "gRPC message: expected at most %u bytes, got %u announced",
                       AM_GRPC_MESSAGE_MAX, r->announced);
    return AM_OK;
}

static int
make_room(struct am_grpc_reader *r, size_t more, struct am_error *err)
{
    size_t cap = r->cap == 0 ? 1024 : r->cap;
    uint8_t *grown;

    if (r->len + more <= r->cap)
        return AM_OK;
    while (cap < r->len + more)
        cap *= 2;
    if (cap > r->announced)
        cap = r->announced;
    grown = realloc(r->message, cap);
    if (grown == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "gRPC message: expected memory, got none");
    r->message = grown;
    r->cap = cap;
    return AM_OK;
}

int
am_grpc_reader_feed(struct am_grpc_reader *r, const uint8_t *p, size_t len, struct am_error *err)
{
    int result;

    while (len > 0 && r->prefix_len < AM_GRPC_PREFIX_BYTES) {
        r->prefix[r->prefix_len++] = *p++;
        len--;
        if (r->prefix_len == AM_GRPC_PREFIX_BYTES && (result = read_prefix(r, err)) != AM_OK)
            return result;
    }
    if (len == 0)
        return AM_OK;
    if (len > r->announced - r->len)
        return am_fail(err, AM_INVALID_ARGUMENT,
                       "gRPC message: expected one of %u bytes, got more after it", r->announced);
    if ((result = make_room(r, len, err)) != AM_OK)
        return result;
    memcpy(r->message + r->len, p, len);
    r->len += len;
    return AM_OK;
}

bool
am_grpc_reader_whole(const struct am_grpc_reader *r)
{
    return r->prefix_len == AM_GRPC_PREFIX_BYTES && r->prefix[0] == 0 && r->len == r->announced;
}

void
am_grpc_reader_clear(struct am_grpc_reader *r)
{
    free(r->message);
    *r = (struct am_grpc_reader){0};
}

int
am_grpc_frame(uint8_t **frame, size_t *frame_len, struct am_bin message, struct am_error *err)
{
    *frame = NULL;
    *frame_len = 0;
    if (message.len > AM_GRPC_MESSAGE_MAX)
        return am_fail(err, AM_RESOURCE_EXHAUSTED,
                       "gRPC message: expected at most %u bytes, got %zu", AM_GRPC_MESSAGE_MAX,
                       message.len);
    *frame = malloc(AM_GRPC_PREFIX_BYTES + message.len);
    if (*frame == NULL)
        return am_fail(err, AM_RESOURCE_EXHAUSTED, "gRPC message: expected memory, got none");
    (*frame)[0] = 0;
    am_be32(*frame + 1, (uint32_t)message.len);
    if (message.len > 0)
        memcpy(*frame + AM_GRPC_PREFIX_BYTES, message.p, message.len);
    *frame_len = AM_GRPC_PREFIX_BYTES + message.len;
    return AM_OK;
}

size_t
am_grpc_percent_encode(char *out, size_t cap, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = c >= 0x20 && c <= 0x7e && c != '%';

        if (n + (plain ? 1 : 3) >= cap)
            break;
        if (plain) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        }
    }
    out[n] = '\0';
    return n;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t
am_grpc_percent_decode(char *out, size_t cap, struct am_str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && n + 1 < cap; i++) {
        char c = text.p[i];

        if (c == '%' && text.len - i > 2 && hex_value(text.p[i + 1]) >= 0 &&
            hex_value(text.p[i + 2]) >= 0) {
            c = (char)(hex_value(text.p[i + 1]) << 4 | hex_value(text.p[i + 2]));
            i += 2;
        }
        out[n++] = c == '\0' ? '?' : c; /* the result is a C string */
    }
    out[n] = '\0';
    return n;
}

void
am_grpc_timeout_write(char out[static AM_GRPC_TIMEOUT_BYTES], int64_t ms)
{
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{1, 'm'}, {1000, 'S'}, {60000, 'M'}, {3600000, 'H'}};
    size_t i = 0;
    int64_t n = ms < 0 ? 0 : ms;

    while (n > 99999999 && i + 1 < sizeof units / sizeof units[0]) {
        i++;
        n = ms / units[i].ms + (ms % units[i].ms != 0);
    }
    if (n > 99999999)
        n = 99999999;
    (void)snprintf(out, AM_GRPC_TIMEOUT_BYTES, "%u%c", (unsigned)n, units[i].unit);
}

int
am_grpc_timeout_read(int64_t *ms, struct am_str text, struct am_error *err)
{
    int64_t n = 0;

    *ms = 0;
    if (text.len < 2 || text.len > 9)
        goto bad;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            goto bad;
        n = n * 10 + (text.p[i] - '0');
    }
    switch (text.p[text.len - 1]) {
    case 'H':
        *ms = n * 3600000;
        return AM_OK;
    case 'M':
        *ms = n * 60000;
        return AM_OK;
    case 'S':
        *ms = n * 1000;
        return AM_OK;
    case 'm':
        *ms = n;
        return AM_OK;
    case 'u':
        *ms = (n + 999) / 1000;
        return AM_OK;
    case 'n':
        *ms = (n + 999999) / 1000000;
        return AM_OK;
    default:
        break;
    }
bad:
    return am_fail(err, AM_INVALID_ARGUMENT,
                   "grpc-timeout: expected 1 to 8 digits and a unit of HMSmun, got %.*s",
                   (int)(text.len > 16 ? 16 : text.len), text.p);
}

int
am_grpc_status_read(struct am_str text)
{
    int n = 0;

    if (text.len < 1 || text.len > 2)
        return AM_UNKNOWN;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return AM_UNKNOWN;
        n = n * 10 + (text.p[i] - '0');
    }
    return n <= -AM_UNAUTHENTICATED ? -n : AM_UNKNOWN;
}

int
am_grpc_of_http(int status)
{
    switch (status) {
    case 400:
        return AM_INTERNAL;
    case 401:
        return AM_UNAUTHENTICATED;
    case 403:
        return AM_PERMISSION_DENIED;
    case 404:
        return AM_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return AM_UNAVAILABLE;
    default:
        return AM_UNKNOWN;
    }
}

int
am_grpc_of_h2(uint32_t h2_error)
{
    switch (h2_error) {
    case 7: /* REFUSED_STREAM: not looked at, safe to ask again */
        return AM_UNAVAILABLE;
    case 8: /* CANCEL */
        return AM_CANCELLED;
    case 11: /* ENHANCE_YOUR_CALM */
        return AM_RESOURCE_EXHAUSTED;
    case 12: /* INADEQUATE_SECURITY */
        return AM_PERMISSION_DENIED;
    default:
        return AM_INTERNAL;
    }
}
