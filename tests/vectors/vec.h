/*  vec -- run golden data: load a file, walk its cases, compare, count.
 *
 *  A check that fails is printed with file, case and what was expected; the program goes on and
 *  ends with 1.  A case that lacks a field, or a field of another shape, is a failure too.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef VEC_H
#define VEC_H

#include "../../common/base/am_bytes.h"

#include <jansson.h>

#define VEC_MAX 65536 /* bytes of one hex field */

/* One case of each file. */
void vec_keccak256(const json_t *c);
void vec_identity(const json_t *c);
void vec_sealed_box(const json_t *c);
void vec_shared_indexer_identity(const json_t *c);
void vec_member(const json_t *c);
void vec_heartbeat(const json_t *c);
void vec_peer_endpoint(const json_t *c);
void vec_indexer_envelope(const json_t *c);
void vec_registration(const json_t *c);
void vec_calldata(const json_t *c);
void vec_events(const json_t *c);
void vec_transaction(const json_t *c);
void vec_userop(const json_t *c);

/* Record one check. */
void vec_check(bool ok, const char *what);
#define CHECK(cond) vec_check((cond), #cond)
/* Bytes must equal a hex field. */
void vec_same(const json_t *c, const char *key, const void *got, size_t len);
/* Text must equal a string field. */
void vec_same_text(const json_t *c, const char *key, const char *got);

const json_t *vec_field(const json_t *c, const char *key); /* recorded as failed when absent */
bool vec_null(const json_t *c, const char *key);           /* absent or null */
bool vec_true(const json_t *c, const char *key);
const char *vec_text(const json_t *c, const char *key);  /* "" when absent */
struct am_bin vec_hex(const json_t *value);              /* borrowed from a ring of buffers */
struct am_bin vec_bin(const json_t *c, const char *key); /* a hex field, any length */
void vec_fixed(const json_t *c, const char *key, uint8_t *out, size_t len);
uint64_t vec_u64(const json_t *c, const char *key); /* number, decimal or 0x text */
void vec_word(const json_t *c, const char *key, uint8_t out[static 32]); /* quantity */

#endif
