/*  api_attest -- pure: what /attestation says, from the facts and a quote.
 *
 *  Source:  protocol page 6.4 and 3.7; event_log is ours
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_ATTEST_H
#define API_ATTEST_H

#include "api_facts.h"

#include "../../common/evidence/am_report_data.h"

/* The text of ?nonce=: hex with or without 0x, 1..AM_NONCE_MAX bytes.
 * Out:     nonce  AM_NONCE_MAX bytes
 * Returns: AM_OK, AM_INVALID_ARGUMENT (empty, not hex, odd, or more) */
int api_nonce_read(uint8_t *nonce, size_t *len, struct am_str text,
                   struct am_error *err) AM_MUST_CHECK;

/* {"available":false,"error":text}, for a nonce that is none, or a server that is busy.
 * To be freed by the caller; NULL when memory ran out. */
char *api_attest_refusal(const char *text) AM_MUST_CHECK;

/* What must be known before a quote makes sense and is not, in words; NULL when all is. */
const char *api_attest_missing(const struct api_facts *facts);

/* The report data that a quote of this node must carry.  Only when nothing is missing. */
void api_attest_report_data(uint8_t out[static 64], const struct api_facts *facts,
                            struct am_bin nonce);

struct api_quote {           /* borrowed: keyagent.quote's reply, or why there is none */
    struct am_bin quote;     /* len 0: none */
    struct am_str event_log; /* JSON array; len 0: none */
    const char *error;       /* of keyagent; NULL: none */
};

/* The page.  What is not known is null.  A quote that does not parse, or that carries other report
 * data than the facts make, is not shown, and errors.quote says why; so with errors.event_log.
 * In:      nonce   of the asker; len 0: none was given
 *          quote   NULL: none was asked for, because something is missing (errors.info)
 * Out:     status  200 when all is there, else 503
 * Returns: text to be freed by the caller; NULL when memory ran out */
char *api_attestation(const struct api_facts *facts, struct am_bin nonce,
                      const struct api_quote *quote, unsigned *status) AM_MUST_CHECK;

#endif
