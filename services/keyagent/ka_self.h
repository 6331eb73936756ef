/*  ka_self -- who this node is, and the keys that prove it.
 *
 *  struct ka_keys lives in am_secret memory and nowhere else; struct ka_self is public.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_SELF_H
#define KA_SELF_H

#include "../../common/base/am_bytes.h"

/* The keys that are asked for, with v1's path and purpose.  In v1's words the path carries the
 * purpose and the purpose the sub-key; the names here are the guest agent's.
 * Not asked for: attestmesh.binding.v1 (v1 held it and used it for nothing), attestmesh.indexer.*
 * (signed by no request yet).  A key that nobody needs stays in the TEE.
 * Source: protocol page 2.9 */
#define KA_KEY_LIST(X)                                                                             \
    X(IDENTITY, "attestmesh.identity.v1", "", "X25519 secret and Ed25519 seed")                    \
    X(WIREGUARD, "attestmesh.wireguard.v1", "", "WireGuard private key")                           \
    X(OWNER, "attestmesh-binding-v1", "ethereum", "registration and every user operation")         \
    X(WRAP, "attestmesh.csk-cache.v1", "wrap-v1", "wraps the CSK in csk.v1")                       \
    X(CSK, "attestmesh.cluster-shared.v1", "csk-v1", "the originator's Cluster Shared Key")

enum ka_key {
#define X(name, path, purpose, doc) KA_KEY_##name,
    KA_KEY_LIST(X)
#undef X
        KA_KEY_COUNT
};
#define KA_KEYS_AT_START KA_KEY_CSK /* the ones before it; the CSK is asked for on demand */

struct ka_self {
    char agent_version[65];
    uint8_t app_id[20];
    uint8_t member[20]; /* MEMBER_CONTRACT, or app_id */
    uint8_t compose_hash[32], device_id[32], instance_id[20];
    size_t instance_id_len; /* 0 or 20 */
    uint8_t x_pub[32], ed25519_pub[32], wg_pub[32];
    uint8_t owner_pub[33], owner[20];
    uint8_t app_pub[33];  /* recovered from signature_chain[0], the same for every key */
    uint8_t app_sig[65];  /* of the owner key, v 27/28 */
    bool has_kms;         /* false: the agent has no KMS, kms_root and kms_sig are zero */
    uint8_t kms_root[20]; /* recovered from signature_chain[1] */
    uint8_t kms_sig[65];  /* v 27/28 */
};

struct ka_keys {
    uint8_t key[KA_KEYS_AT_START][32]; /* by enum ka_key */
};

#endif
