/*  chain_host -- a host of the devnet with keyagent and chain on it, and rpc-doubles between chain
 * and its providers; this process is mesh on their bus.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_HOST_H
#define CHAIN_HOST_H

#include "../../e2e/e2e.h"

#include "../../../bus/bus.h"

struct host {
    struct dn_node *node;
    struct bus *bus;
    pid_t keyagent, chain, tap, rpc_double, bundler_double, paymaster_double;
    uint8_t own_id[32], first[32]; /* by the newest view; first: the originator, or zero */
    uint8_t commitment[32];        /* zero while there is none */
    uint64_t block;                /* of the newest view */
    size_t members;                /* in it */
    bool viewed, registered, committed, published; /* by it */
    char state[17], purpose[17], reason[257];      /* of the newest chain.operation */
    char answer[400];                              /* of the newest request */
    int answers, code;
    const char *kill_at; /* SIGKILL chain when its operation is in this state */
    bool killed;
    const char *boundary, *words; /* what a reason must name: of an operation or of the status */
    bool complained;              /* since host_await */
    char complaint[400];          /* the reason that did, or the newest one */
    bool csk_held;
    uint8_t csk[32]; /* its commitment */
    /* Told of each chain.operation; may be NULL. */
    void (*on_operation)(struct host *h, const struct chain_operation *o);
};

extern struct e2e world;

void host_open(struct host *h);
void host_close(struct host *h);
void host_start_chain(struct host *h);
/* port: "8545" the RPC's double, "4337" the bundler's, "8787" the paymaster's. */
void host_fault(struct host *h, const char *port, const char *fault);
/* From now on, complained is set by a reason that holds both; both are borrowed. */
void host_await(struct host *h, const char *boundary, const char *words);
/* Ask chain or keyagent, wait for the answer: a state, "ok", or the words of a refusal. */
const char *host_ask(struct host *h, enum bus_method method, const void *message);

#endif
