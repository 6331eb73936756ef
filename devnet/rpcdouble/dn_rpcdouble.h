/*  dn_rpcdouble -- a JSON-RPC server on loopback that can be told to be wrong, by name.
 *
 *  It stands in front of a real provider (anvil, a bundler) and passes everything on, or answers
 *  from a function of the test.  A fault changes what comes back until it is taken away, or for a
 *  number of requests ("html:2").
 *
 *  Threads: the loop's.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCDOUBLE_H
#define DN_RPCDOUBLE_H

#include "am_http.h"

#include <jansson.h>

/* name, what it does */
#define DN_RPC_FAULTS(X)                                                                           \
    X(NONE, "none", "passes everything on")                                                        \
    X(GETNONCE_ERROR, "getnonce-error", "getNonce is an error object")                             \
    X(BEHIND, "behind-one-block", "latest is the block before the newest")                         \
    X(NULL_RECEIPT, "null-receipt", "eth_getUserOperationReceipt is null")                         \
    X(ODD_HEX, "odd-hex", "eth_call results lose their last digit")                                \
    X(HTML, "html", "a proxy's page instead of JSON")                                              \
    X(STALL, "stall", "takes the request and never answers")                                       \
    X(ERROR_OBJECT, "error-object", "every answer is an error object")                             \
    X(WRONG_ID, "wrong-id", "the answer bears the id of another question")                         \
    X(TRUNCATE, "truncate", "half of the answer, then the connection ends")                        \
    X(SEND_LOST, "send-lost", "passes eth_sendUserOperation on and loses the answer")

enum dn_rpc_fault {
#define X(name, text, doc) DN_RPC_##name,
    DN_RPC_FAULTS(X)
#undef X
        DN_RPC_FAULT_COUNT
};

struct dn_rpc_double;

/* Answer one element: a new reference to an object with "result" or "error". */
typedef json_t *dn_rpc_answer_fn(void *arg, const char *method, const json_t *params);
/* Answer a GET on its socket, head and all; the connection is closed behind it. */
typedef void dn_rpc_get_fn(void *arg, int fd, const char *request);

struct dn_rpc_options {
    struct ev_loop *loop;
    uint16_t port;        /* of 127.0.0.1; 0: any */
    const char *upstream; /* NULL: answer is asked */
    dn_rpc_answer_fn *answer;
    dn_rpc_get_fn *get; /* NULL: a GET is no request */
    void *arg;
};

int dn_rpc_open(struct dn_rpc_double **d, const struct dn_rpc_options *o,
                struct am_error *err) AM_MUST_CHECK;
void dn_rpc_close(struct dn_rpc_double **d);
uint16_t dn_rpc_port(const struct dn_rpc_double *d);

/* "html", "html:2", "none".  The program takes the same as the body of POST /fault.
 * Returns: AM_OK, AM_NOT_FOUND (the text lists the names) */
int dn_rpc_fault(struct dn_rpc_double *d, const char *name, struct am_error *err) AM_MUST_CHECK;

/* How often a method came in, elements of batches counted; "" counts HTTP requests. */
unsigned dn_rpc_asked(const struct dn_rpc_double *d, const char *method);

#endif
