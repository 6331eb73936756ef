/*  ka_bringup -- keyagent's bring-up against the simulator, in one event loop, with a state folder.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_BRINGUP_H
#define KA_BRINGUP_H

#include "guest_double.h"
#include "ka_identity.h"

struct bringup {
    struct guest_double d;
    char control[128], state[80];
    struct ka_identity id;
    int ready, changes;
};

/* Start with this fault, "" for none; deadline of a question 0.3 s, more under valgrind. */
void bringup_start(struct bringup *b, enum dn_compat compat, const char *fault);

/* Forget the identity and ask anew, as after a restart; the state folder stays. */
void bringup_again(struct bringup *b);

void bringup_stop(struct bringup *b);
void bringup_fault(struct bringup *b, const char *fault);

/* Run the loop until *flag is not 0, or ms have passed. */
void bringup_until(struct ev_loop *loop, const int *flag, int ms);

/* Run the loop for ms; where programs are slow, on until the reason has these words. */
void bringup_said(struct bringup *b, const char *words, int ms);

#endif
