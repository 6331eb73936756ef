/*  dn_rpcsay -- one HTTP answer on a connection, as it is or spoiled.  */
#include "dn_rpcsay.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BOMB_RUNS 640000 /* of 258 bytes each */

static bool
put(int fd, const void *p, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t w = send(fd, (const char *)p + done, len - done, MSG_NOSIGNAL);

        if (w <= 0)
            return false;
        done += (size_t)w;
    }
    return true;
}

/* headers: whole lines, or "". */
static bool
say(int fd, const char *status, const char *headers, const char *text, size_t len, size_t claimed)
{
    char head[256];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status,
                     headers, claimed);

    return put(fd, head, (size_t)n) && put(fd, text, len);
}

bool
dn_say(int fd, const char *type, const char *text, size_t len)
{
    char headers[96];

    snprintf(headers, sizeof headers, "Content-Type: %s\r\n", type);
    return say(fd, "200 OK", headers, text, len, len);
}

/* Bits of a deflate stream, least significant first. */
struct bits {
    uint8_t *out;
    size_t count;
};

static void
bit(struct bits *b, unsigned value, unsigned n)
{
    for (unsigned i = 0; i < n; i++, b->count++)
        if ((value >> i & 1) != 0)
            b->out[b->count / 8] |= (uint8_t)(1u << b->count % 8);
}

/* One space, then the longest run of what was before, again and again: 13 bits for 258 bytes.
 * Source: RFC 1951 3.2.6 (fixed codes: 285 is 11000101, distance 1 is 00000), RFC 1952 */
static bool
say_bomb(int fd)
{
    static const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    static uint8_t body[10 + 16 + BOMB_RUNS * 13 / 8];
    struct bits b = {body, 8 * sizeof head};

    memset(body, 0, sizeof body);
    memcpy(body, head, sizeof head);
    bit(&b, 3, 3);    /* the last block, fixed codes */
    bit(&b, 0x0a, 8); /* ' ' is 0x30 + 0x20, most significant bit first */
    for (unsigned i = 0; i < BOMB_RUNS; i++) {
        bit(&b, 0xa3, 8);
        bit(&b, 0, 5);
    }
    bit(&b, 0, 7); /* the end; CRC and length, which nobody reaches, are zero */
    return say(fd, "200 OK", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
               (const char *)body, sizeof body, sizeof body);
}

bool
dn_say_spoiled(int fd, const struct dn_fault *fault, const char *text, size_t len)
{
    static const char page[] = "<html><body>502 Bad Gateway</body></html>";
    static const char busy[] = "the double was told to be busy";
    char status[32], headers[64] = "";

    switch (fault->how) {
    case DN_HTML:
        return dn_say(fd, "text/html", page, sizeof page - 1);
    case DN_HALF:
        return say(fd, "200 OK", "Content-Type: application/json\r\n", text, len / 2, len) && false;
    case DN_STATUS:
        snprintf(status, sizeof status, "%d Told So", fault->number);
        if (fault->words[0] != '\0')
            snprintf(headers, sizeof headers, "Retry-After: %s\r\n", fault->words);
        return say(fd, status, headers, busy, sizeof busy - 1, sizeof busy - 1);
    case DN_BOMB:
        return say_bomb(fd);
    default:
        return dn_say(fd, "application/json", text, len);
    }
}
