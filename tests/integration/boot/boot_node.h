/*  boot_node -- one node whose guest agent can be broken and whose settings can be wrong.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BOOT_NODE_H
#define BOOT_NODE_H

#include "../../e2e/e2e.h"

struct boot_settings {    /* zero: as they should be */
    unsigned chain_id;    /* CHAIN_ID */
    const char *member;   /* MEMBER_CONTRACT */
    const char *rpc_url;  /* RPC_URL */
    const char *kms_root; /* key of the KMS that the guest agent has its keys from */
};

/* A machine without guest agent and suite: folders, cable, WireGuard; watched from here on. */
struct dn_node *boot_machine(struct e2e *t);

/* fault: a name of devnet/guestagent, or NULL; boot_fault changes it while it runs. */
void boot_agent(struct e2e *t, struct dn_node *node, const char *fault,
                const struct boot_settings *s);
void boot_fault(struct e2e *t, struct dn_node *node, const char *fault);

/* `attestmesh up`, as node->up. */
void boot_up(struct e2e *t, struct dn_node *node, const struct boot_settings *s);
/* Stop both. */
void boot_stop(struct dn_node *node);

/* The body of /healthz, asked inside the node.  false: nobody answers. */
bool boot_healthz(const struct dn_node *node, char *body, size_t cap);
/* How often a word stands in up.log since boot_up. */
unsigned boot_log_count(const struct dn_node *node, const char *word);

#endif
