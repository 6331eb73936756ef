/*  chain_fault -- why a provider refused: what follows from it, and words for the row's reason.
 *
 *  EntryPoint's AA codes and the custom errors of our contracts are looked for in the error's text
 *  and data; the provider's own words and the boundary stay in front.
 *
 *  Pure.  Source: EntryPoint v0.7 (FailedOp), ERC-7769 (error codes), eth_abi.def
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_FAULT_H
#define CHAIN_FAULT_H

#include "chain_op.h"
#include "eth_rpc.h"

/* code, what it means for the operation, what an operator should know */
#define CHAIN_AA_CODES(X)                                                                          \
    X("AA20", ERROR, "no contract at MEMBER_CONTRACT")                                             \
    X("AA21", ERROR, "nobody sponsored it, and the member has no deposit")                         \
    X("AA22", ERROR, "the account calls it expired or not due")                                    \
    X("AA23", ERROR, "the member contract refused it")                                             \
    X("AA24", ERROR, "the member contract takes no signature of this key")                         \
    X("AA25", STALE, "the nonce moved")                                                            \
    X("AA26", ERROR, "verification gas was too low")                                               \
    X("AA30", ERROR, "no contract at the paymaster's address")                                     \
    X("AA31", ERROR, "the paymaster's deposit is used up: its operator must refill it")            \
    X("AA32", LAPSED, "the sponsorship expired or is not due: compare the clocks")                 \
    X("AA33", LAPSED, "the paymaster contract refused its own data")                               \
    X("AA34", LAPSED, "the paymaster contract takes no signature of its sponsor")                  \
    X("AA36", ERROR, "the paymaster's verification gas was too low")                               \
    X("AA40", ERROR, "verification gas was too low")                                               \
    X("AA41", ERROR, "verification gas was too low")                                               \
    X("AA50", ERROR, "the paymaster's postOp reverted")                                            \
    X("AA51", ERROR, "it used more than was set aside")                                            \
    X("AA95", ERROR, "the bundler's transaction ran out of gas")

/* What an answer that is no result means while an operation is prepared or sent.
 * Out:     reason  "<boundary and the provider's words>; <decoded revert>; <what AAxx means>",
 * whole at its end: it is the words that are cut Returns: CHAIN_EV_STALE, CHAIN_EV_LAPSED (sponsor
 * it anew) or CHAIN_EV_ERROR */
enum chain_event chain_fault_judge(char reason[static CHAIN_REASON],
                                   const struct eth_rpc_answer *answer);

#endif
