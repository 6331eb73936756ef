/*  ka_quote -- evidence over the own public keys: what is asked for, and whether that came back.
 *
 *  Pure.  Form and report_data are checked here; whether Intel signed the quote is a verifier's
 *  question.
 *  Source: dstack page 1.4, 6.1; protocol page 3.7, 6.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_QUOTE_H
#define KA_QUOTE_H

#include "../../common/base/am_bytes.h"

#define KA_QUOTE_MAX 16384  /* as keyagent.quote */
#define KA_EVENTS_MAX 40960 /* as keyagent.quote */
#define KA_QUOTE_DEADLINE_S 30.0

struct ka_quote {
    size_t len, events_len; /* events_len 0: the agent gave no event log */
    uint8_t bytes[KA_QUOTE_MAX];
    char events[KA_EVENTS_MAX];
};

/* Take the answer to GetQuote.
 *
 * In:      report_data  what was asked for; the quote's own must be the same
 * Returns: AM_OK
 *          AM_INVALID_ARGUMENT  no JSON of that shape, no TDX quote of version 4, or an event log
 *                               beyond ASCII
 *          AM_RESOURCE_EXHAUSTED  quote or event log longer than the limits above
 *          AM_UNAUTHENTICATED   a quote over other report data
 */
int ka_quote_read(struct ka_quote *quote, struct am_str body, const uint8_t report_data[static 64],
                  struct am_error *err) AM_MUST_CHECK;

#endif
