/*  am_file -- small files of state: read whole and bounded, written whole or not at all.
 *
 *  The folder must be the caller's own and closed to everybody else (0700), a file likewise (0600):
 *  what another user could have written is not read, and nothing is written where he could look.
 *  Links are not followed.  One file descriptor at a time, no thread, no lock: each file has one
 *  writer.
 *
 *  Source: protocol page 3.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_FILE_H
#define AM_FILE_H

#include "am_bytes.h"

#define AM_FILE_NAME_MAX 64 /* bytes of a name: one component, no slash */

/* Read a whole file.
 *
 * Out:     out     max bytes; what is behind *len is unspecified
 *          len     bytes read; 0 on failure
 * Returns: AM_OK
 *          AM_NOT_FOUND         no such file, or no such folder
 *          AM_PERMISSION_DENIED folder or file of another user or open to others, a link, or no
 *                               regular file
 *          AM_OUT_OF_RANGE      longer than max
 *          AM_UNAVAILABLE       the system refuses
 */
int am_file_read(const char *dir, const char *name, void *out, size_t max, size_t *len,
                 struct am_error *err) AM_MUST_CHECK;

/* Replace a file, 0600: after a kill at any moment the name is what it was or what it shall be.
 * A folder that is absent is made, 0700; the one above it must be there.
 *
 * Returns: AM_OK: it is on disk; AM_PERMISSION_DENIED (the folder, as above), AM_UNAVAILABLE: the
 *          old file is still there, unless the text says otherwise
 */
int am_file_write(const char *dir, const char *name, struct am_bin bytes,
                  struct am_error *err) AM_MUST_CHECK;

/* Remove a file.  Absent is well.
 * Returns: AM_OK, AM_PERMISSION_DENIED (the folder, as above), AM_UNAVAILABLE */
int am_file_remove(const char *dir, const char *name, struct am_error *err) AM_MUST_CHECK;

#endif
