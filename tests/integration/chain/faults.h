/*  faults -- the table of chain-faults: which operation meets which fault, and what must be said.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "../../../common/base/am_bytes.h"

#define FAULT_LANES 12

enum fault_mark {
    FAULT_SIGNS,
    FAULT_QUIET,  /* nothing may be signed meanwhile */
    FAULT_REVERTS /* one more is included, without effect */
};

struct fault_row {
    const char *port, *fault;     /* of rpc-double */
    const char *boundary, *words; /* both in one reason */
    enum fault_mark mark;
};

struct fault_round {
    const char *purpose;
    bool spent; /* sequence 0 was included without effect before: 0 would be wrong */
    const struct fault_row *rows;
    size_t count, quick; /* at most FAULT_LANES; so many of them without "all" */
    int64_t complain_ms, done_ms;
    int64_t lasts_ms; /* the faults, after the last one was complained of */
};

#define FAULT_ROUNDS 6
extern const struct fault_round fault_rounds[FAULT_ROUNDS];

#endif
