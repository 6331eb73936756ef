/*  service_world -- a folder, a loop, an HTTP client and real processes, for the services' tests.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORLD_H
#define SERVICE_WORLD_H

#include "../../bus/bus.h"
#include "../../common/base/am_clock.h"
#include "../../devnet/dn_proc.h"
#include "slow.h"

#include <criterion/criterion.h>

extern char sw_dir[64]; /* also the run folder */
extern struct ev_loop *sw_loop;

void sw_begin(void);
void sw_end(void); /* ends what sw_start and sw_anvil started, removes the folder */

/* Turn the loop until it is so, at most `ms`; the test fails otherwise. */
#define SW_UNTIL(condition, ms)                                                                    \
    do {                                                                                           \
        int64_t sw_deadline = am_mono_ms() + (ms)*slow_factor();                                   \
        while (!(condition) && am_mono_ms() < sw_deadline)                                         \
            ev_run(sw_loop, EVRUN_ONCE);                                                           \
        cr_assert(condition, "not within %d ms: %s", (int)(ms), #condition);                       \
    } while (0)

struct bus *sw_bus(enum bus_service self);

struct sw_answer {
    int done, code, status; /* code: of am_http */
    char body[65536], type[64], why[AM_ERROR_TEXT];
};
/* Ask and wait for the answer, at most 10 s; the test goes on whatever it is. */
void sw_get(struct sw_answer *a, const char *url);
void sw_post(struct sw_answer *a, const char *url, const char *body, size_t len);

uint16_t sw_port(void);     /* of loopback, free a moment ago */
int sw_dial(uint16_t port); /* a connected blocking socket */

/* Start a program; its output goes to <folder>/<log>.  It dies with the test. */
pid_t *sw_start(const char *log, const char *const *argv, const char *const *env);
/* Wait for its end, at most `ms`: exit status, or -signal. */
int sw_ended(pid_t *pid, int ms);
/* What it wrote; good until the next call. */
const char *sw_log(const char *log);

/* A chain of our own; url as http://127.0.0.1:port. */
void sw_anvil(char url[static 64]);

#endif
