/*  am_report_data -- what a node has its quote say: its public keys, and the asker's nonce.
 *
 *  Pure.
 *
 *  Source: protocol page 3.7 ("sidecar /attestation report_data") and 6.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_REPORT_DATA_H
#define AM_REPORT_DATA_H

#include "../base/am_bytes.h"

#define AM_NONCE_MAX 64 /* bytes; 1 at least */

struct am_report_keys { /* what the first half binds, in this order */
    uint8_t cluster[20], member[20];
    uint8_t x_pub[32], wg_pub[32], ed25519_pub[32];
};

/* keccak256(cluster, member, x, wg, ed25519), then keccak256(nonce), or 32 zeros for an empty one.
 * Out:     out  64 bytes */
void am_report_data(uint8_t out[static 64], const struct am_report_keys *keys, struct am_bin nonce);

#endif
