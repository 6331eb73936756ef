/*  ka_link -- what /Version, /Info and /GetKey answered, believed only as far as it checks out.
 *
 *  Pure.  Source: dstack page 1.3, 1.4, 1.7; protocol page 2.4, 2.9
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_LINK_H
#define KA_LINK_H

#include "ka_self.h"

/* One key's signature chain: public. */
struct ka_link {
    uint8_t pub[33];     /* secp256k1, of the key */
    uint8_t app_pub[33]; /* who signed the first entry */
    uint8_t app_sig[65]; /* v 27/28 */
    bool has_kms;
    uint8_t kms_root[20];
    uint8_t kms_sig[65]; /* v 27/28 */
};

const char *ka_key_path(enum ka_key key);
const char *ka_key_purpose(enum ka_key key);

/* The body of the request for a key, `{"path":"...","purpose":"..."}`, as v1 sends it.
 * out: 160 bytes. */
void ka_key_request(char out[static 160], enum ka_key key);

/* Take the agent's version; 0.5.7 is the floor, since older ones do not know `algorithm` and `k256`
 * as we mean them and have no Version.
 *
 * Out:     version   NUL-terminated, at most 64 bytes
 * Returns: AM_OK, AM_INVALID_ARGUMENT (shape), AM_UNIMPLEMENTED (older than 0.5.7)
 */
int ka_version_read(char version[static 65], struct am_str body,
                    struct am_error *err) AM_MUST_CHECK;

/* Take app_id, compose_hash, instance_id and device_id; lengths are strict, instance_id may be
 * empty.  Other members are passed over.
 * Returns: AM_OK, AM_INVALID_ARGUMENT */
int ka_info_read(struct ka_self *self, struct am_str body, struct am_error *err) AM_MUST_CHECK;

/* Take a key and check its chain: the public key is derived again, the app key recovered from the
 * first entry, the KMS root from the second.  An empty second entry is "no KMS", not an error.
 *
 * Out:     key     32 bytes in locked memory; zero on failure
 * Returns: AM_OK
 *          AM_INVALID_ARGUMENT  lengths, hex, a key that is no scalar, v not 0/1, high s
 *          AM_UNAUTHENTICATED   nothing recovers
 */
int ka_link_read(struct ka_link *link, uint8_t key[static 32], struct am_str body,
                 enum ka_key which, const uint8_t app_id[static 20],
                 struct am_error *err) AM_MUST_CHECK;

/* Put the first link into self, or hold a further one against it: one app has one app key and one
 * KMS, and a chain over another public key recovers to a stranger.
 * Returns: AM_OK, or AM_UNAUTHENTICATED naming the two that differ */
int ka_link_join(struct ka_self *self, bool first, const struct ka_link *link, enum ka_key which,
                 struct am_error *err) AM_MUST_CHECK;

/* Derive the public halves when all keys of the start are there.
 * In: owner  the OWNER link
 * Returns: AM_OK, AM_INVALID_ARGUMENT (a key that gives no public half) */
int ka_self_derive(struct ka_self *self, const struct ka_keys *keys, const struct ka_link *owner,
                   struct am_error *err) AM_MUST_CHECK;

#endif
