/*  am_err -- the one list of errors: gRPC's 16 status codes negated, each with a reason in words.
 *
 *  Code decides what a program does next; text tells a tired operator which boundary failed,
 *  what was expected there and what came instead.
 *
 *  Source: https://grpc.io/docs/guides/status-codes/
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_ERR_H
#define AM_ERR_H

#define AM_MUST_CHECK __attribute__((warn_unused_result))
#define AM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* name, gRPC number */
#define AM_ERR_LIST(X)                                                                             \
    X(CANCELLED, 1)                                                                                \
    X(UNKNOWN, 2)                                                                                  \
    X(INVALID_ARGUMENT, 3)                                                                         \
    X(DEADLINE_EXCEEDED, 4)                                                                        \
    X(NOT_FOUND, 5)                                                                                \
    X(ALREADY_EXISTS, 6)                                                                           \
    X(PERMISSION_DENIED, 7)                                                                        \
    X(RESOURCE_EXHAUSTED, 8)                                                                       \
    X(FAILED_PRECONDITION, 9)                                                                      \
    X(ABORTED, 10)                                                                                 \
    X(OUT_OF_RANGE, 11)                                                                            \
    X(UNIMPLEMENTED, 12)                                                                           \
    X(INTERNAL, 13)                                                                                \
    X(UNAVAILABLE, 14)                                                                             \
    X(DATA_LOSS, 15)                                                                               \
    X(UNAUTHENTICATED, 16)

enum am_err {
    AM_OK = 0,
#define AM_ERR_ENUM(name, n) AM_##name = -n,
    AM_ERR_LIST(AM_ERR_ENUM)
#undef AM_ERR_ENUM
};

#define AM_ERROR_TEXT 384

/* A failure on its way up.  Zero-initialise; only am_fail and am_wrap write it. */
struct am_error {
    int code; /* enum am_err, AM_OK while nothing has failed */
    char text[AM_ERROR_TEXT];
};

/* Record a failure and return its code, so that `return am_fail(err, ...)` is one line.
 *
 * Out:     err     may be NULL; text longer than AM_ERROR_TEXT is cut at a byte
 * In:      code    a negative enum am_err
 *          fmt     "<boundary>: expected <what>, got <what>"; control bytes are replaced by '?'
 * Returns: code
 */
int am_fail(struct am_error *err, int code, const char *fmt, ...) AM_PRINTF(3, 4);
#ifdef __clang_analyzer__ /* it sees one file at a time, so not that am_fail returns its code */
#define am_fail(err, code, ...) (am_fail(err, code, __VA_ARGS__), (code))
#endif

/* Put "<context>: " before the text that is already there; the code stays.
 * Returns: err->code, or AM_INTERNAL when err is NULL */
int am_wrap(struct am_error *err, const char *fmt, ...) AM_PRINTF(2, 3);

/* The name of a code, "OK" for 0, "UNKNOWN" for what is not on the list.  Static text. */
const char *am_err_name(int code);

/* Our own bug: print one line to stderr and abort.  Never for anything made of outside bytes. */
_Noreturn void am_bug(const char *file, int line, const char *what);
#define AM_ASSERT(cond) ((cond) ? (void)0 : am_bug(__FILE__, __LINE__, #cond))

#endif
