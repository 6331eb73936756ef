/*  am_addr -- "IPv4:port" as text.  */
#include "am_addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
am_addr_read(struct sockaddr_in *addr, struct am_str text, const char *what, struct am_error *err)
{
    char copy[AM_ADDR_TEXT], *colon, *end;
    unsigned long port;

    memset(addr, 0, sizeof *addr);
    if (text.len >= sizeof copy)
        goto bad;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    if ((colon = strchr(copy, ':')) == NULL || colon[1] < '0' || colon[1] > '9')
        goto bad;
    *colon = '\0';
    port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port < 1 || port > 65535 || inet_pton(AF_INET, copy, &addr->sin_addr) != 1)
        goto bad;
    addr->sin_family = AF_INET;
    addr->sin_port = htons((uint16_t)port);
    return AM_OK;
bad:
    memset(addr, 0, sizeof *addr);
    return am_fail(err, AM_INVALID_ARGUMENT, "%s: expected IPv4:port, got \"%.*s\"", what,
                   text.len < 60 ? (int)text.len : 60, text.p);
}

void
am_addr_text(char out[static AM_ADDR_TEXT], const struct sockaddr_in *addr)
{
    char ip[16];

    am_ip_text(ip, ntohl(addr->sin_addr.s_addr));
    snprintf(out, AM_ADDR_TEXT, "%s:%u", ip, ntohs(addr->sin_port));
}

void
am_ip_text(char out[static 16], uint32_t ip)
{
    snprintf(out, 16, "%u.%u.%u.%u", ip >> 24 & 255, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}
