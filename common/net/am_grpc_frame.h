/*  am_grpc_frame -- what gRPC puts into HTTP/2: message prefix, grpc-message, grpc-timeout,
 * statuses.
 *
 *  Pure: no time, no socket.
 *  Trust:   every input is hostile.
 *  Source:  https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md "PHM"
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_GRPC_FRAME_H
#define AM_GRPC_FRAME_H

#include "../base/am_bytes.h"

#define AM_GRPC_PREFIX_BYTES 5
#define AM_GRPC_MESSAGE_MAX (4u << 20) /* v1's limit: tonic's default */
#define AM_GRPC_TIMEOUT_BYTES 10       /* eight digits, a unit, NUL */

/* Reads one message of a stream, piece by piece.  Zero-initialise; am_grpc_reader_clear frees. */
struct am_grpc_reader {
    uint8_t prefix[AM_GRPC_PREFIX_BYTES];
    size_t prefix_len;
    uint8_t *message; /* grows with what has come, not with what was announced */
    size_t len, cap;
    uint32_t announced;
};

/* Take the next bytes of the stream.
 *
 * Returns: AM_OK
 *          AM_UNIMPLEMENTED       compressed flag set, or neither 0 nor 1
 *          AM_RESOURCE_EXHAUSTED  more than AM_GRPC_MESSAGE_MAX announced, or out of memory
 *          AM_INVALID_ARGUMENT    bytes after the one message that a unary call has
 *          After an error the reader takes nothing more; clear it.
 */
int am_grpc_reader_feed(struct am_grpc_reader *r, const uint8_t *p, size_t len,
                        struct am_error *err) AM_MUST_CHECK;

/* True when exactly one whole message has come. */
bool am_grpc_reader_whole(const struct am_grpc_reader *r);
void am_grpc_reader_clear(struct am_grpc_reader *r);

/* Write prefix and message into one buffer.
 * Out:     *frame    to be freed by the caller, *frame_len bytes
 * Returns: AM_OK, AM_RESOURCE_EXHAUSTED (message above AM_GRPC_MESSAGE_MAX, or memory) */
int am_grpc_frame(uint8_t **frame, size_t *frame_len, struct am_bin message,
                  struct am_error *err) AM_MUST_CHECK;

/* Percent-encode text for grpc-message; at most cap - 1 bytes and a NUL, cut between characters of
 * the encoding.  Returns the length. */
size_t am_grpc_percent_encode(char *out, size_t cap, const char *text);

/* Decode; a '%' without two hex digits stands for itself.  At most cap - 1 bytes and a NUL.
 * Returns the length. */
size_t am_grpc_percent_decode(char *out, size_t cap, struct am_str text);

/* grpc-timeout of ms >= 0 milliseconds; rounded up where eight digits of them do not suffice. */
void am_grpc_timeout_write(char out[static AM_GRPC_TIMEOUT_BYTES], int64_t ms);

/* The milliseconds of a grpc-timeout, rounded up.  Returns: AM_OK, AM_INVALID_ARGUMENT; *ms is 0
 * then */
int am_grpc_timeout_read(int64_t *ms, struct am_str text, struct am_error *err) AM_MUST_CHECK;

/* A grpc-status header as an enum am_err: AM_OK, or negative; AM_UNKNOWN for what is not on the
 * list. */
int am_grpc_status_read(struct am_str text);

/* The enum am_err of an HTTP status that came without grpc-status, never AM_OK.
 * Source:  https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
int am_grpc_of_http(int status);

/* The enum am_err of an HTTP/2 error code that ended a stream, never AM_OK.
 * Source:  PROTOCOL-HTTP2.md "Errors" */
int am_grpc_of_h2(uint32_t h2_error);

#endif
