/*  access -- the access table tried from every uid: services under uids of their own, and callers.
 *
 *  keyagent and its guest agent are the real programs; every other service is a process of the real
 *  bus under that service's uid, which takes whatever reaches it.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "../../../bus/bus.h"

#include <sys/types.h>

#define ACCESS_UID_FIRST 7001u   /* of service 0; the others follow */
#define ACCESS_UID_FOREIGN 7999u /* of nobody in ATTESTMESH_UIDS */

enum access_answer {
    ACCESS_SILENCE,  /* none came */
    ACCESS_REFUSED,  /* by the bus: the name, or the table */
    ACCESS_UNSERVED, /* past the table, but nobody serves it */
    ACCESS_REACHED,  /* its handler answered */
};

struct access_seen { /* by one caller; shared memory */
    bool let_in[BUS_SERVICE_COUNT], turned_away[BUS_SERVICE_COUNT]; /* at both endpoints */
    enum access_answer answer[BUS_SERVICE_COUNT][BUS_METHOD_COUNT]; /* under each name */
    bool hello[BUS_SERVICE_COUNT];
    unsigned facts[BUS_TOPIC_COUNT];     /* of the snapshot */
    unsigned published, beacons, traces; /* on .pub */
    unsigned frames, strange;            /* strange: nothing that the table knows */
};

struct access_world {
    char run[64], uids[160];
    pid_t agent, services[BUS_SERVICE_COUNT];
    int capture; /* file that receives every byte a caller gets */
    struct access_seen *seen;
    unsigned (*reached)[BUS_METHOD_COUNT]; /* [caller]: how often a handler was called */
};

/* The least message of row that its limits allow; every byte of a bin is 9, which is a good X25519
 * key.  Borrows static memory. */
void access_least(const struct bus_row *row, union bus_any *message);

/* Run folder, guest agent, keyagent, and the other services.
 * Returns: AM_OK, or AM_INTERNAL; access_close is due in both cases */
int access_open(struct access_world *w, struct am_error *err) AM_MUST_CHECK;
/* What the services logged, onto stdout: it goes with the run folder. */
void access_log(const struct access_world *w);
void access_close(struct access_world *w);

/* Become uid, follow and ask everything, note what came in w->seen and w->capture.
 * Returns: exit status of the process that did so */
int access_call(struct access_world *w, unsigned uid);
/* Wait until mesh gets a heartbeat signed: keyagent has its keys, and the view of chain.
 * Returns: whether it did in ms */
bool access_ready(struct access_world *w, int ms);

#endif
