/*  am_member -- who a member is: its id, its address in the mesh, what it signs to register.
 *
 *  Source: protocol page 2.1-2.4, 3.2, 3.3, 3.7
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_MEMBER_H
#define AM_MEMBER_H

#include "../base/am_bytes.h"

extern const uint8_t am_attestor_dstack[32];   /* keccak256("attestmesh.attestor.dstack") */
extern const uint8_t am_attestor_operator[32]; /* keccak256("attestmesh.attestor.operator") */

#define AM_CSK_LEN 32
#define AM_SEALED_CSK_LEN 80

/* keccak256(abi.encode(cluster, member contract, attestor id)) */
void am_member_id(uint8_t out[static 32], const uint8_t cluster[static 20],
                  const uint8_t member[static 20], const uint8_t attestor[static 32]);

/* The member's IPv4 address, host order.
 *
 * In:      cidr_ip host order, host bits zero; prefix 0..30
 * Returns: AM_OK, or AM_OUT_OF_RANGE (prefix 31 and more: the contract panics there)
 */
int am_mesh_ip(uint32_t *out, const uint8_t member_id[static 32], uint32_t cidr_ip, uint8_t prefix,
               struct am_error *err) AM_MUST_CHECK;

/* What the derived key signs at registration (through am_eip191_32). */
void am_bind_hash(uint8_t out[static 32], const uint8_t cluster[static 20],
                  const uint8_t member[static 20], const uint8_t x_pub[static 32],
                  const uint8_t wg_pub[static 32]);

/* bytes32(bytes20(member)): the address in front, 12 zero bytes behind. */
void am_code_id(uint8_t out[static 32], const uint8_t member[static 20]);

/* keccak256(CSK), as cskCommitment() holds it. */
void am_csk_commitment(uint8_t out[static 32], const uint8_t csk[static 32]);

/* Ed25519 seed of the cluster-shared indexer identity: HKDF-SHA512 of the CSK. */
int am_indexer_seed(uint8_t out[static 32], const uint8_t csk[static 32],
                    struct am_error *err) AM_MUST_CHECK;

/* report_data of the node's /attestation: keccak256(cluster, member, x, wg, ed25519), then
 * keccak256(nonce), or 32 zero bytes for an empty nonce. */
void am_report_data_node(uint8_t out[static 64], const uint8_t cluster[static 20],
                         const uint8_t member[static 20], const uint8_t x_pub[static 32],
                         const uint8_t wg_pub[static 32], const uint8_t ed25519_pub[static 32],
                         struct am_bin nonce);
/* report_data of an indexer's quote: keccak256 of the ABI tuple (string, bytes32) behind one
 * offset word, then zeros.  plain leaves that word out: verifiers take either. */
void am_report_data_indexer(uint8_t out[static 64], const uint8_t pub[static 32], bool plain);

/* The envelope id of a PeerEndpoint: keccak256(kind, member id, now as u64 little-endian). */
void am_envelope_id_peer(uint8_t out[static 32], const uint8_t member_id[static 32],
                         uint64_t now_ms);
/* The sender that owner commands show: keccak256("attestmesh.cluster-owner.v1", owner). */
void am_owner_sender_id(uint8_t out[static 32], const uint8_t owner[static 20]);

#endif
