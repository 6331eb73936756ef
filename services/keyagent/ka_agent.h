/*  ka_agent -- the client of the dstack guest agent: one question, one connection, one answer.
 *
 *  Agents keep the connection open although they are asked not to, so the answer ends where
 *  Content-Length says and the connection is closed here.  An answer may carry a private key: it is
 *  read into locked memory and wiped behind the callback.
 *
 *  Trust:   the socket is whoever the operator mounted; every byte is checked all the same.
 *  Clock:   20 s a question, monotonic.
 *  Source:  dstack page 1.2; protocol page 2.9, 8 item 12
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_AGENT_H
#define KA_AGENT_H

#include "../../common/base/am_bytes.h"

#include <ev.h>

#define KA_AGENT_DEADLINE_S 20.0
#define KA_AGENT_HEAD_MAX 8192u
#define KA_AGENT_KEY_MAX 8192u          /* head and body where a key is in it: locked memory */
#define KA_AGENT_INFO_MAX (1024u << 10) /* /Info carries the whole compose file and event log */

struct ka_ask; /* a question that waits for its answer */

/* body is borrowed for the call and wiped after it; err is NULL exactly when code is AM_OK. */
typedef void ka_agent_fn(void *arg, int code, struct am_str body, const struct am_error *err);

/* Ask POST /<method> with a JSON body.
 *
 * Out:     ask      for ka_agent_cancel; not valid any more when fn has been called
 * In:      path     of the socket, borrowed for the call
 *          method   static text, "GetKey"
 *          json     borrowed for the call
 *          secret   the answer holds a key
 *          deadline_s  KA_AGENT_DEADLINE_S
 *          fn       called once, from the loop, never from inside this function:
 *                   AM_OK               status 200
 *                   AM_UNIMPLEMENTED    the agent has no such method (400 or 404, by its words)
 *                   AM_FAILED_PRECONDITION  any other status, with the agent's words
 *                   AM_UNAVAILABLE      no socket, or it closed in mid-answer
 *                   AM_DEADLINE_EXCEEDED    no whole answer within deadline_s
 *                   AM_INVALID_ARGUMENT no HTTP/1.1 with Content-Length
 *                   AM_RESOURCE_EXHAUSTED   longer than the limit above
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (memory), AM_UNAVAILABLE (no socket there), AM_INTERNAL;
 *          fn is not called then
 */
int ka_agent_ask(struct ka_ask **ask, struct ev_loop *loop, const char *path, const char *method,
                 const char *json, bool secret, double deadline_s, ka_agent_fn *fn, void *arg,
                 struct am_error *err) AM_MUST_CHECK;

/* Forget the question; fn is not called.  NULL is accepted. */
void ka_agent_cancel(struct ka_ask **ask);

#endif
