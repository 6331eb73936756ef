/*  dn_fault -- mistakes that the guest-agent simulator makes on purpose, by name.
 *
 *  A fault is set by --fault or by the control file, which is read again for each request, so that
 *  a test can break and heal a running agent.  One line a fault: `name` or `name@Method`.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_FAULT_H
#define DN_FAULT_H

#include "../../common/base/am_bytes.h"

#define DN_FAULT_LIST(X)                                                                           \
    X(NONE, "none", "behave")                                                                      \
    X(STALL, "stall", "read the request, say nothing, keep the connection")                        \
    X(KEEP_OPEN, "keep-open", "answer, then never close, whatever was asked")                      \
    X(GARBAGE, "garbage", "bytes that are no HTTP")                                                \
    X(TRUNCATED, "truncated", "half of the body that content-length promises, then close")         \
    X(OVERSIZED, "oversized", "a body of 16 MiB")                                                  \
    X(ERROR_400, "error-400", "400 with a reason")                                                 \
    X(ERROR_500, "error-500", "500 with a reason")                                                 \
    X(BAD_JSON, "bad-json", "200 with a body that is no JSON")                                     \
    X(EMPTY_CHAIN, "empty-chain", "signature_chain[1] empty, as without a KMS")                    \
    X(WRONG_CHAIN, "wrong-chain", "signature_chain[0] over another public key")                    \
    X(WRONG_KEY_LENGTH, "wrong-key-length", "a key of 31 bytes")                                   \
    X(WANDER, "wander", "a key of another path at each request")                                   \
    X(WRONG_REPORT_DATA, "wrong-report-data", "a quote over other report data")

enum dn_fault {
#define X(name, text, doc) DN_FAULT_##name,
    DN_FAULT_LIST(X)
#undef X
        DN_FAULT_COUNT
};

struct dn_faults {
    const char *fixed;   /* of --fault, or NULL; borrowed */
    const char *control; /* path of the control file, or NULL; a file that is absent says none */
};

/* Returns: AM_OK, or AM_INVALID_ARGUMENT (no such fault; the text lists them) */
int dn_fault_check(const char *line, struct am_error *err) AM_MUST_CHECK;

/* The fault for a request of this method, "GetKey"; a line of the control file that is not known
 * counts as none, and is said on stderr. */
enum dn_fault dn_fault_now(const struct dn_faults *f, const char *method);

#endif
