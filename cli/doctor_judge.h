/*  doctor_judge -- what was seen of one outside thing, and what that means.
 *
 *  Pure: every function takes what came back and writes its check's line; none asks, waits or reads
 *  a clock.  `err` of a seen thing is the failure of asking: with it, nothing else is looked at.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H

#include "doctor.h"

/* ---- the node's own machine: doctor_judge_node.c ---- */

struct doctor_seen_folder {
    const char *path;
    int trouble; /* errno of stat or of writing; 0: none */
    bool there, is_folder, parent_writable;
    unsigned mode;  /* permission bits */
    bool ours;      /* the owner is who asks, or root asks */
    unsigned owner; /* uid */
    uint64_t free_bytes;
};
void doctor_judge_folder(struct doctor_report *r, const struct doctor_seen_folder *seen);

struct doctor_seen_wireguard {
    struct am_error err; /* `wg` could not be asked although the device is there */
    const char *device;
    bool kernel, go, there;       /* module, wireguard-go in PATH, the device */
    bool mesh_runs;               /* then the device must be there */
    uint64_t port, expected_port; /* port 0: mesh has not set it up yet */
};
void doctor_judge_wireguard(struct doctor_report *r, const struct doctor_seen_wireguard *seen);

/* ---- guest agent: doctor_judge_node.c ---- */

struct doctor_seen_agent {
    struct am_error version_err, info_err, key_err, quote_err;
    char version[65];
    uint8_t app_id[20];
    size_t quote_len;
};
void doctor_judge_agent_version(struct doctor_report *r, const struct doctor_seen_agent *seen);
void doctor_judge_agent_methods(struct doctor_report *r, const struct doctor_seen_agent *seen);

struct doctor_seen_chain {
    struct am_error err; /* the chain does not hold together */
    uint8_t root[20];    /* who signed the second link */
};
void doctor_judge_agent_chain(struct doctor_report *r, const struct doctor_seen_chain *seen);

/* ---- chain: doctor_judge_chain.c ---- */

void doctor_judge_chain_id(struct doctor_report *r, const struct am_error *err, uint64_t seen,
                           uint64_t expected);

struct doctor_seen_head {
    struct am_error err;
    uint64_t number, time_s; /* the newest block */
    uint64_t later_number;   /* looked at again; the same: it did not move */
    int64_t now_s;           /* our clock at the first look */
};
#define DOCTOR_HEAD_AGE_S 60
#define DOCTOR_SKEW_S 10
/* Both lines, rpc.head_age and clock.skew: an old head that moves is a clock that is ahead. */
void doctor_judge_head(struct doctor_report *r, const struct doctor_seen_head *seen);

struct doctor_seen_range {
    struct am_error err;  /* of the widest question */
    uint64_t asked, took; /* blocks: BLOCK_BATCH_SIZE, and what was taken; 0: nothing was */
};
void doctor_judge_range(struct doctor_report *r, const struct doctor_seen_range *seen);

struct doctor_seen_archive {
    struct am_error err;  /* of the oldest question */
    uint64_t block, head; /* the old block; the newest one */
    uint64_t reached;     /* the oldest block that was answered; 0: none */
};
void doctor_judge_archive(struct doctor_report *r, const struct doctor_seen_archive *seen);

struct doctor_seen_code {
    struct am_error err;
    uint8_t address[20], hash[32]; /* keccak256 of the code */
    size_t len;
};
void doctor_judge_entry_point(struct doctor_report *r, const struct doctor_seen_code *seen);
void doctor_judge_multicall(struct doctor_report *r, const struct doctor_seen_code *seen);

struct doctor_seen_member {
    struct am_error err;
    bool known; /* a member address is known at all */
    uint8_t member[20], cluster[20];
    bool registered;
};
void doctor_judge_member(struct doctor_report *r, const struct doctor_seen_member *seen);

