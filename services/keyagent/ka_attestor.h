/*  ka_attestor -- what derives the node's keys and vouches for them; everything else asks it here.
 *
 *  A question goes out with `ask` and its answer comes back as bytes, which the reader of that
 *  question judges.  There is one attestor, ka_dstack.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_ATTESTOR_H
#define KA_ATTESTOR_H

#include "ka_agent.h"
#include "ka_link.h"
#include "ka_quote.h"

enum ka_what { KA_ASK_VERSION, KA_ASK_INFO, KA_ASK_KEY, KA_ASK_QUOTE };

struct ka_question {
    enum ka_what what;
    enum ka_key key;            /* of KA_ASK_KEY */
    const uint8_t *report_data; /* of KA_ASK_QUOTE: 64 bytes, borrowed for the call */
};

struct ka_attestor {
    const char *name;    /* as keyagent.identity shows it */
    const char *upgrade; /* what mends one that is too old: static text */
    /* As ka_agent_ask; `socket` is where it answers.  fn's body is for the reader below. */
    int (*ask)(struct ka_ask **ask, struct ev_loop *loop, const char *socket,
               const struct ka_question *question, double deadline_s, ka_agent_fn *fn, void *arg,
               struct am_error *err);
    void (*cancel)(struct ka_ask **ask);
    /* AM_UNIMPLEMENTED: too old */
    int (*read_version)(char version[static 65], struct am_str body, struct am_error *err);
    int (*read_info)(struct ka_self *self, struct am_str body, struct am_error *err);
    int (*read_key)(struct ka_link *link, uint8_t key[static 32], struct am_str body,
                    enum ka_key which, const uint8_t app_id[static 20], struct am_error *err);
    int (*read_quote)(struct ka_quote *quote, struct am_str body,
                      const uint8_t report_data[static 64], struct am_error *err);
};

/* The dstack guest agent, v0 API as of 0.5.11.  Source: dstack page 1.2-1.4, 1.7 */
extern const struct ka_attestor ka_dstack;

/* The word for a question, as in "asked /Version".  Static. */
const char *ka_what_name(enum ka_what what);

#endif
