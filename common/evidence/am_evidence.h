/*  am_evidence -- what a node shows of itself, read and judged: v1's /attestation, or a quote.
 *
 *  Trust:   everything read is hostile.
 *  Pure: time, root and nonce are arguments.
 *
 *  Source: protocol page 3.7, 6.4, with our field event_log; dstack page 1.4 (GetQuote), 6.3
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_EVIDENCE_H
#define AM_EVIDENCE_H

#include "am_eventlog.h"
#include "am_quote.h"
#include "am_report_data.h"
#include "am_verdict.h"

#define AM_EVIDENCE_MAX (8u << 20) /* bytes of an answer or a file */

struct am_evidence {
    uint8_t quote_bytes[AM_QUOTE_MAX];
    size_t quote_len;
    bool has_keys; /* an /attestation answer; not so in a bare quote or a guest agent's answer */
    struct am_report_keys keys;
    uint8_t nonce[AM_NONCE_MAX];
    size_t nonce_len;       /* 0: the answer says null */
    struct am_error answer; /* AM_OK, or the first field that has not its form */
    char *log_text;         /* owned; NULL: no event log */
    void *tree;             /* the JSON, owned; NULL for a bare quote */
    struct am_quote quote;  /* borrows from quote_bytes; zero while check `form` has not passed */
    struct am_eventlog log; /* zero while check `event_log` has not passed */
};

struct am_expect {
    const uint8_t *root;         /* 32: am_intel_root */
    int64_t now;                 /* seconds since 1970 */
    struct am_bin nonce;         /* that we just sent; empty: the evidence is a record */
    const uint8_t *compose_hash; /* 32, or NULL: not compared */
    const uint8_t *app_id;       /* 20, or NULL: not compared */
};

/* Take apart what a node, a guest agent or a file gave: a JSON object (/attestation, or GetQuote's
 * answer), hex of a quote, or a quote.
 *
 * Out:     e     to be released with am_evidence_clear, also after a failure.  Large: not for a
 *                stack
 * Returns: AM_OK; a field that has not its form is for the judge: e->answer
 *          AM_UNAVAILABLE       the node says that it has none, with its words
 *          AM_INVALID_ARGUMENT  neither JSON object nor hex nor a quote
 *          AM_OUT_OF_RANGE      longer than AM_EVIDENCE_MAX
 *          AM_RESOURCE_EXHAUSTED */
int am_evidence_read(struct am_evidence *e, struct am_bin in, struct am_error *err) AM_MUST_CHECK;
void am_evidence_clear(struct am_evidence *e);

/* Every check of am_checks.def.  Out: v  from zero */
void am_evidence_judge(struct am_verdict *v, struct am_evidence *e, const struct am_expect *expect);

#endif