#define DOCTOR_FACETS_MAX 64
struct doctor_seen_facets {
    struct am_error err;
    uint8_t facet[DOCTOR_FACETS_MAX][20]; /* of each row of doctor_facets.def; zero: none */
};
/* How many rows doctor_facets.def has, and the function of each. */
size_t doctor_facet_count(void);
int doctor_facet_fn(size_t row);
void doctor_judge_facets(struct doctor_report *r, const struct doctor_seen_facets *seen);

void doctor_judge_root(struct doctor_report *r, const struct am_error *err,
                       const uint8_t root[static 20], bool allowed);

/* ---- who takes operations: doctor_judge_route.c ---- */

struct doctor_seen_entries {
    struct am_error err;
    uint64_t chain_id, expected_chain_id; /* chain_id 0: it does not tell */
    uint8_t entries[8][20];
    size_t count;
    uint8_t expected[20];
};
void doctor_judge_entries(struct doctor_report *r, const struct doctor_seen_entries *seen);

struct doctor_seen_estimate {
    struct am_error err;
    bool registered;
    uint64_t verification_gas, call_gas;
};
void doctor_judge_estimate(struct doctor_report *r, const struct doctor_seen_estimate *seen);

struct doctor_seen_paymaster {
    struct am_error err;
    const char *method; /* that answered */
    uint8_t paymaster[20];
    size_t data_len;
};
void doctor_judge_paymaster(struct doctor_report *r, const struct doctor_seen_paymaster *seen);

struct doctor_seen_sponsor {
    struct am_error err; /* no HTTP answer, or none of this shape; text quotes what came */
    const char *host;    /* host and port of the route */
    uint64_t chain_id, expected_chain_id;
    uint8_t entry_point[20], expected_entry_point[20];
    uint8_t paymaster[20], address[20];
    uint8_t recovered[20];      /* who signed; zero: nobody */
    struct am_error signer_err; /* verifyingSigner() could not be read */
    uint8_t signer[20];         /* VerifyingPaymaster.verifyingSigner() on chain */
};
void doctor_judge_sponsor(struct doctor_report *r, const struct doctor_seen_sponsor *seen);

struct doctor_seen_tls {
    struct am_error err; /* no handshake */
    char host[256];
    char alpn[32];     /* "" when the server chose none */
    char subject[128]; /* CN of its certificate */
};
enum doctor_name_form { DOCTOR_FORM_OTHER, DOCTOR_FORM_PASS, DOCTOR_FORM_ENDED, DOCTOR_FORM_GRPC };
/* <id>-<port>s.<domain>, <id>-<port>.<domain>, <id>-<port>g.<domain>: dstack page, protocol page 5
 */
enum doctor_name_form doctor_name_form(const char *host);
void doctor_judge_sni(struct doctor_report *r, const struct doctor_seen_tls *seen);
void doctor_judge_alpn(struct doctor_report *r, const struct doctor_seen_tls *seen);

struct doctor_seen_registry {
    struct am_error err;
    char endpoint[256];
    uint8_t code_id[32], pub_key[32];
};
void doctor_judge_registry(struct doctor_report *r, const struct doctor_seen_registry *seen);

struct doctor_seen_indexer {
    struct am_error err; /* /status did not answer in v1's shape */
    uint64_t chain_id, expected_chain_id;
    uint8_t code_id[32], pub_key[32];
};
void doctor_judge_indexer(struct doctor_report *r, const struct doctor_seen_indexer *seen,
                          const struct doctor_seen_registry *record);

/* ---- beside a running v1 node: doctor_judge_shadow.c ---- */

struct doctor_seen_shadow {
    struct am_error err;
    char phase[64];
    bool csk_acquired, indexer_connected;
    uint64_t live_peers, cursor_block;
    size_t transports;
    uint8_t transport_ids[64][32]; /* member ids that it says it talks to */
    /* of the chain */
    struct am_error chain_err;
    bool registered, committed;
    uint64_t members, head;
    uint8_t own_id[32], member_ids[256][32];
};
void doctor_judge_shadow_health(struct doctor_report *r, const struct doctor_seen_shadow *seen);
void doctor_judge_shadow_record(struct doctor_report *r, const struct doctor_seen_shadow *seen);

#endif
