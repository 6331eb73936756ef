/*  dn_rpcdouble -- a JSON-RPC server on loopback that can be told to be wrong, by name.
 *
 *  It stands in front of a real provider (anvil, a bundler, a paymaster) and passes everything on,
 *  or answers from a function of the test.  A fault changes what comes back until it is taken away:
 *  "html"; for a number of requests: "html:2"; for one method alone: "html@eth_getLogs",
 *  "html@eth_getLogs:2".
 *
 *  Threads: the loop's.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCDOUBLE_H
#define DN_RPCDOUBLE_H

#include "am_http.h"

#include <jansson.h>

#define DN_NONCE "getNonce" /* of EntryPoint: an eth_call, which bears no such name */
#define DN_SEND "eth_sendUserOperation"
#define DN_RECEIPT "eth_getUserOperationReceipt"
#define DN_ESTIMATE "eth_estimateUserOperationGas"
#define DN_BLOCK "eth_getBlockByNumber"
#define DN_TOLD "the double was told to fail"
#define DN_SAYS "UserOperation reverted with reason: " /* as Alto says it */
#define DN_OTHER "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

/* name, text, method (""; every one), how, number, words, what it does.
 *   PASS      nothing
 *   ERROR     an error object: its code, its message; refused here, nothing is passed on
 *   SET       number 0: the result becomes these words; 1: "field value" of the result, where it is
 *   CUT, TURN a hex result loses its last digit; it ends in another one
 *   ID        the answer bears the id of another question
 *   STATUS    that HTTP status; words: seconds of Retry-After
 *   HTML, HALF, BOMB   a page; half of the answer; an answer that unpacks to 160 MB
 *   STALL, LOSE        no answer; passed on first
 *   STRICT    an error object for odd hex, or for a signature that nobody is recovered from
 *   OLDER     latest is so many blocks before the newest */
#define DN_RPC_FAULTS(X)                                                                           \
    X(NONE, "none", "", PASS, 0, "", "passes everything on")                                       \
    X(ERROR_OBJECT, "error-object", "", ERROR, -32000, DN_TOLD, "every answer is an error object") \
    X(GETNONCE_ERROR, "getnonce-error", DN_NONCE, ERROR, -32000, DN_TOLD, "only getNonce's is")    \
    X(UNKNOWN_METHOD, "unknown-method", DN_NONCE, ERROR, -32601, "the method does not exist",      \
      "as from a provider that lacks one")                                                         \
    X(LIMIT, "limit", "", ERROR, -32005, "daily request count exceeded", "EIP-1474's code of it")  \
    X(AA21, "aa21", DN_SEND, ERROR, -32500, DN_SAYS "AA21 didn't pay prefund", "refuses to send")  \
    X(AA23, "aa23", DN_SEND, ERROR, -32500, DN_SAYS "AA23 reverted 0xf645eedf", "the same")        \
    X(AA24, "aa24", DN_SEND, ERROR, -32507, DN_SAYS "AA24 signature error", "the same")            \
    X(AA25, "aa25", DN_SEND, ERROR, -32500, DN_SAYS "AA25 invalid account nonce", "the same")      \
    X(AA31, "aa31", DN_SEND, ERROR, -32501, DN_SAYS "AA31 paymaster deposit too low", "the same")  \
    X(AA33, "aa33", DN_SEND, ERROR, -32501, DN_SAYS "AA33 reverted 0x8baa579f", "the same")        \
    X(AA34, "aa34", DN_SEND, ERROR, -32507, DN_SAYS "AA34 signature error", "the same")            \
    X(EXPIRED, "expired", DN_SEND, ERROR, -32503,                                                  \
      "UserOperation expires too soon, validUntil=1700000000", "its sponsorship is too old")       \
    X(NULL_RESULT, "null", "", SET, 0, "null", "every result is null")                             \
    X(NULL_RECEIPT, "null-receipt", DN_RECEIPT, SET, 0, "null", "there never is a receipt")        \
    X(WRONG_CHAIN, "wrong-chain", "eth_chainId", SET, 0, "\"0x1\"", "it is another chain's")       \
    X(OTHER_HASH, "other-hash", DN_SEND, SET, 0, "\"" DN_OTHER "\"", "sent under another hash")    \
    X(OTHER_RECEIPT, "other-receipt", DN_RECEIPT, SET, 1, "userOpHash \"" DN_OTHER "\"",           \
      "the receipt of another operation")                                                          \
    X(REVERTED, "reverted", DN_RECEIPT, SET, 1, "success false", "says so of what succeeded")      \
    X(LITTLE_GAS, "little-gas", DN_ESTIMATE, SET, 1, "callGasLimit \"0x1000\"",                    \
      "what relies on it is included and reverts")                                                 \
    X(ODD_HEX, "odd-hex", "eth_call", CUT, 0, "", "results lose their last digit")                 \
    X(OTHER_VALUE, "other-value", "eth_call", TURN, 0, "", "results end in another digit")         \
    X(WRONG_ID, "wrong-id", "", ID, 0, "", "the answer bears the id of another question")          \
    X(TOO_MANY, "429", "", STATUS, 429, "", "too many requests")                                   \
    X(TOO_MANY_WAIT, "429-wait", "", STATUS, 429, "1", "the same, with Retry-After")               \
    X(DOWN, "503", "", STATUS, 503, "", "service unavailable")                                     \
    X(HTML, "html", "", HTML, 0, "", "a proxy's page instead of JSON")                             \
    X(TRUNCATE, "truncate", "", HALF, 0, "", "half of the answer, then the connection ends")       \
    X(BOMB, "bomb", "", BOMB, 0, "", "a small gzip body that unpacks to a large one")              \
    X(STALL, "stall", "", STALL, 0, "", "takes the request and never answers")                     \
    X(SEND_LOST, "send-lost", DN_SEND, LOSE, 0, "", "passes it on and loses the answer")           \
    X(STRICT, "strict", "", STRICT, 0, "", "refuses odd hex and dummies that recover nobody")      \
    X(BEHIND, "behind-one-block", DN_BLOCK, OLDER, 1, "", "latest is the block before the newest") \
    X(BACKWARDS, "backwards", DN_BLOCK, OLDER, 3, "", "latest falls three blocks back")

enum dn_rpc_fault {
#define X(name, text, method, how, number, words, doc) DN_RPC_##name,
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

/* "html", "html:2", "html@eth_getLogs:2", "none".  The program takes the same as the body of
 * POST /fault; its POST /count answers how many elements came in.
 * Returns: AM_OK, AM_NOT_FOUND (no such name) */
int dn_rpc_fault(struct dn_rpc_double *d, const char *name, struct am_error *err) AM_MUST_CHECK;

/* How often a method came in, elements of batches counted; "" counts HTTP requests. */
unsigned dn_rpc_asked(const struct dn_rpc_double *d, const char *method);

#endif
