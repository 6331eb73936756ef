/*  ka_heartbeat -- sign a heartbeat of the own member.
 *
 *  Pure.  The digest is made here, so that nothing but a heartbeat is ever signed with this key.
 *  Source: protocol page 3.5
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_HEARTBEAT_H
#define KA_HEARTBEAT_H

#include "ka_view.h"

/* Out:     sig     64 bytes; zero on failure
 * In:      view    gives the own member id
 *          seed    32 bytes, Ed25519; pub its own public key
 * Returns: AM_OK, AM_FAILED_PRECONDITION (no view yet), AM_INVALID_ARGUMENT (connected is not a
 *          whole number of ids, or more than AM_HEARTBEAT_IDS) */
int ka_heartbeat_sign(uint8_t sig[static 64], const struct ka_view *view, uint64_t timestamp_ms,
                      struct am_bin connected, const uint8_t seed[static 32],
                      const uint8_t pub[static 32], struct am_error *err) AM_MUST_CHECK;

#endif
