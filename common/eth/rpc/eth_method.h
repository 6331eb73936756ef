/*  eth_method -- how long each JSON-RPC method may take, how often it is asked, and whether it
 * acts.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_METHOD_H
#define ETH_METHOD_H

#include <stdbool.h>
#include <stdint.h>

struct eth_method {
    const char *name;    /* NULL: any other */
    int64_t deadline_ms; /* of one attempt */
    unsigned attempts;   /* one: it may act or cost, or is asked again by who wants it */
    bool acts;           /* never asked of another provider when one did not answer */
};

const struct eth_method *eth_method_of(const char *name); /* never NULL */

#endif
