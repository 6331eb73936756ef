/*  chain_dialect -- how a provider is asked for gas, price and sponsor: one row for each dialect.
 *
 *      erc7677   price, stub, estimate, data (not when the stub was final)
 *      pimlico   price, pm_sponsorUserOperation
 *      alchemy   alchemy_requestGasAndPaymasterAndData
 *      none      price, estimate: the account pays
 *
 *  Which of them is spoken is a setting, or else what answers: "no such method" moves on to the
 *  next, a result settles it.  The name of a host says nothing.
 *
 *  Pure.  Source: ERC-7677; protocol page 7.4
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_DIALECT_H
#define CHAIN_DIALECT_H

#include "am_err.h"

#include <stdbool.h>
#include <stdint.h>

#define CHAIN_STAGES 4

/* name, text of the setting, stages in order */
#define CHAIN_DIALECTS(X)                                                                          \
    X(ERC7677, erc7677, PRICE, STUB, ESTIMATE, DATA)                                               \
    X(PIMLICO, pimlico, PRICE, SPONSOR, READY, READY)                                              \
    X(ALCHEMY, alchemy, GRANT, READY, READY, READY)                                                \
    X(NONE, none, PRICE, ESTIMATE, READY, READY)

/* name, method, who is asked */
#define CHAIN_STAGE_ROWS(X)                                                                        \
    X(READY, "", BUNDLER) /* nothing more to ask */                                                \
    X(PRICE, "", BUNDLER) /* by chain_price */                                                     \
    X(STUB, "pm_getPaymasterStubData", PAYMASTER)                                                  \
    X(ESTIMATE, "eth_estimateUserOperationGas", BUNDLER)                                           \
    X(DATA, "pm_getPaymasterData", PAYMASTER)                                                      \
    X(SPONSOR, "pm_sponsorUserOperation", PAYMASTER)                                               \
    X(GRANT, "alchemy_requestGasAndPaymasterAndData", PAYMASTER)

/* name, method, who is asked */
#define CHAIN_PRICES(X)                                                                            \
    X(PIMLICO, "pimlico_getUserOperationGasPrice", BUNDLER)                                        \
    X(HISTORY, "eth_feeHistory", RPC)                                                              \
    X(PLAIN, "eth_gasPrice", RPC)

enum chain_provider { CHAIN_AT_RPC, CHAIN_AT_BUNDLER, CHAIN_AT_PAYMASTER };

enum chain_dialect {
#define X(name, text, a, b, c, d) CHAIN_DIALECT_##name,
    CHAIN_DIALECTS(X)
#undef X
        CHAIN_DIALECT_COUNT
};

enum chain_stage {
#define X(name, method, at) CHAIN_STAGE_##name,
    CHAIN_STAGE_ROWS(X)
#undef X
        CHAIN_STAGE_COUNT
};

enum chain_price {
#define X(name, method, at) CHAIN_PRICE_##name,
    CHAIN_PRICES(X)
#undef X
        CHAIN_PRICE_COUNT
};

/* What is known of the provider; it lasts as long as the process. */
struct chain_speech {
    bool settled; /* by the setting, or by an answer */
    bool own_url; /* a paymaster was named: that none answers is an error */
    bool price_settled;
    enum chain_dialect dialect;
    enum chain_price price;
};

/* In:      setting  auto, or a dialect
 *          own_url  ATTESTMESH_PAYMASTER_URL is set
 * Returns: AM_OK, AM_INVALID_ARGUMENT (lists the words; or none, and a paymaster) */
int chain_dialect_open(struct chain_speech *s, const char *setting, bool own_url,
                       struct am_error *err) AM_MUST_CHECK;

/* Stage n, from 0.  final: the stub was the real thing, the data is not asked for. */
enum chain_stage chain_dialect_stage(enum chain_dialect dialect, unsigned n, bool final);

const char *chain_dialect_text(enum chain_dialect dialect);
const char *chain_stage_method(const struct chain_speech *s, enum chain_stage stage);
enum chain_provider chain_stage_at(const struct chain_speech *s, enum chain_stage stage);

enum chain_heard {
    CHAIN_HEARD_TAKE,  /* it is an answer of this dialect: take it */
    CHAIN_HEARD_AGAIN, /* another dialect or price method is tried: begin at stage 0 */
    CHAIN_HEARD_FAIL,  /* it failed, and says nothing about the dialect, or the last one is through
                        */
};

/* What an answer to `stage` says of the provider.
 * In:      asked       *s when it was asked: other operations may have moved it since
 *          code        as in eth_rpc.h
 *          error_code  of its error object, 0 without one
 *          words       the error's text */
enum chain_heard chain_dialect_hear(struct chain_speech *s, const struct chain_speech *asked,
                                    enum chain_stage stage, int code, int64_t error_code,
                                    const char *words);

#endif
