/*  ka_cache -- csk.v1: the CSK at rest, wrapped by a key of the TEE, as v1 writes and reads it.
 *
 *  Pure.  CBOR map of six; XChaCha20-Poly1305; cluster, member and commitment are associated data.
 *  Source: protocol page 3.0, 3.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_CACHE_H
#define KA_CACHE_H

#include "../../common/base/am_bytes.h"

#define KA_CACHE_FILE "csk.v1"
#define KA_CACHE_MAX 4096 /* bytes of the file */
#define KA_CACHE_NONCE 24

struct ka_cache_scope {              /* whose key it is: public, and authenticated by the wrap */
    const uint8_t *cluster, *member; /* 20 bytes each */
    const uint8_t *commitment;       /* 32 bytes: keccak256 of the key */
};

/* Wrap.
 *
 * Out:     out     *len bytes of KA_CACHE_MAX
 * In:      nonce   24 bytes, random, never twice under one wrap key
 *          wrap    32 bytes, secret (KA_KEY_WRAP)
 *          csk     32 bytes, secret
 * Returns: AM_OK, AM_INTERNAL (libsodium refuses)
 */
int ka_cache_wrap(uint8_t out[static KA_CACHE_MAX], size_t *len, const struct ka_cache_scope *scope,
                  const uint8_t nonce[static KA_CACHE_NONCE], const uint8_t wrap[static 32],
                  const uint8_t csk[static 32], struct am_error *err) AM_MUST_CHECK;

/* Unwrap, checked in v1's order: decode, trailing bytes, version, cluster, member, commitment,
 * decrypt, keccak.
 *
 * Out:     csk     32 bytes in locked memory; zero on failure
 * Returns: AM_OK
 *          AM_INVALID_ARGUMENT     no CBOR map of these six, or bytes behind it
 *          AM_UNIMPLEMENTED        another version
 *          AM_FAILED_PRECONDITION  of another cluster, member or commitment
 *          AM_UNAUTHENTICATED      not wrapped by this key for this scope, or not the key of the
 *                                  commitment
 */
int ka_cache_unwrap(uint8_t csk[static 32], struct am_bin file, const struct ka_cache_scope *scope,
                    const uint8_t wrap[static 32], struct am_error *err) AM_MUST_CHECK;

#endif
