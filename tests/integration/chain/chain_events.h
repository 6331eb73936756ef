/*  chain_events -- what one sender really did, by the chain's own events and by what its keyagent
 * was asked to sign.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef CHAIN_EVENTS_H
#define CHAIN_EVENTS_H

#include "chain_host.h"

#define EVENTS_MAX 1024

/* One UserOperationEvent, or one operation that was signed (success false). */
struct done {
    uint8_t key[24];
    uint64_t sequence;
    bool success;
    uint64_t block;
    uint8_t tx_hash[32];
};

/* UserOperationEvents of the host's member, oldest first.  Returns how many. */
size_t events_of_host(struct done *out, struct host *h);

/* Every nonce that the host's keyagent signed for, in order (host_open's tap). */
size_t signed_by_host(struct done *out, struct host *h);

/* How often its chain was granted the final sponsorship. */
size_t sponsored_for_host(struct host *h);

/* Envelope ids of all MessageSent events of the cluster. */
size_t envelopes_sent(uint8_t (*out)[32]);

/* Of those with this key: how many; how many with success. */
size_t count_key(const struct done *d, size_t count, const uint8_t key[static 24], size_t *success);
/* Two of the same key and sequence. */
bool any_twice(const struct done *d, size_t count);

#endif
