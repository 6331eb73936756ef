/*  am_log -- one line per event on stderr: JSON, or short text when stderr is a terminal.
 *
 *  Levels promise something: error wakes a person, warn is counted, info is an event of a life,
 *  debug is for us.  Secrets never come here; lengths do.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_LOG_H
#define AM_LOG_H

#include "am_err.h"

#include <stdbool.h>
#include <stdint.h>

enum am_level { AM_DEBUG, AM_INFO, AM_WARN, AM_ERROR };

/* Name the process and choose form and threshold.  Call once, first thing in main.
 * In:  service  static text, e.g. "chain"
 *      format   "json", "pretty", or NULL/"" for JSON unless stderr is a terminal (LOG_FORMAT)
 *      level    "debug", "info", "warn" or "error"; NULL/"" is info (LOG_LEVEL) */
void am_log_open(const char *service, const char *format, const char *level);

/* One event.  event: a dotted static name, "gate.opened".  fmt: `key=%s other=%d`: the text after
 * it is split at blanks into key=value pairs in JSON, so a value with blanks comes last as
 * `reason="...%s"`: everything between the first and the last quote is one value. */
void am_log(enum am_level level, const char *event, const char *fmt, ...) AM_PRINTF(3, 4);

/* One boundary call, once: what was asked, how long it took, how it ended, to which conversation
 * it belongs.  outcome: AM_OK or the failure; err may be NULL. */
void am_log_call(const char *boundary, const char *what, int64_t took_ms, int outcome,
                 const struct am_error *err, const char *correlation);

#endif
