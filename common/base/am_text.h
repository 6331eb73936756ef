/*  am_text -- printing into a buffer that may be too small, without losing sight of it.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_TEXT_H
#define AM_TEXT_H

#include "am_bytes.h"

struct am_text {
    char *p; /* the caller's; NUL-terminated after the first print */
    size_t cap, len;
    bool full; /* something did not fit: nothing after it was written */
};

void am_text(struct am_text *t, const char *fmt, ...) AM_PRINTF(2, 3);

/* A JSON string, escaped to ASCII byte by byte. */
void am_text_json(struct am_text *t, struct am_str s);

#endif
