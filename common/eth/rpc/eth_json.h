/*  eth_json -- Ethereum values out of JSON, strictly: prefix, even digits, no default for what
 * lacks.
 *
 *  Every reader names the field in its error, leaves zero behind on failure, and takes a missing
 *  key or a wrong type as an error.  Pure but for memory.
 *
 *  Source: https://ethereum.org/developers/docs/apis/json-rpc/ (hex value encoding)
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_JSON_H
#define ETH_JSON_H

#include "../eth_word.h"

#include <jansson.h>

/* A string of JSON, borrowed from it.
 * In:      what    names boundary and field, e.g. "eth_getBlockByNumber hash"
 * Returns: AM_OK, AM_INVALID_ARGUMENT (absent, or another type) */
int eth_json_text(struct am_str *out, const json_t *value, const char *what,
                  struct am_error *err) AM_MUST_CHECK;

/* "0x" and exactly 2 * len digits.  Returns: AM_OK, AM_INVALID_ARGUMENT */
int eth_json_fixed(uint8_t *out, size_t len, const json_t *value, const char *what,
                   struct am_error *err) AM_MUST_CHECK;

/* "0x" and an even number of digits, "0x" alone being no byte.
 * Out:     out     memory the caller frees, NULL unless AM_OK; never NULL then
 * Returns: AM_OK, AM_INVALID_ARGUMENT, AM_RESOURCE_EXHAUSTED */
int eth_json_data(uint8_t **out, size_t *len, const json_t *value, const char *what,
                  struct am_error *err) AM_MUST_CHECK;

/* A quantity.  Returns: AM_OK, AM_INVALID_ARGUMENT, AM_OUT_OF_RANGE */
int eth_json_u64(uint64_t *out, const json_t *value, const char *what,
                 struct am_error *err) AM_MUST_CHECK;
int eth_json_word(uint8_t out[static 32], const json_t *value, const char *what,
                  struct am_error *err) AM_MUST_CHECK;

/* JSON strings of the same kinds; NULL only when memory ran out. */
json_t *eth_json_of_data(const uint8_t *p, size_t len);
json_t *eth_json_of_u64(uint64_t v);
json_t *eth_json_of_word(const uint8_t word[static 32]);

#endif
