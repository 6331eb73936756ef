/*  evidence_made -- quotes signed by a root of our own, right but where the test wants them wrong.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef EVIDENCE_MADE_H
#define EVIDENCE_MADE_H

#include "../../common/evidence/am_evidence.h"

#include <openssl/x509.h>

#define MADE_NOW 1780000000 /* inside the certificates' dates */

struct made { /* zero: everything is right */
    /* What is wrong with the certificates. */
    bool leaf_without_extension, leaf_is_ca, leaf_unnamed_issuer, issuer_is_no_ca, root_for_none,
        issuer_signs_itself, issuer_not_strict, leaf_skips_issuer, expired_leaf, future_issuer;
    /* Called before the part is signed; NULL: nothing to change. */
    void (*touch_quote)(uint8_t *quote);
    void (*touch_qe)(uint8_t *report);
    bool other_pck_key, other_attestation_key; /* signs instead of the one that is named */
    /* Filled by made_quote. */
    uint8_t bytes[AM_QUOTE_MAX], root[32];
    size_t len;
};

/* Make the quote of body fields as they stand in bytes (from offset 48 on). */
void made_quote(struct made *m);

/* The event log of a boot, as JSON text (free it); rtmr3 and the others as they replay. */
char *made_log(uint8_t rtmr[static 4][48], const uint8_t app_id[static 20],
               const uint8_t compose_hash[static 32]);

/* An /attestation answer around the quote (free it); log may be NULL. */
char *made_answer(const struct made *m, const struct am_report_keys *keys, struct am_bin nonce,
                  const char *log);

/* SHA-384 of an RTMR3 event's version 1 preimage, in hex with NUL. */
void made_digest(char out[static 97], const char *name, struct am_bin payload);

#endif
