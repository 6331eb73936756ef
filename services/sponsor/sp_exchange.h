/*  sp_exchange -- one HTTP request and what becomes of it (private to the server and its routes).
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_EXCHANGE_H
#define SP_EXCHANGE_H

#include "sp_http.h"
#include "sp_rpc.h"

#include <microhttpd.h>

struct sp_exchange {
    struct sponsor *sp;
    struct sp_http *http;
    struct sp_exchange *next; /* while it is spare */
    struct MHD_Connection *connection;
    uint8_t *body;
    size_t len;
    bool too_long, started, suspended;
    unsigned status; /* with text: the answer is there */
    char *text;
    const char *type;
    struct sp_case c;
    struct sp_waiter waiter; /* for a fact alone */
    struct sp_rpc_request rpc;
    char computed[SP_SIGNATURE_TEXT], received[SP_SIGNATURE_TEXT];
    uint8_t cluster[20];
    struct sp_op op; /* last: not zeroed */
};

/* Put the answer, and have the connection go on if it is suspended.
 * In: text  consumed; NULL: there is no memory, the connection ends */
void sp_exchange_answer(struct sp_exchange *x, unsigned status, char *text);

/* A query argument or a header; NULL when it is not there, or holds a NUL byte. */
const char *sp_exchange_value(const struct sp_exchange *x, enum MHD_ValueKind kind,
                              const char *name);

/* What to do with a whole request of this method and path; NULL: there is no such route. */
typedef void sp_route_fn(struct sp_exchange *x);
sp_route_fn *sp_route_of(const char *method, const char *path);

#endif
