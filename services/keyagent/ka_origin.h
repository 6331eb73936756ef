/*  ka_origin -- what made the identity of this node, written down once: identity.v1.
 *
 *  Keys come from the TEE at each start, so nothing on disk makes them; but other keys than last
 *  time are another node to the cluster, and must not come about by a changed app id, KMS or mount.
 *  The file holds public values alone.  One that cannot be read as what it is stops the node: a
 *  broken record must not become a fresh identity.  An operator who wants new keys removes it.
 *
 *  Form: one JSON object of texts: version "1", attestor, app_id, kms_root ("" without a KMS),
 *  x_pub, ed25519_pub, wg_pub, owner; bytes in lower-case hex.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_ORIGIN_H
#define KA_ORIGIN_H

#include "ka_self.h"

#define KA_ORIGIN_FILE "identity.v1"
#define KA_ORIGIN_MAX 1024 /* bytes of the file */

/* The record of this node; out is NUL-terminated.  Pure. */
void ka_origin_write(char out[static KA_ORIGIN_MAX], const char *attestor,
                     const struct ka_self *self);

/* Hold a record against the keys of now.  Pure.
 * Returns: AM_OK
 *          AM_FAILED_PRECONDITION  another origin: the text names the first field that differs
 *          AM_DATA_LOSS            no record of this form */
int ka_origin_judge(struct am_str record, const char *attestor, const struct ka_self *self,
                    struct am_error *err) AM_MUST_CHECK;

/* Read the record and judge it; write it where there is none.  One that cannot be written is
 * logged: a full disk must not keep a node down.
 *
 * In:      dir     SIDECAR_STATE_DIR
 * Returns: what ka_origin_judge says, and what am_file_read says of a record that is there */
int ka_origin_hold(const char *dir, const char *attestor, const struct ka_self *self,
                   struct am_error *err) AM_MUST_CHECK;

#endif
