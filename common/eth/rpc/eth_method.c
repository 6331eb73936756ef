/*  eth_method -- how long each JSON-RPC method may take, how often it is asked, and whether it
 * acts.
 */
#include "eth_method.h"

#include <stddef.h>
#include <string.h>

static const struct eth_method methods[] = {
    {"eth_chainId", 4000, 3, false},
    {"eth_blockNumber", 4000, 3, false},
    {"eth_getBlockByNumber", 4000, 3, false},
    {"eth_getCode", 4000, 3, false},
    {"eth_call", 8000, 3, false},
    {"eth_getLogs", 15000, 3, false},
    {"eth_gasPrice", 4000, 3, false},
    {"eth_feeHistory", 4000, 3, false},
    {"eth_getTransactionReceipt", 4000, 3, false},
    {"eth_getUserOperationReceipt", 5000, 1, false}, /* asked again by its poll */
    {"eth_estimateUserOperationGas", 10000, 2, false},
    {"pimlico_getUserOperationGasPrice", 5000, 2, false},
    {"eth_sendUserOperation", 15000, 1, true},
    {"pm_getPaymasterStubData", 10000, 1, true},
    {"pm_getPaymasterData", 10000, 1, true},
    {NULL, 10000, 1, true},
};

const struct eth_method *
eth_method_of(const char *name)
{
    const struct eth_method *m = methods;

    while (m->name != NULL && strcmp(m->name, name) != 0)
        m++;
    return m;
}
