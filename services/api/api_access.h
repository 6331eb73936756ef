/*  api_access -- pure: which uid may ask for which key, and how often.
 *
 *  A list names everybody who may, the own uid included: what is written is what holds.  Only an
 *  empty list stands for the own uid.  Who may read the CSK may also derive from it.
 *
 *  Source:  ours
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "../../common/base/am_bytes.h"

#define API_UIDS_MAX 32        /* in one list */
#define API_UID_OVERFLOW 65534 /* stands for every uid that our user namespace does not know */
#define API_BURST 16           /* key requests of one uid at once */
#define API_REFILL_MS 100      /* then one each */
#define API_REFUSALS_BURST 20  /* log lines about uids on no list, all together */
#define API_REFUSALS_REFILL_MS 1000

enum api_right { API_ANYBODY = 1, API_DERIVE, API_READ_CSK };

/* A token bucket by its one number: the time at which it will be full again. */
struct api_bucket {
    int64_t full_ms;
};

struct api_grant {
    uint32_t uid;
    bool csk; /* else derive alone */
    struct api_bucket bucket;
};

struct api_access {
    struct api_grant grant[2 * API_UIDS_MAX];
    size_t count;
    struct api_bucket refusals; /* of the log */
    uint64_t unlogged;          /* refusals since the last line about one */
};

/* Read both lists.
 * In:      csk_uids, derive_uids  ATTESTMESH_CSK_UIDS and ATTESTMESH_DERIVE_UIDS: decimal uids,
 *          separated by commas
 *          own      the own uid
 * Returns: AM_OK, AM_INVALID_ARGUMENT (no uid, API_UID_OVERFLOW, or too many; names the setting);
 *          nobody has a right then */
int api_access_read(struct api_access *access, const char *csk_uids, const char *derive_uids,
                    uint32_t own, struct am_error *err) AM_MUST_CHECK;

/* Whether uid may do this now.  A yes counts against its bucket.
 * Returns: AM_OK, AM_PERMISSION_DENIED (names uid and setting), AM_RESOURCE_EXHAUSTED (says when
 *          to ask again) */
int api_access_ask(struct api_access *access, uint32_t uid, enum api_right right, int64_t now_ms,
                   struct am_error *err) AM_MUST_CHECK;

/* Whether a refusal may be logged now; *unlogged receives how many were not since the last. */
bool api_access_log_refusal(struct api_access *access, int64_t now_ms, uint64_t *unlogged);

/* Take one of `burst`, which come back one each refill_ms.
 * Returns: 0 when there was one, else the milliseconds until there is */
int64_t api_bucket_take(struct api_bucket *bucket, int64_t now_ms, int64_t burst,
                        int64_t refill_ms);

#endif
