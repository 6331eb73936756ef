/*  dn_guest -- what the guest agent knows and answers: keys, info, quotes.
 *
 *  Speaks JSON.  A POST without a JSON content type, which the real agent reads as protobuf, gets a
 *  400 that says so.
 *
 *  Source: dstack page 1.2-1.4, 1.7, 2.2, 3.1
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_GUEST_H
#define DN_GUEST_H

#include "dn_http.h"

/* Columns of the compatibility table; between two of them nothing changes that is served here. */
enum dn_compat {
    DN_COMPAT_0_4_2,
    DN_COMPAT_0_5_0,  /* EmitEvent */
    DN_COMPAT_0_5_3,  /* Info with os_image_hash and vm_config */
    DN_COMPAT_0_5_5,  /* GetQuote with vm_config */
    DN_COMPAT_0_5_6,  /* GetKey reads algorithm, Info with cloud_*, device_id constant */
    DN_COMPAT_0_5_11, /* and 0.5.7: Version, k256 an alias, prehashed refused */
    DN_COMPAT_NEXT,   /* the snapshot: no EmitEvent, GetQuote with attestation */
    DN_COMPAT_0_6_0,  /* 404 for an unknown method, EmitEvent always refused */
};

#define DN_QUOTE_LEN 5010

struct dn_guest {
    enum dn_compat compat;
    const char *version; /* what Version says; static or argv */
    uint8_t app_id[20], instance_id[20], compose_hash[32];
    uint8_t app_key[32], app_pub[33];
    uint8_t kms_signature[65];
    size_t kms_signature_len; /* 0 without a KMS, else 65 */
    struct dn_faults faults;
};

/* The KMS root scalar of upstream's signature_chain.json; used when nothing else is named. */
extern const uint8_t dn_fixture_root[32];

/* Fill app_key, app_pub and kms_signature as a KMS with this root would hand them over. */
int dn_guest_issue(struct dn_guest *g, const uint8_t root[static 32],
                   struct am_error *err) AM_MUST_CHECK;

/* Take an app key and the KMS's signature as they are; signature empty: no KMS. */
int dn_guest_load(struct dn_guest *g, const uint8_t app_key[static 32], struct am_bin signature,
                  struct am_error *err) AM_MUST_CHECK;

/* One key with its chain, before it becomes JSON.
 * In:      ed25519  claim an Ed25519 public key instead of a secp256k1 one */
struct dn_key {
    uint8_t key[32], chain0[65];
};
int dn_guest_key(const struct dn_guest *g, struct dn_key *out, struct am_str path,
                 struct am_str purpose, bool ed25519, struct am_error *err) AM_MUST_CHECK;

/* dn_handler_fn; arg is struct dn_guest. */
void dn_guest_handle(void *arg, const struct dn_request *request, struct dn_answer *answer);

/* The quote: version 4, TEE type 0x81, fixture registers, rtmr3 from the events of this guest.
 * events: JSON array, malloc, the caller frees; NULL when memory ran out. */
struct dn_quote {
    uint8_t bytes[DN_QUOTE_LEN];
    uint8_t rtmr3[48], mr_aggregated[32];
    char *events;
};
int dn_quote_make(struct dn_quote *q, const struct dn_guest *g,
                  const uint8_t report_data[static 64], struct am_error *err) AM_MUST_CHECK;

extern const uint8_t dn_mrtd[48], dn_rtmr[3][48], dn_os_image_hash[32];

#endif
