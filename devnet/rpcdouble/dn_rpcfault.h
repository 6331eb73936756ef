/*  dn_rpcfault -- what each fault does to one request and to its answer.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCFAULT_H
#define DN_RPCFAULT_H

#include "dn_rpcdouble.h"

/* "html:2" -> DN_RPC_HTML, 2.  times is UINT_MAX without a number. */
int dn_fault_read(enum dn_rpc_fault *fault, unsigned *times, const char *name,
                  struct am_error *err) AM_MUST_CHECK;

/* Whether this fault has anything to do with this request. */
bool dn_fault_hits(enum dn_rpc_fault fault, const json_t *request);

/* behind-one-block: "latest" becomes the block before `head`. */
void dn_fault_older(json_t *request, uint64_t head);

/* Change the answers (an object or an array) as the fault wants; request is the same shape. */
void dn_fault_spoil(enum dn_rpc_fault fault, json_t *answers, const json_t *request);

#endif
