/*  sp_record -- pure: what was decided last, as v1's record has it, and on which route.
 *
 *  Source: protocol page 7.1
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef SP_RECORD_H
#define SP_RECORD_H

#include "../../common/base/am_bytes.h"

#define SP_RECORD_TEXT 512
#define SP_RECORD_HEAD 9 /* eight characters of a signature, NUL */

/* name, as metrics and logs have it */
#define SP_ROUTES(X)                                                                               \
    X(ALCHEMY, "alchemy")                                                                          \
    X(PIMLICO, "pimlico")                                                                          \
    X(ERC7677, "erc7677")

enum sp_route {
#define X(name, text) SP_##name,
    SP_ROUTES(X)
#undef X
        SP_ROUTE_COUNT
};

const char *sp_route_text(enum sp_route route);

struct sp_record {
    int64_t at_ms; /* wall clock; 0: there is none */
    enum sp_route route;
    const char *stage, *deny; /* static texts; deny is NULL for a grant */
    bool decided;             /* sender is there */
    uint8_t sender[20];
    char computed[SP_RECORD_HEAD], received[SP_RECORD_HEAD]; /* of Pimlico's signatures, or "" */
};

/* JSON; "" when there is no record. */
void sp_record_text(char out[static SP_RECORD_TEXT], const struct sp_record *record);

#endif
