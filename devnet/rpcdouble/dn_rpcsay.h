/*  dn_rpcsay -- one HTTP answer on a connection, as it is or spoiled.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCSAY_H
#define DN_RPCSAY_H

#include "dn_rpcfault.h"

/* Returns: whether the connection may go on; a short write ends it (loopback and small). */
bool dn_say(int fd, const char *type, const char *text, size_t len);

/* Say a JSON text as the fault has it: a page, a status, a half, a bomb, or the text itself. */
bool dn_say_spoiled(int fd, const struct dn_fault *fault, const char *text, size_t len);

#endif
