/*  chain_fake -- a chain of the test's own making: what answers depend on, and the answers.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_FAKE_H
#define CHAIN_FAKE_H

#include "../../services/chain/chain_calls.h"
#include "dn_rpcdouble.h"

struct chain_fake {
    uint64_t chain_id, number, listed_at; /* listed_at: first block that lists the members */
    uint8_t fork;
    size_t count; /* members; the own one first */
    bool code, member_code, own_hidden, cidr_reverts;
    size_t removed;         /* so many of the members, from the last one on, have a tombstone */
    bool no_removal;        /* no facet for it: the selector reverts */
    bool removal_fails;     /* the facet is there, and reverts */
    bool removed_stray;     /* a tombstone of somebody who is not listed */
    bool member_mute;       /* has code, and answers nothing */
    bool code_fails;        /* eth_getCode is an error object */
    bool multicall_reverts; /* getBlockNumber does */
    uint64_t commitment, ed25519;
};

extern struct chain_fake chain;
extern const uint8_t fake_member[20], fake_cluster[20], fake_multicall[20];

void fake_id(uint8_t out[static 32], size_t i); /* of member i */
json_t *fake_answer(void *arg, const char *method, const json_t *params);

#endif
