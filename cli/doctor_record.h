/*  doctor_record -- the transcript of one visit: what was asked and what came, without secrets.
 *
 *  {"transcript": 1, "recorded_at": seconds, "exchanges": [
 *    {"boundary": "rpc", "host": "...", "method": "...", "params": [...], "result": ...},
 *    {"boundary": "bundler", ..., "error": {"code": n, "message": "..."}},
 *    {"boundary": "sponsor", "host": "...", "get": "/identity", "status": 200, "body": {...}},
 *    {"boundary": "guest_agent", "method": "GetKey", "result": {"signature_chain": [...]}}]}
 *
 *  Hosts and addresses are kept.  Of URLs neither path nor query is; keys, quotes and the
 *  paymaster's context never come here; at the end the whole text is held against every secret
 *  setting once more.  The devnet's rpc-double replays it.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCTOR_RECORD_H
#define DOCTOR_RECORD_H

#include "../common/base/am_bytes.h"

#include <jansson.h>

struct doctor_record {
    json_t *exchanges;
};

int doctor_record_open(struct doctor_record *record, struct am_error *err) AM_MUST_CHECK;
void doctor_record_close(struct doctor_record *record);

/* All borrow what they are given; record NULL is accepted and does nothing.
 * In: result  NULL: the call failed, see words */
void doctor_record_rpc(struct doctor_record *record, const char *boundary, const char *url,
                       const char *method, const json_t *params, const json_t *result,
                       int64_t error_code, const char *words);
/* In: body  NULL: it was no JSON */
void doctor_record_get(struct doctor_record *record, const char *boundary, const char *url,
                       const char *path, int status, const json_t *body);
/* One fact that came some other way.  value: taken over. */
void doctor_record_fact(struct doctor_record *record, const char *boundary, const char *method,
                        json_t *value);

/* Write it, 0600.
 * In:      secrets  count texts that may not be in it: URLs and what else is SECRET; "" is skipped
 * Returns: AM_OK, AM_UNAVAILABLE (the file), AM_DATA_LOSS (a secret would have been in it: nothing
 *          is written) */
int doctor_record_write(const struct doctor_record *record, const char *path, int64_t now_s,
                        const char *const *secrets, size_t count,
                        struct am_error *err) AM_MUST_CHECK;

#endif
