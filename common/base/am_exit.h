/*  am_exit -- the exit codes of what no retry mends, with what an operator can do about each.
 *
 *  A service leaves with one of these only on a certain, complete answer: never because a provider
 *  is down, slow or behind.  `attestmesh up` does not start such a service again: it stops all,
 * says what to do and leaves with the same code.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_EXIT_H
#define AM_EXIT_H

/* code, name, what is wrong, what an operator can do */
#define AM_EXIT_LIST(X)                                                                            \
    X(81, WRONG_CHAIN, "RPC_URL serves another chain than CHAIN_ID",                               \
      "set CHAIN_ID to the chain's id, or RPC_URL to a node of that chain; then start again")      \
    X(82, NO_CODE, "a contract address of the settings has no code on this chain",                 \
      "correct the address that is named (MEMBER_CONTRACT, ATTESTMESH_ENTRY_POINT or "             \
      "ATTESTMESH_MULTICALL3), or deploy the contract; then start again")                          \
    X(83, OTHER_KEYS, "the chain has other keys for our member than this TEE derives",             \
      "check MEMBER_CONTRACT, the app id and the KMS; if the TEE's seed is lost, give the node a " \
      "new member contract; then start again")                                                     \
    X(84, NOT_A_MEMBER, "the cluster will not register this member contract",                      \
      "deploy the member with the cluster's own member factory (attestmesh deploy), or have the "  \
      "cluster's owner call addAllowedAppId for it; then start again")                             \
    X(85, KEY_MIGRATION, "this node would have other keys than its state folder records",          \
      "bring back the app id, KMS and SIDECAR_STATE_DIR that the log line tells of; or, to take "  \
      "the new keys on purpose, remove identity.v1 from SIDECAR_STATE_DIR; then start again")      \
    X(86, REMOVED, "the cluster's owner removed our member",                                       \
      "that cannot be taken back: give the node a new member contract, or take it out of "         \
      "service; then start again")

enum am_exit {
#define AM_EXIT_ENUM(code, name, what, todo) AM_EXIT_##name = code,
    AM_EXIT_LIST(AM_EXIT_ENUM)
#undef AM_EXIT_ENUM
};

/* "<what is wrong>: <what an operator can do>", static; NULL when the code is not on the list. */
const char *am_exit_advice(int code);

#endif
