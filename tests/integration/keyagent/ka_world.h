/*  ka_world -- the real keyagent and the real simulator as processes, the rest of the node as test.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_WORLD_H
#define KA_WORLD_H

#include "../../../bus/bus.h"

#include <sys/types.h>

#define WORLD_CHAIN_ID 31337

struct ka_world {
    char run[64], socket[96], control[96], log[96], state[96];
    struct ev_loop *loop;
    struct bus *chain, *mesh, *api, *cli;
    pid_t agent, keyagent;
    bool other_agent; /* the simulator has another app id */

    /* keyagent.identity and keyagent.csk as last heard by mesh */
    int identities, csks;
    char phase[33], reason[257];
    uint8_t app_id[20], x_pub[32], ed25519_pub[32], wg_pub[32], owner[20], kms_root[20];
    char attestor[17], proof[17], proof_reason[257], source[17];
    bool csk_held, cache_pending;
    uint8_t commitment[32];

    /* what chain publishes */
    struct chain_view view;
    uint8_t cluster[20], member_id[32], other_id[32], other_pub[32], other_secret[32];
    uint8_t view_commitment[32], zero[32];
};

void ka_world_open(struct ka_world *w);
void ka_world_close(struct ka_world *w);
void ka_world_agent(struct ka_world *w); /* start the simulator; app id 20 times a1 */
void ka_world_keyagent(struct ka_world *w);
int ka_world_end(pid_t *pid, int signal);  /* exit status, or -signal */
void ka_world_restart(struct ka_world *w); /* kill -9, start, wait until it is ready */
bool ka_world_logged(struct ka_world *w, const char *text);
void ka_world_fault(struct ka_world *w, const char *fault);

/* Turn the loop until *flag is at least n; false after ms. */
bool ka_world_until(struct ka_world *w, const int *flag, int n, int ms);
/* Until the identity has this phase; fails the test after ms. */
void ka_world_phase(struct ka_world *w, const char *phase, int ms);
/* Fill and publish chain.view: self first or second, with a commitment (NULL: none), and wait
 * until keyagent has it. */
void ka_world_view(struct ka_world *w, bool first, const uint8_t *commitment);

struct ka_answer {
    int calls, code;
    char text[AM_ERROR_TEXT];
    uint8_t a[25000], b[16384]; /* the reply's first and second bin or str */
    size_t a_len, b_len;
};
/* Ask and wait; the reply's bins are copied. */
struct ka_answer *ka_world_ask(struct ka_world *w, struct bus *bus, enum bus_method method,
                               const void *message);

#endif
