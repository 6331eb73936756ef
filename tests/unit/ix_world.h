/*  ix_world -- a chain with one log in each block, and a poll of it, for the tests of the indexer.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef IX_WORLD_H
#define IX_WORLD_H

#include "../../services/indexer/ix_poll.h"
#include "dn_rpcdouble.h"

#define ASKED_MAX 64

/* The chain behind the server: one log in each block; from `fork` on its hashes are others. */
struct ix_chain {
    uint64_t head, fork;
    uint64_t hidden; /* this block's log is in no answer */
    uint64_t most;   /* blocks in one request; 0: any number */
    unsigned asked;
    struct {
        uint64_t from, to;
    } ranges[ASKED_MAX];
    const char *logs; /* instead of what is true */
};

extern struct ev_loop *loop;
extern struct am_http *http;
extern struct dn_rpc_double *server;
extern struct eth_rpc *rpc;
extern struct ix_store *store;
extern struct ix_poll polled;
extern char dir[64];
extern struct am_error why; /* of the newest request .. */
extern int code, moves;     /* .. and how many there were */
extern struct ix_chain chain;

void start(void);
void stop(void);
int step(void); /* one request to its end */
uint64_t stored(void);
void heads(uint64_t told, uint64_t there);
json_t *logs_of(uint64_t from, uint64_t to);

#endif
