/*  evidence_flip -- every byte of a quote and of its event log, changed and judged.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef EVIDENCE_FLIP_H
#define EVIDENCE_FLIP_H

#include "../../common/evidence/am_evidence.h"

struct flip { /* what became of one region */
    const char *region;
    size_t bytes, tried;
    char missed[160]; /* "" when every flip was refused by the check that should */
};

typedef void flip_fn(void *arg, const struct flip *flip);

struct flip_how {
    const uint8_t *root; /* 32 */
    int64_t now;
    size_t stride;     /* 1: every byte; n: every n-th */
    bool both;         /* one bit, then all bits; else one bit */
    bool certificates; /* their DER and PEM too: three quarters of the time */
    flip_fn *fn;       /* called for each region */
    void *arg;
};

/* Each byte of the quote in turn; then each byte of each certificate's DER, put back into the PEM.
 * The quote must be a good one, with an auth data of 32 bytes as all have. */
void flip_quote(struct am_bin quote, const struct flip_how *how);

/* Each byte of name and payload of each RTMR3 event, once with the digest left as it is, once with
 * the digest made to fit; and each digest of the other registers. */
void flip_log(struct am_bin quote, const char *log, const struct flip_how *how);

#endif
