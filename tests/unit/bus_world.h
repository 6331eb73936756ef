/*  bus_world -- a run folder, a loop, and real processes on the bus, for its tests.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_WORLD_H
#define BUS_WORLD_H

#include "../../bus/bus.h"

#include <criterion/criterion.h>
#include <sys/types.h>

extern char world_run[64];
extern struct ev_loop *world_loop;
extern struct bus *world_bus;

void world_begin(void); /* a fresh run folder */
void world_end(void);   /* ends what is left, removes the folder */
struct bus *world_open(enum bus_service self, const char *uids);

struct peer { /* bus_peer as chain */
    pid_t pid;
    int in, out;
};
struct peer peer_start(const char *uids,
                       long uid); /* returns when its bus is open, or it has ended */
void peer_say(struct peer *p, const char *fmt, ...) AM_PRINTF(2, 3);
void peer_line(struct peer *p, char line[static 512]); /* its next line, blocking; "" at its end */
int peer_end(struct peer *p,
             int signal); /* 0: wait for it; else kill first; exit code or -signal */

/* Turn the loop until *flag is at least n; fails the test after limit_ms.  turn: for a time. */
void world_until(const int *flag, int n, int limit_ms, const char *what);
void world_turn(int ms);

struct answer { /* of the last call that asked_into ended */
    int calls, code;
    uint64_t n;
    char text[AM_ERROR_TEXT];
};
void answered(void *answer, int code, const void *reply,
              const struct am_error *err); /* n: reply's first u64 */
struct answer ask_echo(struct bus *bus, uint64_t n);

#endif
