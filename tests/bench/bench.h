/*  bench -- speed and size, each figure beside its limit or its peer in the same run.
 *
 *  Other load on a machine only takes away, so of several rounds the best one counts, on both sides
 *  of a ratio.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_H
#define BENCH_H

#include "../../bus/bus.h"
#include "../e2e/e2e.h"

struct key_world { /* one keyagent and its guest agent; chain and mesh are this process */
    struct e2e *t;
    char dir[80];
    struct bus *chain, *mesh;
    pid_t agent, keyagent;
    uint8_t cluster[20], member_id[32], wg_pub[32];
    struct chain_view view;
};

struct key_start { /* ms since before fork and exec */
    double hello, ready;
    double agent;  /* of it the guest agent's */
    double waited; /* of it for a processor that others had */
};

struct key_time {  /* of a main thread, in ms, by /proc/PID/schedstat */
    double ran;    /* on a processor */
    double waited; /* for one */
};
struct key_time key_time(pid_t pid);

/* Guest agent and buses; keyagent is started by key_start.  Ends the program on failure. */
void key_open(struct key_world *w, struct e2e *t);
void key_close(struct key_world *w);
/* Start keyagent, for good, and time it. */
struct key_start key_start(struct key_world *w);
void key_stop(struct key_world *w);

/* Signing through the bus beside the bare libraries; and what a tap costs. */
void bench_signing(struct key_world *w);

#endif
