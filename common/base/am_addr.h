/*  am_addr -- "IPv4:port" as text.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_ADDR_H
#define AM_ADDR_H

#include "am_bytes.h"

#include <netinet/in.h>

#define AM_ADDR_TEXT 22 /* 255.255.255.255:65535 and NUL */

/* Read an address.
 * In:      what  names the setting or boundary in the error
 * Returns: AM_OK, or AM_INVALID_ARGUMENT (no IPv4 in dots, or port not 1..65535); zero then */
int am_addr_read(struct sockaddr_in *addr, struct am_str text, const char *what,
                 struct am_error *err) AM_MUST_CHECK;

void am_addr_text(char out[static AM_ADDR_TEXT], const struct sockaddr_in *addr);

/* Dots of an IPv4 address in host order.  out: 16 bytes. */
void am_ip_text(char out[static 16], uint32_t ip);

#endif
