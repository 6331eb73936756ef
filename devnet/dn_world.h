/*  dn_world -- the world on one machine: a chain, a cluster on it, and nodes with namespaces of
 * their own.
 *
 *  Everything of one world lies in one run folder and in the namespaces of dn_enter.  What runs is
 *  what production runs; only the guest agent is a double (devnet/guestagent).
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_WORLD_H
#define DN_WORLD_H

#include "../cli/deploy.h"
#include "dn_chain.h"

#define DN_NODES_MAX 252

struct dn_node {
    unsigned number; /* 1.. : also the last byte of its address on the wire */
    char dir[512];   /* run/ (bus sockets), state/, log/, dstack.sock */
    uint8_t member[20];
    struct dn_ns ns;
    pid_t guest_agent, wireguard, up;
    bool gone; /* its member exists on chain, its machine does not */
};

struct dn_world {
    struct dn_paths paths;
    char dir[512], endpoints[560];
    struct dn_chain chain;
    struct deployment deployed;
    struct cli_rpc *rpc;
    struct cli_tx operator_key;
    struct dn_node nodes[DN_NODES_MAX];
    unsigned count;
    unsigned confirmations; /* ATTESTMESH_CONFIRMATIONS of the nodes */
    const char *rpc_url;    /* what nodes are given; NULL: anvil itself */
    const char *rpc_urls;   /* ATTESTMESH_RPC_URLS; NULL: none */
    bool idle;              /* nodes slow down as in production; else they never do */
    deploy_step_fn *step;   /* told of each deployment; may be NULL */
    void *arg;
};

/* Inside dn_enter: wire, chain, contracts, one cluster, bundler, sponsor.  Blocks are
 * mined at once until dn_chain_tick.
 * In:      w      zero but for rpc_url, confirmations, step and arg
 *          paths  borrowed for the life of the world; paths->dir must exist
 * Returns: AM_OK, or what failed in words; dn_world_close is due in both cases */
int dn_world_open(struct dn_world *w, const struct dn_paths *paths,
                  struct am_error *err) AM_MUST_CHECK;
void dn_world_close(struct dn_world *w);

/* Another cluster on the same chain; nodes added from now on are its members.
 * In: number  its salt; 0 is the first one */
int dn_world_cluster(struct dn_world *w, unsigned number, struct am_error *err) AM_MUST_CHECK;

/* A new member contract on chain, known to every node's endpoint file; nothing runs yet.
 * Out:     node  owned by w */
int dn_world_add(struct dn_world *w, struct dn_node **node, struct am_error *err) AM_MUST_CHECK;

/* Start what is not running of a node: machine, guest agent, WireGuard, the suite. */
int dn_node_start(struct dn_world *w, struct dn_node *node, struct am_error *err) AM_MUST_CHECK;
/* Stop the suite alone; or pull the plug of the whole machine. */
void dn_node_stop(struct dn_node *node, int sig);
void dn_node_off(struct dn_node *node);
/* What a lost disk is: its state folder is emptied. */
int dn_node_forget(struct dn_node *node, struct am_error *err) AM_MUST_CHECK;

#endif
