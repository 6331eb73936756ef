/*  api_socket -- the socket file of the application: made, never stolen, removed at the end.
 *
 *  Two of us are kept apart by a lock beside it, `<path>.lock`; a server that knows no such lock
 *  (v1's sidecar) by a connection that it takes.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_SOCKET_H
#define API_SOCKET_H

#include "../../common/base/am_bytes.h"

#include <sys/types.h>

#define API_SOCKET_PATH 108 /* sun_path of unix(7) */

struct api_socket {
    char path[API_SOCKET_PATH];
    int lock_fd; /* -1 while there is none */
    dev_t dev;   /* of the socket that we made, with ino */
    ino_t ino;
};

/* Make the last folder of path, mode 0750, when it is missing.  Before the sandbox: it leaves open
 * only folders that are there.
 * Returns: AM_OK, AM_INVALID_ARGUMENT (path), AM_FAILED_PRECONDITION (it cannot be made) */
int api_socket_folder(const char *path, struct am_error *err) AM_MUST_CHECK;

/* Listen at path, mode 0660: who may connect is who shares our group.
 *
 * Out:     socket  to be closed by api_socket_close, also after a failure
 *          fd      does not block; owned by the caller, who closes it; -1 unless AM_OK
 * Returns: AM_OK
 *          AM_INVALID_ARGUMENT     not absolute, or longer than a socket's name may be
 *          AM_ALREADY_EXISTS       another process serves there
 *          AM_FAILED_PRECONDITION  something that is no socket is there, or one of which we cannot
 *                                  say that it is dead; or the folder refuses us
 * Source:  unix(7); protocol page 6.5 */
int api_socket_open(struct api_socket *socket, int *fd, const char *path,
                    struct am_error *err) AM_MUST_CHECK;

/* Remove the file if it is still ours, and give up the lock. */
void api_socket_close(struct api_socket *socket);

#endif
