/*  eth_pool -- several providers of one chain behind one struct eth_rpc.
 *
 *  Each call goes to the provider that answers best (eth_health); a read that one does not answer
 *  is asked of the next, once of each; what acts never is.  Before it is first used a provider must
 *  name the chain; one that names another is not asked again.
 *
 *  Trust:   as eth_rpc.  Two providers may lie together.
 *  Threads: the loop's.
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef ETH_POOL_H
#define ETH_POOL_H

#include "eth_rpc.h"

#define ETH_POOL_MAX 8

/* Open one provider, or several as one.
 * In:      url       as eth_rpc_open
 *          more      further ones, separated by commas; "" for none: *rpc is then that one provider
 *          chain_id  that all of them must have
 * Returns: as eth_rpc_open; AM_INVALID_ARGUMENT also for more than ETH_POOL_MAX and for one twice
 */
int eth_pool_open(struct eth_rpc **rpc, struct am_http *http, struct ev_loop *loop,
                  const char *name, const char *url, const char *more, uint64_t chain_id,
                  struct am_error *err) AM_MUST_CHECK;

/* Whether there is a second provider to compare with. */
bool eth_pool_has_second(const struct eth_rpc *rpc);

/* code: AM_OK                    both gave the same answer
 *       AM_ABORTED               they did not: err shows both
 *       else                     one of them gave none */
typedef void eth_agree_fn(void *arg, int code, const struct am_error *err);

/* Ask two providers the same: what must not be done on one provider's word.  The question must have
 * one answer for ever, as an eth_call at a block's hash has.
 * In:      rpc   with eth_pool_has_second
 *          item  params: the reference is taken over, always
 * Returns: AM_OK, and fn is called once, later; AM_FAILED_PRECONDITION (no second),
 *          AM_RESOURCE_EXHAUSTED */
int eth_pool_agree(struct eth_rpc *rpc, struct eth_rpc_item item, const char *correlation,
                   eth_agree_fn *fn, void *arg, struct am_error *err) AM_MUST_CHECK;

#endif
