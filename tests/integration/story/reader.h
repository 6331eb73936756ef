/*  reader -- somebody who knows MessagePack and libzmq and nothing of the suite, on .pub endpoints.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef STORY_READER_H
#define STORY_READER_H

#include "../../../bus/bus_schema.h"

#include <ev.h>
#include <stdio.h>

#define READER_SERVICES 5

struct reader {
    struct ev_loop *loop;
    void *ctx, *socks[READER_SERVICES];
    ev_timer look;
    FILE *frames;                    /* everything that came, as it came: to be searched */
    unsigned seen[BUS_TOPIC_COUNT];  /* facts that decoded, each field by its name */
    unsigned beacons, traces, wrong; /* wrong: what did not decode, or not by name */
    char why[256];                   /* the first that was wrong */
};

/* Subscribe to all that the services of a run folder publish.
 * In: frames  path of a file that receives all bytes
 * Returns: whether libzmq and the file took it */
bool reader_open(struct reader *r, struct ev_loop *loop, const char *run, const char *frames);
void reader_close(struct reader *r);

#endif
