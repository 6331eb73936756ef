/*  guest_double -- the guest-agent simulator inside a test's own event loop.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef GUEST_DOUBLE_H
#define GUEST_DOUBLE_H

#include "dn_guest.h"

struct guest_double {
    struct ev_loop *loop;
    struct dn_guest guest;
    struct dn_http *http;
    char dir[64], socket[96];
};

/* The keys of the upstream simulator: V-A. */
void guest_double_open(struct guest_double *d, enum dn_compat compat);
void guest_double_close(struct guest_double *d);

/* A client's blocking socket. */
int guest_double_dial(const struct guest_double *d);

/* Run the loop until the server closes, or `enough` bytes are here, or ms have passed.
 * Returns: bytes in out (NUL behind them); *closed: the server has closed */
size_t guest_double_read(const struct guest_double *d, int fd, char *out, size_t cap, size_t enough,
                         int ms, bool *closed);

void unhex(uint8_t *out, size_t len, const char *text);

#endif
