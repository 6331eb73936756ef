/*  am_settings -- the environment, read once, through one typed table.
 *
 *  A name that starts with ATTESTMESH_ and is in no row of settings.def stops the start and the
 *  nearest known name is told: a typing error in a setting must not become a default.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_SETTINGS_H
#define AM_SETTINGS_H

#include "am_bytes.h"

#define AM_SETTING_TEXT 512

enum am_reader { /* which process reads a row */
                 AM_READ_KEYAGENT = 1,
                 AM_READ_CHAIN = 2,
                 AM_READ_MESH = 4,
                 AM_READ_TUNNEL = 8,
                 AM_READ_INDEXER = 16,
                 AM_READ_API = 32,
                 AM_READ_SPONSOR = 64,
                 AM_READ_CLI = 128,
                 AM_READ_DOCTOR = 256,
                 AM_READ_ALL = 511,
};

struct am_settings {
#define STR(readers, field, name, def, flags, doc) char field[AM_SETTING_TEXT];
#define U64(readers, field, name, def, min, max, flags, doc) uint64_t field;
#define BOOL(readers, field, name, def, flags, doc) bool field;
#define ADDR(readers, field, name, def, flags, doc) uint8_t field[20];
#include "settings.def"
#undef STR
#undef U64
#undef BOOL
#undef ADDR
};

/* Read and check the rows of one process.
 *
 * Out:     s       rows of other processes stay zero; all zero on failure
 * In:      reader  one bit
 *          env     NULL-terminated "NAME=value" strings, as environ
 * Returns: AM_OK
 *          AM_INVALID_ARGUMENT  a value of the wrong form or out of range, a needed one unset, both
 *                               NAME and NAME_FILE set, or an unknown ATTESTMESH_ name
 *          AM_FAILED_PRECONDITION  NAME_FILE cannot be read or is too long
 * Source:  ours; names of protocol/attestmesh-v1.md section 4
 */
int am_settings_load(struct am_settings *s, enum am_reader reader, char *const *env,
                     struct am_error *err) AM_MUST_CHECK;

/* The table as Markdown, for docs/settings.md. */
void am_settings_doc(void (*line)(void *arg, const char *text), void *arg);

#endif
