/*  faults -- the table of chain-faults: which operation meets which fault, and what must be said.
 */
#include "faults.h"

#define RPC "rpc@127.0.0.1:8545 eth_call"
#define SEND "bundler@127.0.0.1:4337 eth_sendUserOperation"
#define ESTIMATE "bundler@127.0.0.1:4337 eth_estimateUserOperationGas"
#define RECEIPT "eth_getUserOperationReceipt"
#define PAYMASTER "paymaster@127.0.0.1:8787 pm_getPaymaster"
#define BUSY "told to be busy"
#define QUIET FAULT_QUIET

/* A getNonce that does not come back is no nonce. */
static const struct fault_row nonce[] = {
    {"8545", "unknown-method", RPC, "the method does not exist", QUIET},
    {"8545", "odd-hex@getNonce", "getNonce", "63 digits", QUIET},
    {"8545", "null@getNonce", RPC, "null", QUIET},
    {"8545", "429-wait@getNonce", RPC, BUSY, QUIET},
    {"8545", "getnonce-error", RPC, "told to fail", QUIET},
    {"8545", "limit@getNonce", RPC, "daily request count exceeded", QUIET},
    {"8545", "429@getNonce", RPC, BUSY, QUIET},
    {"8545", "503@getNonce", RPC, BUSY, QUIET},
    {"8545", "html@getNonce", RPC, "502 Bad Gateway", QUIET},
    {"8545", "truncate@getNonce", RPC, "whole answer", QUIET},
    {"8545", "bomb@getNonce", RPC, "gzip", QUIET},
    {"8545", "wrong-id@getNonce", RPC, "another id", QUIET},
};

/* What a bundler or a paymaster refuses. */
static const struct fault_row refused[] = {
    {"4337", "aa25", SEND, "AA25 invalid account nonce", FAULT_SIGNS},
    {"4337", "aa24", SEND, "AA24 signature error", FAULT_SIGNS},
    {"4337", "expired", SEND, "expires too soon, validUntil=1700000000", FAULT_SIGNS},
    {"8787", "html", PAYMASTER, "502 Bad Gateway", QUIET},
    {"4337", "aa21", SEND, "AA21 didn't pay prefund", FAULT_SIGNS},
    {"4337", "aa23", SEND, "AA23 reverted 0xf645eedf", FAULT_SIGNS},
    {"4337", "aa31", SEND, "AA31 paymaster deposit too low", FAULT_SIGNS},
    {"4337", "aa33", SEND, "AA33 reverted", FAULT_SIGNS},
    {"4337", "aa34", SEND, "AA34 signature error", FAULT_SIGNS},
    {"4337", "error-object@eth_estimateUserOperationGas", ESTIMATE, "told to fail", QUIET},
    {"8787", "error-object", PAYMASTER, "told to fail", QUIET},
    {"8787", "429", PAYMASTER, BUSY, QUIET},
};

/* Whether it was sent is not known, or what is said of it is wrong. */
static const struct fault_row unsure[] = {
    {"4337", "other-hash", "eth_sendUserOperation", "expected the hash that was signed",
     FAULT_SIGNS},
    {"4337", "reverted", "success", "false", FAULT_SIGNS},
    {"4337", "other-receipt", "receipt userOpHash", "expected the one asked for", FAULT_SIGNS},
    {"8545", "backwards", "127.0.0.1:8545 answers with block", "older than", FAULT_SIGNS},
    {"4337", "little-gas:1", "success", "false", FAULT_REVERTS},
    {"4337", "null@eth_sendUserOperation", SEND, "null", FAULT_SIGNS},
    {"4337", "html@eth_sendUserOperation", SEND, "502 Bad Gateway", FAULT_SIGNS},
    {"4337", "429-wait@eth_sendUserOperation", SEND, BUSY, FAULT_SIGNS},
    {"4337", "503@eth_sendUserOperation", SEND, BUSY, FAULT_SIGNS},
    {"4337", "truncate@eth_sendUserOperation", SEND, "whole answer", FAULT_SIGNS},
    {"4337", "bomb@eth_sendUserOperation", SEND, "gzip", FAULT_SIGNS},
    {"4337", "send-lost", SEND, "whole answer", FAULT_SIGNS},
};

/* Whoever never answers. */
static const struct fault_row stalled[] = {
    {"8545", "stall@getNonce", RPC, "within", QUIET},
    {"4337", "stall@eth_sendUserOperation", SEND, "within", FAULT_SIGNS},
    {"4337", "stall@eth_estimateUserOperationGas", ESTIMATE, "within", QUIET},
    {"8787", "stall", PAYMASTER, "within", QUIET},
};

/* A bundler that never has a receipt: the nonce and the event tell. */
static const struct fault_row vanished[] = {
    {"4337", "null-receipt", "bundler", "expected a receipt in time", FAULT_SIGNS},
    {"4337", "503@eth_getUserOperationReceipt", RECEIPT, BUSY, FAULT_SIGNS},
};

/* An outage that lasts longer than the first few tries. */
static const struct fault_row outage[] = {
    {"8787", "error-object", PAYMASTER, "told to fail", QUIET},
    {"4337", "503@eth_estimateUserOperationGas", ESTIMATE, BUSY, QUIET},
    {"4337", "aa31", SEND, "AA31 paymaster deposit too low", FAULT_SIGNS},
};

#define ROUND(purpose, spent, rows, quick, complain_ms, done_ms, lasts_ms)                         \
    {                                                                                              \
        purpose, spent, rows, sizeof(rows) / sizeof *(rows), quick, complain_ms, done_ms, lasts_ms \
    }

const struct fault_round fault_rounds[FAULT_ROUNDS] = {
    ROUND("register", true, nonce, 4, 12000, 20000, 0),
    ROUND("publish", false, refused, 4, 10000, 20000, 0),
    ROUND("message", false, unsure, 4, 12000, 25000, 0),
    ROUND("message", false, stalled, 0, 40000, 40000, 0),
    ROUND("message", false, vanished, 0, 80000, 20000, 0),
    ROUND("message", false, outage, 0, 10000, 90000, 30000),
};
