/*  cli_file -- a whole file that the operator named.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include "../common/base/am_bytes.h"

/* Read a file.
 * Out:     bytes  owned by the caller (free); NULL unless AM_OK
 * Returns: AM_OK, AM_NOT_FOUND (cannot be opened or read), AM_OUT_OF_RANGE (more than max bytes),
 *          AM_RESOURCE_EXHAUSTED */
int cli_file_read(uint8_t **bytes, size_t *len, const char *path, size_t max,
                  struct am_error *err) AM_MUST_CHECK;

#endif
