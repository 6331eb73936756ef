/*  e2e -- a whole world for a test program: the devnet's, watched through the bus, judged once.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef E2E_H
#define E2E_H

#include "../../cli/watch.h"
#include "../../common/eth/eth_table.h"
#include "../../devnet/dn_world.h"

struct e2e {
    struct dn_world world;
    struct dn_paths paths;
    struct ev_loop *loop;
    struct watch watches[DN_NODES_MAX]; /* of world.nodes[i], once e2e_start was called for it */
    char dir[64], bin[512];
    unsigned passed, failed;
};

/* Enter the namespaces, open the world, begin one block a second.  Ends the program on failure. */
void e2e_open(struct e2e *t, const char *name);
/* Close it and print "N passed, N failed".  Returns the exit status; the run folder goes when all
 * passed. */
int e2e_close(struct e2e *t);

/* One judgement: counted, printed with why. */
void e2e_check(struct e2e *t, bool ok, const char *what, const char *fmt, ...) AM_PRINTF(4, 5);
/* What must work for a test to go on at all: ends the program with one failure. */
void e2e_need(struct e2e *t, int r, const struct am_error *err, const char *what);

struct dn_node *e2e_add(struct e2e *t);
void e2e_start(struct e2e *t, struct dn_node *node);
struct watch *e2e_watch(struct e2e *t, const struct dn_node *node);

/* Run the loop until fn says true, at most ms.  Returns how long it took, or -1. */
typedef bool e2e_condition(struct e2e *t, void *arg);
int64_t e2e_until(struct e2e *t, e2e_condition *fn, void *arg, int64_t ms);
void e2e_pause(struct e2e *t, int64_t ms);

/* Of the nodes first..last (indices): all healthy and live; all see the same commitment. */
bool e2e_all_live(struct e2e *t, unsigned first, unsigned last);
bool e2e_same_csk(struct e2e *t, unsigned first, unsigned last);

/* What an address has logged since genesis.  topic2: 32 bytes, or NULL for any; the caller
 * releases. */
json_t *e2e_logs(struct e2e *t, const uint8_t address[static 20], enum eth_event_id event,
                 const uint8_t *topic2);
/* UserOperationEvents of a sender since the start of the chain; *twice: some nonce key has two. */
unsigned e2e_operations(struct e2e *t, const uint8_t sender[static 20], bool *twice);
/* MessageSent events of the cluster. */
unsigned e2e_messages(struct e2e *t);

/* A 10 Hz ping between two nodes, through the tunnel, until e2e_ping_end. */
struct e2e_ping {
    pid_t pid;
    char log[600];
};
void e2e_ping(struct e2e *t, struct e2e_ping *ping, const struct dn_node *from, uint32_t to_ip);
/* Returns how many were lost, or -1 when nothing could be read; *sent receives how many were sent.
 */
int e2e_ping_end(struct e2e_ping *ping, unsigned *sent);

#endif
