/*  dn_chain -- the chain of the devnet: anvil, Alto and our sponsor, as real processes.
 *
 *  anvil listens on the bridge, Alto (which listens on every address) in a namespace of its own.
 *
 *  Source: the commands and pitfalls are those that were measured; see docs/devnet.md
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_CHAIN_H
#define DN_CHAIN_H

#include "../cli/deploy.h"
#include "dn_proc.h"

#define DN_RPC_URL "http://10.77.0.254:8545"
#define DN_BUNDLER_URL "http://10.77.0.253:4337"
#define DN_SPONSOR_URL "http://10.77.0.254:8787"
#define DN_PAYMASTER_URL DN_SPONSOR_URL "/rpc"
#define DN_CHAIN_ID 31337u

/* anvil's published test keys: worth nothing anywhere else. */
#define DN_OPERATOR_KEY "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#define DN_SPONSOR_KEY "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
/* The KMS root of the guest-agent doubles; the cluster allows this root alone. */
#define DN_KMS_ROOT_KEY "4b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212101"

struct dn_paths {
    const char *dir;    /* run folder of this devnet */
    const char *source; /* root of the source tree: contracts/artifacts, devnet/node_modules */
    const char *bin;    /* folder of the built programs */
};

struct dn_chain {
    struct dn_ns bundler_host;
    pid_t anvil, alto, sponsor;
};

/* Start anvil and wait until it answers.  Blocks are mined at once until dn_chain_tick.
 * Returns: AM_OK, AM_NOT_FOUND (not installed: what to run), AM_UNAVAILABLE (does not answer) */
int dn_chain_open(struct dn_chain *chain, const struct dn_paths *paths,
                  struct am_error *err) AM_MUST_CHECK;

/* One block every `seconds` from now on. */
int dn_chain_tick(unsigned seconds, struct am_error *err) AM_MUST_CHECK;

/* Start the sponsor and Alto, for the contracts of d: everything but the cluster must exist. */
int dn_chain_serve(struct dn_chain *chain, const struct dn_paths *paths, const struct deployment *d,
                   struct am_error *err) AM_MUST_CHECK;

void dn_chain_close(struct dn_chain *chain);

#endif
