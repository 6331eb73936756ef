/*  sp_auth -- whose request this is: the token of the URL, and Pimlico's signature.
 *
 *  Secrets: both live in locked memory and are compared in constant time.
 *  Pure: the clock is the caller's.
 *
 *  Source: protocol page 7.1, 7.5; https://www.standardwebhooks.com (svix)
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_AUTH_H
#define SP_AUTH_H

#include "../../common/base/am_bytes.h"

#define SP_TIMESTAMP_S 300     /* a webhook is not older, nor from further in the future */
#define SP_PIMLICO_KEY_MAX 192 /* bytes of the HMAC key */
#define SP_SIGNATURE_TEXT 48   /* "v1," and 44 characters of base64, NUL */

/* Whether the token that came is the one that is set.  No token set: nobody has it.
 * Time:    independent of both texts, but for their lengths */
bool sp_token_is(const char *set, const char *came);

/* Pimlico's key out of its secret, which is not the way of the svix libraries: strip "pim_whsec_",
 * then "whsec_"; decode base 57; write that as hex; decode the hex digits as base64.
 *
 * Out:     key     zero on failure
 * Returns: AM_OK, AM_INVALID_ARGUMENT (never says what of a secret came) */
int sp_pimlico_key(uint8_t key[static SP_PIMLICO_KEY_MAX], size_t *len, const char *secret,
                   struct am_error *err) AM_MUST_CHECK;

struct sp_signed { /* NULL: the header is not there */
    const char *id, *timestamp, *signatures;
    struct am_bin body;
};

/* Check one webhook.
 * Out:     computed  the signature that it should bear, "" before it is computed
 * In:      key_len   0: there is no key, because the secret could not be decoded
 * Returns: NULL, or v1's reason: missing-headers, stale-timestamp, secret-undecodable,
 *          bad-signature */
const char *sp_pimlico_check(char computed[static SP_SIGNATURE_TEXT], const struct sp_signed *s,
                             const uint8_t *key, size_t key_len, uint64_t now);

#endif
