/*  am_cbor -- the CBOR that AttestMesh v1 speaks: a writer of its exact shapes, a bounded reader.
 *
 *  The reader takes what v1's peers take: tags are skipped, indefinite lengths and longer integer
 *  forms accepted, byte strings taken where arrays of small integers are meant, unknown map keys
 *  ignored.  Duplicate and missing keys are the business of whoever reads the map; see am_peer.c.
 *  Nesting is bounded, nothing is allocated, nothing recurses without a bound.
 *
 *  Source: RFC 8949; protocol page 3.0
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_CBOR_H
#define AM_CBOR_H

#include "../base/am_bytes.h"

#define AM_CBOR_DEPTH 256 /* nesting of items that are skipped, as v1 */

/* Writer: appends to memory or feeds a sink; sticky. */
struct am_cbor_out {
    uint8_t *p;      /* caller's memory; unused when there is a sink */
    size_t cap, len; /* len counts all bytes, also those that did not fit */
    bool full;       /* len is above cap: what is at p is not whole */
    void (*sink)(void *arg, const void *p, size_t len); /* NULL, or gets the bytes instead */
    void *arg;
};
void am_cbor_map(struct am_cbor_out *o, uint64_t pairs);
void am_cbor_array(struct am_cbor_out *o, uint64_t items);
void am_cbor_uint(struct am_cbor_out *o, uint64_t v);
void am_cbor_text(struct am_cbor_out *o, struct am_str s);
void am_cbor_key(struct am_cbor_out *o, const char *key);
void am_cbor_ints(struct am_cbor_out *o, const uint8_t *p, size_t len); /* array of integers */

/* Reader: sticky; every getter writes zero after a failure. */
struct am_cbor_in {
    const uint8_t *p;
    size_t len, at;
    int rc;           /* enum am_err */
    const char *what; /* names the boundary in the error */
    struct am_error *err;
};
struct am_cbor_list { /* a map or array that is being walked */
    uint64_t left;    /* entries to come, when not indefinite */
    bool indefinite;
};
void am_cbor_start(struct am_cbor_in *in, struct am_bin b, const char *what, struct am_error *err);
void am_cbor_enter_map(struct am_cbor_in *in, struct am_cbor_list *l);
void am_cbor_enter_array(struct am_cbor_in *in, struct am_cbor_list *l);
bool am_cbor_more(struct am_cbor_in *in, struct am_cbor_list *l); /* takes one entry or the break */
void am_cbor_get_uint(struct am_cbor_in *in, uint64_t max, uint64_t *out);
/* Text into the caller's memory, NUL-terminated; at most cap - 1 bytes, valid UTF-8, no NUL. */
void am_cbor_get_text(struct am_cbor_in *in, char *out, size_t cap);
/* The same, but text that does not fit becomes "". */
void am_cbor_get_text_lax(struct am_cbor_in *in, char *out, size_t cap);
/* A map key: text or byte string; one that does not fit becomes "" (no key of ours is empty). */
void am_cbor_get_key(struct am_cbor_in *in, char *out, size_t cap);
/* Exactly len bytes: an array of integers 0..255, or a byte string. */
void am_cbor_get_ints(struct am_cbor_in *in, uint8_t *out, size_t len);
bool am_cbor_get_null(struct am_cbor_in *in); /* takes a null (or undefined) if one is next */
void am_cbor_skip(struct am_cbor_in *in);     /* one item of any kind */
int am_cbor_fail(struct am_cbor_in *in, const char *expected); /* sticky AM_INVALID_ARGUMENT */

#endif
