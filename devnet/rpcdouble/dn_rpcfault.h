/*  dn_rpcfault -- what each fault does to one request and to its answer.
 *
 *  Pure.  SPDX-License-Identifier: Apache-2.0
 */
#ifndef DN_RPCFAULT_H
#define DN_RPCFAULT_H

#include "dn_rpcdouble.h"

enum dn_how {
    DN_PASS,
    DN_ERROR,
    DN_SET,
    DN_CUT,
    DN_TURN,
    DN_ID,
    DN_STATUS,
    DN_HTML,
    DN_HALF,
    DN_BOMB,
    DN_STALL,
    DN_LOSE,
    DN_STRICT,
    DN_OLDER
};

/* A fault as it was asked for. */
struct dn_fault {
    enum dn_rpc_fault name;
    enum dn_how how;
    int number;
    const char *words;
    char method[48]; /* "": every one */
    unsigned times;  /* UINT_MAX: until it is taken away */
};

/* "html@eth_getLogs:2" and the like. */
int dn_fault_read(struct dn_fault *fault, const char *text, struct am_error *err) AM_MUST_CHECK;

/* Whether it has anything to do with this request; whether with all of it. */
bool dn_fault_hits(const struct dn_fault *fault, const json_t *request);
bool dn_fault_hits_all(const struct dn_fault *fault, const json_t *request);

/* OLDER: "latest" becomes an older block than `head`. */
void dn_fault_older(const struct dn_fault *fault, json_t *request, uint64_t head);

/* Change the answers (an object or an array) as the fault wants; request is the same shape. */
void dn_fault_spoil(const struct dn_fault *fault, json_t *answers, const json_t *request);

#endif
