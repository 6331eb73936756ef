/*  dn_rpcreplay -- answers as a provider once did: the transcript of `attestmesh doctor --record`.
 *
 *  The same question gets the recorded answer; asked more often than it was recorded, the last one
 *  again.  Block times are moved on by the age of the transcript, so that its head is as old as it
 *  was then.  What nobody asked then is an error, never a guess.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCREPLAY_H
#define DN_RPCREPLAY_H

#include "../../common/base/am_bytes.h"

#include <jansson.h>

struct dn_rpc_replay {
    json_t *transcript;
    const char *boundary; /* "rpc", "bundler", ...: whose part is played; borrowed */
    int64_t age_s;        /* of the transcript, when it was opened */
};

/* Returns: AM_OK, AM_NOT_FOUND (no transcript there), AM_INVALID_ARGUMENT (another version, or
 *          nothing of this boundary) */
int dn_replay_open(struct dn_rpc_replay *replay, const char *path, const char *boundary,
                   struct am_error *err) AM_MUST_CHECK;
void dn_replay_close(struct dn_rpc_replay *replay);

/* dn_rpc_answer_fn and dn_rpc_get_fn; arg is the replay. */
json_t *dn_replay_answer(void *arg, const char *method, const json_t *params);
void dn_replay_get(void *arg, int fd, const char *request);

#endif
