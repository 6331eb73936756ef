/*  sponsor_load -- many connections that ask the sponsor at once, each answer checked.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SPONSOR_LOAD_H
#define SPONSOR_LOAD_H

#include <ev.h>
#include <stdint.h>

#define LOAD_CONNECTIONS 100
#define LOAD_REQUESTS 10000
#define LOAD_CAP 100    /* MAX_DAILY_OPS_PER_SENDER of the sponsor */
#define LOAD_SENDERS 50 /* of each kind, none of which reaches the cap; one more does */

struct load {
    unsigned answered, wrong, capped_granted, capped_refused;
    char first_wrong[256];          /* what was asked, and what came */
    double p50_ms, p99_ms, seconds; /* of a request, from its last byte out to its last byte in */
};

/* LOAD_REQUESTS on LOAD_CONNECTIONS: members and apps that are granted, strangers, wrong targets,
 * selectors, chains and tokens, all mixed; and one sender that asks more often than its cap.
 * In: requests  in all
 *     pause_ms  of a connection between an answer and its next request; 0: as fast as it goes */
void load_run(struct load *load, struct ev_loop *loop, uint16_t port, unsigned requests,
              unsigned pause_ms);

#endif
